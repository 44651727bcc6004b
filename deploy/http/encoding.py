"""From restored pixels to the bytes of an image, in the format that the client wants."""

import io
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deploy.http.decoding import Picture
from deploy.http.errors import Refusal

FormatName = Literal["png", "jpeg", "webp"]

# A camera's photograph as PNG: the higher levels take four times as long for a tenth of the bytes.
_PNG_LEVEL = 1


@dataclass(frozen=True)
class Format:
    """A format that is given back."""

    name: FormatName
    media_type: str
    longest_side: int
    """In pixels; what the format can hold, or what decoders are known to take."""
    holds_alpha: bool


FORMATS: dict[str, Format] = {
    "png": Format("png", "image/png", 1_000_000, True),
    "jpeg": Format("jpeg", "image/jpeg", 65_500, False),
    "webp": Format("webp", "image/webp", 16_383, True),
}


def wanted_format(name: FormatName | None, accept: str | None) -> Format:
    """The format that `?format=` names, else the one that the header Accept likes best, else PNG.

    Raises:
        Refusal: the header takes none of them.
    """
    if name is not None:
        return FORMATS[name]
    likings = {name: _liking(one.media_type, accept or "*/*") for name, one in FORMATS.items()}
    best = max(likings, key=lambda name: likings[name])  # the first of equals
    if likings[best] <= 0:
        offered = ", ".join(one.media_type for one in FORMATS.values())
        raise Refusal(406, "not_acceptable", f"Accept must name one of {offered}, but is {(accept or '')[:100]!r}.")
    return FORMATS[best]


def _liking(media_type: str, accept: str) -> float:
    """The q of the most specific range in an Accept header (RFC 9110, 12.5.1) that covers a type; 0 if none does."""
    ranges = [media_type, "image/*", "*/*"]
    found = (len(ranges), 0.0)
    for entry in accept.lower().split(","):
        name, *parameters = (part.strip() for part in entry.split(";"))
        if name in ranges:
            found = min(found, (ranges.index(name), _quality(parameters)))
    return found[1]


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def encode(pixels: NDArray[np.uint8], picture: Picture, into: Format, quality: int) -> bytes:
    """Write a restored image with the transparency, the colour profile and the metadata of the one it was made from.

    Args:
        pixels: (H, W, 3).
        picture: what was restored; its transparency is enlarged bicubically, since a network for photographs would
            invent texture in it.
        quality: 1 to 100, of JPEG (with full chroma resolution) and WebP (100 is lossless); PNG is always lossless.

    Raises:
        Refusal: the format cannot hold it.
    """
    height, width = pixels.shape[:2]
    if max(height, width) > into.longest_side:
        raise Refusal(
            422,
            "too_large_for_format",
            f"A {into.name} may have sides of {into.longest_side} pixels, but the restored image is {width}x{height}; "
            "ask for png.",
        )
    image = Image.fromarray(pixels)
    if picture.alpha is not None and (picture.alpha.min() < 255 or into.holds_alpha):
        if not into.holds_alpha:
            raise Refusal(
                422, "no_transparency", f"The image is transparent, which a {into.name} cannot be; ask for png."
            )
        image.putalpha(Image.fromarray(picture.alpha).resize((width, height), Image.Resampling.BICUBIC))
    kept: dict[str, Any] = {"icc_profile": picture.header.icc_profile, "exif": picture.header.exif}
    options = {key: value for key, value in kept.items() if value} | _options(into, quality)
    stream = io.BytesIO()
    image.save(stream, format=into.name, **options)
    return stream.getvalue()


def _options(into: Format, quality: int) -> dict[str, Any]:
    if into.name == "jpeg":
        return {"quality": quality, "subsampling": 0}
    if into.name == "webp":
        # `exact` keeps the colours under full transparency.
        return {"quality": quality, "lossless": quality == 100, "exact": True, "method": 2}
    return {"compress_level": _PNG_LEVEL}
