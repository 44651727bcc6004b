"""Lossy WebP: libwebp, as OpenCV carries it, on the CPU whatever device the images are on."""

import math

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degcraft.degradation.file_formats import through_files
from degcraft.degradation.operator import Operator, Values
from degcraft.degradation.parameter import Parameter

_UNCOMPRESSED = 110.0


def compress(images: Tensor, values: Values, generator: torch.Generator) -> Tensor:
    """What is left of (B,3,h,w) images in a WebP file of `webp_quality` (B,) 1 to 100, rounded; inf leaves one as it
    is."""
    quality = values["webp_quality"]
    return through_files(images, torch.floor(quality + 0.5).clamp(1, 100), torch.isfinite(quality), _round_trip)


def _round_trip(image: NDArray[np.uint8], level: int) -> NDArray[np.uint8]:
    encoded, file = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, level])
    if not encoded:
        raise RuntimeError(f"OpenCV could not encode a {image.shape} image as WebP")
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), dtype=np.uint8)


WEBP = Operator(
    parameters=(
        Parameter(
            "webp_quality",
            "WebP quality",
            "libwebp quality",
            low=1.0,
            high=100.0,
            identity=math.inf,
            step=5.0,
            bin_width=20.0,
            grid=10.0,
            usual=(10.0, 100.0),
            absent="no WebP compression",
            more="less compressed",
            less="more compressed",
            scaled=lambda quality: min(quality, _UNCOMPRESSED),
        ),
    ),
    apply=compress,
    compresses=True,
)
