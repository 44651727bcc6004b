"""Pixels of whole numbers: rounding to them, and a name for them."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

_ROWS = 256


def to_uint8(images: Tensor) -> Tensor:
    """Round images in [0, 1] of any shape to uint8 in 0..255; values outside are clipped first."""
    return images.clamp(0, 1).mul(255).round().byte()


def to_pixels(images: Tensor, bits: int) -> Pixels:
    """(..., C, H, W) in [0, 1], any device, to (..., H, W, C) of 8 or 16 bits; values outside are clipped first."""
    pixels = np.empty((*images.shape[:-3], *images.shape[-2:], images.shape[-3]), np.uint8 if bits == 8 else np.uint16)
    for top in range(0, images.shape[-2], _ROWS):  # some rows at a time: rounding takes thrice an image's memory
        rows = images[..., top : top + _ROWS, :].movedim(-3, -1).cpu()
        whole = to_uint8(rows).numpy() if bits == 8 else rows.clamp(0, 1).mul(65535).round().numpy()
        pixels[..., top : top + _ROWS, :, :] = whole
    return pixels


def hash_pixels(pixels: np.ndarray) -> str:
    """A hexadecimal digest (64 characters) of an array's shape, type and values."""
    digest = hashlib.blake2b(f"{pixels.dtype.str}{pixels.shape}".encode(), digest_size=32)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def hash_hashes(hashes: list[str]) -> str:
    """One digest for a sequence of digests; their order counts."""
    return hashlib.blake2b("\n".join(hashes).encode(), digest_size=32).hexdigest()
