"""Lossy WebP: libwebp, as OpenCV carries it, on the CPU whatever device the images are on."""

import cv2
import torch
from torch import Tensor

from degcraft.degradation.file_formats import at_quality
from degcraft.degradation.operator import Values


def compress(images: Tensor, values: Values, generator: torch.Generator) -> Tensor:
    """What is left of (B,3,h,w) images in a WebP file of `webp_quality` (B,); see `at_quality`."""
    return at_quality(images, values["webp_quality"], ".webp", cv2.IMWRITE_WEBP_QUALITY)
