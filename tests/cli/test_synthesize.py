"""`degcraft synthesize`: pairs that any other trainer can read, and what was done to each."""

import csv
import re
from pathlib import Path

import pytest
import torch
from PIL import Image

import degcraft.images
from degcraft.cli import main
from degcraft.degradation import CraftedDistribution, Degradation, DegradationSpace, degrade
from degcraft.images import list_pairs, read_image, write_image

NOISE_FREE = [
    {"name": "blur_sigma", "low": 0.5, "high": 2.5, "bins": 2},
    {"name": "jpeg_quality", "low": 30.0, "high": 90.0, "bins": 3},
]
WEIGHTS = [0.0, 0.0, 0.5, 0.0, 0.5, 0.0]


@pytest.fixture(scope="module")
def crafted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Half the weight on little blur and high quality, half on much blur and middle quality."""
    file = tmp_path_factory.mktemp("crafted") / "crafted.json"
    CraftedDistribution(DegradationSpace.from_list(NOISE_FREE), WEIGHTS).save(file)
    return str(file)


@pytest.fixture
def clean(photographs: Path, tmp_path: Path) -> Path:
    """Three images of sides that 4 does not divide, two of one name and one in a sub-folder."""
    root = tmp_path / "clean"
    images = [read_image(file).rgb for file in sorted((photographs / "clean").iterdir())]
    write_image(root / "a.png", images[0][:, :98, :123])
    write_image(root / "a.webp", images[3][:, :98, :123])
    write_image(root / "sub" / "b.png", images[5][:, :70, :66])
    return root


def run(*arguments: str | Path) -> int:
    return main(["synthesize", "--device", "cpu", *map(str, arguments)])


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "parameters.csv").open(newline="", encoding="utf-8") as content:
        return list(csv.DictReader(content))


def names_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check_pairs(folder: Path, clean: Path, count: int) -> list[dict[str, str]]:
    """Every pair is named once in the table, and degrading its HR by its row gives its LR."""
    rows = rows_of(folder)
    assert names_of(folder / "lr") == names_of(folder / "hr") == sorted(f"{row['name']}.png" for row in rows)
    assert len(rows) == len({row["name"] for row in rows}) == count
    for row in rows:
        hr, lr = (read_image(folder / part / f"{row['name']}.png").rgb for part in ("hr", "lr"))
        whole = read_image(clean / row["source"]).rgb
        windows = whole.unfold(1, hr.shape[1], 1).unfold(2, hr.shape[2], 1)
        assert (windows == hr[:, None, None]).all(dim=(0, 3, 4)).any(), "the HR image is a part of its source"
        parameters = {name: torch.tensor([float(row[name])]) for name in ("blur_sigma", "jpeg_quality")}
        again = degrade(hr[None], Degradation(parameters), hr.shape[1] // lr.shape[1], torch.Generator())
        assert torch.equal(again[0], lr)
    return rows


def test_the_table_tells_how_every_pair_was_made(
    crafted: str, clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(crafted, "--hr", clean, "-o", out) == 0
    assert "wrote 3 pairs to" in capsys.readouterr().out
    rows = check_pairs(out, clean, 3)
    assert list(rows[0]) == ["name", "source", "blur_sigma", "jpeg_quality"]
    assert [(row["name"], row["source"]) for row in rows] == [
        ("a", "a.png"), ("a_", "a.webp"), ("sub_b", "sub/b.png"),
    ]  # fmt: skip
    pairs = list_pairs(out).files
    sizes = {pair[0].stem: tuple(tuple(read_image(file).rgb.shape[1:]) for file in pair) for pair in pairs}
    assert sizes == {
        "a": ((24, 30), (96, 120)),
        "a_": ((24, 30), (96, 120)),
        "sub_b": ((17, 16), (68, 64)),
    }


def test_parameters_are_drawn_from_the_bins_that_have_weight(crafted: str, clean: Path, tmp_path: Path) -> None:
    assert run(crafted, "--hr", clean, "-o", tmp_path / "out", "--count", "31", "--crop", "32", "--scale", "2") == 0
    rows = check_pairs(tmp_path / "out", clean, 31)
    assert {row["name"].rstrip("_")[-3:] for row in rows} == {f"-{turn:02d}" for turn in range(11)}
    drawn = [(float(row["blur_sigma"]), float(row["jpeg_quality"])) for row in rows]
    little = [0.5 <= sigma <= 1.5 and 70 <= quality <= 90 for sigma, quality in drawn]
    much = [1.5 <= sigma <= 2.5 and 50 <= quality <= 70 for sigma, quality in drawn]
    assert sum(little) + sum(much) == 31
    assert min(sum(little), sum(much)) >= 5, "under a tenth of a percent for halves"
    sizes = {image.size for part in ("hr", "lr") for image in map(Image.open, (tmp_path / "out" / part).iterdir())}
    assert sizes == {(32, 32), (16, 16)}


def test_the_seed_decides_everything(crafted: str, clean: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run(crafted, "--hr", clean, "-o", tmp_path / name, "--seed", seed, "--crop", "32") == 0
    first, again, other = (files_of(tmp_path / name) for name in ("a", "b", "c"))
    assert first == again
    assert all(first[name] != other[name] for name in first)


def test_a_preview_is_drawn(crafted: str, clean: Path, tmp_path: Path) -> None:
    assert run(crafted, "--hr", clean, "-o", tmp_path / "out", "--preview", tmp_path / "sheet.png") == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.height > 96 + 96 + 68


def test_what_is_no_number_is_written_by_its_name(clean: Path, tmp_path: Path) -> None:
    box = "box:reduction=lanczos,jpeg_quality=none"
    assert run(box, "--hr", clean, "-o", tmp_path / "out") == 0
    assert [(row["reduction"], row["jpeg_quality"]) for row in rows_of(tmp_path / "out")] == [("lanczos", "none")] * 3


def test_an_interrupted_run_leaves_whole_images_that_the_table_names(
    crafted: str, clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, written, write = tmp_path / "out", [], write_image

    def interrupted(path: Path, rgb: torch.Tensor) -> None:
        if len(written) == 3:  # the second pair has its HR and not yet its LR
            raise KeyboardInterrupt
        written.append(path)
        write(path, rgb)

    with monkeypatch.context() as patch:
        patch.setattr(degcraft.images, "write_image", interrupted)
        assert run(crafted, "--hr", clean, "-o", out, "--count", "10") == 130
    assert capsys.readouterr().err == "degcraft synthesize: interrupted\n"
    assert [row["name"] for row in rows_of(out)] == ["a-0", "a-0_"]
    assert (names_of(out / "hr"), names_of(out / "lr")) == (["a-0.png", "a-0_.png"], ["a-0.png"])
    assert read_image(out / "hr" / "a-0_.png").rgb.shape == (3, 96, 120)

    assert run(crafted, "--hr", clean, "-o", out, "--count", "3", "--overwrite") == 0
    check_pairs(out, clean, 3)


def test_older_work_is_not_lost_by_accident(
    crafted: str, clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(crafted, "--hr", clean, "-o", out, "--count", "7") == 0
    before = files_of(out)
    assert run(crafted, "--hr", clean, "-o", out) == 2
    assert "out: is there already; add --overwrite to replace it" in capsys.readouterr().err
    write_image(out / "lr" / "mine.png", torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert run(crafted, "--hr", clean, "-o", out, "--overwrite") == 2
    assert "lr: holds mine.png, which parameters.csv does not name" in capsys.readouterr().err
    assert before.items() <= files_of(out).items()
    (out / "lr" / "mine.png").unlink()
    assert run(crafted, "--hr", clean, "-o", out, "--overwrite") == 0
    check_pairs(out, clean, 3)


def test_the_clean_images_are_never_written_over(
    crafted: str, clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    clean.rename(tmp_path / "data" / "hr")
    before = files_of(tmp_path / "data")
    for output in (tmp_path / "data", tmp_path / "data" / "hr"):
        assert run(crafted, "--hr", tmp_path / "data" / "hr", "-o", output, "--overwrite") == 2
        assert f"is a clean image inside {output}, which is to be written" in capsys.readouterr().err
        assert files_of(tmp_path / "data") == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--hr", "nowhere"], "nowhere: no such folder"),
        (["--crop", "30"], "--crop: must be a multiple of the scale 4, but got 30"),
        (["--crop", "400"], "smaller than 400"),
        (["--preview", "sheet.jpg"], "sheet.jpg: the name must end in .png"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    crafted: str, clean: Path, changes: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(crafted, "--hr", clean, "-o", tmp_path / "out", *changes) == 2
    error = capsys.readouterr().err
    assert error.startswith("degcraft synthesize: ")
    assert error.count("\n") == 1
    assert re.search(message, error)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "must be a JSON file, but"),
        ("[]", 'format must be "degcraft-crafted/2", but got None'),
        ('{"format": "degcraft-crafted/1"}', "field axes is missing"),
    ],
)
def test_a_file_that_is_no_distribution_is_named(
    content: str, message: str, clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.json").write_text(content)
    assert run(tmp_path / "bad.json", "--hr", clean, "-o", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "bad.json: " in error
    assert message in error
    assert error.count("\n") == 1


def test_a_distribution_is_drawn_at_the_scale_it_was_found_for(
    crafted: str, clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "two.json"
    known = CraftedDistribution.load(crafted)
    CraftedDistribution(known.space, known.weights, provenance={"scale": 2}).save(file)
    assert run(file, "--hr", clean, "-o", tmp_path / "pairs") == 0
    hr, lr = (read_image(next((tmp_path / "pairs" / part).iterdir())).rgb for part in ("hr", "lr"))
    assert hr.shape[1] == 2 * lr.shape[1]
    capsys.readouterr()
    assert run(file, "--hr", clean, "-o", tmp_path / "others", "--scale", "4") == 2
    assert f"{file}: was found for networks of x2, and not of x4" in capsys.readouterr().err
