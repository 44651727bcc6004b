"""`degcraft pdm`: learnt, looked at, and taken by the commands that take a distribution."""

import shutil
import signal
from pathlib import Path
from typing import NoReturn

import pytest
import torch
from PIL import Image

from degcraft.cli import main
from degcraft.cli._progress import TrainingProgress
from degcraft.errors import DegcraftError
from degcraft.images import write_image
from degcraft.learned import Compression, load_learned
from degcraft.networks import load_network
from degcraft.training.losses.adversarial import AdversarialLoss


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """34 references of 96², and clean images of 160²."""
    folder = tmp_path_factory.mktemp("pdm")
    generator = torch.Generator().manual_seed(0)

    def texture(side: int) -> torch.Tensor:
        coarse = torch.rand(1, 3, side // 4, side // 4, generator=generator)
        return torch.nn.functional.interpolate(coarse, size=(side, side), mode="bicubic").clamp(0, 1)[0]

    for index in range(34):
        write_image(folder / "lr" / f"{index:02d}.png", texture(96))
    for index in range(6):
        write_image(folder / "hr" / f"{index}.png", texture(160))
    return folder / "lr", folder / "hr"


@pytest.fixture(scope="module")
def trained(folders: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("trained") / "pdm.safetensors"
    assert main(["pdm", "train", *given(folders), "-o", str(file), "--quick", "--steps", "3", "--batch", "2"]) == 0
    return file


def given(folders: tuple[Path, Path]) -> list[str]:
    return ["--references", str(folders[0]), "--hr", str(folders[1]), "--scale", "2", "--device", "cpu"]


def test_what_was_learnt_says_how(trained: Path) -> None:
    learned = load_learned(trained)
    assert learned.model.scale == 2
    assert learned.training["steps"] == 3
    assert set(learned.training["losses"]) == {"gan", "noise", "shift", "discriminator"}
    assert not list(trained.parent.glob("*.checkpoint.pt"))


def test_it_is_looked_at_and_compared(
    trained: Path, folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = tmp_path / "pdm.png"
    compared = ["--references", str(folders[0]), "--hr", str(folders[1])]
    assert main(["pdm", "show", str(trained), "--figure", str(figure), *compared, "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    assert "kernels: sigma" in printed
    assert "told apart" in printed
    with Image.open(figure) as picture:
        assert picture.width > 1200


def test_it_stands_for_a_distribution(trained: Path, folders: tuple[Path, Path], tmp_path: Path) -> None:
    hr = ["--hr", str(folders[1]), "--device", "cpu"]
    assert main(["synthesize", str(trained), *hr, "-o", str(tmp_path / "pairs"), "--scale", "2"]) == 0
    assert len(list((tmp_path / "pairs" / "lr").iterdir())) == 6
    with Image.open(tmp_path / "pairs" / "lr" / sorted(p.name for p in (tmp_path / "pairs" / "lr").iterdir())[0]) as lr:
        assert lr.size == (80, 80)
    network = ["--network", "compact", "--start", "none", "--scale", "2", "--steps", "1", "--batch", "1"]
    model = tmp_path / "model.safetensors"
    assert main(["train", str(trained), *hr, *network, "-o", str(model)]) == 0
    assert '"kind": "pdm"' in load_network(model).metadata["training"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--lr-patch", "16"], "LR crops must be at least 24 pixels for the discriminator, but are 16"),
        (["--lr-patch", "128"], "(96x96 pixels, smaller than 128)"),
        (["--compression", "101"], "jpeg_quality must be low <= high inside [1, 100]"),
        (["--clean", "half"], "--clean: must be as-is, or reduce:N"),
        (["-o", "pdm.pt"], "pdm.pt: the name must end in .safetensors"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    folders: tuple[Path, Path], change: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pdm", "train", *given(folders), "-o", str(tmp_path / "a.safetensors"), *change]) == 2
    assert said in capsys.readouterr().err


def test_few_references_would_be_learnt_by_heart(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["--references", str(folders[1]), "--hr", str(folders[1]), "--scale", "2"]
    assert main(["pdm", "train", *few, "-o", str(tmp_path / "a.safetensors")]) == 2
    assert "must hold at least 32 images of 32x32 pixels or more, but hold 6" in capsys.readouterr().err


def test_grey_references_are_not_compared_with_colour(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in folders[0].iterdir():
        (tmp_path / "grey").mkdir(exist_ok=True)
        Image.open(file).convert("L").save(tmp_path / "grey" / file.name)
    assert main(["pdm", "train", *given((tmp_path / "grey", folders[1])), "-o", str(tmp_path / "a.safetensors")]) == 2
    assert "references and hr: must be both in colour or both grey, but references are grey" in capsys.readouterr().err


def test_a_stopped_run_goes_on_with_the_same_images_alone(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "a.safetensors"
    learning = ["-o", str(output), "--quick", "--steps", "3", "--batch", "2"]
    with monkeypatch.context() as stopping:
        stopping.setattr(TrainingProgress, "_tell", lambda *_: signal.raise_signal(signal.SIGINT))
        assert main(["pdm", "train", *given(folders), *learning]) == 130
    checkpoint = tmp_path / "a.checkpoint.pt"
    kept = checkpoint.read_bytes()
    others = tmp_path / "others"
    shutil.copytree(folders[0], others)
    (others / "00.png").unlink()
    capsys.readouterr()
    assert main(["pdm", "train", *given((others, folders[1])), *learning]) == 2
    assert "a run continues only as it began: references was" in capsys.readouterr().err
    assert checkpoint.read_bytes() == kept

    def full(*_: object) -> NoReturn:
        raise DegcraftError("the disk is full")

    # What took days to train is not lost because its file could not be written.
    with monkeypatch.context() as failing:
        failing.setattr("degcraft.learned.save_learned", full)
        assert main(["pdm", "train", *given(folders), *learning]) == 2
    assert main(["pdm", "train", *given(folders), *learning]) == 0
    assert capsys.readouterr().out.count(f"going on from {checkpoint}") == 2
    assert output.exists()
    assert not checkpoint.exists()


def test_a_discriminator_that_runs_away_is_named(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = {"discriminator": torch.tensor(float("nan"))}
    monkeypatch.setattr(AdversarialLoss, "learn", lambda *_: lost)
    learning = ["--quick", "--steps", "3", "--batch", "2", "-o", str(tmp_path / "a.safetensors")]
    assert main(["pdm", "train", *given(folders), *learning]) == 2
    said = capsys.readouterr().err
    assert "the discriminator loss must be finite, but is nan" in said
    assert "lower the learning rate, or give a larger batch or more references" in said
    assert said.count("\n") == 1


def test_a_network_is_trained_along_with_it(folders: tuple[Path, Path], trained: Path, tmp_path: Path) -> None:
    network = ["--network", "compact", "--start", "none", "--scale", "2", "--steps", "2", "--batch", "2"]
    hr = ["--references", str(folders[0]), "--hr", str(folders[1]), "--device", "cpu"]
    model = tmp_path / "model.safetensors"
    small = "pdm:channels=8,kernel_blocks=1,noise_blocks=1,compression=60"
    assert main(["train", small, *hr, *network, "--losses", "l1=1,gan=0.05", "-o", str(model)]) == 0
    assert '"kind": "pdm"' in load_network(model).metadata["training"]
    learned = load_learned(tmp_path / "model.pdm.safetensors")
    assert learned.training["jointly"]
    assert learned.model.knobs["channels"] == 8
    assert learned.model.compression == Compression.fixed(60)
    assert main(["train", str(trained), *hr, *network, "-o", str(tmp_path / "further.safetensors")]) == 0
    assert load_learned(tmp_path / "further.pdm.safetensors").identity != load_learned(trained).identity


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pdm"], "pdm: is learned along with the network from --references, which is missing"),
        (["uniform", "--references", "x"], "--references: belongs to pdm, or to a pdm.safetensors to learn further"),
        (["pdm:colour=1", "--references", "x"], "pdm: no knob 'colour'; it has size"),
        (["pdm:size", "--references", "x"], "DEGRADATION: must be NAME or NAME:KEY=VALUE"),
    ],
)
def test_learning_along_is_refused_in_a_line(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *arguments, "--hr", "y", "-o", str(tmp_path / "m.safetensors")]) == 2
    assert said in capsys.readouterr().err


def test_another_scale_is_refused(
    trained: Path, folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ["train", str(trained), "--hr", str(folders[1]), "-o", str(tmp_path / "m.safetensors")]
    for asked in (["--scale", "4"], ["--start", "start:x4"]):
        assert main([*train, *asked]) == 2
        assert "was found for networks of x2, and not of x4" in capsys.readouterr().err
    assert main(["pdm", "show", str(trained), "--crafted", "x.json"]) == 2
    assert "--crafted: needs --references and --hr" in capsys.readouterr().err
