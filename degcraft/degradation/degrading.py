"""Equation 2: clean images to degraded low-resolution ones."""

from collections.abc import Mapping

import torch
from torch import Tensor

from degcraft.degradation.operator import Operator, Values
from degcraft.degradation.operators import OPERATORS, find_parameter
from degcraft.degradation.parameters import Degradation
from degcraft.degradation.resampling import blur_and_reduce, blur_whole, convolve_taps
from degcraft.errors import DegcraftError


@torch.no_grad()
def degrade(
    hr: Tensor, degradation: Degradation, scale: int, generator: torch.Generator, *, quantise: bool = True
) -> Tensor:
    """x = JPEG_q[(y ⊗ k_σ)↓s + ε] (eq. 2) and what the other operators add to it, every image with its own parameters.

    The downsampling is antialiased bicubic unless the degradation says otherwise; borders are mirrored. JPEG is libjpeg
    itself for images on the CPU, and a batched equivalent on any other device; nothing is read back from the device but
    by the encoders that run on the CPU alone (WebP, video). In full float32 products the results on both agree but for
    single rounding steps.

    Args:
        hr: (B,3,H,W) float32 in [0,1], H and W multiples of scale. Left unchanged.
        degradation: one value per image and parameter, on any device; what is absent is left out of the equation.
        scale: s, a whole number of at least 1.
        generator: what the noise is drawn with, on its own device.
        quantise: round every result to the 8 bits that a file holds. An image that nothing is done to (scale
            1 and every parameter at its identity) comes back exactly, whatever its depth. False keeps the
            float values of the images that are not compressed; compressed ones have 8 bits anyway.

    Returns:
        (B,3,H/s,W/s) float32 in [0,1] on hr's device.

    Raises:
        DegcraftError: hr of another shape or type, sides that are not multiples of scale, a scale below 1, or
            a degradation for another number of images.
    """
    check_clean(hr, scale)
    if degradation.parameters and len(degradation) != len(hr):
        raise DegcraftError(f"degradation must fit the {len(hr)} images, but has {len(degradation)} rows")
    if not len(hr):
        return hr.new_empty(0, 3, hr.shape[2] // scale, hr.shape[3] // scale)
    # Kernels are made where the parameters are: on the CPU they are no wider than the widest blur needs.
    here = _given(degradation.parameters)
    values = {name: tensor.to(hr.device, non_blocking=True) for name, tensor in degradation.parameters.items()}
    there = _given(values)
    # Under autocast the products would run in 16 bits, which is coarser than the images' own steps.
    with torch.autocast(hr.device.type, enabled=False):
        lr, taps, reduction = hr, None, None
        for operator, own in here:
            if operator.kernel is not None:
                kernel = operator.kernel(own)
                if isinstance(kernel, Tensor):
                    lr = blur_whole(lr, kernel.to(hr.device, non_blocking=True))
                else:
                    across, down = (one.to(hr.device, non_blocking=True) for one in kernel)
                    taps = (
                        (across, down)
                        if taps is None
                        else (convolve_taps(taps[0], across), convolve_taps(taps[1], down))
                    )
        for operator, own in there:
            if operator.reduce is not None:
                reduction = operator.reduce(own, scale)
        lr = blur_and_reduce(lr, taps, scale, reduction)
        for operator, own in there:
            if operator.apply is not None:
                lr = operator.apply(lr, own, generator)
    lr = lr.mul_(255).round_().clamp_(0, 255).div_(255) if quantise else lr.clamp_(0, 1)
    if quantise and scale == 1:
        untouched = torch.ones(len(hr), dtype=torch.bool, device=hr.device)
        for name, tensor in values.items():
            untouched &= tensor == find_parameter(name).identity
        lr = torch.where(untouched[:, None, None, None], hr, lr)
    return lr


def _given(values: Mapping[str, Tensor]) -> list[tuple[Operator, Values]]:
    """The operators that are driven, in order, with those of their parameters that are given."""
    return [
        (operator, {one.name: values[one.name] for one in operator.parameters if one.name in values})
        for name, operator in OPERATORS.items()
        if name in values
    ]


def check_clean(hr: Tensor, scale: int) -> None:
    """Raises DegcraftError for clean images that cannot be degraded, as `degrade` says."""
    if hr.ndim != 4 or hr.shape[1] != 3 or hr.dtype != torch.float32:
        raise DegcraftError(f"hr must be float32 (B,3,H,W), but got {hr.dtype} {tuple(hr.shape)}")
    if not isinstance(scale, int) or scale < 1:
        raise DegcraftError(f"scale must be a whole number of at least 1, but got {scale}")
    height, width = hr.shape[2:]
    if height % scale or width % scale or not height or not width:
        raise DegcraftError(f"height and width of hr must be multiples of scale {scale}, but got {height}x{width}")
