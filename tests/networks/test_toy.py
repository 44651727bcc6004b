"""A network is one entry: registered, it is built, saved, loaded, started from and used like any other."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from degcraft.errors import DegcraftError
from degcraft.networks import NETWORKS, build_network, load_network, resolve_start, save_network, upscale
from degcraft.networks.export import export
from tests.networks.toy import SPEC, Toy


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETWORKS, "toy", SPEC)


def test_a_toy_goes_all_the_way(tmp_path: Path) -> None:
    network = build_network("Toy", scale=2, taps=5, mode="bilinear").eval()
    file = tmp_path / "toy.safetensors"
    save_network(file, network, name="toy", hyperparameters={"taps": 5, "mode": "bilinear"})
    loaded = load_network(file)
    assert loaded.hyperparameters == {"taps": 5, "gain": 0.1, "mode": "bilinear"}
    lr = torch.rand(3, 20, 30)
    assert torch.equal(loaded.model(lr[None]), network(lr[None]))
    torch.testing.assert_close(upscale(loaded.model, lr, scale=2, tile=24, overlap=8), network(lr[None])[0].clamp(0, 1))
    assert resolve_start(str(file), "toy", 2, {"taps": 5, "mode": "bilinear"}) is not None
    assert "degcraft" in export(loaded, tmp_path / "out.safetensors")
    save_file({"kernel": network.kernel.detach()}, tmp_path / "bare.safetensors")
    assert load_network(tmp_path / "bare.safetensors").hyperparameters["taps"] == 5


def test_one_that_does_not_enlarge_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toy, "forward", lambda self, lr: lr)
    with pytest.raises(DegcraftError, match=r"network toy: must turn 8x8 pixels into \(16, 16\), but gives \(8, 8\)"):
        build_network("toy", scale=2)


@pytest.mark.parametrize(
    ("hyperparameters", "message"),
    [
        ({"tap": 3}, "network toy: no hyperparameter 'tap'; it has taps, gain, mode"),
        ({"taps": True}, "taps must be a whole number of at least 1, but got True"),
        ({"gain": float("nan")}, "gain must be a number at least 0, but got nan"),
        ({"mode": "cubic"}, "mode must be one of nearest, bilinear, but got 'cubic'"),
    ],
)
def test_its_hyperparameters_are_checked(hyperparameters: dict[str, Any], message: str) -> None:
    with pytest.raises(DegcraftError, match=message):
        NETWORKS["toy"].checked(2, hyperparameters)
