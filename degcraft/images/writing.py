"""Writing one image file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.images.atomic import written_whole
from degcraft.images.pixels import to_uint8

_FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
_WITH_ALPHA = ("PNG", "WEBP", "TIFF")


def write_image(path: str | Path, rgb: Tensor, alpha: Tensor | None = None, quality: int = 95) -> None:
    """Write an 8-bit image in the format of the path's suffix, whole or not at all; parents are made.

    Args:
        path: ends in one of `IMAGE_SUFFIXES`. An existing file is replaced.
        rgb: (3, H, W), values in [0, 1]; outside values are clipped. Any device.
        alpha: (1, H, W) in [0, 1], for PNG, WebP and TIFF.
        quality: 1..100, of JPEG (with full chroma resolution) and WebP (100 is lossless); other formats are
            always lossless.

    Raises:
        DegcraftError: unknown suffix, wrong shape, NaN or infinite values, alpha in a format that holds
            none, quality out of range, or a place that cannot be written.
    """
    path = Path(path)
    image_format = _FORMATS.get(path.suffix.lower())
    if image_format is None:
        raise DegcraftError(f"{path}: the suffix must be one of {', '.join(_FORMATS)}, but is {path.suffix!r}")
    if not 1 <= quality <= 100:
        raise DegcraftError(f"{path}: quality must be from 1 to 100, but is {quality}")
    if alpha is not None and image_format not in _WITH_ALPHA:
        raise DegcraftError(f"{path}: {image_format} holds no alpha; write PNG, WebP or TIFF instead")
    layers = [_checked(path, rgb, 3, "rgb")]
    if alpha is not None:
        if alpha.shape[-2:] != rgb.shape[-2:]:
            raise DegcraftError(
                f"{path}: alpha must have the size of rgb, {tuple(rgb.shape[-2:])}, but has {tuple(alpha.shape[-2:])}"
            )
        layers.append(_checked(path, alpha, 1, "alpha"))
    pixels = to_uint8(torch.cat(layers)).permute(1, 2, 0).numpy()
    with written_whole(path) as temporary:
        Image.fromarray(np.ascontiguousarray(pixels)).save(
            temporary, format=image_format, **_options(image_format, quality)
        )


def _options(image_format: str, quality: int) -> dict[str, Any]:
    if image_format == "JPEG":
        return {"quality": quality, "subsampling": 0}
    if image_format == "WEBP":
        # `exact` keeps the colours under full transparency.
        return {"quality": quality, "lossless": quality == 100, "exact": True}
    if image_format == "TIFF":
        return {"compression": "tiff_adobe_deflate"}
    return {}


def _checked(path: Path, layer: Tensor, channels: int, name: str) -> Tensor:
    if layer.ndim != 3 or layer.shape[0] != channels or 0 in layer.shape:
        raise DegcraftError(f"{path}: {name} must be ({channels}, H, W), but is {tuple(layer.shape)}")
    layer = layer.detach().float().cpu()
    if not torch.isfinite(layer).all():
        raise DegcraftError(f"{path}: {name} must be finite, but holds NaN or infinity")
    return layer
