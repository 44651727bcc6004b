"""From pixels to the bytes of an image file: what each format can hold, and what is kept of the file before."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image

from degcraft.errors import DegcraftError
from degcraft.images.carried import Carried, photograph_tags
from degcraft.images.pixels import Pixels

_PNG_LEVEL = {False: 6, True: 1}


class FormatError(DegcraftError):
    """A format cannot hold an image; `code` says in a word why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Format:
    """A format that is written."""

    name: str
    """Pillow's, in lower case."""
    media_type: str
    suffixes: tuple[str, ...]
    longest_side: int
    """In pixels; what the format can hold, or what decoders are known to take."""
    holds_alpha: bool = True
    holds_grey: bool = True
    """Whether an image of one channel stays one; the others hold three equal ones."""
    holds_deep: bool = False
    """Whether 16 bits are written as such; the others round to 8."""

    def check(self, height: int, width: int, *, transparent: bool) -> None:
        """Raise FormatError if the format cannot hold an image of that size, or that is not opaque."""
        if max(height, width) > self.longest_side:
            raise FormatError(
                "too_large_for_format",
                f"a {self.name} may have sides of {self.longest_side} pixels, but the restored image is "
                f"{width}x{height}; ask for png",
            )
        if transparent and not self.holds_alpha:
            raise FormatError(
                "no_transparency", f"the image is transparent, which a {self.name} cannot be; ask for png"
            )


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format("png", "image/png", (".png",), 1_000_000, holds_deep=True),
        Format("jpeg", "image/jpeg", (".jpg", ".jpeg"), 65_500, holds_alpha=False),
        Format("webp", "image/webp", (".webp",), 16_383, holds_grey=False),
        Format("tiff", "image/tiff", (".tif", ".tiff"), 1_000_000, holds_deep=True),
        Format("bmp", "image/bmp", (".bmp",), 1_000_000, holds_alpha=False),
    )
}
"""All of them by name."""

BY_SUFFIX = {suffix: one for one in FORMATS.values() for suffix in one.suffixes}


def is_opaque(alpha: Pixels | None) -> bool:
    """Whether nothing of an image with this transparency can be seen through."""
    return alpha is None or bool(alpha.min() == np.iinfo(alpha.dtype).max)


def encode(
    pixels: Pixels,
    alpha: Pixels | None,
    carried: Carried,
    into: Format,
    *,
    quality: int = 95,
    fast: bool = False,
) -> bytes:
    """The bytes of an image, with the transparency, colour profile and metadata of the one it was made from.

    Args:
        pixels: (H, W, 3); uint16 is rounded to 8 bits where the format holds no more. Written as grey, by BT.601,
            where what it was made from is.
        alpha: (h, w), its white is opaque; another size than the pixels' is enlarged bicubically, since a network
            for photographs would invent texture in it. Left out where the format holds none and it hides nothing.
        carried: see there. TIFF keeps camera, date and author of the EXIF, 16-bit colour TIFF none of
            it, BMP neither EXIF nor profile.
        quality: 1 to 100, of JPEG (with full chroma resolution) and WebP (100 is lossless); others are lossless.
        fast: compress in a quarter of the time, for a tenth more bytes.

    Raises:
        FormatError: a DegcraftError; the format cannot hold it.
    """
    height, width = pixels.shape[:2]
    into.check(height, width, transparent=not is_opaque(alpha))
    if pixels.dtype == np.uint16 and not into.holds_deep:
        pixels = _to_bits(pixels, np.dtype(np.uint8))
    if carried.is_grey:
        pixels = _grey(pixels)
    if alpha is not None:
        alpha = _enlarged(_to_bits(alpha, pixels.dtype), height, width) if into.holds_alpha else None
    if pixels.dtype == np.uint16 and (pixels.ndim == 3 or alpha is not None):
        return _deep_colour(pixels, alpha, carried, into, fast)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if alpha is not None:
        image.putalpha(Image.fromarray(alpha))
    profile = carried.icc_profile if into.holds_grey else _rgb(carried)
    kept: dict[str, Any] = {"icc_profile": profile, "exif": carried.exif}
    if into.name == "tiff" and carried.exif:
        whole = Image.Exif()
        whole.load(carried.exif)
        kept["exif"] = photograph_tags(whole)
    options = {key: value for key, value in kept.items() if value} | _options(into, quality, fast)
    stream = io.BytesIO()
    image.save(stream, format=into.name, **options)
    return stream.getvalue()


