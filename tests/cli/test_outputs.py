"""No command writes over what it reads, over another of its outputs, or over a device."""

import os
from pathlib import Path

import pytest

from degcraft.cli import main
from degcraft.degradation import PAPER_SPACE, CraftedDistribution

OWN = "must be a file of its own, but is read or written already"
PIPE = "must be the name of a file, but is a device or a pipe"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("compare {0}/crafted.json --uniform --json {0}/crafted.json", OWN),
        ("compare {0}/crafted.json {0}/link.json --json {0}/link.json", OWN),
        ("compare {0}/crafted.json --uniform --json {0}/pipe", PIPE),
        ("export {0}/model.pth -o {0}/model.pth --overwrite", OWN),
        ("inspect {0}/photos --json {0}/i.json --csv {0}/i.json", OWN),
        ("inspect {0}/photos/0.png --csv {0}/photos/0.png", OWN),
        ("inspect {0}/photos --figure {0}/photos/inspect.png", OWN),
        ("inspect {0}/photos --csv {0}/pipe", PIPE),
        ("select --references {0}/photos -o {0}/photos/0.png", OWN),
        ("select --references {0}/photos -o {0}/list --json {0}/list", OWN),
        ("synthesize uniform --hr {0}/photos -o {0}/pairs --preview {0}/photos/0.png", OWN),
        ("train {0}/pdm.safetensors --hr {0}/photos -o {0}/pdm.safetensors --overwrite", OWN),
        ("weights --references {0}/photos --hr {0} -o {0}/photos/0.png", OWN),
        ("weights --references {0} --hr {0}/photos -o {0}/c.json --figure {0}/photos/0.png", OWN),
    ],
)
def test_what_is_no_file_of_its_own_is_refused(
    command: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("photos/0.png", "model.pth", "pdm.safetensors"):
        (tmp_path / name).write_text("precious")
    CraftedDistribution.uniform(PAPER_SPACE).save(tmp_path / "crafted.json")
    (tmp_path / "link.json").symlink_to("crafted.json")
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.rglob("*"))
    assert main(command.format(tmp_path).split()) == 2
    printed = capsys.readouterr()
    assert printed.err.endswith(f": {message}\n")
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "photos" / "0.png").read_text() == "precious"


def test_a_picture_may_lie_beside_the_sides_of_pairs(photographs: Path, tmp_path: Path) -> None:
    for side in ("lr", "hr"):
        (tmp_path / side).symlink_to(photographs / "others")
    assert main(["inspect", str(tmp_path), "--figure", str(tmp_path / "inspect.png")]) == 0
    assert main(["inspect", str(tmp_path), "--figure", str(tmp_path / "hr" / "inspect.png")]) == 2


def test_of_evaluate_no_output_lies_in_a_folder_that_is_read(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for side in ("lr", "hr"):
        (tmp_path / side).symlink_to(photographs / "others")
    assert main(["evaluate", "start:x4", "--pairs", str(tmp_path), "--csv", str(tmp_path / "scores.csv")]) == 2
    assert OWN in capsys.readouterr().err
