"""Where degcraft keeps what it would otherwise have to make or fetch again."""

import os
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder(name: str) -> Path:
    """One of degcraft's caches: `name` in `$DEGCRAFT_CACHE`, or in `degcraft` in the user's cache folder."""
    return Path(os.environ.get("DEGCRAFT_CACHE") or user_cache_path("degcraft", appauthor=False)) / name
