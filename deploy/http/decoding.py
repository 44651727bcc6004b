"""From the bytes of an image to pixels for the network, and what is to be kept beside them."""

import io
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from degcraft.images import Carried, ImageError, carried_by, read_image, to_uint8
from deploy.http.errors import Refusal
from deploy.messages import Pixels

FORMATS = ("PNG", "JPEG", "WEBP")
"""What is taken, by Pillow's names: what browsers show, and no more doors than that."""

_MAX_SCANS = 100
_START_OF_SCAN = b"\xff\xda"
_ROWS = 256


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
    """(h, w, 3): uint8 where 8 bits hold the image exactly, else uint16."""
    alpha: NDArray[np.uint8] | None
    """(h, w), 255 is opaque; None where the image has no transparency."""
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
    alpha = None if image.alpha is None else to_uint8(image.alpha)[0].numpy()
    return Picture(_as_integers(image.rgb), alpha, header)


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


def _as_integers(rgb: Tensor) -> Pixels:
    """(3,h,w) in [0,1] to (h,w,3) without loss."""
    eight = np.empty((*rgb.shape[1:], 3), np.uint8)
    for top in range(0, rgb.shape[1], _ROWS):  # some rows at a time: rounding takes thrice an image's memory
        rows = to_uint8(rgb[:, top : top + _ROWS])
        if not bool(((rows.float() / 255 - rgb[:, top : top + _ROWS]).abs() < 1e-6).all()):
            return np.ascontiguousarray((rgb.permute(1, 2, 0).numpy() * 65535).round().astype(np.uint16))
        eight[top : top + _ROWS] = rows.permute(1, 2, 0).numpy()
    return eight
