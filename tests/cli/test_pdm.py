"""`degcraft pdm`: learnt, looked at, and taken by the commands that take a distribution."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from degcraft.cli import main
from degcraft.images import write_image
from degcraft.learned import load_learned
from degcraft.networks import load_network


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
        (["--lr-patch", "16"], "--lr-patch: must be at least 24, what the discriminator sees, but got 16"),
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
    assert "must hold at least 32 images of 32x32 pixels or more, but holds 6" in capsys.readouterr().err


def test_another_scale_is_refused(
    trained: Path, folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(trained), "--hr", str(folders[1]), "-o", str(tmp_path / "m.safetensors")]) == 2
    assert "reduces by 2, but the network enlarges by 4" in capsys.readouterr().err
    assert main(["pdm", "show", str(trained), "--crafted", "x.json"]) == 2
    assert "--crafted: needs --references and --hr" in capsys.readouterr().err
