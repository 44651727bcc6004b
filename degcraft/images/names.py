"""What a file is called: by which names two of them belong together, and how a name is written down."""

from __future__ import annotations

import hashlib
import unicodedata

MOST_BYTES = 255
"""Of a file's name, on the file systems that there are."""

SYSTEM_FOLDERS = frozenset(
    {"@eadir", "#recycle", "#snapshot", "$recycle.bin", "__macosx", "system volume information", "lost+found"}
)
"""Folders, in lower case, in which a NAS or an operating system keeps thumbnails and what was deleted."""


def is_passed_over(folder: str) -> bool:
    """Whether images in a folder of this name are not the user's: it is hidden, or a system's own."""
    return folder.startswith(".") or is_systems_own(folder)


def is_systems_own(folder: str) -> bool:
    """Whether a NAS or an operating system keeps its own images in a folder of this name."""
    return folder.lower() in SYSTEM_FOLDERS


def same_name(name: str) -> str:
    """One form for names that look alike: a Mac writes é as e and an accent, other systems as one letter."""
    return unicodedata.normalize("NFC", name)


def printable(name: str) -> str:
    r"""A name that any file, table and figure takes: bytes that are not UTF-8 become \xe9; others stay as they are."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def flat_name(relative: str, ending: str = "") -> str:
    """A path below a folder, without suffix, as the name of one file: a/b/x becomes a_b_x.

    Args:
        relative: the path, with slashes.
        ending: goes after it. Where the two are longer than a name may be, the end of the path gives way to a digest.
    """
    name = printable(relative.replace("/", "_"))
    room = MOST_BYTES - len(ending.encode())
    if len(name.encode()) <= room:
        return name + ending
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name.encode()[: room - 9].decode("utf-8", "ignore") + f"~{digest}{ending}"
