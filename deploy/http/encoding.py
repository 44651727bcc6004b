"""From restored pixels to the bytes of an image, in the format that the client wants."""

from typing import Literal

from degcraft.images import FORMATS as WRITTEN
from degcraft.images import Format, FormatError
from degcraft.images import encode as encode_image
from deploy.http.decoding import Picture
from deploy.http.errors import Refusal
from deploy.messages import Pixels

FormatName = Literal["png", "jpeg", "webp"]

FORMATS: dict[FormatName, Format] = {name: WRITTEN[name] for name in ("png", "jpeg", "webp")}
"""What is given back: what browsers show."""


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


def encode(pixels: Pixels, picture: Picture, into: Format, quality: int) -> bytes:
    """Write a restored image with the transparency, the colour profile and the metadata of the one it was made from.

    Args:
        pixels: (H, W, 3); 16 bits stay 16 in PNG.
        picture: what was restored.
        quality: 1 to 100, of JPEG and WebP.

    Raises:
        Refusal: the format cannot hold it.
    """
    try:
        return encode_image(pixels, picture.alpha, picture.header.carried, into, quality=quality, fast=True)
    except FormatError as error:
        text = str(error)
        raise Refusal(422, error.code, f"{text[0].upper()}{text[1:]}.") from error
