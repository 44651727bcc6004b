"""Unsharp masking, as cameras and editors do it: the halos beside edges."""

import torch
from torch import Tensor

from degcraft.degradation.blur import gaussian_taps
from degcraft.degradation.operator import Values
from degcraft.degradation.resampling import blur_and_reduce

SIGMA = 1.0
"""Of the mask, in pixels of the low-resolution image."""


def sharpen(images: Tensor, values: Values, generator: torch.Generator) -> Tensor:
    """x + a (x - x ⊗ k₁), not clipped; `sharpening` is a (B,), and 0 leaves an image exactly as it is."""
    amount = values["sharpening"].to(images.dtype)[:, None, None, None]
    taps = gaussian_taps(torch.full((len(images),), SIGMA))
    soft = blur_and_reduce(images, taps.to(images.device, non_blocking=True), 1)
    return torch.where(amount > 0, images + amount * (images - soft), images)
