"""Copies of image files in one folder, each under a name of its own."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from degcraft.errors import DegcraftError


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
    """Raise DegcraftError if the name is a file's, or a folder's with something in it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DegcraftError(f"{folder}: must be a new or an empty folder, but is not")


def copy_files(paths: Sequence[Path], folder: Path) -> None:
    """Copy files into a folder, which is made where it is missing; a/x.png beside b/x.png becomes a_x.png.

    Raises:
        DegcraftError: a file of that name is there already, or the folder cannot be written to.
    """
    used: set[str] = set()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, name in zip(paths, names_apart(paths), strict=True):
            flat = name.replace("/", "_")
            while flat in used:  # a/b_x.png beside a_b/x.png
                flat = f"_{flat}"
            used.add(flat)
            target = folder / flat
            if target.exists():
                raise DegcraftError(f"{target}: is there already")
            shutil.copyfile(path, target)
    except OSError as error:
        raise DegcraftError(f"{folder}: cannot be written to ({error.strerror or error})") from error
