"""What lies in a folder, by the files' names alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from degcraft.errors import DegcraftError
from degcraft.images.names import is_passed_over, is_systems_own, printable

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".heic", ".heif", ".avif"}
)
"""The suffixes, in lower case, by which a folder's images are known."""


LEFT_OUT = ".left-out"
"""Hidden file in a folder that was drawn from something: what was left out, a clause a line."""


class Listing(NamedTuple):
    """What lies below a folder, unopened."""

    images: list[Path]
    """The files with an image suffix, sorted by their path below the folder."""
    other_files: int
    """How many files have no image suffix (hidden ones are not counted)."""
    system_folders: tuple[Path, ...]
    """Folders that a NAS or an operating system keeps for itself, not looked into; relative and sorted."""
    before: tuple[str, ...] = ()
    """What was left out when the folder itself was made, of a video's frames, as clauses."""

    def left_out(self) -> list[str]:
        """What is not used, and how much of it, as clauses."""
        others, systems = self.other_files, self.system_folders
        said = [f"{others} other file{'s' * (others != 1)} ignored"] if others else []
        if systems:
            count = f"{len(systems)} system folder{'s' * (len(systems) != 1)}"
            said.append(f"{count} passed over: {named([str(one) for one in systems])}")
        return [*self.before, *said]


def named(names: Sequence[str], limit: int = 10) -> str:
    """The first of some names, and how many there are besides."""
    more = [f"and {len(names) - limit} more"] if len(names) > limit else []
    return ", ".join([*map(printable, names[:limit]), *more])


def check_folder(folder: str | Path) -> Path:
    """A folder that is there, `~` expanded.

    Raises:
        DegcraftError: no such folder.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        rule = "must be a folder, but is a file" if root.exists() else "no such folder"
        raise DegcraftError(f"{root}: {rule}")
    return root


def list_images(folder: str | Path) -> Listing:
    """The files with an image suffix below a folder, and what beside them is left out.

    Raises:
        DegcraftError: no such folder.
    """
    root = check_folder(folder)
    images: list[Path] = []
    others = 0
    systems: list[Path] = []
    for place, folders, names in os.walk(root, followlinks=True):
        systems += [Path(place, name).relative_to(root) for name in folders if is_systems_own(name)]
        folders[:] = [name for name in folders if not is_passed_over(name) and not _leads_back(Path(place, name))]
        for name in names:
            if name.startswith("."):
                continue
            if Path(name).suffix.lower() in IMAGE_SUFFIXES:
                images.append(Path(place, name))
            else:
                others += 1
    images.sort(key=lambda path: path.relative_to(root).as_posix())
    note = root / LEFT_OUT
    before = tuple(note.read_text(encoding="utf-8", errors="replace").splitlines()) if note.is_file() else ()
    return Listing(images, others, tuple(sorted(systems)), before)


def _leads_back(folder: Path) -> bool:
    """Whether a link leads to a folder that it lies in, and following it would never end."""
    return folder.is_symlink() and folder.resolve() in {above.resolve() for above in folder.absolute().parents}
