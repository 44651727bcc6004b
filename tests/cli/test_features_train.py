"""`degcraft features train`: weights, their card, and what is refused."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from degcraft.cli import _progress, main
from degcraft.features import make_extractor


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten smooth pictures, each just large enough."""
    folder = tmp_path_factory.mktemp("clean")
    random = np.random.default_rng(0)
    for index in range(10):
        smooth = ndimage.gaussian_filter(random.random((288, 288, 3)), (2, 2, 0))
        levels = (smooth - smooth.min()) / np.ptp(smooth) * 255
        Image.fromarray(levels.astype(np.uint8)).save(folder / f"{index}.png")
    return folder


def test_weights_come_with_a_card_and_can_be_started_from(
    clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = tmp_path / "first.safetensors"
    assert main(["features", "train", "degnet", "--hr", str(clean), "--steps", "1", "-o", str(first)]) == 0
    printed = capsys.readouterr().out
    assert "8 photographs to train on, 2 held out" in printed
    assert "step 1 of 1" in printed
    assert "setting 4:" in printed
    card = first.with_suffix(".md").read_text()
    assert f"`degcraft features train degnet --hr {clean.name} --seed 0 --steps 1 -o first.safetensors`" in card
    assert "| setting | weight on true bins |" in card
    assert not first.with_suffix(".checkpoint.pt").exists()

    second = tmp_path / "second.safetensors"
    further = ["--start", str(first), "--learning-rate", "1e-3", "--steps", "1", "-o", str(second)]
    assert main(["features", "train", "degnet", "--hr", str(clean), *further]) == 0
    assert "--start first.safetensors --learning-rate 0.001" in second.with_suffix(".md").read_text()
    identities = {make_extractor("degnet", weights_file=file).identity for file in (first, second)}
    assert len(identities) == 2


def test_stopped_by_ctrl_c_it_says_how_to_go_on(
    clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "a.safetensors"
    arguments = ["features", "train", "degnet", "--hr", str(clean), "--steps", "2", "-o", str(output)]
    with monkeypatch.context() as patch:
        tell = _progress.TrainingProgress._tell

        def interrupted(shown: _progress.TrainingProgress, step: int, losses: dict[str, float]) -> None:
            tell(shown, step, losses)
            os.kill(os.getpid(), signal.SIGINT)

        patch.setattr(_progress.TrainingProgress, "_tell", interrupted)
        assert main(arguments) == 130
    assert "stopped: the same command goes on from" in capsys.readouterr().out
    assert [file.name for file in tmp_path.iterdir()] == ["a.checkpoint.pt"]
    assert main(arguments) == 0
    assert "going on from" in capsys.readouterr().out
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.md", "a.safetensors"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["degnet", "-o", "a.pth"], "must end in .safetensors"),
        (["degnet", "-o", "a.safetensors", "--start", "none.safetensors"], "none.safetensors does not exist"),
    ],
)
def test_slips_are_named(
    arguments: list[str],
    message: str,
    clean: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["features", "train", *arguments, "--hr", str(clean)]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_output_is_not_replaced_unasked(clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"mine")
    arguments = ["features", "train", "degnet", "--hr", str(clean), "-o", str(tmp_path / "a.safetensors")]
    assert main(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "a.safetensors").read_bytes() == b"mine"
