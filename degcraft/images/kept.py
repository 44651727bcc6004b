"""Images that a cache keeps, and whether they are still what was written."""

import logging
import zlib
from pathlib import Path

from PIL import Image

log = logging.getLogger(__name__)


def is_whole_png(path: Path) -> bool:
    """Whether a PNG has what its checksums say; where it has not, it is said that it is made anew."""
    try:
        with Image.open(path, formats=("PNG",)) as image:
            image.verify()
    except Exception:  # a damaged file makes the decoders raise nearly anything
        log.warning("%s: is damaged; made anew", path)
        return False
    return True


def checksum_of(path: Path) -> int:
    """CRC-32 of a file."""
    return zlib.crc32(path.read_bytes())
