"""How much an image shows that its blur could be told from."""

import torch
import torch.nn.functional as F
from torch import Tensor

from degcraft.images.blocks import LUMA

_FINE, _COARSE = 1.0, 2.0
"""Standard deviations in LR pixels of the band that is looked at: coarser than most of the noise, and no coarser than
what the blurs of the paper's space leave."""


@torch.no_grad()
def structure(images: Tensor) -> Tensor:
    """Strength of the band of middle frequencies: the standard deviation of a difference of two Gaussians.

    A plain sky or a background out of focus has little of it, whatever was done to the image.

    Args:
        images: (n, 3, h, w) float in [0, 1], RGB; sides above 8.

    Returns:
        (n,) float32 on the images' device.
    """
    luma = torch.einsum("nchw,c->nhw", images.float(), torch.tensor(LUMA, device=images.device))[:, None]
    band = _blurred(luma, _FINE) - _blurred(luma, _COARSE)
    return band.flatten(1).std(dim=1)


def most_structured(images: Tensor, count: int) -> Tensor:
    """Which `count` images of a set have the most structure: (n, 3, h, w) float in [0, 1] → (n,) bool."""
    chosen = torch.zeros(len(images), dtype=torch.bool, device=images.device)
    chosen[structure(images).argsort(descending=True, stable=True)[:count]] = True
    return chosen


def _blurred(images: Tensor, sigma: float) -> Tensor:
    """(n, 1, h, w) convolved with a Gaussian cut at four standard deviations, borders mirrored."""
    radius = min(int(4 * sigma + 0.5), min(images.shape[2:]) - 1)
    places = torch.arange(-radius, radius + 1, device=images.device, dtype=torch.float32)
    taps = torch.exp(-0.5 * (places / sigma).square())
    taps = taps / taps.sum()
    padded = F.pad(images, (radius, radius, radius, radius), mode="reflect")
    return F.conv2d(F.conv2d(padded, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))
