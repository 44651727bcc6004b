"""Clean images made smaller, so that they are as sharp as their pixels allow."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from torch.nn import functional as F

from degcraft.errors import DegcraftError
from degcraft.images.folder import in_threads
from degcraft.images.kept import is_whole_png
from degcraft.images.reading import read_image
from degcraft.images.writing import write_image

MOST = 8


def reduced_files(files: Sequence[Path], factor: int, cache: Path) -> list[Path]:
    """Copies of images at a fraction of their size, by antialiased bicubic interpolation, each made once.

    Args:
        files: The images.
        factor: Of both sides, 1 to 8; 1 gives the files themselves.
        cache: Where copies are kept, by path, size and time of the original.

    Raises:
        DegcraftError: another factor, or an image that cannot be read any more.
    """
    if not 1 <= factor <= MOST:
        raise DegcraftError(f"reduce must be a whole number from 1 to {MOST}, but got {factor}")
    if factor == 1:
        return list(files)
    return in_threads(lambda file: _reduced(file, factor, cache), files)


def _reduced(file: Path, factor: int, cache: Path) -> Path:
    known = file.stat()
    key = hashlib.sha256(f"{file.resolve()} {known.st_size} {known.st_mtime_ns} {factor}".encode()).hexdigest()
    copy = cache / key[:24] / f"{file.stem}.png"
    if not (copy.exists() and is_whole_png(copy)):
        image = read_image(file).rgb
        size = [max(1, side // factor) for side in image.shape[1:]]
        write_image(copy, F.interpolate(image[None], size, mode="bicubic", antialias=True)[0].clamp(0, 1))
    return copy
