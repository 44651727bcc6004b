"""Kernels of the published pipelines, of a few numbers per image."""

import torch
from torch import Tensor

SIDE = 25
"""Of every kernel: the largest that a pipeline has; smaller ones have zeros around them."""


def bell_kernels(along: Tensor, across: Tensor, angle: Tensor, beta: Tensor, plateau: Tensor, side: Tensor) -> Tensor:
    """Gaussian-like kernels, cut to a square: exp(-q^β / 2), or 1 / (1 + q^β) where they are plateaus.

    q is the squared distance in widths; β = 1 of the first is the Gaussian. Sampled at the pixels' centres, as BasicSR
    and KAIR do.

    Args:
        along, across: (n,) standard deviations in pixels, both directions of the ellipse.
        angle: (n,) of the first, in radians from the rows.
        beta: (n,) shape.
        plateau: (n,) booleans.
        side: (n,) odd, at most `SIDE`: what lies outside is 0.

    Returns:
        (n, SIDE, SIDE) float32 summing to 1 each.
    """
    x, y = _offsets()
    turned, shape = angle[:, None, None], beta[:, None, None]
    cos, sin = turned.cos(), turned.sin()
    # A width of 0 is a kernel of a single 1.
    wide, narrow = (width.double()[:, None, None].clamp_min(1e-3) for width in (along, across))
    q = ((x * cos + y * sin) / wide) ** 2 + ((y * cos - x * sin) / narrow) ** 2
    kernel = torch.where(plateau[:, None, None], 1 / (1 + q**shape), torch.exp(-0.5 * q**shape))
    return _cut(kernel, side)


def sinc_kernels(cutoff: Tensor, side: Tensor) -> Tensor:
    """The ideal circular low-pass filter, cut to a square: ω J₁(ωr) / (2πr). It rings.

    Args:
        cutoff: (n,) ω in radians per pixel, above 0 and up to π.
        side: (n,) odd, at most `SIDE`.

    Returns:
        (n, SIDE, SIDE) float32 summing to 1 each.
    """
    x, y = _offsets()
    radius, omega = torch.sqrt(x**2 + y**2), cutoff.double()[:, None, None]
    far = omega * torch.special.bessel_j1(omega * radius) / (2 * torch.pi * radius.clamp_min(1e-9))
    return _cut(torch.where(radius == 0, omega**2 / (4 * torch.pi), far), side)


def no_kernels(count: int) -> Tensor:
    """(count, SIDE, SIDE) that leave images as they are."""
    kernel = torch.zeros(count, SIDE, SIDE)
    kernel[:, SIDE // 2, SIDE // 2] = 1
    return kernel


def _offsets() -> tuple[Tensor, Tensor]:
    offset = torch.arange(SIDE, dtype=torch.float64) - SIDE // 2
    return offset[None, None, :], offset[None, :, None]


def _cut(kernel: Tensor, side: Tensor) -> Tensor:
    x, y = _offsets()
    kernel = kernel * (torch.maximum(x.abs(), y.abs()) <= side[:, None, None] // 2)
    return (kernel / kernel.sum(dim=(1, 2), keepdim=True)).float()
