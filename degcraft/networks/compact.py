"""Compact, the small network of Real-ESRGAN (SRVGGNetCompact): every layer at the size of the input."""

from __future__ import annotations

import torch
from spandrel.architectures.Compact import Compact
from torch import nn

from degcraft.networks.spec import NetworkSpec, StateDict, count_blocks


def build(*, scale: int, channels: int, convs: int, seed: int) -> nn.Module:
    """spandrel's Compact with starting weights from the seed."""
    # Its layers draw their weights from the global generator, which is left as it was.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Compact(num_feat=channels, num_conv=convs, upscale=scale)
    model.scale = scale
    return model


def recover(state: StateDict) -> dict[str, int] | None:
    """Scale, channels and convolutions of a Compact state dict by its shapes; None if it is not one."""
    if "body.0.weight" not in state or "body.1.weight" not in state:
        return None
    last = count_blocks(state, "body.") - 1
    scale = round((state[f"body.{last}.bias"].shape[0] / 3) ** 0.5)
    return {"scale": scale, "channels": state["body.0.weight"].shape[0], "convs": (last - 2) // 2}


SPEC = NetworkSpec(
    name="compact",
    description="Compact (Real-ESRGAN's SRVGGNetCompact): fast, all work at the size of the input",
    defaults={"channels": 64, "convs": 16},
    scales=(1, 2, 3, 4),
    build=build,
    recover=recover,
)
