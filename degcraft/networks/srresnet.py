"""SRResNet without batch norm, the field's usual light network (MSRResNet in BasicSR).

Source: C. Ledig et al., *Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
Network*, CVPR 2017, section 2.1, in the form without batch norm and with a bilinear skip that followed it.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from degcraft.knobs import number, whole_number
from degcraft.networks.dropout import DropChannels, chance_of
from degcraft.networks.layers import conv3x3, kaiming_start
from degcraft.networks.spec import NetworkSpec, StateDict, count_blocks


class ResidualBlock(nn.Module):
    """x + conv2(relu(conv1(x)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(channels, channels)
        self.conv2 = conv3x3(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x), inplace=True))


class SRResNet(nn.Module):
    """Residual blocks at the input's size, pixel shuffles at the end, added to a bilinear enlargement.

    The names of its parameters are those of BasicSR's MSRResNet, so that checkpoints go both ways.
    At scale 1 there is no pixel shuffle and the skip is the identity: a restoration network.

    Args:
        scale: 1, 2, 3 or 4.
        channels: width of every layer.
        blocks: number of residual blocks.
        dropout: probability with which each channel before the last convolution is dropped while training.
        seed: of the starting weights.
    """

    def __init__(
        self, *, scale: int = 4, channels: int = 64, blocks: int = 16, dropout: float = 0.0, seed: int = 0
    ) -> None:
        super().__init__()
        self.scale = scale
        self.dropout = dropout
        self.conv_first = conv3x3(3, channels)
        self.body = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))
        if scale == 4:
            self.upconv1 = conv3x3(channels, channels * 4)
            self.upconv2 = conv3x3(channels, channels * 4)
        elif scale in (2, 3):
            self.upconv1 = conv3x3(channels, channels * scale**2)
        self.conv_hr = conv3x3(channels, channels)
        self.conv_last = conv3x3(channels, 3)
        if dropout:
            self.conv_last.register_forward_pre_hook(DropChannels(dropout))
        kaiming_start(self, torch.Generator().manual_seed(seed), gain=0.1)

    def forward(self, lr: Tensor) -> Tensor:
        """(B,3,h,w) in [0,1] to (B,3,h·scale,w·scale), not clamped."""
        x = self.body(_lrelu(self.conv_first(lr)))
        if self.scale == 4:
            x = _lrelu(F.pixel_shuffle(self.upconv1(x), 2))
            x = _lrelu(F.pixel_shuffle(self.upconv2(x), 2))
        elif self.scale > 1:
            x = _lrelu(F.pixel_shuffle(self.upconv1(x), self.scale))
        x = _lrelu(self.conv_hr(x))
        with chance_of(lr) if self.training and self.dropout else nullcontext():
            x = self.conv_last(x)
        skip = lr
        if self.scale > 1:
            skip = F.interpolate(lr, scale_factor=float(self.scale), mode="bilinear", align_corners=False)
        return x + skip


def _lrelu(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.1, inplace=True)


def recover(state: StateDict) -> dict[str, Any] | None:
    """Scale, channels and blocks of an SRResNet state dict by its shapes; None if it is not one."""
    needed = ("conv_first.weight", "body.0.conv1.weight", "conv_hr.weight", "conv_last.weight")
    if any(key not in state for key in needed) or "conv_body.weight" in state:
        return None
    channels = state["conv_first.weight"].shape[0]
    if "upconv2.weight" in state:
        scale = 4
    elif "upconv1.weight" in state:
        scale = round((state["upconv1.weight"].shape[0] / channels) ** 0.5)
    else:
        scale = 1
    return {"scale": scale, "channels": channels, "blocks": count_blocks(state, "body.")}


SPEC = NetworkSpec(
    name="srresnet",
    description="SRResNet without batch norm (BasicSR's MSRResNet): light; 1.5 million parameters at x4",
    hyperparameters={
        "channels": whole_number(64, "width of every layer"),
        "blocks": whole_number(16, "number of residual blocks"),
        "dropout": number(0, "probability of dropping a channel before the last convolution", low=0, high=0.99),
    },
    scales=(1, 2, 3, 4),
    build=SRResNet,
    recover=recover,
)
