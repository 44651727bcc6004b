"""What a user names: an image file, a folder of them, or the URI of one."""

from pathlib import Path

from degcraft.errors import DegcraftError
from degcraft.images.folder import Listing, list_images
from degcraft.images.reading import IMAGE_SUFFIXES
from degcraft.images.remote import is_uri, local_folder


def list_input(location: str | Path) -> tuple[Path, Listing]:
    """The images of an input, and the folder that they lie below.

    Raises:
        DegcraftError: it is not there, is another kind of file, or holds no image.
    """
    path, kinds = Path(location).expanduser(), ", ".join(sorted(IMAGE_SUFFIXES))
    if not is_uri(location):
        if path.is_file():
            if path.suffix.lower() not in IMAGE_SUFFIXES:
                raise DegcraftError(f"{path}: must be an image ({kinds})")
            return path.parent, Listing([path], 0, ())
        if not path.exists():
            raise DegcraftError(f"{path}: no such file or folder")
    folder = Path(local_folder(location)).expanduser()
    found = list_images(folder)
    if not found.images:
        raise DegcraftError(f"{location}: holds no images ({kinds})")
    return folder, found
