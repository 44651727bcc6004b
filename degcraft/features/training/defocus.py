"""Photographs that are out of focus before anything degrades them, wholly or on one side."""

import math

import torch
from torch import Tensor

from degcraft.degradation import Degradation, degrade

SIGMA = (1.0, 8.0)
"""Of the defocus, in pixels of the clean image; uniform in the logarithm."""


def out_of_focus(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image blended into its blurred self along a ramp in a random direction.

    A background out of focus looks like a sharp one that was blurred. An encoder that knows such backgrounds says of
    them that it cannot tell, and relies on what is sharp.

    Args:
        images: (B, 3, H, W) float32 in [0, 1]; left unchanged.
        generator: the only source of randomness.

    Returns:
        the same shape, whole 8-bit levels.
    """
    count, _, height, width = images.shape

    def draw(low: float, high: float) -> Tensor:
        values = torch.rand(count, generator=generator, device=generator.device)
        return (low + (high - low) * values).to(images.device)

    sigma = torch.exp(draw(math.log(SIGMA[0]), math.log(SIGMA[1])))
    blurred = degrade(images, Degradation({"blur_sigma": sigma}), 1, generator)
    angle, middle, steepness = draw(0, 2 * math.pi), draw(-1.5, 0.7), draw(1, 8)
    y = torch.linspace(-1, 1, height, device=images.device)[None, :, None]
    x = torch.linspace(-1, 1, width, device=images.device)[None, None]
    along = x * angle.cos()[:, None, None] + y * angle.sin()[:, None, None]
    # Sharp on one side of the middle, blurred on the other; in most images the sharp side is small or out of sight.
    share = ((along - middle[:, None, None]) * steepness[:, None, None] + 0.5).clamp(0, 1)[:, None]
    return torch.lerp(images, blurred, share).mul_(255).round_().div_(255)
