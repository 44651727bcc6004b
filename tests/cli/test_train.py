"""`degcraft train`: from a folder of clean images to a model, through a Ctrl-C if need be."""

import json
import os
import re
import signal
from pathlib import Path

import pytest
import spandrel
import torch
from torch import Tensor

from degcraft.cli import main
from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, CraftedDistribution
from degcraft.networks import build_network, load_network, save_network
from degcraft.training import LOSSES, Trainer

NETWORK = "srresnet:channels=4,blocks=1"
HYPERPARAMETERS = {"channels": 4, "blocks": 1, "dropout": 0.0}


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
    assert "clean: 8 images" in printed
    assert "precision: float32, contiguous (as the plan says)" in printed
    assert "step 5 of 5: loss 0." in printed

    loaded = load_network(tmp_path / "model.safetensors")
    assert (loaded.name, loaded.scale, loaded.hyperparameters) == ("srresnet", 4, HYPERPARAMETERS)
    training = json.loads(loaded.metadata["training"])
    assert training["plan"]["steps"] == 5
    assert training["degradation"]["weights"] == pytest.approx([1 / 75] * 75)
    assert "crafted" not in loaded.metadata
    start = build_network("srresnet", channels=4, blocks=1).state_dict()
    assert not torch.equal(loaded.model.state_dict()["conv_last.weight"], start["conv_last.weight"])


def test_trains_on_a_crafted_distribution_and_keeps_it(arguments: list[str], tmp_path: Path) -> None:
    crafted = CraftedDistribution(PAPER_SPACE, PAPER_SPACE.overlap(TEST_SETTINGS[1]))
    crafted.provenance["scale"] = 2
    crafted.save(tmp_path / "crafted.json")
    assert run(str(tmp_path / "crafted.json"), *arguments[1:]) == 0
    loaded = load_network(tmp_path / "model.safetensors")
    assert loaded.scale == 2, "that of the distribution"
    metadata = loaded.metadata
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


@pytest.fixture
def begun_with(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Tensor]]:
    """The weights that trainings began with."""
    begun: list[dict[str, Tensor]] = []
    train = Trainer.run

    def recorded(trainer: Trainer, *rest: object, **more: object) -> None:
        begun.append({key: value.clone() for key, value in trainer.network.state_dict().items()})
        train(trainer, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "run", recorded)
    return begun


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """A network of 6 channels that enlarges by 2, in a file."""
    path = tmp_path / "begin.safetensors"
    network = build_network("srresnet", channels=6, blocks=1, scale=2, seed=9)
    save_network(path, network, name="srresnet", hyperparameters={"channels": 6, "blocks": 1})
    return path


