"""Reading one image file, whatever it holds, as RGB in [0, 1]."""

from __future__ import annotations

import io
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pillow_heif
import simplejpeg
import torch
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError
from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.images.pixels import to_uint8

MAX_PIXELS = 178_956_970
"""The largest image that is decoded, twice Pillow's own warning line: a bigger one is taken for a bomb."""

_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "HEIF", "AVIF")
pillow_heif.register_heif_opener()

# A few bytes between a JPEG's scans are a camera's padding; more are what a decoder lost its place in.
_PADDING = 16

# What each EXIF orientation asks of an array (H, W, ...) for it to stand upright.
_UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a[:, ::-1].swapaxes(0, 1),
}


class ImageError(DegcraftError):
    """One image file cannot be used; `reason` says why without naming the file again."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[type[ImageError], tuple[Path, str]]:
        return type(self), (self.path, self.reason)


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """An image as read from a file."""

    rgb: Tensor
    """(3, H, W) float32 in [0, 1], upright; a grey image has three equal channels."""
    alpha: Tensor | None
    """(1, H, W) float32 in [0, 1], 1 is opaque; None where the file has no transparency."""
    path: Path


def read_image(path: str | Path) -> LoadedImage:
    """Read a PNG, JPEG, WebP, TIFF, BMP, GIF, HEIC or AVIF file as a viewer would show it.

    - Grey, grey with alpha, palette (also with transparency), bilevel, YCbCr and RGB become RGB; alpha is
      kept apart and colours are not multiplied with it.
    - 12- and 16-bit files keep their precision and are divided by their own white; float TIFF must lie in
      [0, 1] already. 32-bit integers have no stated white and are refused.
    - CMYK is converted through the embedded profile where there is one. RGB profiles are not applied: what
      degraded the picture acted on the numbers in the file.
    - The EXIF orientation is applied. Of several frames or pages the first is read.

    Raises:
        ImageError: a DegcraftError; the file is missing, truncated, damaged, not such an image, above `MAX_PIXELS`,
            or holds values without a stated range.
    """
    path = Path(path)
    pixels, alpha = _decode(path)
    return LoadedImage(_channels_first(pixels), None if alpha is None else _channels_first(alpha[..., None]), path)


def read_rgb8(path: str | Path) -> np.ndarray:
    """Read an image's colours as uint8 (3, H, W), contiguous; rules and errors as in `read_image`.

    Files deeper than 8 bits are rounded.
    """
    pixels, _ = _decode(Path(path))
    if pixels.dtype != np.uint8:
        pixels = to_uint8(torch.from_numpy(_unit(pixels))).numpy()
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def image_size(path: str | Path) -> tuple[int, int]:
    """Height and width of the upright image, from the file's header alone.

    Raises:
        ImageError: the header cannot be read or names more than `MAX_PIXELS`.
    """
    path = Path(path)
    with opened(path) as image:
        try:
            # Pillow's versions differ in whether an unloaded TIFF's size is already turned: its tags are not.
            tags = getattr(image, "tag_v2", {})
            width = tags.get(ExifTags.Base.ImageWidth, image.width)
            height = tags.get(ExifTags.Base.ImageLength, image.height)
            return (width, height) if _orientation(image) >= 5 else (height, width)
        except Exception as error:
            raise _unreadable(path, error) from error


def opened(path: Path) -> Image.Image:
    """Open lazily, as a context; ImageError for no image, and for a header that promises too many pixels."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe may take for ever
            raise ValueError("no regular file")
        image = Image.open(path, formats=_FORMATS)
    except Exception as error:
        raise _unreadable(path, error) from error
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise ImageError(path, f"{image.width}x{image.height} pixels, more than the {MAX_PIXELS} allowed")
    return image


