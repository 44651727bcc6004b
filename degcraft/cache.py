"""Where degcraft keeps what it would otherwise have to make or fetch again."""

import os
from pathlib import Path


def cache_folder(name: str) -> Path:
    """One of degcraft's caches: `name` in `$DEGCRAFT_CACHE`, or in `degcraft` in the user's cache folder."""
    base = os.environ.get("DEGCRAFT_CACHE")
    if not base:
        base = str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "degcraft")
    return Path(base) / name
