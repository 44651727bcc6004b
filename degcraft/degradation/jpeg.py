"""JPEG compression as a degradation: libjpeg on the CPU, its batched equivalent on other devices; once, or twice."""

import math
from collections.abc import Callable
from typing import get_args

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

from degcraft.degradation.file_formats import at_quality
from degcraft.degradation.jpeg_batched import jpeg_torch
from degcraft.degradation.operator import Values
from degcraft.degradation.operators import Chroma
from degcraft.degradation.resampling import window

_SAMPLING = {
    "4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}
_BLOCK = 8


def compress(images: Tensor, values: Values, generator: torch.Generator) -> Tensor:
    """JPEG_q: what is left of the images once they have been through a JPEG file.

    Args:
        images: (B,3,h,w) float32 RGB; clipped to [0,1] and rounded to 8 bits as a file does.
        values: (B,) each. `jpeg_quality`: libjpeg quality 1 to 100, rounded to the nearest whole number; inf leaves an
            image as it is. `jpeg_chroma`: which of `Chroma`.
        generator: Not used.
    """
    quality = values["jpeg_quality"]
    if "jpeg_chroma" not in values:
        return compressed(images, quality, "4:2:0")
    for code, chroma in enumerate(get_args(Chroma)):
        images = compressed(images, torch.where(values["jpeg_chroma"] == code, quality, math.inf), chroma)
    return images


def compress_earlier(images: Tensor, values: Values, generator: torch.Generator) -> Tensor:
    """JPEG (4:2:0) whose grid of blocks begins anywhere but at the images' corner: they were cropped since.

    Args:
        images: (B,3,h,w) float32 RGB; clipped and rounded as by `compress`.
        values: `earlier_jpeg_quality` (B,), as `compress` takes it.
        generator: What the corners are drawn with.
    """
    corners = torch.randint(1, _BLOCK**2, (len(images),), generator=generator, device=generator.device)
    corners = corners.to(images.device, non_blocking=True)
    down, across = (corners // _BLOCK)[:, None], (corners % _BLOCK)[:, None]
    height, width = images.shape[2:]
    padded = F.pad(images, (_BLOCK, _BLOCK, _BLOCK, _BLOCK), mode="replicate")
    # Image i begins at (down, across) of its window, so that is its place on the grid.
    rows = torch.arange(height + _BLOCK, device=images.device) + _BLOCK - down
    columns = torch.arange(width + _BLOCK, device=images.device) + _BLOCK - across
    quality = values["earlier_jpeg_quality"]
    once = compressed(window(padded, rows, columns), quality, "4:2:0")
    rows = torch.arange(height, device=images.device) + down
    columns = torch.arange(width, device=images.device) + across
    return torch.where(torch.isfinite(quality)[:, None, None, None], window(once, rows, columns), images)


def jpeg_cv2(images: Tensor, quality: Tensor, chroma: Chroma = "4:2:0") -> Tensor:
    """libjpeg itself, as OpenCV carries it; arguments and result as of `jpeg_torch`, on the CPU."""
    sampling = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _SAMPLING[chroma])
    return at_quality(images, quality, ".jpg", cv2.IMWRITE_JPEG_QUALITY, *sampling)


def compressed(images: Tensor, quality: Tensor, chroma: Chroma) -> Tensor:
    """`jpeg_cv2` or `jpeg_torch`, as the images' device asks."""
    implementation: Callable[[Tensor, Tensor, Chroma], Tensor] = jpeg_torch
    if images.device.type == "cpu":
        implementation = jpeg_cv2
    return implementation(images, quality, chroma)
