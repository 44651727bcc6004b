"""`degcraft features`: the extractors listed and compared."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from degcraft.cli import main
from degcraft.cli.features import ACTIONS
from degcraft.errors import DegcraftError
from degcraft.features import EXTRACTORS, ExtractorSpec, FeatureExtractor
from tests.comparison.light import make_light

AXES = ("blur_sigma:0:4:2", "noise_level:0:40:2")
MISSING = "extractor absent: no weights file was found"


@pytest.fixture(autouse=True)
def _light_registry() -> Iterator[None]:
    """The registry holds an extractor that costs nothing, and one that cannot be had."""

    def build(layer: str, weights_file: Path | None, seed: int, device: torch.device) -> FeatureExtractor:
        return make_light("differences")

    def refuse(layer: str, weights_file: Path | None, seed: int, device: torch.device) -> FeatureExtractor:
        raise DegcraftError(MISSING)

    here = ExtractorSpec("light", "sees noise", ("only", "again"), "only", None, build, lambda file: None)
    absent = ExtractorSpec("absent", "far away", ("deep",), "deep", "a.pth", refuse, lambda file: MISSING)
    # All at once and back, because the registry's order is what people see.
    before = dict(EXTRACTORS)
    EXTRACTORS.clear()
    EXTRACTORS.update(light=here, absent=absent)
    yield
    EXTRACTORS.clear()
    EXTRACTORS.update(before)


@pytest.fixture
def arguments(photographs: Path) -> list[str]:
    return [
        "compare", "--hr", str(photographs / "clean"), "--references", str(photographs / "others"), "--size", "24",
        "--count", "9", "--scale", "2", "--axis", AXES[0], "--axis", AXES[1], "--settings", "1,2", "--device", "cpu",
    ]  # fmt: skip


def run(*arguments: str) -> int:
    return main(["features", *arguments])


def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert any(one["here"] for one in listed.values())
    assert all(one["here"] == (one["reason"] is None) for one in listed.values())
    assert all(one["default_layer"] in one["layers"] for one in listed.values())


def test_list_says_what_can_be_had_and_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    printed = capsys.readouterr().out
    assert re.search(r"^light +here +sees noise\n +layers: only \(default\), again$", printed, re.M)
    assert re.search(r"^absent +not here +far away\n +layers: deep \(default\)$", printed, re.M)
    assert MISSING in printed.splitlines()


def test_compare_prints_a_table_per_alpha(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments, "--seeds", "2", "--alphas", "5,50") == 0
    printed = capsys.readouterr().out
    assert f"left out absent:deep: {MISSING}" in printed
    assert "hr: 8 images" in printed
    assert "references: 8 images" in printed
    assert "alpha 5, medians of 2 seeds" in printed
    assert "alpha 50, medians of 2 seeds" in printed
    assert len(re.findall(r"^ *[12] +light:only( +\d\.\d\d){2} +[\d.]+ of \d( +[\d.]+){2} *$", printed, re.M)) == 4
    assert re.search(r"weight on true bins at alpha 50, mean of the settings: light:only \d\.\d\d", printed)
    assert "degrading 4 bins once for all extractors" in printed
    assert "wrote" not in printed


def test_compare_writes_tables_and_figures(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "comparison"
    assert run(*arguments, "--extractors", "light:*", "--draws", "2", "-o", str(folder)) == 0
    printed = capsys.readouterr().out
    names = {"comparison.csv", "comparison.json", "weights-alpha-5.png", "weights-alpha-25.png", "spread.png"}
    assert {file.name for file in folder.iterdir()} == names
    for name in names:
        assert f"wrote {folder / name}" in printed
    for figure in folder.glob("*.png"):
        with Image.open(figure) as picture:
            assert picture.format == "PNG"
    content = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    assert len(content["rows"]) == 2 * 2 * 2
    assert content["provenance"]["extractor_identities"].keys() == {"light:only", "light:again"}
    assert content["provenance"]["spread_setting"] == 1
    assert content["provenance"]["structured"] == 0.5
    spread = content["spread"]
    assert len(spread["distances"]["light:only"]) == len(spread["counts"])
    assert {len(row) for row in spread["distances"]["light:only"]} == {2}
    with (folder / "comparison.csv").open(encoding="utf-8", newline="") as file:
        assert [row["layer"] for row in csv.DictReader(file)] == ["only"] * 4 + ["again"] * 4


def test_one_folder_for_both_is_split(
    arguments: list[str], photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments, "--references", str(photographs / "clean"), "--alphas", "25") == 0
    assert "4 of them serve as HR, the other 4 as references" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--hr", "nowhere"], "nowhere: no such folder"),
        (["--size", "100"], r"needs at least one usable image .* smaller than 200"),
        (["--settings", "1,5"], "--settings: must be numbers of 1 to 4, but got '1,5'"),
        (["--settings", "mild"], "--settings: must be numbers of 1 to 4, but got 'mild'"),
        (["--alphas", "5,-1"], "--alphas: must be numbers of at least 0, but got '5,-1'"),
        (["--alphas", "inf"], "--alphas: must be numbers of at least 0, but got 'inf'"),
        (["--alphas", "much"], "--alphas: must be numbers of at least 0, but got 'much'"),
        (["--extractors", "resnet"], "extractor must be one of light, absent, but got 'resnet'"),
        (["--extractors", "light:relu9"], r"layer must be one of only, again or \*, but got 'relu9'"),
        (["--extractors", "absent"], f"none of the 1 extractors can be had; the first: {MISSING}"),
        (["--extractor-weights", "file.pth"], "--extractor-weights: must be NAME=FILE, but got 'file.pth'"),
        (["--extractor-weights", "other=a.pth"], "given for other, which is not among the extractors"),
        (["--axis", "jpeg_quality:91:95:1"], "box must meet the space on axis jpeg_quality"),
        (["--structured", "0"], "structured"),
        (["-o", __file__], "must be a folder, but is a file"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    arguments: list[str], changes: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments, *changes) == 2
    error = capsys.readouterr().err
    assert error.startswith("degcraft features: ")
    assert error.count("\n") == 1
    assert re.search(message, error)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_teaches_itself(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(action, "--help")
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert f"usage: degcraft features {action}" in printed
    assert f"  degcraft features {action}" in printed.split("examples:")[1]
    assert max(len(line) for line in printed.splitlines()) <= 120
