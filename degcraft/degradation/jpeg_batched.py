"""JPEG on any device, batched, following libjpeg's arithmetic without the entropy coding (which loses
nothing).

Sources: ITU-T T.81 (1992), Annex K for the quantisation tables; the Independent JPEG Group's library for
everything that the standard leaves open: quality scaling, fixed-point colour conversion and cosine transform,
2x2 chroma averaging with alternating bias, padding, and triangle ("fancy") chroma upsampling. The result is
the same to the last bit. Whole numbers are held in floating point, which every device multiplies fast.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from degcraft.degradation.operators import Chroma

# fmt: off
LUMA_TABLE = (
    16, 11, 10, 16,  24,  40,  51,  61,
    12, 12, 14, 19,  26,  58,  60,  55,
    14, 13, 16, 24,  40,  57,  69,  56,
    14, 17, 22, 29,  51,  87,  80,  62,
    18, 22, 37, 56,  68, 109, 103,  77,
    24, 35, 55, 64,  81, 104, 113,  92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103,  99,
)
CHROMA_TABLE = (
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
)
COSINES = (
    ( 8192,   8192,   8192,   8192,   8192,   8192,   8192,   8192),
    (11363,   9633,   6437,   2260,  -2260,  -6437,  -9633, -11363),
    (10703,   4433,  -4433, -10703, -10703,  -4433,   4433,  10703),
    ( 9633,  -2259, -11362,  -6436,   6436,  11362,   2259,  -9633),
    ( 8192,  -8192,  -8192,   8192,   8192,  -8192,  -8192,   8192),
    ( 6437, -11362,   2261,   9633,  -9633,  -2261,  11362,  -6437),
    ( 4433, -10704,  10704,  -4433,  -4433,  10704, -10704,   4433),
    ( 2260,  -6436,   9633, -11363,  11363,  -9633,   6436,  -2260),
)
"""The cosine transform of 8 numbers times √8 · 2^13, as the 13-bit constants of libjpeg's "slow integer"
transform (after Loeffler, Ligtenberg and Moschytz, 1989) add up; its inverse is the transpose. Plain rounding
of the cosines would differ by 1 here and there."""
# fmt: on


def jpeg_torch(images: Tensor, quality: Tensor, chroma: Chroma = "4:2:0") -> Tensor:
    """What libjpeg makes of every image, without leaving the images' device.

    No value is read back and no shape depends on a value, so nothing waits for the device.

    Args:
        images: (B,3,h,w) float32 RGB; clipped to [0,1] and rounded to 8 bits first.
        quality: (B,) 1 to 100, rounded to the nearest whole number, half up; inf leaves the image as it is.
        chroma: "4:2:0" (chroma at half the resolution both ways) or "4:4:4".

    Returns:
        (B,3,h,w) float32 with values k/255.
    """
    height, width = images.shape[2:]
    luma_steps, chroma_steps = quantisation_steps(quality)
    y, cb, cr = _to_ycc(images.mul(255).round_().clamp_(0, 255))
    colour = torch.stack((cb, cr), dim=1)
    if chroma == "4:2:0":
        colour = _halve(colour)
    y = _quantise_blocks(y[:, None], luma_steps)
    colour = _quantise_blocks(colour, chroma_steps)
    if chroma == "4:2:0":
        colour = _double(colour[..., : (width + 1) // 2])[..., :height, :width]
    decoded = _to_rgb(y[:, 0], colour[:, 0], colour[:, 1]).div_(255)
    return torch.where(torch.isfinite(quality)[:, None, None, None], decoded, images)


def quantisation_steps(quality: Tensor) -> tuple[Tensor, Tensor]:
    """The luma and chroma quantisation tables of a quality, as libjpeg scales them for baseline files.

    Args:
        quality: (B,) 1 to 100; what is not finite counts as 100.

    Returns:
        two (B,64) float32 tensors of whole numbers 1 to 255, row-major over the block.
    """
    quality = torch.floor(torch.nan_to_num(quality.float(), nan=100.0, posinf=100.0) + 0.5).clamp(1, 100)
    percent = torch.where(quality < 50, torch.floor(5000 / quality), 200 - 2 * quality)[:, None]
    luma, chroma, _ = _constants(quality.device)
    return (
        torch.floor((luma * percent + 50) / 100).clamp(1, 255),
        torch.floor((chroma * percent + 50) / 100).clamp(1, 255),
    )


def _to_ycc(rgb: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(B,3,h,w) whole numbers 0 to 255 → Y, Cb, Cr, each (B,h,w): libjpeg's 16-bit fixed point.

    Every partial sum is a whole number below 2^24, so float32 holds it exactly.
    """
    r, g, b = rgb.unbind(1)
    y = (19595 * r + 38470 * g + 7471 * b + 32768) / 65536
    cb = (8421375 - 11059 * r - 21709 * g + 32768 * b) / 65536
    cr = (8421375 + 32768 * r - 27439 * g - 5329 * b) / 65536
    return y.floor_(), cb.floor_(), cr.floor_()


