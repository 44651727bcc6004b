"""Isotropic Gaussian blur, given as the taps of its one-dimensional factor."""

import torch
from torch import Tensor

from degcraft.degradation.operator import Operator

MAX_SIGMA = 16.0
TRUNCATE = 4.0
"""The kernel ends at this many sigmas, as scipy.ndimage.gaussian_filter's does by default."""


def gaussian_taps(sigma: Tensor) -> Tensor:
    """One-dimensional Gaussian kernels k_σ, one per image.

    Args:
        sigma: (B,) standard deviations in pixels of the clean image, 0 to `MAX_SIGMA`; 0 gives exactly 1 at
            the centre and 0 elsewhere.

    Returns:
        (B, 2r+1) float32 on sigma's device, rows summing to 1. Each row is cut at int(4σ + 0.5) like scipy's.
        On the CPU r follows the largest sigma; on another device it is the radius of `MAX_SIGMA`, because
        reading the largest sigma back would stall the device. The extra taps are zeros.
    """
    widest = float(sigma.max()) if sigma.device.type == "cpu" and len(sigma) else MAX_SIGMA
    radius = int(TRUNCATE * widest + 0.5)
    sigma = sigma.to(torch.float32)[:, None]
    distance = torch.arange(-radius, radius + 1, device=sigma.device, dtype=torch.float32).abs()
    # The floor keeps sigma = 0 free of 0/0: every tap but the central one underflows to exactly 0.
    taps = torch.exp(-0.5 * (distance / sigma.clamp_min(1e-3)) ** 2)
    taps = taps * (distance <= torch.floor(TRUNCATE * sigma + 0.5))
    return taps / taps.sum(dim=1, keepdim=True)


BLUR = Operator(
    axis="blur_sigma",
    unit="pixels of the clean image",
    low=0.0,
    high=MAX_SIGMA,
    identity=0.0,
    step=0.5,
    kernel=gaussian_taps,
)
