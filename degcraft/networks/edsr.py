"""EDSR: residual blocks without batch norm around which images are normalised.

Source: B. Lim et al., *Enhanced Deep Residual Networks for Single Image Super-Resolution*, CVPRW 2017, section 3.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from degcraft.knobs import number, whole_number
from degcraft.networks.layers import conv3x3, uniform_start
from degcraft.networks.spec import NetworkSpec, StateDict, count_blocks

# Of the training images of DIV2K, and the range of 8-bit images, in which all published weights compute.
DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
RANGE = 255.0
# The published network of 256 channels scales its residuals by 0.1, the baseline of 64 does not: weights do not tell.
_WIDE, _RESIDUAL_SCALE_OF_WIDE = 256, 0.1

# EDSR-PyTorch's names as BasicSR has them; its first and last layer, which only add the mean, have none.
_RENAMED = (
    (r"head\.0\.", "conv_first."),
    (r"body\.(\d+)\.body\.0\.", r"body.\1.conv1."),
    (r"body\.(\d+)\.body\.2\.", r"body.\1.conv2."),
    (r"body\.\d+\.(weight|bias)", r"conv_after_body.\1"),
    (r"tail\.0\.", "upsample."),
    (r"tail\.1\.", "conv_last."),
)


class ResidualBlock(nn.Module):
    """x + s · conv2(relu(conv1(x)))."""

    def __init__(self, channels: int, residual_scale: float) -> None:
        super().__init__()
        self.residual_scale = residual_scale
        self.conv1 = conv3x3(channels, channels)
        self.conv2 = conv3x3(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.residual_scale * self.conv2(F.relu(self.conv1(x), inplace=True))


class EDSR(nn.Module):
    """Residual blocks at the input's size, pixel shuffles at the end.

    The names of its parameters are BasicSR's; checkpoints of EDSR-PyTorch are renamed when they are read.

    Args:
        scale: 1, 2, 3, 4 or 8.
        channels: width of every layer.
        blocks: number of residual blocks.
        residual_scale: factor of each block's residual.
        seed: of the starting weights.
    """

    mean: Tensor

    def __init__(
        self, *, scale: int = 4, channels: int = 64, blocks: int = 16, residual_scale: float = 1.0, seed: int = 0
    ) -> None:
        super().__init__()
        self.scale = scale
        self.register_buffer("mean", torch.tensor(DIV2K_MEAN).view(1, 3, 1, 1), persistent=False)
        self.conv_first = conv3x3(3, channels)
        self.body = nn.Sequential(*(ResidualBlock(channels, residual_scale) for _ in range(blocks)))
        self.conv_after_body = conv3x3(channels, channels)
        steps = {1: [], 2: [2], 3: [3], 4: [2, 2], 8: [2, 2, 2]}[scale]
        self.upsample = nn.Sequential(
            *(layer for step in steps for layer in (conv3x3(channels, channels * step**2), nn.PixelShuffle(step)))
        )
        self.conv_last = conv3x3(channels, 3)
        uniform_start(self, torch.Generator().manual_seed(seed))

    def forward(self, lr: Tensor) -> Tensor:
        """(B,3,h,w) in [0,1] to (B,3,h·scale,w·scale), not clamped."""
        x = self.conv_first((lr - self.mean) * RANGE)
        x = self.conv_last(self.upsample(x + self.conv_after_body(self.body(x))))
        return x / RANGE + self.mean


def convert(state: StateDict) -> StateDict:
    """A state dict of EDSR-PyTorch under BasicSR's names; any other as it is."""
    if "head.0.weight" not in state:
        return state
    renamed = {}
    for key, value in state.items():
        if key.startswith(("sub_mean.", "add_mean.")):
            continue
        for pattern, replacement in _RENAMED:
            if re.match(pattern, key):
                key = re.sub(pattern, replacement, key, count=1)
                break
        renamed[key] = value
    return renamed


def recover(state: StateDict) -> dict[str, Any] | None:
    """Scale, channels and blocks of an EDSR state dict by its shapes; None if it is not one."""
    if "head.0.weight" in state and "body.0.body.2.weight" not in state:
        return None
    state = convert(state)
    needed = ("conv_first.weight", "body.0.conv1.weight", "conv_after_body.weight", "conv_last.weight")
    if any(key not in state for key in needed):
        return None
    channels = state["conv_first.weight"].shape[0]
    scale = 1
    for step in (state.get(f"upsample.{i}.weight") for i in (0, 2, 4)):
        scale *= round((step.shape[0] / channels) ** 0.5) if step is not None else 1
    return {
        "scale": scale,
        "channels": channels,
        "blocks": count_blocks(state, "body."),
        "residual_scale": _RESIDUAL_SCALE_OF_WIDE if channels == _WIDE else 1.0,
    }


SPEC = NetworkSpec(
    name="edsr",
    description="EDSR: residual blocks, 1.5 million parameters at x4; the large one has channels 256, blocks 32",
    hyperparameters={
        "channels": whole_number(64, "width of every layer"),
        "blocks": whole_number(16, "number of residual blocks"),
        "residual_scale": number(1, "factor of each block's residual; 0.1 for 256 channels", low=0),
    },
    scales=(1, 2, 3, 4, 8),
    build=EDSR,
    recover=recover,
    convert=convert,
)