def _options(into: Format, quality: int, fast: bool) -> dict[str, Any]:
    if into.name == "jpeg":
        return {"quality": quality, "subsampling": 0}
    if into.name == "webp":
        # `exact` keeps the colours under full transparency.
        return {"quality": quality, "lossless": quality == 100, "exact": True, "method": 2 if fast else 4}
    if into.name == "tiff":
        return {"compression": "tiff_adobe_deflate"}
    return {"compress_level": _PNG_LEVEL[fast]} if into.name == "png" else {}


def _deep_colour(pixels: Pixels, alpha: Pixels | None, carried: Carried, into: Format, fast: bool) -> bytes:
    """16 bits a channel, which Pillow does not write; grey with transparency as three equal channels."""
    colours = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
    layers = colours if alpha is None else np.dstack([colours, alpha])
    if into.name == "tiff":
        stream = io.BytesIO()
        extra = None if alpha is None else ["unassalpha"]
        tifffile.imwrite(
            stream, layers, photometric="rgb", compression="zlib", iccprofile=_rgb(carried), extrasamples=extra,
            metadata=None,
        )  # fmt: skip
        return stream.getvalue()
    order = [2, 1, 0] if alpha is None else [2, 1, 0, 3]
    # OpenCV wants the TIFF structure alone, without the six letters that JPEG puts before it.
    exif = carried.exif.removeprefix(b"Exif\x00\x00") if carried.exif else None
    kept = [(cv2.IMAGE_METADATA_EXIF, exif), (cv2.IMAGE_METADATA_ICCP, _rgb(carried))]
    there = [(kind, np.frombuffer(value, np.uint8)) for kind, value in kept if value]
    parameters = [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL[fast]]
    done, coded = cv2.imencodeWithMetadata(
        ".png", np.ascontiguousarray(layers[..., order]), [kind for kind, _ in there], [value for _, value in there],
        parameters,
    )  # fmt: skip
    if not done:
        raise FormatError("cannot_be_encoded", f"{pixels.shape[1]}x{pixels.shape[0]} pixels cannot be encoded as PNG")
    return coded.tobytes()


def _rgb(carried: Carried) -> bytes | None:
    """The profile, unless it is of a grey that is written as three channels."""
    return None if carried.is_grey else carried.icc_profile


def _to_bits(values: Pixels, kind: np.dtype[Any]) -> Any:
    if values.dtype == kind:
        return values
    return ((values.astype(np.uint32) + 128) // 257).astype(kind) if kind == np.uint8 else values.astype(kind) * 257


def _grey(pixels: Pixels) -> Pixels:
    """(H, W) luma by BT.601, whose weights add up to 1: white stays white."""
    if pixels.dtype == np.uint8:
        return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).convert("L"))
    red, green, blue = (pixels[..., channel].astype(np.uint32) for channel in range(3))
    return ((299 * red + 587 * green + 114 * blue + 500) // 1000).astype(np.uint16)


def _enlarged(alpha: Pixels, height: int, width: int) -> Pixels:
    if alpha.shape == (height, width):
        return alpha
    if alpha.dtype == np.uint8:
        return np.asarray(Image.fromarray(alpha).resize((width, height), Image.Resampling.BICUBIC))
    found = Image.fromarray(alpha.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(found).round().clip(0, 65535).astype(np.uint16)
