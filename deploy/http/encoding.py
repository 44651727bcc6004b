"""From restored pixels to the bytes of an image, in the format that the client wants."""

from typing import Literal

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

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
    accepted = parse_accept_header(accept or "*/*", MIMEAccept)
    best = max(FORMATS, key=lambda name: accepted.quality(FORMATS[name].media_type))  # the first of equals
    if accepted.quality(FORMATS[best].media_type) <= 0:
        offered = ", ".join(one.media_type for one in FORMATS.values())
        raise Refusal(406, "not_acceptable", f"Accept must name one of {offered}, but is {(accept or '')[:100]!r}.")
    return FORMATS[best]


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
