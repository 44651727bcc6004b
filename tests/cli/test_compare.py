"""`degcraft compare`: two files, or one and what is known."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from degcraft.cli import main
from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, Axis, CraftedDistribution, DegradationSpace


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    space = DegradationSpace((Axis("blur_sigma", 0, 4, 2), Axis("jpeg_quality", 30, 90, 1, none=True)))
    first = CraftedDistribution(PAPER_SPACE, PAPER_SPACE.overlap(TEST_SETTINGS[3]))
    second = CraftedDistribution(space, np.array([0.5, 0, 0, 0.5]))
    for name, one in (("a", first), ("b", second)):
        one.save(tmp_path / f"{name}.json")
    return str(tmp_path / "a.json"), str(tmp_path / "b.json")


def test_two_spaces_are_compared(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, figure = tmp_path / "new" / "found.json", tmp_path / "new" / "apart.png"
    assert main(["compare", *files, "--json", str(kept), "--figure", str(figure)]) == 0
    printed = capsys.readouterr().out
    assert "total variation" in printed
    assert "noise_level alone" in printed
    content = json.loads(kept.read_text(encoding="utf-8"))
    assert content["format"] == "degcraft-comparison-of-distributions/1"
    assert content["total_variation"] == pytest.approx(1), "one draws noise, the other none"
    assert f"they differ most in {content['farthest']}" in printed
    assert set(content["axes"]) == {"blur_sigma", "noise_level", "jpeg_quality"}
    with Image.open(figure) as picture:
        assert picture.width > 1000


def test_a_known_setting_and_uniform(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", files[0], "--setting", "3"]) == 0
    # Setting 3 meets its bins in halves of every axis.
    assert "a.json and setting 3" in capsys.readouterr().out
    assert main(["compare", files[1], "--uniform"]) == 0
    assert main(["compare", files[0], files[0]]) == 0
    assert "they differ most" not in capsys.readouterr().out.split("a.json and")[-1]


def test_distributions_of_two_scales_are_said_to_be(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    for file, scale in zip(files, (2, 4), strict=True):
        known = CraftedDistribution.load(file)
        known.provenance["scale"] = scale
        known.save(file)
    assert main(["compare", *files]) == 0
    assert "a.json was found for x2 and b.json for x4: their blur is counted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "exactly one of B, --setting and --uniform must be given, but got 0 of them"),
        (["{b}", "--uniform"], "but got 2 of them"),
        (["--setting", "7"], "--setting: must be one of 1, 2, 3, 4, but got 7"),
        (["{b}x"], "cannot be read"),
        (["{b}", "--figure", "x.jpg"], "the name must end in .png"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    files: tuple[str, str], arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", files[0], *(text.format(b=files[1]) for text in arguments)]) == 2
    assert said in capsys.readouterr().err
