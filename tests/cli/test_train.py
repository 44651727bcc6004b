"""`degcraft train`: from a folder of clean images to a model, through a Ctrl-C if need be."""

import json
import os
import signal
from pathlib import Path

import pytest
import torch

from degcraft.cli import main
from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, CraftedDistribution
from degcraft.networks import build_network, load_network, save_network
from degcraft.training import Trainer

NETWORK = "srresnet:channels=4,blocks=1"


@pytest.fixture
def arguments(photographs: Path, tmp_path: Path) -> list[str]:
    return [
        "uniform", "--hr", str(photographs / "clean"), "--network", NETWORK, "--steps", "5", "--batch", "2",
        "--patch", "8", "--precision", "float32", "--device", "cpu", "-o", str(tmp_path / "model.safetensors"),
    ]  # fmt: skip


def run(*arguments: str) -> int:
    return main(["train", *arguments])


def test_writes_a_model_with_what_it_came_from(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 0
    printed = capsys.readouterr().out
    assert "hr: 8 images" in printed
    assert "precision: float32, contiguous (as the plan says)" in printed
    assert "step 5 of 5, loss 0." in printed

    loaded = load_network(tmp_path / "model.safetensors")
    assert (loaded.name, loaded.scale, loaded.hyperparameters) == ("srresnet", 4, {"channels": 4, "blocks": 1})
    training = json.loads(loaded.metadata["training"])
    assert training["plan"]["steps"] == 5
    assert training["degradation"]["weights"] == pytest.approx([1 / 75] * 75)
    assert "crafted" not in loaded.metadata
    start = build_network("srresnet", channels=4, blocks=1).state_dict()
    assert not torch.equal(loaded.model.state_dict()["conv_last.weight"], start["conv_last.weight"])


def test_trains_on_a_crafted_distribution_and_keeps_it(arguments: list[str], tmp_path: Path) -> None:
    crafted = CraftedDistribution(PAPER_SPACE, PAPER_SPACE.overlap(TEST_SETTINGS[1]))
    crafted.save(tmp_path / "crafted.json")
    assert run(str(tmp_path / "crafted.json"), *arguments[1:]) == 0
    metadata = load_network(tmp_path / "model.safetensors").metadata
    assert json.loads(metadata["crafted"])["weights"] == pytest.approx(crafted.weights.tolist())


def test_a_setting_is_a_box(arguments: list[str], tmp_path: Path) -> None:
    assert run("setting:2", *arguments[1:]) == 0
    training = json.loads(load_network(tmp_path / "model.safetensors").metadata["training"])
    assert training["degradation"]["kind"] == "box"


def test_interrupted_and_resumed_is_the_uninterrupted_run(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert run(*arguments) == 0
        whole = (tmp_path / "model.safetensors").read_bytes()

        other = [*arguments[:-1], str(tmp_path / "other.safetensors"), "--checkpoint-every", "2"]
        save, handler = Trainer.save, signal.getsignal(signal.SIGINT)

        def interrupted(trainer: Trainer, path: Path) -> None:
            save(trainer, path)
            os.kill(os.getpid(), signal.SIGINT)

        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "save", lambda trainer, path: (patch.undo(), interrupted(trainer, path)))
            capsys.readouterr()
            assert run(*other) == 130
        assert signal.getsignal(signal.SIGINT) is handler
        assert "stopped: step 2 of 5 is saved in" in capsys.readouterr().out
        assert not (tmp_path / "other.safetensors").exists()

        assert run(*other, "--resume") == 0
        assert "resumed at step 2 of 5" in capsys.readouterr().out
        assert (tmp_path / "other.safetensors").read_bytes() == whole
    finally:
        torch.set_num_threads(threads)


def test_a_warm_start_begins_at_the_given_weights(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = build_network("srresnet", channels=4, blocks=1, seed=9)
    save_network(
        tmp_path / "shared.safetensors", network, name="srresnet", hyperparameters={"channels": 4, "blocks": 1}
    )
    begun_with = []
    train = Trainer.run

    def recorded(trainer: Trainer, *rest: object, **more: object) -> None:
        begun_with.append(trainer.network.state_dict()["conv_first.weight"].clone())
        train(trainer, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "run", recorded)
    assert run(*arguments, "--warm-start", str(tmp_path / "shared.safetensors")) == 0
    assert torch.equal(begun_with[0], network.state_dict()["conv_first.weight"])


def test_older_work_is_not_lost_by_accident(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 0
    assert run(*arguments) == 2
    assert "model.safetensors: is there already; add --overwrite" in capsys.readouterr().err
    (tmp_path / "model.safetensors").unlink()
    assert run(*arguments) == 2
    assert "model.checkpoint: holds a run that was begun; add --resume" in capsys.readouterr().err
    assert run(*arguments, "--overwrite") == 0
    assert run(*arguments, "--resume", "--steps", "6") == 0
    assert json.loads(load_network(tmp_path / "model.safetensors").metadata["training"])["plan"]["steps"] == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["setting:5"], "the setting must be one of setting:1, .*, but got 'setting:5'"),
        (["nothing.json"], "nothing.json: cannot be read"),
        (["uniform", "--hr", "nowhere"], "nowhere: no such folder"),
        (["uniform", "--network", "srresnet:channels"], "--network: must be NAME or NAME:KEY=NUMBER"),
        (["uniform", "--network", "srresnet:depth=3"], "no hyperparameter 'depth'"),
        (["uniform", "--ema", "2"], "ema must be at least 0 and below 1, but got 2.0"),
        (["uniform", "--patch", "100"], "smaller than 400"),
        (["uniform", "--resume"], "model.checkpoint: there is no checkpoint to resume from"),
        (["uniform", "-o", "model.pth"], "model.pth: the model's name must end in .safetensors"),
        (["uniform", "--device", "cuda:99"], "--device: must be a device of this machine"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    arguments: list[str], changes: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    assert run(changes[0], *arguments[1:], *changes[1:]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(message, error)
