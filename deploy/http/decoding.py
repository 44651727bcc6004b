"""From the bytes of an image to pixels for the network, and what is to be kept beside them."""

import io
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from degcraft.images import Carried, ImageError, carried_by, read_image, to_pixels
from deploy.http.errors import Refusal
from deploy.messages import Pixels

FORMATS = ("PNG", "JPEG", "WEBP")
"""What is taken, by Pillow's names: what browsers show, and no more doors than that."""

_MAX_SCANS = 100
_START_OF_SCAN = b"\xff\xda"


@dataclass(frozen=True, eq=False)
class Header:
    """What an image says of itself before it is decoded."""

    width: int
    height: int
    carried: Carried
    """What the restored image takes over."""

    @property
    def pixels(self) -> int:
        """How many it has."""
        return self.width * self.height


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded image, upright."""

    pixels: Pixels
    """(h, w, 3): uint8, or uint16 of a file with more bits."""
    alpha: Pixels | None
    """(h, w) of the same type, its largest value is opaque; None where the image has no transparency."""
    header: Header


def decode(content: bytes, header: Header) -> Picture:
    """Decode an image; see `degcraft.images.read_image` for what becomes RGB and how.

    Raises:
        Refusal: damage.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what harms nobody
        with tempfile.NamedTemporaryFile(prefix="degcraft-", suffix=".image") as file:
            file.write(content)
            file.flush()
            try:
                image = read_image(Path(file.name))
            except ImageError as error:
                raise Refusal(422, "unreadable_image", f"The image cannot be used: {error.reason}.") from error
    bits = header.carried.bits
    alpha = None if image.alpha is None else to_pixels(image.alpha, bits)[..., 0]
    return Picture(to_pixels(image.rgb, bits), alpha, header)


def inspect(content: bytes, max_pixels: int, max_side: int) -> Header:
    """What the header of a PNG, JPEG or WebP says; nothing is decoded.

    Raises:
        Refusal: another format, too many pixels or too long a side, an animation, or damage.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of what is refused below
        return _inspect(content, max_pixels, max_side)


def _inspect(content: bytes, max_pixels: int, max_side: int) -> Header:
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        raise Refusal(415, "unsupported_format", "The image must be a PNG, JPEG or WebP, but is none.") from None
    except Image.DecompressionBombError:
        raise Refusal(413, "too_many_pixels", f"The image may have {max_pixels} pixels, but has far more.") from None
    except Exception as error:  # a damaged header makes the decoders raise nearly anything
        raise Refusal(422, "unreadable_image", "The image's header is damaged.") from error
    with image:
        pixels = image.width * image.height
        if pixels > max_pixels:
            size = f"{image.width}x{image.height} = {pixels}"
            raise Refusal(413, "too_many_pixels", f"The image may have {max_pixels} pixels, but has {size}.")
        if (side := max(image.size)) > max_side:
            raise Refusal(
                413, "side_too_long", f"The image may have sides of {max_side} pixels, but has one of {side}."
            )
        if getattr(image, "is_animated", False) and image.format in ("PNG", "WEBP"):
            raise Refusal(422, "animated", "The image must be a single picture, but is an animation.")
        # Each scan of a progressive JPEG passes over the whole image: thousands of empty ones keep a decoder busy
        # for hours. Inside of the coded data the two bytes do not occur.
        if image.format in ("JPEG", "MPO") and content.count(_START_OF_SCAN) > _MAX_SCANS:
            raise Refusal(422, "unreadable_image", f"The JPEG must have {_MAX_SCANS} scans at most, but has more.")
        return Header(image.width, image.height, carried_by(image))