def _decode(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Colours (H, W, 3) and alpha (H, W) or None, upright; uint8, or float32 in [0, 1] for deeper files."""
    with opened(path) as image:
        # A damaged file makes the decoders raise nearly anything, struct.error and IndexError included.
        try:
            deep, premultiplied = is_deep(image), _raw_mode(image).startswith("RGBa")
            image.load()
            if image.format in ("JPEG", "MPO"):
                _check_jpeg(path)
            # Asked for after loading: Pillow and OpenCV turn a TIFF themselves, and only a TIFF.
            upright = _UPRIGHT[_orientation(image)]
            if deep and image.mode in ("RGB", "RGBA") and not premultiplied:
                pixels, alpha = _deep_colour(path, image)
            else:
                pixels, alpha = _to_rgb(path, image)
        except ImageError:
            raise
        except Exception as error:
            raise _unreadable(path, error) from error
    return upright(pixels), None if alpha is None else upright(alpha)


def _to_rgb(path: Path, image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    if image.mode.startswith("I;16"):
        return _deep_grey(image)
    if image.mode == "F":
        grey = np.asarray(image, dtype=np.float32)
        if not (grey.min() >= 0 and grey.max() <= 1):
            raise ImageError(path, f"float values must lie in [0, 1], but range over [{grey.min()}, {grey.max()}]")
        return np.repeat(grey[..., None], 3, axis=2), None
    if image.mode == "I":
        raise ImageError(path, "32-bit integer values have no stated white; save it with 8 or 16 bits")
    if image.mode == "CMYK":
        return np.asarray(_from_cmyk(image)), None
    if image.mode in ("LA", "RGBA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        return rgba[..., :3], rgba[..., 3]
    return np.asarray(image.convert("RGB")), None


def is_deep(image: Image.Image) -> bool:
    """Whether an image that is opened but not loaded holds more than 8 bits a channel."""
    return ";16" in _raw_mode(image) or image.mode.startswith("I;16") or image.mode == "F"


def _check_jpeg(path: Path) -> None:
    """Raise ImageError for what the decoder of Pillow passes over: damage in the middle of a file of full length."""
    try:
        # At an eighth of its size every bit of the file is still read, and next to nothing computed.
        simplejpeg.decode_jpeg(path.read_bytes(), "GRAY", min_height=1, min_width=1, min_factor=8)
    except ValueError as error:
        lost = re.search(r"Corrupt JPEG data: (?:(\d+) extraneous)?", str(error))
        if lost and int(lost[1] or _PADDING + 1) > _PADDING:
            raise ImageError(path, f"damaged inside ({error})") from error


def _raw_mode(image: Image.Image) -> str:
    """Pillow's word for the samples as the file stores them: 'RGB;16B' is 16 bits where the mode is RGB."""
    args: Any = image.tile[0].args if image.tile else ""  # type: ignore[attr-defined]
    return str(args[0] if isinstance(args, tuple) and args else args)


def _deep_grey(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    grey = np.asarray(image).astype(np.uint16)
    tags = getattr(image, "tag_v2", {})
    white = 2 ** tags.get(ExifTags.Base.BitsPerSample, (16,))[0] - 1
    key = image.info.get("transparency")
    alpha = None if key is None else (grey != key).astype(np.float32)
    unit = grey.astype(np.float32) / np.float32(white)
    if tags.get(ExifTags.Base.PhotometricInterpretation, 1) == 0:  # TIFF's WhiteIsZero
        unit = 1 - unit
    return np.repeat(unit[..., None], 3, axis=2), alpha


def _deep_colour(path: Path, image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """16 bits a channel, which Pillow would cut to 8. Pillow has already found the file whole."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3:
        raise ImageError(path, "16-bit colours in a layout that OpenCV cannot decode")
    colours = pixels[..., 2::-1]
    key = image.info.get("transparency")
    if key is not None:
        alpha = (colours != np.array(key, np.uint16)).any(axis=2).astype(np.float32)
    else:
        alpha = _unit(pixels[..., 3]) if image.mode == "RGBA" else None
    return _unit(colours), alpha


def _from_cmyk(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            # A damaged profile leaves the plain formula, as in viewers that know no profiles.
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


def _orientation(image: Image.Image) -> int:
    value = image.getexif().get(ExifTags.Base.Orientation, 1)
    return value if value in _UPRIGHT else 1


def _unit(pixels: np.ndarray) -> np.ndarray:
    """float32 in [0, 1], contiguous; unsigned integers are divided by their type's largest value."""
    if pixels.dtype.kind == "u":
        return np.ascontiguousarray(pixels, dtype=np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    return np.ascontiguousarray(pixels, dtype=np.float32)


def _channels_first(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(_unit(pixels.transpose(2, 0, 1)))


def _unreadable(path: Path, error: Exception) -> ImageError:
    text = str(error).strip() or type(error).__name__
    if isinstance(error, FileNotFoundError):
        return ImageError(path, "no such file")
    if isinstance(error, Image.DecompressionBombError):
        return ImageError(path, f"more than the {MAX_PIXELS} pixels allowed")
    if isinstance(error, UnidentifiedImageError):
        return ImageError(path, "not a readable image (PNG, JPEG, WebP, TIFF, BMP, GIF, HEIC or AVIF)")
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return ImageError(path, "truncated")
    return ImageError(path, f"cannot be decoded ({text})")
