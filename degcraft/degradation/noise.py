"""Additive white Gaussian noise, independent in every pixel and channel."""

import math

import torch
from torch import Tensor

from degcraft.degradation.operator import Conditions, Operator


def add_noise(images: Tensor, level: Tensor, conditions: Conditions) -> Tensor:
    """images + ε with ε ~ N(0, (level / 255)²), in place.

    Args:
        images: (B,3,h,w) in [0,1]; changed in place and not clipped.
        level: (B,) standard deviations in 8-bit units: 15 means 15/255; 0 leaves an image exactly as it is.
        conditions: the noise is drawn on the generator's device and then moved, so that a CPU generator gives
            the same noise wherever the images live. As many numbers are drawn at level 0 as at any other.
    """
    generator = conditions.generator
    noise = torch.randn(images.shape, generator=generator, device=generator.device)
    noise = noise.to(images.device, non_blocking=True)
    return images.addcmul_(noise, (level.to(images.dtype) / 255)[:, None, None, None])


NOISE = Operator(
    axis="noise_level",
    unit="standard deviation, 8-bit units",
    low=0.0,
    high=255.0,
    identity=0.0,
    step=0.4,
    bin_width=10.0,
    scaled=lambda level: math.sqrt(level + 1),
    apply=add_noise,
)
