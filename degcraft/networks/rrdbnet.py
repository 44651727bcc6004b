"""RRDBNet, the generator of ESRGAN, BSRGAN and Real-ESRGAN.

Source: X. Wang et al., *ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks*, ECCVW 2018,
section 3.1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from degcraft.networks.layers import conv3x3, kaiming_start, uniform_start
from degcraft.networks.spec import NetworkSpec, StateDict, count_blocks

RESIDUAL_SCALE = 0.2
# Scales below 4 fold the image into channels first, so that the trunk always works at a quarter of the
# output's size.
_FOLD = {1: 4, 2: 2, 3: 1, 4: 1}


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees the block's input and the outputs of those before it."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(channels, growth)
        self.conv2 = conv3x3(channels + growth, growth)
        self.conv3 = conv3x3(channels + 2 * growth, growth)
        self.conv4 = conv3x3(channels + 3 * growth, growth)
        self.conv5 = conv3x3(channels + 4 * growth, channels)

    def forward(self, x: Tensor) -> Tensor:
        seen = x
        for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
            seen = torch.cat((seen, _lrelu(convolution(seen))), 1)
        return x + RESIDUAL_SCALE * self.conv5(seen)


class ResidualInResidual(nn.Module):
    """Three dense blocks with a scaled residual around them."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.rdb1 = DenseBlock(channels, growth)
        self.rdb2 = DenseBlock(channels, growth)
        self.rdb3 = DenseBlock(channels, growth)

    def forward(self, x: Tensor) -> Tensor:
        return x + RESIDUAL_SCALE * self.rdb3(self.rdb2(self.rdb1(x)))


class RRDBNet(nn.Module):
    """Residual-in-residual dense blocks, then nearest-neighbour enlargement with convolutions.

    The names of its parameters are BasicSR's. Scales 2 and 1 fold the input by 2 and 4 first, as
    Real-ESRGAN's x2 and x1 networks do; sizes that do not divide are padded by their last row and column,
    and the padding is cut off again. BasicSR has no x3: here it is one nearest-neighbour enlargement by 3
    and no `conv_up2`.

    Args:
        scale: 1, 2, 3 or 4.
        channels: width of the trunk.
        blocks: number of residual-in-residual blocks.
        growth: channels that each convolution of a dense block adds.
        seed: of the starting weights.
    """

    def __init__(
        self, *, scale: int = 4, channels: int = 64, blocks: int = 23, growth: int = 32, seed: int = 0
    ) -> None:
        super().__init__()
        self.scale = scale
        self.fold = _FOLD[scale]
        self.conv_first = conv3x3(3 * self.fold**2, channels)
        self.body = nn.Sequential(*(ResidualInResidual(channels, growth) for _ in range(blocks)))
        self.conv_body = conv3x3(channels, channels)
        self.conv_up1 = conv3x3(channels, channels)
        if scale != 3:
            self.conv_up2 = conv3x3(channels, channels)
        self.conv_hr = conv3x3(channels, channels)
        self.conv_last = conv3x3(channels, 3)
        generator = torch.Generator().manual_seed(seed)
        uniform_start(self, generator)
        kaiming_start(self.body, generator, gain=0.1)

    def forward(self, lr: Tensor) -> Tensor:
        """(B,3,h,w) in [0,1] to (B,3,h·scale,w·scale), not clamped."""
        height, width = lr.shape[-2:]
        x = lr
        if self.fold > 1:
            x = F.pad(x, (0, -width % self.fold, 0, -height % self.fold), mode="replicate")
            x = F.pixel_unshuffle(x, self.fold)
        x = self.conv_first(x)
        x = x + self.conv_body(self.body(x))
        if self.scale == 3:
            x = _lrelu(self.conv_up1(_enlarge(x, 3)))
        else:
            x = _lrelu(self.conv_up1(_enlarge(x, 2)))
            x = _lrelu(self.conv_up2(_enlarge(x, 2)))
        x = self.conv_last(_lrelu(self.conv_hr(x)))
        return x[..., : height * self.scale, : width * self.scale]


def _lrelu(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2, inplace=True)


def _enlarge(x: Tensor, factor: int) -> Tensor:
    return F.interpolate(x, scale_factor=float(factor), mode="nearest")


def recover(state: StateDict) -> dict[str, int] | None:
    """Scale, channels, blocks and growth of an RRDBNet state dict by its shapes; None if it is not one."""
    needed = (
        "conv_first.weight",
        "body.0.rdb1.conv1.weight",
        "conv_body.weight",
        "conv_up1.weight",
        "conv_hr.weight",
    )
    if any(key not in state for key in needed):
        return None
    channels, inputs = state["conv_first.weight"].shape[:2]
    scale = {12: 2, 48: 1}.get(inputs, 4 if "conv_up2.weight" in state else 3)
    return {
        "scale": scale,
        "channels": channels,
        "blocks": count_blocks(state, "body."),
        "growth": state["body.0.rdb1.conv1.weight"].shape[0],
    }


SPEC = NetworkSpec(
    name="rrdbnet",
    description="RRDBNet (ESRGAN, Real-ESRGAN): heavy; 16.7 million parameters, wants a GPU to train",
    defaults={"channels": 64, "blocks": 23, "growth": 32},
    scales=(1, 2, 3, 4),
    build=RRDBNet,
    recover=recover,
)
