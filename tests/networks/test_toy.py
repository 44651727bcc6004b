"""A network is one entry: registered, it is built, saved, loaded, started from and used like any other."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from degcraft.errors import DegcraftError
from degcraft.networks import NETWORKS, NetworkSpec, build_network, load_network, resolve_start, save_network, upscale
from degcraft.networks.export import export
from degcraft.networks.hyperparameter import number, whole_number, word


class Toy(nn.Module):
    """One convolution, enlarged."""

    def __init__(self, *, scale: int, seed: int, taps: int, gain: float, mode: str) -> None:
        super().__init__()
        self.scale, self.mode = scale, mode
        generator = torch.Generator().manual_seed(seed)
        self.kernel = nn.Parameter(gain * torch.rand((3, 3, taps, taps), generator=generator))

    def forward(self, lr: Tensor) -> Tensor:
        sr = F.conv2d(lr, self.kernel, padding="same")
        return F.interpolate(sr, scale_factor=float(self.scale), mode=self.mode)


def recover(state: Any) -> dict[str, Any] | None:
    if state.keys() != {"kernel"}:
        return None
    return {"scale": 2, "taps": state["kernel"].shape[-1]}


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = NetworkSpec(
        name="toy",
        description="one convolution",
        hyperparameters={
            "taps": whole_number(3, "side of the kernel"),
            "gain": number(0.1, "of the kernel", low=0),
            "mode": word("nearest", options=("nearest", "bilinear")),
        },
        scales=(1, 2),
        build=Toy,
        recover=recover,
    )
    monkeypatch.setitem(NETWORKS, "toy", spec)


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