def _to_rgb(y: Tensor, cb: Tensor, cr: Tensor) -> Tensor:
    """The way back in the same fixed point: three (B,h,w) → (B,3,h,w), whole numbers 0 to 255."""
    cb, cr = cb - 128, cr - 128
    r = y + torch.floor((91881 * cr + 32768) / 65536)
    g = y + torch.floor((-22554 * cb - 46802 * cr + 32768) / 65536)
    b = y + torch.floor((116130 * cb + 32768) / 65536)
    return torch.stack((r, g, b), dim=1).clamp_(0, 255)


def _halve(planes: Tensor) -> Tensor:
    """2x2 means as libjpeg takes them: (B,c,h,w) → (B,c,⌈h/2⌉,8n).

    Columns are repeated to whole blocks before averaging and rows only to an even number (libjpeg repeats
    averaged rows further down), and the rounding bias alternates 1, 2, 1, 2 along a row.
    """
    height, width = planes.shape[2:]
    planes = F.pad(planes, (0, -width % 16, 0, height % 2), mode="replicate")
    total = F.avg_pool2d(planes, 2, divisor_override=1)
    bias = torch.arange(total.shape[-1], device=planes.device) % 2 + 1
    return total.add_(bias).div_(4).floor_()


def _double(planes: Tensor) -> Tensor:
    """Triangle upsampling by two, (B,c,h,w) → (B,c,2h,2w): 9/16, 3/16, 3/16, 1/16 of the nearest four.

    Planes of one or two columns are repeated instead, as libjpeg does.
    """
    if planes.shape[-1] <= 2:
        return planes.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2)
    batch, channels, height, width = planes.shape
    padded = F.pad(planes, (1, 1, 1, 1), mode="replicate")
    centre = padded[..., 1:-1, :] * 3
    rows = torch.stack((centre + padded[..., :-2, :], centre + padded[..., 2:, :]), dim=3)
    rows = rows.view(batch, channels, 2 * height, width + 2)
    centre = rows[..., 1:-1] * 3
    columns = torch.stack((centre + rows[..., :-2] + 8, centre + rows[..., 2:] + 7), dim=4)
    return columns.view(batch, channels, 2 * height, 2 * width).div_(16).floor_()


@lru_cache(maxsize=8)
def _constants(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """The three tables on a device, kept there: a fresh copy from the host would stall a GPU."""
    return (
        torch.tensor(LUMA_TABLE, dtype=torch.float32, device=device),
        torch.tensor(CHROMA_TABLE, dtype=torch.float32, device=device),
        torch.tensor(COSINES, dtype=torch.float64, device=device),
    )


def _descale(values: Tensor, bits: int) -> Tensor:
    """Whole numbers divided by 2^bits in place, halves upwards."""
    return values.add_(2.0 ** (bits - 1)).mul_(2.0**-bits).floor_()


def _quantise_blocks(planes: Tensor, steps: Tensor) -> Tensor:
    """Cosine transform, rounding to whole steps, and back, with libjpeg's rounding after each pass.

    Double precision holds every sum exactly, and no setting of a device's matrix units takes digits from it.

    Args:
        planes: (B,c,h,w) whole numbers 0 to 255; incomplete blocks repeat the last row and column.
        steps: (B,64).

    Returns:
        (B,c,h,w) float32 whole numbers 0 to 255.
    """
    batch, channels, height, width = planes.shape
    planes = F.pad(planes, (0, -width % 8, 0, -height % 8), mode="replicate")
    down, across = planes.shape[2] // 8, planes.shape[3] // 8
    blocks = planes.view(batch, channels, down, 8, across, 8).transpose(3, 4).double()
    steps = steps.double().view(batch, 1, 1, 1, 8, 8)
    cosines = _constants(planes.device)[2]

    rows = _descale((blocks - 128) @ cosines.T, 11)
    coefficients = _descale(cosines @ rows, 15)  # in eighths
    whole = coefficients.abs().add_(4 * steps).div_(8 * steps).floor_()
    coefficients = whole.mul_(steps).copysign_(coefficients)
    columns = _descale(cosines.T @ coefficients, 11)
    blocks = _descale(columns @ cosines, 18).add_(128).clamp_(0, 255)

    planes = blocks.float().transpose(3, 4).reshape(batch, channels, 8 * down, 8 * across)
    return planes[..., :height, :width]
