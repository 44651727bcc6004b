"""What is exported opens elsewhere and computes the same there, or is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spandrel
import torch
from safetensors import safe_open

from degcraft.errors import DegcraftError
from degcraft.networks import NETWORKS, LoadedNetwork, build_network, load_network, network_spec
from degcraft.networks.export import export
from tests.networks.small import SMALL


def made(name: str, scale: int, **own: Any) -> LoadedNetwork:
    model = build_network(name, scale=scale, seed=1, **own).eval()
    return LoadedNetwork(model, scale, name, network_spec(name).checked(scale, own), {})


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize(
    ("name", "scale", "own"),
    [
        ("compact", 2, SMALL["compact"]),
        ("span", 4, SMALL["span"]),
        ("rrdbnet", 4, {"channels": 8, "blocks": 1}),
        ("rrdbnet", 2, {"channels": 8, "blocks": 1}),
        ("swinir", 2, SMALL["swinir"]),
    ],
)
def test_weights_open_in_spandrel(name: str, scale: int, own: dict[str, Any], suffix: str, tmp_path: Path) -> None:
    network = made(name, scale, **own)
    file = tmp_path / f"out{suffix}"
    assert f"x{scale} in software that uses spandrel" in export(network, file)
    descriptor = spandrel.ModelLoader().load_from_file(file)
    assert descriptor.scale == scale
    lr = torch.rand(1, 3, 13, 10)
    torch.testing.assert_close(descriptor(lr), network.model(lr).clamp(0, 1), rtol=0, atol=1e-6)
    again = load_network(file)
    assert (again.name, again.scale, again.hyperparameters) == (name, scale, network.hyperparameters)


def test_rrdbnet_goes_out_under_the_names_of_basicsr(tmp_path: Path) -> None:
    export(made("rrdbnet", 4, channels=8, blocks=3), tmp_path / "out.safetensors")
    with safe_open(tmp_path / "out.safetensors", framework="pt") as file:
        layers = {key.rsplit(".", 1)[0] for key in file.keys()}  # noqa: SIM118 (not a mapping)
        assert not file.metadata()
    blocks = {f"body.{i}.rdb{j}.conv{k}" for i in range(3) for j in (1, 2, 3) for k in range(1, 6)}
    assert layers == {"conv_first", "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"} | blocks


@pytest.mark.parametrize("name", ["srresnet", "edsr"])
def test_what_spandrel_lacks_is_said_to_be_for_others(name: str, tmp_path: Path) -> None:
    note = export(made(name, 2, **SMALL[name]), tmp_path / "out.pth")
    assert note == f"spandrel does not know {name}: software with BasicSR's {name} opens it, degcraft too"
    assert load_network(tmp_path / "out.pth").name == name


@pytest.mark.parametrize(
    ("name", "scale", "own", "message"),
    [
        ("rrdbnet", 3, {"channels": 8, "blocks": 1}, "take them for one that enlarges by 2, not by 3"),
        ("span", 2, {"channels": 8, "img_range": 1.0}, "compute something else, by up to"),
    ],
)
def test_what_others_would_take_for_another_network_is_refused(
    name: str, scale: int, own: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DegcraftError, match=message):
        export(made(name, scale, **own), tmp_path / "out.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "scale"), [("compact", 2), ("span", 2), ("srresnet", 4), ("edsr", 2), ("rrdbnet", 2), ("plksr", 2)]
)
def test_onnx_takes_any_batch_height_and_width(name: str, scale: int, tmp_path: Path) -> None:
    import onnxruntime

    network = made(name, scale, **SMALL[name])
    assert export(network, tmp_path / "out.onnx").startswith("ONNX: lr (batch,3,height,width)")
    session = onnxruntime.InferenceSession(str(tmp_path / "out.onnx"), providers=["CPUExecutionProvider"])
    for size in ((1, 3, 19, 34), (4, 3, 8, 8), (2, 3, 50, 27)):
        lr = torch.rand(size, generator=torch.Generator().manual_seed(0))
        (found,) = session.run(None, {"lr": lr.numpy()})
        np.testing.assert_allclose(found, network.model(lr).detach().numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_a_graph_that_freezes_its_size_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By comparison; where it is known beforehand, at once."""
    network = made("safmn", 2, **SMALL["safmn"])
    with pytest.raises(DegcraftError, match="network safmn: cannot be exported to ONNX for free sizes: its padding"):
        export(network, tmp_path / "out.onnx")
    monkeypatch.setitem(NETWORKS, "safmn", replace(NETWORKS["safmn"], no_graph=""))
    with pytest.raises(DegcraftError, match=r"network safmn: cannot be exported to ONNX for free sizes \(") as error:
        export(network, tmp_path / "out.onnx")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match=r"out.txt: must end in .safetensors, .pth, .onnx, but ends in '.txt'"):
        export(made("compact", 2, **SMALL["compact"]), tmp_path / "out.txt")
