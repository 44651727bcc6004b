"""`degcraft reproduce`: the paper's table and figures, small, and never twice."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import degcraft.learned.objective
import degcraft.reproduction.figures
import degcraft.reproduction.study
import degcraft.reproduction.training
from degcraft.cli import main
from degcraft.networks import build_network, save_network
from degcraft.training import Trainer
from tests.damage import DAMAGES

NETWORK = "srresnet:channels=4,blocks=1"
ROWS = (
    "bicubic", "start", "uniform", "degnet/eq4", "eq4:alpha=3", "confusion", "bsrgan", "box:noise_level=5",
    "pdm:channels=4,kernel_blocks=1,noise_blocks=1,size=9", "dropout", "upper",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (degcraft.reproduction.study, degcraft.reproduction.figures):
        for name, value in {"COUNT": 8, "SIDE": 32, "TEST_SIDE": 32, "COUNTS": (4, 8), "DRAWS": 3}.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(degcraft.learned.objective, "FEWEST", 2)
    monkeypatch.setattr(degcraft.reproduction.figures, "ALPHAS", (1.0, 25.0))
    monkeypatch.setattr(degcraft.reproduction.figures, "TESTED_SIGMAS", (0.0, 2.0))


def run(photographs: Path, out: Path, what: str, *options: str) -> int:
    return main([
        "reproduce", what, "--hr", str(photographs / "clean"), "--references", str(photographs / "others"),
        "--test", str(photographs / "others"), "-o", str(out), "--extractors", "degnet", "--device", "cpu",
        "--steps", "3", "--batch", "2", "--patch", "32", *options,
    ])  # fmt: skip


def saved_start(folder: Path) -> str:
    hyperparameters = {"channels": 4, "blocks": 1}
    file = folder / "begun.safetensors"
    save_network(
        file, build_network("srresnet", seed=3, **hyperparameters), name="srresnet", hyperparameters=hyperparameters
    )
    return str(file)


def test_a_table_with_every_kind_of_row(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, start = tmp_path / "paper", saved_start(tmp_path)
    asked = ("--networks", start, NETWORK, "--settings", "3", "0.5*1+0.5*4", "--rows", *ROWS)
    assert run(photographs, out, "table2", *asked) == 0
    printed = capsys.readouterr().out
    assert "training on bsrgan, from step 0 of 3" in printed
    content = json.loads((out / "table2.json").read_text())
    assert [(part["network"], part["setting"]) for part in content["parts"]] == [
        (network, setting) for network in (start, NETWORK) for setting in ("3", "0.5*1+0.5*4")
    ]
    names = [
        "bicubic", "start", "uniform", "degnet/eq4", "degnet/eq4:alpha=3", "degnet/confusion", "bsrgan",
        "box:noise_level=5", ROWS[8], "dropout", "upper",
    ]  # fmt: skip
    first, mixed, drawn, _ = content["parts"]
    assert list(first["means"]) == names
    assert list(drawn["means"]) == [name for name in names if name != "start"]
    assert all(len(scores) == 8 for scores in first["scores"].values())
    assert first["reported"]["bsrgan"] == {"psnr": 27.48, "ssim": 0.6968, "lpips": 0.3987}
    assert mixed["reported"] == {}
    assert first["over_uniform"]["uniform"]["mean"] == 0
    # Five rows of each network and setting, and four of each network alone, no two of them alike.
    trained = [file for file in (out / "kept").glob("*.safetensors") if ".pdm." not in file.name]
    assert len({file.read_bytes() for file in trained}) == len(trained) == 2 * (2 * 5 + 4)
    markdown = (out / "table2.md").read_text()
    assert "| bsrgan |" in markdown
    assert "[27.48]" in markdown

    # The same command, and one that asks for less, train nothing.
    def never(self: Trainer, **_: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(Trainer, "run", never)
    assert run(photographs, out, "table2", *asked) == 0
    assert json.loads((out / "table2.json").read_text()) == content
    assert run(photographs, out, "table2", "--networks", NETWORK, "--settings", "3", "--rows", "upper", "uniform") == 0
    assert json.loads((out / "table2.json").read_text())["parts"][0]["means"]["upper"] == drawn["means"]["upper"]


def test_it_goes_on_where_it_was_stopped(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(degcraft.reproduction.training, "STEPS_BETWEEN_CHECKPOINTS", 1)
    asked = ("--networks", NETWORK, "--settings", "2", "--rows", "uniform")
    assert run(photographs, tmp_path / "whole", "table2", *asked) == 0
    capsys.readouterr()
    train = Trainer.run

    def stopped(self: Trainer, **options: Any) -> None:
        if self.step == 2:
            raise KeyboardInterrupt
        train(self, **options)

    monkeypatch.setattr(Trainer, "run", stopped)
    assert run(photographs, tmp_path / "cut", "table2", *asked) == 130
    monkeypatch.setattr(Trainer, "run", train)
    assert run(photographs, tmp_path / "cut", "table2", *asked) == 0
    assert "training on uniform, from step 2 of 3" in capsys.readouterr().out
    whole, cut = (json.loads((tmp_path / name / "table2.json").read_text())["parts"] for name in ("whole", "cut"))
    assert whole == cut


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_kept_and_damaged_is_named_and_made_anew(
    damage: str, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--networks", NETWORK, "--settings", "2", "--rows", "uniform", "pdm:channels=4,kernel_blocks=1,size=9")
    assert run(photographs, tmp_path, "table2", *asked) == 0
    table, train, spoilt = json.loads((tmp_path / "table2.json").read_text()), Trainer.run, DAMAGES[damage]
    kept = [file for file in (tmp_path / "kept").rglob("*") if file.is_file() and ".pdm." not in file.name]
    assert {file.suffix for file in kept} == {".json", ".safetensors"}
    for file in kept:
        file.write_bytes(spoilt(file.read_bytes()))

    def stopped(self: Trainer, **options: Any) -> None:
        train(self, until=2)
        self.stop()

    # The first row is stopped on its way, and its checkpoint is damaged, too.
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "run", stopped)
        assert run(photographs, tmp_path, "table2", *asked) == 130
    (checkpoint,) = (tmp_path / "kept").glob("*.checkpoint")
    checkpoint.write_bytes(spoilt(checkpoint.read_bytes()))
    assert run(photographs, tmp_path, "table2", *asked) == 0
    printed = capsys.readouterr().out
    for file in (*kept, checkpoint):
        (line,) = {line for line in printed.splitlines() if file.name in line}
        assert line.endswith("; measured anew" if file.suffix == ".json" else "; trained anew")
    assert json.loads((tmp_path / "table2.json").read_text()) == table


@pytest.mark.parametrize("what", ["figure2", "figure3c", "figure4", "figure5"])
def test_figures_are_drawn_and_told(
    what: str, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(photographs, tmp_path, what, "--networks", NETWORK) == 0
    printed = capsys.readouterr().out
    told = {
        "figure2": "P3, all of 1.5 to 2.5",
        "figure3c": "standard deviation over mean at 8 images: degnet:",
        "figure4": "weight on the true bins: degnet:",
        "figure5": "best at alpha ",
    }
    assert told[what] in printed
    (file,) = tmp_path.glob("*.png")
    assert Image.open(file).width > 400


def test_what_is_wrong_is_said_in_a_line(photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {
        "a setting must be one of 1, 2, 3, 4": ("--settings", "7"),
        "a row must be one of bicubic, start, upper, dropout, pdm, confusion": ("--rows", "esrnet"),
        "weighting eq4: no knob 'beta'": ("--rows", "eq4:beta=3"),
        "the extractor must be one of degnet, but is 'alexnet'": ("--rows", "alexnet/eq4"),
        "pdm: no knob 'colour'": ("--rows", "pdm:colour=3"),
        "there is no network 'unet'": ("--networks", "unet"),
        "the paper's scale is 4, but this enlarges by 2": ("--networks", "start:x2"),
        "there is no such file": ("--networks", "gone.safetensors"),
        "--extractor-weights: must be NAME=FILE": ("--extractor-weights", "degnet"),
    }
    for message, options in wrong.items():
        assert run(photographs, tmp_path, "table2", *options) == 2, options
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    command = ["reproduce", "table2", "--hr", str(photographs / "clean"), "-o", str(tmp_path)]
    assert main(command) == 2
    assert "table2: trained networks are scored on --test, which is missing" in capsys.readouterr().err
