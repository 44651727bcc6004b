"""Images through files of other people's encoders, several at a time, and what they call quality."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

RoundTrip = Callable[[NDArray[np.uint8], int], NDArray[np.uint8]]
"""(h,w,3) BGR and a setting of the encoder → what the file holds; lets go of the interpreter lock meanwhile."""

_PIXELS_PER_THREAD = 40_000
"""Starting a thread for fewer pixels than this takes longer than it saves."""


def through_files(images: Tensor, settings: Tensor, chosen: Tensor, round_trip: RoundTrip) -> Tensor:
    """Encodes and decodes the chosen images, up to torch.get_num_threads() at once.

    Args:
        images: (B,3,h,w) float32 RGB on any device; the chosen ones are clipped to [0,1] and rounded to 8 bits first.
        settings: (B,) whole numbers for the encoder.
        chosen: (B,) booleans; the other images are left as they are.
        round_trip: What encodes and decodes one.

    Returns:
        (B,3,h,w) float32 on the images' device, the chosen with values k/255.
    """
    chosen = chosen.cpu()
    everything = bool(chosen.all())
    there = (images if everything else images[chosen.to(images.device)]).cpu()
    if not len(there):
        return images
    levels = settings.cpu()[chosen].int().tolist()
    # Encoders want interleaved BGR, as OpenCV does.
    pixels = there.mul(255).round_().clamp_(0, 255).to(torch.uint8).flip(1).permute(0, 2, 3, 1).contiguous().numpy()

    def work(first: int, last: int) -> None:
        for place in range(first, last):
            pixels[place] = round_trip(pixels[place], levels[place])

    parts = min(torch.get_num_threads(), max(1, pixels[..., 0].size // _PIXELS_PER_THREAD), len(pixels))
    if parts == 1:
        work(0, len(pixels))
    else:
        bounds = np.linspace(0, len(pixels), parts + 1).astype(int)
        with ThreadPoolExecutor(parts) as pool:
            for job in [pool.submit(work, first, last) for first, last in pairwise(bounds.tolist())]:
                job.result()

    decoded = torch.from_numpy(pixels).permute(0, 3, 1, 2).flip(1).to(torch.float32).div_(255).to(images.device)
    if everything:
        return decoded
    result = images.clone()
    result[chosen.to(images.device)] = decoded
    return result


def at_quality(images: Tensor, quality: Tensor, suffix: str, option: int, *others: int) -> Tensor:
    """(B,3,h,w) images through files that OpenCV writes.

    Args:
        images: See `through_files`.
        quality: (B,) 1 to 100, rounded to the nearest whole number, half up; inf leaves an image as it is.
        suffix: Of the files.
        option: OpenCV's number for the quality.
        others: Further options and their values, in turns.
    """

    def round_trip(image: NDArray[np.uint8], level: int) -> NDArray[np.uint8]:
        options: Sequence[int] = [option, level, *others]
        encoded, file = cv2.imencode(suffix, image, options)
        if not encoded:
            raise RuntimeError(f"OpenCV could not encode a {image.shape} image as {suffix}")
        return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), dtype=np.uint8)

    levels = torch.floor(quality + 0.5).clamp(1, 100)
    return through_files(images, levels, torch.isfinite(quality), round_trip)
