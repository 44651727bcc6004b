"""Copies of image files in one folder, each under a name of its own."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from degcraft.errors import DegcraftError
from degcraft.images.atomic import check_writable, writing_to
from degcraft.images.names import flat_name


def names_apart(paths: Sequence[Path]) -> list[str]:
    """File names, with as much of the folder as tells them apart: a/x.png beside b/x.png.

    Args:
        paths: existing files, each once.
    """
    names = [path.name for path in paths]
    if len(set(names)) == len(names):
        return names
    common = os.path.commonpath([path.resolve().parent for path in paths])
    return [path.resolve().relative_to(common).as_posix() for path in paths]


def check_empty(folder: Path) -> None:
    """Raise DegcraftError if the name is a file's, or a folder's with something in it, or nothing can be made there."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DegcraftError(f"{folder}: must be a new or an empty folder, but is not")
    check_writable(folder)


@contextmanager
def filled_or_gone(folder: Path) -> Iterator[None]:
    """A new or an empty folder to be filled in the block; if that fails it is gone, and the next run may begin anew.

    Raises:
        DegcraftError: as `check_empty`.
    """
    check_empty(folder)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def copy_files(groups: Mapping[str, Sequence[Path]], folder: Path) -> None:
    """Copy files into a new or empty folder, all of them or none; a/x.png beside b/x.png becomes a_x.png.

    Args:
        groups: the files by the sub-folder that their copies go into; "" is the folder itself.
        folder: made where it is missing.

    Raises:
        DegcraftError: the folder holds something, or cannot be written to.
    """
    check_empty(folder)
    with writing_to(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".copies-", dir=folder.parent) as temporary:
            filled = Path(temporary) / "all"
            for name, paths in groups.items():
                (filled / name).mkdir(parents=True)
                used: set[str] = set()
                for path, relative in zip(paths, names_apart(paths), strict=True):
                    stem = relative.removesuffix(path.suffix)
                    while (flat := flat_name(stem, path.suffix)) in used:  # a/b_x.png beside a_b/x.png
                        stem = f"_{stem}"
                    used.add(flat)
                    shutil.copyfile(path, filled / name / flat)
            os.replace(filled, folder)
