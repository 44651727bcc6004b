"""Equation 2: clean images to degraded low-resolution ones."""

import torch
from torch import Tensor

from degcraft.degradation.operator import Chroma, Conditions
from degcraft.degradation.operators import OPERATORS
from degcraft.degradation.parameters import Degradation
from degcraft.degradation.resampling import blur_and_reduce, convolve_taps
from degcraft.errors import DegcraftError


@torch.no_grad()
def degrade(
    hr: Tensor,
    degradation: Degradation,
    scale: int,
    generator: torch.Generator,
    *,
    chroma: Chroma = "4:2:0",
    quantise: bool = True,
) -> Tensor:
    """x = JPEG_q[(y ⊗ k_σ)↓s + ε] (eq. 2), every image with its own parameters.

    The downsampling is antialiased bicubic; borders are mirrored. JPEG is libjpeg itself for images on the
    CPU, and a batched equivalent on any other device; nothing is read back from the device. In full float32
    products the results on both agree but for single rounding steps.

    Args:
        hr: (B,3,H,W) float32 in [0,1], H and W multiples of scale. Left unchanged.
        degradation: one value per image and axis, on any device; an absent axis is left out of the equation.
        scale: s, a whole number of at least 1.
        generator: what the noise is drawn with, on its own device.
        chroma: subsampling of the JPEG files, "4:2:0" or "4:4:4".
        quantise: round every result to the 8 bits that a file holds. An image that nothing is done to (scale
            1 and every parameter at its identity) comes back exactly, whatever its depth. False keeps the
            float values of the images that are not compressed; compressed ones have 8 bits anyway.

    Returns:
        (B,3,H/s,W/s) float32 in [0,1] on hr's device.

    Raises:
        DegcraftError: hr of another shape or type, sides that are not multiples of scale, a scale below 1, or
            a degradation for another number of images.
    """
    _check(hr, degradation, scale, chroma)
    if not len(hr):
        return hr.new_empty(0, 3, hr.shape[2] // scale, hr.shape[3] // scale)
    conditions = Conditions(generator, chroma)
    values = {name: tensor.to(hr.device, non_blocking=True) for name, tensor in degradation.parameters.items()}
    # Under autocast the products would run in 16 bits, which is coarser than the images' own steps.
    with torch.autocast(hr.device.type, enabled=False):
        lr = blur_and_reduce(hr, _blur_taps(degradation, hr.device), scale)
        for name, operator in OPERATORS.items():
            if operator.apply is not None and name in values:
                lr = operator.apply(lr, values[name], conditions)
    lr = lr.mul_(255).round_().clamp_(0, 255).div_(255) if quantise else lr.clamp_(0, 1)
    if quantise and scale == 1:
        untouched = torch.ones(len(hr), dtype=torch.bool, device=hr.device)
        for name, tensor in values.items():
            untouched &= tensor == OPERATORS[name].identity
        lr = torch.where(untouched[:, None, None, None], hr, lr)
    return lr


def _blur_taps(degradation: Degradation, device: torch.device) -> Tensor | None:
    """The one kernel that the registry's blurs amount to: (B, 2r+1) on `device`, or None."""
    taps: Tensor | None = None
    for name, operator in OPERATORS.items():
        value = degradation.get(name)
        if operator.kernel is not None and value is not None:
            # Made where the parameters are: on the CPU the kernel is no wider than the widest blur needs.
            kernel = operator.kernel(value)
            taps = kernel if taps is None else convolve_taps(taps, kernel)
    return None if taps is None else taps.to(device, non_blocking=True)


def _check(hr: Tensor, degradation: Degradation, scale: int, chroma: str) -> None:
    if hr.ndim != 4 or hr.shape[1] != 3 or hr.dtype != torch.float32:
        raise DegcraftError(f"hr must be float32 (B,3,H,W), but got {hr.dtype} {tuple(hr.shape)}")
    if not isinstance(scale, int) or scale < 1:
        raise DegcraftError(f"scale must be a whole number of at least 1, but got {scale}")
    height, width = hr.shape[2:]
    if height % scale or width % scale or not height or not width:
        raise DegcraftError(f"height and width of hr must be multiples of scale {scale}, but got {height}x{width}")
    if degradation.parameters and len(degradation) != len(hr):
        raise DegcraftError(f"degradation must fit the {len(hr)} images, but has {len(degradation)} rows")
    if chroma not in ("4:2:0", "4:4:4"):
        raise DegcraftError(f'chroma must be "4:2:0" or "4:4:4", but got {chroma!r}')
