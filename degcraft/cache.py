"""Where degcraft keeps what it would otherwise have to make or fetch again."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from platformdirs import user_cache_path

from degcraft.errors import DegcraftError

_Kept = TypeVar("_Kept")


def cache_folder(name: str) -> Path:
    """One of degcraft's caches: `name` in `$DEGCRAFT_CACHE`, or in `degcraft` in the user's cache folder."""
    return Path(os.environ.get("DEGCRAFT_CACHE") or user_cache_path("degcraft", appauthor=False)) / name


def read_kept(
    read: Callable[[Path], _Kept], path: Path, say: Callable[[str], None], anew: str = "measured"
) -> _Kept | None:
    """What a cache keeps; None where there is nothing, and, said, where it is damaged: it is to be made anew."""
    if not path.exists():
        return None
    try:
        return read(path)
    except DegcraftError as error:
        say(f"{error}; {anew} anew")
        return None
