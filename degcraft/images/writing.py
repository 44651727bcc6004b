"""Writing one image file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.images.atomic import written_whole
from degcraft.images.carried import Carried
from degcraft.images.formats import BY_SUFFIX, FormatError, encode
from degcraft.images.pixels import to_pixels


def write_image(
    path: str | Path,
    rgb: Tensor,
    alpha: Tensor | None = None,
    quality: int = 95,
    carried: Carried | None = None,
) -> None:
    """Write an image in the format of the path's suffix, whole or not at all; parents are made.

    Args:
        path: ends in .png, .jpg, .jpeg, .webp, .tif, .tiff or .bmp. An existing file is replaced.
        rgb: (3, H, W), values in [0, 1]; outside values are clipped. Any device.
        alpha: (1, h, w) in [0, 1]; see `encode` for its size, and for formats without transparency.
        quality: 1..100, of JPEG and WebP.
        carried: profile, metadata, depth and greyness of the file that the image was made from; None: 8-bit colours.

    Raises:
        DegcraftError: unknown suffix, wrong shape, NaN or infinite values, quality out of range, an image that the
            format cannot hold, or a place that cannot be written.
    """
    path = Path(path)
    carried = carried or Carried()
    into = BY_SUFFIX.get(path.suffix.lower())
    if into is None:
        raise DegcraftError(f"{path}: the suffix must be one of {', '.join(BY_SUFFIX)}, but is {path.suffix!r}")
    if not 1 <= quality <= 100:
        raise DegcraftError(f"{path}: quality must be from 1 to 100, but is {quality}")
    bits = carried.bits if into.holds_deep else 8
    pixels = to_pixels(_checked(path, rgb, 3, "rgb"), bits)
    opacity = None if alpha is None else to_pixels(_checked(path, alpha, 1, "alpha"), bits)[..., 0]
    try:
        content = encode(pixels, opacity, carried, into, quality=quality)
    except FormatError as error:
        raise DegcraftError(f"{path}: {error}") from error
    with written_whole(path) as temporary:
        temporary.write_bytes(content)


def _checked(path: Path, layer: Tensor, channels: int, name: str) -> Tensor:
    if layer.ndim != 3 or layer.shape[0] != channels or 0 in layer.shape:
        raise DegcraftError(f"{path}: {name} must be ({channels}, H, W), but is {tuple(layer.shape)}")
    layer = layer.detach().float().cpu()
    if not torch.isfinite(layer).all():
        raise DegcraftError(f"{path}: {name} must be finite, but holds NaN or infinity")
    return layer
