"""JPEG through libjpeg itself, as OpenCV carries it."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degcraft.degradation.operator import Chroma

_SAMPLING = {
    "4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}
_PIXELS_PER_THREAD = 40_000
"""Starting a thread for fewer pixels than this takes longer than it saves."""


def jpeg_cv2(images: Tensor, quality: Tensor, chroma: Chroma = "4:2:0") -> Tensor:
    """Encodes and decodes every image.

    OpenCV lets go of the interpreter lock meanwhile, so that up to torch.get_num_threads() images are in work
    at once.

    Args:
        images: (B,3,h,w) float32 RGB on the CPU; clipped to [0,1] and rounded to 8 bits first.
        quality: (B,) 1 to 100, rounded to the nearest whole number, half up; inf leaves the image as it is.
        chroma: "4:2:0" (chroma at half the resolution both ways) or "4:4:4".

    Returns:
        (B,3,h,w) float32 with values k/255.
    """
    compressed = torch.isfinite(quality)
    everything = bool(compressed.all())
    chosen = images if everything else images[compressed]
    if not len(chosen):
        return images
    levels = torch.floor(quality[compressed] + 0.5).clamp(1, 100).int().tolist()
    # OpenCV wants interleaved BGR.
    pixels = chosen.mul(255).round_().clamp_(0, 255).to(torch.uint8).flip(1).permute(0, 2, 3, 1).contiguous().numpy()

    parts = min(torch.get_num_threads(), max(1, pixels[..., 0].size // _PIXELS_PER_THREAD), len(pixels))
    if parts == 1:
        _round_trip(pixels, levels, chroma)
    else:
        bounds = np.linspace(0, len(pixels), parts + 1).astype(int)
        with ThreadPoolExecutor(parts) as pool:
            work = [pool.submit(_round_trip, pixels[a:b], levels[a:b], chroma) for a, b in pairwise(bounds.tolist())]
            for job in work:
                job.result()

    decoded = torch.from_numpy(pixels).permute(0, 3, 1, 2).flip(1).to(torch.float32).div_(255)
    if everything:
        return decoded
    result = images.clone()
    result[compressed] = decoded
    return result


def _round_trip(pixels: NDArray[np.uint8], levels: list[int], chroma: Chroma) -> None:
    """Replaces every BGR image of (n,h,w,3) by what its JPEG file holds."""
    for image, level in zip(pixels, levels, strict=True):
        options = [cv2.IMWRITE_JPEG_QUALITY, level, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _SAMPLING[chroma]]
        encoded, file = cv2.imencode(".jpg", image, options)
        if not encoded:
            raise RuntimeError(f"OpenCV could not encode a {image.shape} image as JPEG")
        image[:] = cv2.imdecode(file, cv2.IMREAD_COLOR)
