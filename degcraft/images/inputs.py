"""Images that a user names, by file, folder or URI."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from degcraft.errors import DegcraftError
from degcraft.images.listing import IMAGE_SUFFIXES, list_images
from degcraft.images.remote import Side, is_uri, local_folder
from degcraft.images.video import VIDEO_SUFFIXES, is_video


class Input(NamedTuple):
    """What one argument names."""

    images: list[Path]
    root: Path
    """The folder that their names are relative to."""
    left_out: list[str]
    """What beside them lies in the folder and is not used, as clauses."""
    is_file: bool


def images_of(location: str | Path, side: Side = "lr") -> Input:
    """The images that an argument names; of a folder of pairs those of one side.

    Raises:
        DegcraftError: it is not there, or is or holds no image.
    """
    kinds = ", ".join(sorted(IMAGE_SUFFIXES))
    path = Path(location).expanduser()
    if not is_uri(location) and path.is_file() and not is_video(path):
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            videos = ", ".join(sorted(VIDEO_SUFFIXES))
            raise DegcraftError(f"{path}: must be an image ({kinds}) or a video ({videos})")
        return Input([path], path.parent, [], True)
    if not is_uri(location) and not path.exists():
        raise DegcraftError(f"{path}: no such file or folder")
    folder = Path(local_folder(location, side=side)).expanduser()
    found = list_images(folder)
    if not found.images:
        raise DegcraftError("; ".join([f"{location}: holds no images ({kinds})", *found.left_out()]))
    return Input(found.images, folder, found.left_out(), False)


def list_files(inputs: Sequence[str | Path], side: Side = "lr") -> tuple[list[Path], list[str]]:
    """Every image once, in the order given, and what the folders hold besides, as clauses; of pairs one side.

    Raises:
        DegcraftError: an input that is not there or holds no image.
    """
    found = [images_of(location, side) for location in inputs]
    once: dict[str, Path] = {}
    for path in (image for one in found for image in one.images):
        once.setdefault(os.path.realpath(path), path)  # which a link to itself does not stop
    return list(once.values()), [clause for one in found for clause in one.left_out]
