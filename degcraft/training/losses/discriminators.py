"""Networks that tell clean images from restored ones, place by place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm


class PatchDiscriminator(nn.Sequential):
    """pix2pix's PatchGAN of 70×70 pixels (arXiv 1611.07004): (B,3,H,W) to logits (B,1,~H/8,~W/8)."""

    def __init__(self, channels: int = 64) -> None:
        """
        Args:
            channels: of the first layer; they double at each of the next three.
        """
        c = channels
        super().__init__(
            nn.Conv2d(3, c, 4, 2, 1),
            nn.LeakyReLU(0.2),
            *_normalized(c, 2 * c, stride=2),
            *_normalized(2 * c, 4 * c, stride=2),
            *_normalized(4 * c, 8 * c, stride=1),
            nn.Conv2d(8 * c, 1, 4, 1, 1),
        )


class DetailDiscriminator(nn.Module):
    """A PatchGAN of 38×38 pixels with spectral norm (arXiv 1802.05957) that sees how pixels differ from their
    neighbourhood's mean: (B,3,H,W) to logits (B,1,~H/4,~W/4).

    What images show is of no use to it, as in DSGAN (arXiv 1911.07850), but their noise and sharpness are: batch norm
    would scale either batch by itself, and so hide by how much the one is noisier than the other. It is told by how
    much the images of the batch differ (the minibatch standard deviation of arXiv 1710.10196, by channel): image by
    image, degraded ones that are all alike cannot be told from references that are not.
    """

    WINDOW, GAIN, SPREAD_GAIN = 5, 8.0, 4.0

    def __init__(self, channels: int = 32) -> None:
        """
        Args:
            channels: of the first layer; they double at each of the next two.
        """
        c = channels
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(3, c, 4, 2, 1),
            nn.LeakyReLU(0.2),
            _spectral(c, 2 * c, 4, 2),
            nn.LeakyReLU(0.2),
        )
        self.judge = nn.Sequential(
            _spectral(4 * c, 4 * c, 4, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(4 * c, 1, 4, 1, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(B,3,H,W) to logits (B,1,~H/4,~W/4)."""
        padded = F.pad(images, (self.WINDOW // 2,) * 4, mode="reflect")
        seen = self.look(self.GAIN * (images - F.avg_pool2d(padded, self.WINDOW, 1)))
        spread = (seen.mean(dim=(2, 3)).var(dim=0, correction=0) + 1e-6).sqrt()
        return self.judge(torch.cat([seen, self.SPREAD_GAIN * spread[:, None, None].expand_as(seen)], dim=1))


def _normalized(before: int, after: int, stride: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(before, after, 4, stride, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)


class UNetDiscriminator(nn.Module):
    """Real-ESRGAN's U-Net with spectral norm (arXiv 2107.10833, Fig. 6): (B,3,H,W) to logits (B,1,H,W).

    Three halvings and three enlargements with skips that are added; all convolutions but the first and the last
    are normalised.
    """

    def __init__(self, channels: int = 64) -> None:
        """
        Args:
            channels: of the first and last layers; they double at each halving.
        """
        super().__init__()
        c = channels
        self.conv_first = nn.Conv2d(3, c, 3, 1, 1)
        self.down = nn.ModuleList(_spectral(c * 2**i, c * 2 ** (i + 1), 4, 2) for i in range(3))
        self.up = nn.ModuleList(_spectral(c * 2 ** (i + 1), c * 2**i, 3, 1) for i in (2, 1, 0))
        self.tail = nn.ModuleList(_spectral(c, c, 3, 1) for _ in range(2))
        self.conv_last = nn.Conv2d(c, 1, 3, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """(B,3,H,W) to logits (B,1,H,W)."""
        levels = [_leaky(self.conv_first(images))]
        for conv in self.down:
            levels.append(_leaky(conv(levels[-1])))
        x = levels.pop()
        for conv in self.up:
            skip = levels.pop()
            # To the size of the skip and not by 2, so that sides need not be multiples of 8.
            x = F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False)
            x = _leaky(conv(x)) + skip
        for conv in self.tail:
            x = _leaky(conv(x))
        return self.conv_last(x)


def _spectral(before: int, after: int, kernel: int, stride: int) -> nn.Module:
    return spectral_norm(nn.Conv2d(before, after, kernel, stride, 1, bias=False))


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2, inplace=True)


@dataclass(frozen=True)
class DiscriminatorSpec:
    """One entry of the registry of discriminators."""

    build: Callable[[], nn.Module]
    """Weights are drawn from the global generator."""
    least_patch: int
    """Side of the smallest image that leaves it a value."""


DISCRIMINATORS: dict[str, DiscriminatorSpec] = {
    "patch": DiscriminatorSpec(PatchDiscriminator, 24),
    "detail": DiscriminatorSpec(DetailDiscriminator, 16),
    "unet": DiscriminatorSpec(UNetDiscriminator, 8),
}
"""By name."""
