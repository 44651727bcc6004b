"""Blurs that real images carry, as transfer functions: what is left of every spatial frequency.

Each is driven by its effective sigma, the root of the mean variance of its kernel over both directions, so that
a label means the same whatever the shape of the kernel.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from degcraft.encoders.variants.choosing import Variant, deal, uniform

Transfer = Callable[[Tensor, Tensor, Tensor, torch.Generator], Tensor]
"""(sigma (n,1,1) in pixels, fy (h,1), fx (w,) in cycles per pixel, generator) → (n,h,w), 1 at frequency 0."""


def gaussian(sigma: Tensor, fy: Tensor, fx: Tensor, generator: torch.Generator) -> Tensor:
    """Isotropic: an optical system a little out of focus, an upscaled image."""
    return torch.exp(-2 * math.pi**2 * sigma**2 * (fy**2 + fx**2))


def anisotropic_gaussian(sigma: Tensor, fy: Tensor, fx: Tensor, generator: torch.Generator) -> Tensor:
    """Widths in a ratio of 1 to 4 along a random direction, as BSRGAN and Real-ESRGAN draw them."""
    across, along = _turned(len(sigma), fy, fx, generator)
    ratio = (4 ** uniform(len(sigma), 0, 1, generator)).to(sigma.device)[:, None, None]
    narrow = sigma * torch.sqrt(2 / (1 + ratio**2))
    return torch.exp(-2 * math.pi**2 * narrow**2 * (across**2 + (ratio * along) ** 2))


def motion(sigma: Tensor, fy: Tensor, fx: Tensor, generator: torch.Generator) -> Tensor:
    """A straight line of length L, of variance L²/12 along it and none across."""
    _, along = _turned(len(sigma), fy, fx, generator)
    return torch.sinc(math.sqrt(24) * sigma * along)


def defocus(sigma: Tensor, fy: Tensor, fx: Tensor, generator: torch.Generator) -> Tensor:
    """A disc of radius R, of variance R²/4 along every direction: 2 J₁(x)/x with x = 2πRf."""
    x = (4 * math.pi * sigma * torch.sqrt(fy**2 + fx**2)).clamp_min(1e-3)
    return 2 * torch.special.bessel_j1(x) / x


BLURS: dict[str, Variant[Transfer]] = {
    "gaussian": Variant(0.35, gaussian),
    "anisotropic gaussian": Variant(0.35, anisotropic_gaussian),
    "motion": Variant(0.1, motion),
    "defocus": Variant(0.2, defocus),
}


def draw_transfers(sigma: Tensor, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Shapes and directions from `BLURS`, ready for `blur_at_half`.

    Args:
        sigma: (n,) effective sigmas in pixels, on the device to work on.
        size: (H, W) of the images that will be blurred.
        generator: the only source of randomness.

    Returns:
        (n, padded height, padded width // 2 + 1) on sigma's device.
    """
    height, width = (side // 2 + 2 * _padding(side // 2) for side in size)
    fy = torch.fft.fftfreq(height, 2.0, device=sigma.device)[:, None]
    fx = torch.fft.rfftfreq(width, 2.0, device=sigma.device)
    transfer = sigma.new_empty(len(sigma), height, len(fx))
    for name, places in deal(BLURS, len(sigma), generator).items():
        transfer[places] = BLURS[name].apply(sigma[places, None, None], fy, fx, generator)
    # The averaging that halves the images is undone here.
    return transfer.div_(torch.cos(math.pi * fy) * torch.cos(math.pi * fx))


def blur_at_half(images: Tensor, transfer: Tensor) -> Tensor:
    """Blurs images and returns them at half their size.

    What a blur leaves is so smooth that half the size holds it, for a quarter of the work. Borders are
    mirrored for an eighth of the side.

    Args:
        images: (n,3,H,W), H and W even.
        transfer: of these images, from `draw_transfers`.

    Returns:
        (n,3,H/2,W/2), not clipped.
    """
    # Strided sums are several times faster than avg_pool2d on the CPU.
    rows = images[:, :, 0::2] + images[:, :, 1::2]
    half = (rows[..., 0::2] + rows[..., 1::2]).mul_(0.25)
    height, width = half.shape[2:]
    down, across = _padding(height), _padding(width)
    padded = F.pad(half, (across, across, down, down), mode="reflect")
    spectrum = torch.fft.rfft2(padded).mul_(transfer[:, None])
    blurred = torch.fft.irfft2(spectrum, s=padded.shape[2:])
    return blurred[..., down : down + height, across : across + width]


def _padding(side: int) -> int:
    return max(1, side // 8)


def _turned(n: int, fy: Tensor, fx: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The frequencies across and along n random directions, each (n,h,w)."""
    angle = uniform(n, 0, math.pi, generator).to(fy.device)[:, None, None]
    cos, sin = torch.cos(angle), torch.sin(angle)
    return cos * fy - sin * fx, sin * fy + cos * fx
