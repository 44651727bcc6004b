"""Unsharp masking, as cameras and editors do it: the halos beside edges."""

import torch
from torch import Tensor

from degcraft.degradation.blur import gaussian_taps
from degcraft.degradation.operator import Operator, Values
from degcraft.degradation.parameter import Parameter
from degcraft.degradation.resampling import blur_and_reduce

SIGMA = 1.0
"""Of the mask, in pixels of the low-resolution image."""


def sharpen(images: Tensor, values: Values, generator: torch.Generator) -> Tensor:
    """x + a (x - x ⊗ k₁), not clipped; `sharpening` is a (B,), and 0 leaves an image exactly as it is."""
    amount = values["sharpening"].to(images.dtype)[:, None, None, None]
    taps = gaussian_taps(torch.full((len(images),), SIGMA))
    soft = blur_and_reduce(images, taps.to(images.device, non_blocking=True), 1)
    return torch.where(amount > 0, images + amount * (images - soft), images)


SHARPENING = Operator(
    parameters=(
        Parameter(
            "sharpening",
            "sharpening",
            "amount of unsharp masking",
            low=0.0,
            high=5.0,
            identity=0.0,
            digits=1,
            step=0.3,
            bin_width=0.5,
            grid=0.5,
            usual=(0.0, 3.0),
            hardly=0.2,
            more="more sharpened",
            less="less sharpened",
        ),
    ),
    apply=sharpen,
)