def test_without_a_network_it_is_the_starts_own(
    arguments: list[str],
    start: Path,
    tmp_path: Path,
    begun_with: list[dict[str, Tensor]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    del arguments[arguments.index("--network") : arguments.index("--network") + 2]
    assert run(*arguments, "--start", str(start), "--steps", "20") == 0
    assert "network: srresnet, x2" in capsys.readouterr().out
    expected = load_network(start).model.state_dict()
    assert all(torch.equal(begun_with[0][key], value) for key, value in expected.items())
    made = load_network(tmp_path / "model.safetensors")
    assert (made.scale, made.hyperparameters["channels"]) == (2, 6)
    training = json.loads(made.metadata["training"])
    assert training["start"] == "begin.safetensors"
    assert training["plan"]["warmup"] == 1

    # Trained longer, it goes on from its checkpoint and not from the start.
    assert run(*arguments, "--start", str(start), "--steps", "21", "--warmup", "1", "--resume") == 0
    assert not torch.equal(begun_with[1]["conv_first.weight"], expected["conv_first.weight"])


def test_a_start_and_its_network_may_both_be_given(
    arguments: list[str], start: Path, begun_with: list[dict[str, Tensor]]
) -> None:
    network = ["--network", "srresnet:channels=6,blocks=1", "--scale", "2"]
    assert run(*arguments, *network, "--start", str(start), "--warmup", "0") == 0
    expected = load_network(start).model.state_dict()["conv_first.weight"]
    assert torch.equal(begun_with[0]["conv_first.weight"], expected)


def test_a_network_that_other_software_wrote_is_trained_further(
    arguments: list[str], tmp_path: Path, begun_with: list[dict[str, Tensor]]
) -> None:
    del arguments[arguments.index("--network") : arguments.index("--network") + 2]
    published = spandrel.architectures.SPAN.SPAN(feature_channels=4, num_in_ch=3, num_out_ch=3, upscale=4)
    torch.save({"params_ema": published.state_dict()}, tmp_path / "4x_span.pth")
    assert run(*arguments, "--start", str(tmp_path / "4x_span.pth")) == 0
    made = load_network(tmp_path / "model.safetensors")
    assert made.name == "span"
    assert made.model(torch.rand(1, 3, 8, 8)).shape == (1, 3, 32, 32)


def test_losses_are_trained_with_and_shown(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    losses = "charbonnier=1,gan=0.05:discriminator=unet:kind=lsgan"
    assert run(*arguments, "--losses", losses) == 0
    assert re.search(r"loss 0\.\d+ \(l1 0\.\d+, charbonnier 0\.\d+, gan .*, discriminator ", capsys.readouterr().out)
    training = json.loads(load_network(tmp_path / "model.safetensors").metadata["training"])
    gan = {"weight": 0.05, "discriminator": "unet", "kind": "lsgan"}
    assert training["plan"]["losses"] == {"charbonnier": 1.0, "gan": gan}
    assert set(training["final_losses"]) == {"l1", "charbonnier", "gan", "discriminator"}


def test_every_loss_and_its_knobs_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        run("--list-losses")
    printed = capsys.readouterr().out
    for name, spec in LOSSES.items():
        assert f"{name} " in printed
        for key, knob in spec.knobs.items():
            shown = key if knob.default is None else f"{key}={knob.default}"
            assert f" {shown}: {knob.rule}" in printed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--start", "START", "--scale", "4", "--network", "srresnet:channels=6,blocks=1"], "begin.safetensors: must"),
        (["--start", "START", "--scale", "2", "--network", "srresnet:channels=4,blocks=1"], "begin.safetensors: must"),
        (["--start", "START", "--scale", "2", "--network", "compact"], "begin.safetensors: must hold compact"),
        (["--start", "gone.pth"], "gone.pth: there is no such file"),
        (["--start", "DAMAGED"], "damaged.pth: "),
        (["--start", "start:x9"], "start:x9: there is no such start"),
        (["--network", "transformer9000"], "transformer9000"),
        (["--network", "srresnet:depth=3"], "no hyperparameter 'depth'"),
        (["--network", "srresnet:"], "--network: must be NAME or NAME:KEY=VALUE"),
        (["--network", "srresnet:blocks=1,blocks=2"], "--network: must give blocks once"),
        (["--losses", "l1=1,l1=2"], "--losses: must give each loss and each of its knobs once"),
        (["--losses", "l1=1,gan=1:weight=2"], "--losses: must give each loss and each of its knobs once"),
        (["--losses", "l1"], "--losses: must be NAME=WEIGHT"),
        (["--losses", "l1=1,ssim=1"], "losses: must be one of l1, .*, but got 'ssim'"),
        (["--losses", "l1=much"], "the weight of l1 must be a number of at least 0, but got 'much'"),
        (
            ["--losses", "gan=0.1:discriminator=vgg"],
            "gan: discriminator must be one of patch, .*, but got 'vgg'",
        ),
        (["--losses", "l1=1,gan=0.1", "--patch", "4"], "gan needs clean crops of at least 24 pixels"),
        (["--lpips-weights", "a.pth"], "--lpips-weights: belongs to the loss lpips, but --losses is 'l1=1'"),
        (["--losses", "lpips=1", "--lpips-weights", "a.pth"], "a.pth"),
    ],
)
def test_what_is_wrong_is_said_before_any_image_is_read(
    arguments: list[str],
    changes: list[str],
    message: str,
    start: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("degcraft.images.scan_folder", lambda *_, **__: pytest.fail("must not read images"))
    (tmp_path / "damaged.pth").write_bytes(b"not a network")
    files = {"START": str(start), "DAMAGED": str(tmp_path / "damaged.pth")}
    assert run(*arguments, *(files.get(change, change) for change in changes)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(message, error)


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
        (["setting:5"], "degradation setting: number must be one of 1, 2, 3, 4, but got 5"),
        (["nothing.json"], "nothing.json: cannot be read"),
        (["uniform", "--hr", "nowhere"], "nowhere: no such folder"),
        (["uniform", "--network", "srresnet:channels"], "--network: must be NAME or NAME:KEY=VALUE"),
        (["uniform", "--ema", "2"], "ema must be at least 0 and below 1, but got 2.0"),
        (["uniform", "--patch", "100"], "smaller than 400"),
        (["uniform", "--resume"], "model.checkpoint: there is no checkpoint to resume from"),
        (["uniform", "-o", "model.pth"], "model.pth: the model's name must end in .safetensors"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    arguments: list[str], changes: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(changes[0], *arguments[1:], *changes[1:]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(message, error)
