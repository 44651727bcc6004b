"""Gaussian blur: round, given as the taps of its one-dimensional factor, or stretched along a direction."""

import math

import torch
from torch import Tensor

from degcraft.degradation.operator import Taps, Values
from degcraft.degradation.operators import MAX_SIGMA

TRUNCATE = 4.0
"""The kernel ends at this many sigmas, as scipy.ndimage.gaussian_filter's does by default."""
MAX_ALONG = MAX_SIGMA * math.sqrt(2)
"""The widest that a kernel is along its direction, where it has no width across."""


def gaussian_taps(sigma: Tensor, most: float = MAX_SIGMA) -> Tensor:
    """One-dimensional Gaussian kernels k_σ, one per image.

    Args:
        sigma: (B,) standard deviations in pixels of the clean image, 0 to `MAX_SIGMA`; 0 gives exactly 1 at
            the centre and 0 elsewhere.
        most: The largest that sigma may be.

    Returns:
        (B, 2r+1) float32 on sigma's device, rows summing to 1. Each row is cut at int(4σ + 0.5) like scipy's.
        On the CPU r follows the largest sigma; on another device it is the radius of `most`, because
        reading the largest sigma back would stall the device. The extra taps are zeros.
    """
    distance = _offsets(sigma, most).abs()
    sigma = sigma.to(torch.float32)[:, None]
    # The floor keeps sigma = 0 free of 0/0: every tap but the central one underflows to exactly 0.
    taps = torch.exp(-0.5 * (distance / sigma.clamp_min(1e-3)) ** 2)
    taps = taps * (distance <= torch.floor(TRUNCATE * sigma + 0.5))
    return taps / taps.sum(dim=1, keepdim=True)


def stretched_gaussian(sigma: Tensor, ratio: Tensor, angle: Tensor) -> Tensor:
    """Two-dimensional Gaussian kernels that are wider along one direction than across it.

    Args:
        sigma: (B,) root of the mean of both variances, in pixels of the clean image.
        ratio: (B,) the width across over the width along, `LEAST_RATIO` to 1.
        angle: (B,) of the wide direction, in degrees from the rows (to the right) towards the columns (downwards).

    Returns:
        (B, 2r+1, 2r+1) float32 summing to 1 each, sampled at the pixels' centres, r as of `gaussian_taps` for the
        width along. A ratio of 1 is `gaussian_taps` both ways.
    """
    along = _width_along(sigma, ratio)
    offset = _offsets(along, MAX_ALONG)
    turned = torch.deg2rad(angle.to(torch.float32))[:, None, None]
    cos, sin, x, y = turned.cos(), turned.sin(), offset[None, None, :], offset[None, :, None]
    wide, narrow = along[:, None, None].clamp_min(1e-3), (along * ratio)[:, None, None].clamp_min(1e-3)
    kernel = torch.exp(-0.5 * (((x * cos + y * sin) / wide) ** 2 + ((y * cos - x * sin) / narrow) ** 2))
    reach = torch.floor(TRUNCATE * along + 0.5)[:, None, None]
    kernel = kernel * (torch.maximum(x.abs(), y.abs()) <= reach)
    return kernel / kernel.sum(dim=(1, 2), keepdim=True)


def blur_kernel(values: Values) -> Taps | Tensor:
    """Taps of kernels that are round, or stretched along the rows; whole kernels where they may be turned."""
    sigma = values["blur_sigma"]
    if "blur_ratio" not in values:
        taps = gaussian_taps(sigma)
        return taps, taps
    if "blur_angle" not in values:
        along = _width_along(sigma, values["blur_ratio"])
        return gaussian_taps(along, MAX_ALONG), gaussian_taps(along * values["blur_ratio"])
    return stretched_gaussian(sigma, values["blur_ratio"], values["blur_angle"])


def _width_along(sigma: Tensor, ratio: Tensor) -> Tensor:
    return sigma.to(torch.float32) * torch.sqrt(2 / (1 + ratio.to(torch.float32) ** 2))


def _offsets(sigma: Tensor, most: float) -> Tensor:
    """-r … r as far as the largest sigma's kernel reaches; on another device than the CPU as far as `most`'s."""
    widest = float(sigma.max()) if sigma.device.type == "cpu" and len(sigma) else most
    radius = int(TRUNCATE * widest + 0.5)
    return torch.arange(-radius, radius + 1, device=sigma.device, dtype=torch.float32)
