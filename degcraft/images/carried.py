"""What an image file holds beside its pixels, for the image that is made from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from degcraft.images.reading import is_deep, opened

_GREY_MODES = ("1", "L", "LA", "La", "F", "I;16", "I;16B", "I;16L")
_PROFILE_OF = {True: b"GRAY", False: b"RGB "}
_MAX_EXIF_BYTES = 60_000
_PHOTOGRAPH_TAGS = (
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.Software,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.Copyright,
)


@dataclass(frozen=True)
class Carried:
    """What a restored image takes over from the file it was made from."""

    icc_profile: bytes | None = None
    """Colour profile, if it is one of the colours that are written: RGB, or grey where the image is."""
    exif: bytes | None = None
    """Without the orientation, which is applied, the thumbnail and the size, which are of the old image."""
    is_grey: bool = False
    """Whether the file has no colours: neither has the restored image then."""
    bits: int = 8
    """8, or 16 for deeper files."""


def read_carried(path: str | Path) -> Carried:
    """What a file holds beside its pixels, from its header; raises ImageError as `read_image` does."""
    with opened(Path(path)) as image:
        return carried_by(image)


def carried_by(image: Image.Image) -> Carried:
    """What an image that Pillow has opened holds beside its pixels."""
    # Before the metadata is asked for, which may load the image: then it is no longer known how it was stored.
    bits = 16 if is_deep(image) else 8
    is_grey = image.mode in _GREY_MODES
    profile = image.info.get("icc_profile")
    # CMYK is converted through its profile, which is used up then.
    fits = isinstance(profile, bytes) and profile[16:20] == _PROFILE_OF[is_grey] and image.mode != "CMYK"
    return Carried(profile if fits else None, _exif(image), is_grey, bits)


def photograph_tags(exif: Image.Exif) -> Image.Exif:
    """Of EXIF, what tells of the photograph: all of it that a TIFF can take over beside its own structure."""
    kept = Image.Exif()
    for tag in _PHOTOGRAPH_TAGS:
        if tag in exif:
            kept[tag] = exif[tag]
    return kept


def _exif(image: Image.Image) -> bytes | None:
    try:
        exif = image.getexif()
        exif.pop(ExifTags.Base.Orientation, None)
        details = exif.get_ifd(ExifTags.IFD.Exif)
        for size in (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight):
            details.pop(size, None)
        if image.format == "TIFF":
            # Pillow gives a TIFF's own structure (strips, samples, compression) as EXIF.
            exif = photograph_tags(exif)
            exif.get_ifd(ExifTags.IFD.Exif).update(details)
        kept: Any = exif.tobytes() if len(exif) or details else None
    except Exception:  # metadata that cannot be read cannot be kept, and harms nobody
        return None
    return kept if kept and len(kept) <= _MAX_EXIF_BYTES else None
