"""8-bit pixels: rounding to them, and a name for them."""

from __future__ import annotations

import hashlib

import numpy as np
from torch import Tensor


def to_uint8(images: Tensor) -> Tensor:
    """Round images in [0, 1] of any shape to uint8 in 0..255; values outside are clipped first."""
    return images.clamp(0, 1).mul(255).round().byte()


def hash_pixels(pixels: np.ndarray) -> str:
    """A hexadecimal digest (64 characters) of an array's shape, type and values."""
    digest = hashlib.blake2b(f"{pixels.dtype.str}{pixels.shape}".encode(), digest_size=32)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def hash_hashes(hashes: list[str]) -> str:
    """One digest for a sequence of digests; their order counts."""
    return hashlib.blake2b("\n".join(hashes).encode(), digest_size=32).hexdigest()
