"""A network of one convolution: what a new entry of the registry has to say."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from degcraft.knobs import number, whole_number, word
from degcraft.networks import NetworkSpec


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


SPEC = NetworkSpec(
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
