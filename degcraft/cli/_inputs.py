"""Images that a command line names, by file, folder or URI."""

from pathlib import Path
from typing import NamedTuple

from degcraft.errors import DegcraftError


class Input(NamedTuple):
    """What one argument names."""

    images: list[Path]
    root: Path
    """The folder that their names are relative to."""
    left_out: list[str]
    """What beside them lies in the folder and is not used, as clauses."""
    is_file: bool


def images_of(text: str) -> Input:
    """The images that an argument names.

    Raises:
        DegcraftError: it is not there, or is or holds no image.
    """
    from degcraft.images import IMAGE_SUFFIXES, VIDEO_SUFFIXES, is_uri, is_video, list_images, local_folder

    kinds = ", ".join(sorted(IMAGE_SUFFIXES))
    path = Path(text).expanduser()
    if not is_uri(text) and path.is_file() and not is_video(path):
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            videos = ", ".join(sorted(VIDEO_SUFFIXES))
            raise DegcraftError(f"{path}: must be an image ({kinds}) or a video ({videos})")
        return Input([path], path.parent, [], True)
    if not is_uri(text) and not path.exists():
        raise DegcraftError(f"{path}: no such file or folder")
    folder = local_folder(text)
    found = list_images(folder)
    if not found.images:
        raise DegcraftError("; ".join([f"{text}: holds no images ({kinds})", *found.left_out()]))
    return Input(found.images, folder, found.left_out(), False)
