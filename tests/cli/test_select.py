"""`degcraft select`: a list and a folder of images that stand for a pile."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from degcraft.cli import main
from degcraft.images import read_image, write_image


@pytest.fixture(scope="module")
def scans(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen crops of photographs, a repeat of one, an outlier, a tiny and a broken file."""
    folder = tmp_path_factory.mktemp("scans")
    files = [*sorted((photographs / "clean").iterdir()), *sorted((photographs / "others").iterdir())]
    generator = torch.Generator().manual_seed(0)
    for path in files:
        # Noise of one level makes one source of them.
        image = read_image(path).rgb
        noisy = (image + 0.04 * torch.randn(image.shape, generator=generator)).clamp(0, 1)
        write_image(folder / "sub" / path.name, noisy)
        if path == files[0]:
            again = (image + 0.04 * torch.randn(image.shape, generator=generator)).clamp(0, 1)
            write_image(folder / "sub" / f"{path.stem}-again.png", again)
    write_image(folder / "noise.png", 0.5 + 0.3 * torch.randn(3, 160, 160, generator=generator))
    write_image(folder / "tiny.png", torch.zeros(3, 40, 40))
    (folder / "broken.jpg").write_text("not an image")
    return folder


def run(*arguments: str | Path) -> int:
    return main(["select", *map(str, arguments), "--device", "cpu"])


def test_a_list_a_folder_and_a_report(scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed, copies, report = tmp_path / "new" / "list.txt", tmp_path / "references", tmp_path / "selection.json"
    assert run("--references", scans, "-n", 5, "-o", listed, "--copy-to", copies, "--json", report) == 0
    printed = capsys.readouterr().out
    assert "broken.jpg (not a readable image" in printed
    assert "tiny.png (40x40 pixels, smaller than 72)" in printed
    assert "left out, standing apart:" in printed
    assert "  noise.png: outlier: noisier: noise " in printed
    assert "astronaut-0.png: repeats astronaut-0-again.png" in printed
    assert "chose 5 of " in printed
    assert " of 5 drawn at random " in printed
    chosen = [Path(line) for line in listed.read_text(encoding="utf-8").splitlines()]
    assert len(set(chosen)) == 5
    assert all(path.is_file() and path.is_absolute() for path in chosen)
    assert not {"noise.png", "tiny.png", "astronaut-0.png"} & {path.name for path in chosen}
    assert sorted(path.name for path in copies.iterdir()) == sorted(path.name for path in chosen)
    assert all((copies / path.name).read_bytes() == path.read_bytes() for path in chosen)
    content = json.loads(report.read_text(encoding="utf-8"))
    assert content["format"] == "degcraft-selection/1"
    assert content["chosen"] == [str(path) for path in chosen]
    assert content["distance"] < np.mean(content["drawn"])
    assert [Path(one["path"]).name for one in content["skipped"]] == ["broken.jpg", "tiny.png"]
    assert [Path(one["path"]).name for one in content["apart"]] == ["noise.png"]
    assert [Path(one["path"]).name for one in content["repeats"]] == ["astronaut-0.png"]

    again = tmp_path / "again.txt"
    assert run("--references", scans, "-n", 5, "-o", again) == 0
    assert again.read_text() == listed.read_text()


def test_other_commands_read_the_list(scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--references", scans, "-n", 3, "-o", tmp_path / "list.txt") == 0
    assert main(["inspect", *(tmp_path / "list.txt").read_text().splitlines(), "--device", "cpu"]) == 0
    assert "3 images: blur sigma " in capsys.readouterr().out


def test_fewer_than_wanted_are_all_taken(scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--references", scans, "-o", tmp_path / "list.txt") == 0
    printed = capsys.readouterr().out
    count = len((tmp_path / "list.txt").read_text().splitlines())
    assert f"all {count} are taken: fewer than the 100 asked for" in printed
    assert f"chose {count} of {count} images" in printed
    assert "drawn at random" not in printed


def test_one_image_is_its_own_selection(photographs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    image = read_image(next(iter(sorted((photographs / "clean").iterdir())))).rgb
    write_image(folder / "patch.png", image[:, :72, :72])
    assert run("--references", folder, "-n", 1, "-o", tmp_path / "list.txt") == 0
    assert len((tmp_path / "list.txt").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--references", "nowhere", "-o", "{out}/list.txt"], "nowhere: no such folder"),
        (["--references", "{out}/empty", "-o", "{out}/list.txt"], "empty: needs at least one usable image"),
        (["--references", "{out}/black", "-o", "{out}/list.txt"], "none of 2 images could be used; the first: "),
        (["--references", "{scans}", "-o", "{out}"], "must be the name of a file, but is a folder"),
        (["--references", "{scans}", "-o", "{out}/l", "--json", "{out}"], "must be the name of a file"),
        (["--references", "{scans}", "-o", "{out}/l", "--copy-to", "{scans}"], "must be a new or an empty folder"),
        (["--references", "{scans}", "-n", "3", "-o", "{scans}/broken.jpg/list.txt"], "list.txt: cannot be written"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    scans: Path, tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for level in (0.0, 0.1):
        write_image(tmp_path / "black" / f"{level}.png", torch.full((3, 96, 96), level))
    assert run(*(argument.format(scans=scans, out=tmp_path) for argument in arguments)) == 2
    error = capsys.readouterr().err
    assert error.startswith("degcraft select: ")
    assert error.count("\n") == 1
    assert message in error


def test_none_is_no_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run("--references", tmp_path, "-n", 0, "-o", tmp_path / "list.txt")
    assert stopped.value.code == 2
    assert "argument -n/--number: must be a whole number of 1 or more, but got '0'" in capsys.readouterr().err
