"""`degcraft inspect`: from photos to plain words, a figure and files."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import skimage.data
import torch
from PIL import Image

from degcraft.cli import main
from degcraft.images import read_image, write_image
from tests.conftest import CLEAN


@pytest.fixture
def photos(photographs: Path, tmp_path: Path) -> Path:
    """Eight photographs, one of them full of noise, with a broken, a tiny, and another file."""
    folder = tmp_path / "photos"
    shutil.copytree(photographs / "clean", folder)
    generator = torch.Generator().manual_seed(0)
    write_image(folder / "noisy.png", 0.5 + 0.3 * torch.randn(3, 160, 160, generator=generator))
    write_image(folder / "tiny.png", torch.zeros(3, 12, 12))
    (folder / "broken.jpg").write_text("not an image")
    (folder / "notes.txt").write_text("nor this")
    return folder


def run(*arguments: str | Path) -> int:
    return main(["inspect", *map(str, arguments), "--device", "cpu"])


def test_a_folder_in_plain_words_and_files(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure, report, table = (tmp_path / "out" / name for name in ("inspect.png", "inspect.json", "inspect.csv"))
    assert run(photos, "--figure", figure, "--json", report, "--csv", table) == 0
    printed = capsys.readouterr().out
    assert f"skipped {photos / 'broken.jpg'}: not a readable image" in printed
    assert f"skipped {photos / 'tiny.png'}: 12x12 pixels, smaller than 16" in printed
    assert "9 images: blur sigma " in printed
    assert "; 2 skipped; 1 other file ignored" in printed
    said = "a space that holds them, for degcraft weights at scale 4 (at 2 half the blur): --axis blur_sigma:"
    assert said in printed
    for file in (figure, report, table):
        assert f"wrote {file}" in printed
    with Image.open(figure) as picture:
        assert picture.format == "PNG"

    content = json.loads(report.read_text(encoding="utf-8"))
    assert content["format"] == "degcraft-inspection/1"
    assert content["coverage"] == 0.9
    names = [Path(image["path"]).name for image in content["images"]]
    assert names == sorted([*(path.name for path in (photos).glob("*-?.png")), "noisy.png"])
    for image in content["images"]:
        for axis in ("blur_sigma", "noise_level", "jpeg_quality"):
            values = [image[axis][end] for end in ("low", "value", "high")]
            finite = [float("inf") if value is None else value for value in values]
            assert finite == sorted(finite)
        assert 0 <= image["uncompressed"] <= 1
    assert content["pile"]["blur_against_clean"] is None
    assert [Path(one["path"]).name for one in content["skipped"]] == ["broken.jpg", "tiny.png"]
    assert content["provenance"]["inputs"] == [str(photos)]

    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["path"]).name for row in rows] == names
    noise = {Path(row["path"]).name: float(row["noise_level"]) for row in rows}
    assert noise["noisy.png"] == max(noise.values()) > 30
    assert rows[0].keys() >= {"width", "height", "blur_sigma", "jpeg_quality_low", "jpeg_quality_high", "group"}


def test_files_and_folders_each_once(photos: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name in ("broken.jpg", "tiny.png"):
        (photos / name).unlink()
    report = tmp_path / "inspect.json"
    assert run(photos / "noisy.png", photos, "--json", report) == 0
    paths = [image["path"] for image in json.loads(report.read_text(encoding="utf-8"))["images"]]
    assert len(paths) == len(set(paths)) == 9
    assert Path(paths[0]).name == "noisy.png"


def test_one_small_grey_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.linear_gradient("L").resize((40, 30)).save(tmp_path / "grey [1].png")
    assert run(tmp_path / "grey [1].png") == 0
    printed = capsys.readouterr().out
    assert "grey [1].png" in printed
    assert "1 image: blur sigma " in printed
    assert "--axis" not in printed


def test_blur_is_measured_against_the_clean_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in CLEAN:
        write_image(tmp_path / "hr" / f"{name}.png", read_image(Path(skimage.data.__file__).parent / name).rgb)
    report = tmp_path / "inspect.json"
    assert run(tmp_path / "hr", "--hr", tmp_path / "hr", "--json", report) == 0
    assert "against the clean images, they are blurred by " in capsys.readouterr().out
    found = json.loads(report.read_text(encoding="utf-8"))["pile"]["blur_against_clean"]
    assert 0 <= found["low"] <= found["value"] <= found["high"]


def test_clean_images_that_are_too_small_to_measure_blur_are_named(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(photographs / "others", "--hr", photographs / "clean") == 0
    printed = capsys.readouterr().out
    assert "how blurred the images are against the clean ones could not be measured: " in printed
    assert ".png: must be at least 288x288 pixels, but is 160x160" in printed


def test_a_link_to_itself_is_skipped_and_named(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (photos / "self.png").symlink_to("self.png")
    assert run(photos) == 0
    assert f"skipped {photos / 'self.png'}: " in capsys.readouterr().out


def test_a_large_pile_is_cut_short(photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = next(iter(sorted((photographs / "clean").iterdir())))
    for number in range(40):
        shutil.copy(first, tmp_path / f"{number}.png")
    assert run(tmp_path) == 0
    printed = capsys.readouterr().out
    assert "and 10 more; --csv lists all" in printed
    assert "40 images: blur sigma " in printed


def test_a_folder_per_source(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    used = [path for path in photos.glob("*.png") if path.name != "tiny.png"]
    other = tmp_path / "other" / used[0].name
    other.parent.mkdir()
    shutil.copy(photos / "noisy.png", other)
    split = tmp_path / "split"
    assert run(photos, other.parent, "--split-to", split) == 0
    printed = capsys.readouterr().out
    assert "1 image repeats another; each content counts once" in printed
    copies = [path for path in split.rglob("*") if path.is_file()]
    assert sorted(path.read_bytes() for path in copies) == sorted(path.read_bytes() for path in [*used, other])
    for path in copies:
        assert path.parent.parent == split
        assert f"wrote {path.parent}: " in printed
    noisy = [path for path in copies if path.read_bytes() == other.read_bytes()]
    assert len(noisy) == 2
    assert noisy[0].parent == noisy[1].parent != split / "source-1"
    assert len(list((split / "source-1").iterdir())) >= 4
    assert run(photos, "--split-to", split) == 2
    assert "split: must be a new or an empty folder" in capsys.readouterr().err


def test_names_that_repeat_are_told_apart(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = next(iter(sorted((photographs / "clean").iterdir())))
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(first, tmp_path / folder / "same.png")
    assert run(tmp_path / "a", tmp_path / "b") == 0
    printed = capsys.readouterr().out
    assert "a/same.png" in printed
    assert "b/same.png" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: no such file or folder"),
        (["{photos}/notes.txt"], "notes.txt: must be an image (.avif, "),
        (["{photos}/broken.jpg"], "none of 1 image could be used; the first: "),
        (["{photos}/empty"], "empty: holds no images"),
        (["{photos}", "--figure", "inspect.jpg"], "inspect.jpg: the name must end in .png"),
        (["{photos}", "--json", "{photos}"], "photos: must be the name of a file, but is a folder"),
        (["{photos}", "--split-to", "{photos}"], "photos: must be a new or an empty folder, but is not"),
        (["{photos}", "--weights", "gone.safetensors"], "gone.safetensors does not exist"),
        (["{photos}", "--csv", "{photos}/notes.txt/inspect.csv"], "inspect.csv: cannot be written"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    photos: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "empty").mkdir()
    assert run(*(argument.format(photos=photos) for argument in arguments)) == 2
    error = capsys.readouterr().err
    assert error.startswith("degcraft inspect: ")
    assert error.count("\n") == 1
    assert message in error
