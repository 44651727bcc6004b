"""Gaussian blur: round, given as the taps of its one-dimensional factor, or stretched along a direction."""

import math

import torch
from torch import Tensor

from degcraft.degradation.operator import Operator, Taps, Values
from degcraft.degradation.parameter import Parameter

MAX_SIGMA = 16.0
TRUNCATE = 4.0
"""The kernel ends at this many sigmas, as scipy.ndimage.gaussian_filter's does by default."""
LEAST_RATIO = 0.1
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


BLUR = Operator(
    parameters=(
        Parameter(
            "blur_sigma",
            "blur sigma",
            "pixels of the clean image",
            low=0.0,
            high=MAX_SIGMA,
            identity=0.0,
            mark=" px",
            digits=1,
            step=0.5,
            grid=0.5,
            usual=(0.0, 10.0),
            hardly=0.25,
            more="more blurred",
            less="sharper",
        ),
        Parameter(
            "blur_ratio",
            "blur ratio",
            "width across over width along",
            low=LEAST_RATIO,
            high=1.0,
            identity=1.0,
            digits=2,
            step=0.2,
            bin_width=0.2,
            grid=0.1,
            more="rounder",
            less="more stretched",
        ),
        Parameter(
            "blur_angle",
            "blur angle",
            "degrees from the rows, clockwise",
            low=0.0,
            high=180.0,
            identity=0.0,
            mark="°",
            step=20.0,
            bin_width=36.0,
            grid=15.0,
        ),
    ),
    kernel=blur_kernel,
)
