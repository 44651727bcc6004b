"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from degcraft.errors import DegcraftError


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends well.

    Missing parent folders are made, and a symbolic link stays one: what it names is replaced. When the block
    raises, the temporary file is removed and an older file at `path` stays as it was. The temporary name is
    hidden and ends in the suffix of `path`.

    Raises:
        DegcraftError: the folder cannot be written to, or what is there is no file.
    """
    path = Path(path)
    with writing_to(path):
        place = _place(path)
    temporary = place.with_name(f".{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")
    try:
        with writing_to(path):
            place.parent.mkdir(parents=True, exist_ok=True)
            # Whatever writes it may fail in its own way where a file cannot be; here it fails in one, and at once.
            temporary.touch()
            yield temporary
            os.replace(temporary, place)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise DegcraftError if nothing can be written at the path of a file or of a folder, before the work that is to
    fill it. A nameless file is made in the nearest folder that is there: nothing else tells for sure.
    """
    with writing_to(path):
        place = _place(path)
        nearest = next(one for one in (place, *place.parents) if one.is_dir() or (one != place and one.exists()))
        if not nearest.is_dir():
            raise DegcraftError(f"{path}: cannot be written ({nearest} is no folder)")
        with tempfile.TemporaryFile(dir=nearest):
            pass


def _place(path: Path) -> Path:
    """Where a path leads through symbolic links, which is a file, a folder, or nothing yet."""
    place = Path(os.path.realpath(path))
    if place.exists() and not (place.is_file() or place.is_dir()):
        raise DegcraftError(f"{path}: must be the name of a file, but is a device or a pipe")
    return place


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Raise a DegcraftError that names `path` for what the system refuses in the block: a full disk, no permission."""
    try:
        yield
    except OSError as error:
        raise DegcraftError(f"{path}: cannot be written ({error.strerror or error})") from error
