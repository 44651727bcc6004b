"""`degcraft export` writes what other software opens, once, and only when it can."""

from pathlib import Path

import pytest
import spandrel
import torch

from degcraft.cli import main
from degcraft.networks import STARTS, build_network, save_network

SMALL = {"channels": 8, "convs": 2}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_network(path, build_network("compact", scale=2, **SMALL), name="compact", hyperparameters=SMALL)
    return path


def test_it_opens_in_spandrel(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.pth"
    assert main(["export", str(model), "-o", str(out)]) == 0
    assert f"wrote {out}; opens as RealESRGAN Compact x2 in software that uses spandrel" in capsys.readouterr().out
    descriptor = spandrel.ModelLoader().load_from_file(out)
    assert descriptor.scale == 2
    assert descriptor(torch.rand(1, 3, 7, 9)).shape == (1, 3, 14, 18)


def test_a_start_goes_out_as_any_file(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STARTS, "tiny", model)
    assert main(["export", "start:tiny", "-o", str(tmp_path / "out.safetensors")]) == 0
    assert (tmp_path / "out.safetensors").is_file()


@pytest.mark.slow
def test_onnx(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import onnxruntime

    out = tmp_path / "out.onnx"
    assert main(["export", str(model), "-o", str(out)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1  # the exporter is talkative
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    assert session.run(None, {"lr": torch.rand(2, 3, 11, 30).numpy()})[0].shape == (2, 3, 22, 60)


def test_wrong_input_is_one_line(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "damaged.safetensors").write_bytes(model.read_bytes()[:-100])
    (tmp_path / "there.pth").write_bytes(b"")
    for arguments, message in [
        ([str(model), "-o", str(tmp_path / "out.txt")], "must end in .safetensors, .pth, .onnx"),
        ([str(model), "-o", str(tmp_path / "there.pth")], "is there already; add --overwrite"),
        ([str(tmp_path / "damaged.safetensors"), "-o", str(tmp_path / "o.pth")], "not a readable safetensors file"),
        ([str(tmp_path / "gone.pth"), "-o", str(tmp_path / "o.pth")], "there is no such file"),
        ([str(model), "-o", str(tmp_path / "o.pth"), "--scale", "3"], "--scale: is of a crafted distribution"),
        ([str(model), "-o", str(tmp_path / "o.pth"), "--images", "9"], "--images: is of a crafted distribution"),
        (["start:none", "-o", str(tmp_path / "o.pth")], "start:none: there is no such start"),
    ]:
        assert main(["export", *arguments]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert len(error.splitlines()) == 1
    assert not (tmp_path / "o.pth").exists()


@pytest.mark.parametrize("name", ["x.safetensors", "x.pth", "x.onnx"])
def test_where_nothing_can_be_written_that_is_said(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "start:x4", "-o", f"/proc/{name}"]) == 2
    assert f"/proc/{name}: cannot be written" in capsys.readouterr().err
