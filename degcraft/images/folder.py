"""A folder of images: what in it can be used, and its split by file."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from degcraft.errors import DegcraftError
from degcraft.images.names import is_passed_over, is_systems_own, printable
from degcraft.images.pixels import hash_hashes, hash_pixels
from degcraft.images.reading import IMAGE_SUFFIXES, ImageError, read_rgb8

LEFT_OUT = ".left-out"
"""Hidden file in a folder that was drawn from something: what was left out, a clause a line."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Skipped:
    """An image file that is not used, and why."""

    path: Path
    reason: str


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
            said.append(f"{count} passed over: {_named([str(one) for one in systems])}")
        return [*self.before, *said]


@dataclass(frozen=True)
class ImageFolder:
    """The usable images of a folder."""

    root: Path
    files: tuple[Path, ...]
    """Sorted by their path below `root`."""
    skipped: tuple[Skipped, ...]
    content_hash: str
    """Of the decoded 8-bit pixels in the order of `files`; names and places do not enter it."""
    listing: Listing
    """What lies there, used or not."""

    def summary(self, limit: int = 10) -> str:
        """One line: how many images, and the first `limit` of those skipped and of a system's folders by name."""
        text = f"{len(self.files)} image{'s' * (len(self.files) != 1)}"
        if self.skipped:
            named = _named([f"{s.path.relative_to(self.root)} ({s.reason})" for s in self.skipped], limit)
            text += f"; {len(self.skipped)} skipped: {named}"
        return "; ".join([text, *self.listing.left_out()])


def _named(names: Sequence[str], limit: int = 10) -> str:
    """The first of some names, and how many there are besides."""
    more = [f"and {len(names) - limit} more"] if len(names) > limit else []
    return ", ".join([*map(printable, names[:limit]), *more])


def scan_folder(folder: str | Path, *, min_side: int = 1) -> ImageFolder:
    """Find a folder's usable images, sub-folders included, by decoding every one of them.

    Hidden files and folders are passed over, and so are files without an image suffix and, counted and named, a
    system's own folders (thumbnails in @eaDir, what was deleted in #recycle).
    Links to folders are followed. Files that are unreadable or truncated, have a side under `min_side` pixels, or
    repeat an earlier file's 8-bit pixels are skipped and named.

    Raises:
        DegcraftError: no such folder, or no usable image in it.
    """
    root = Path(folder).expanduser()
    listing = list_images(root)
    candidates = listing.images
    files: list[Path] = []
    skipped: list[Skipped] = []
    first_with: dict[str, Path] = {}
    for path, (digest, reason) in zip(candidates, in_threads(lambda p: _inspect(p, min_side), candidates), strict=True):
        if not reason and digest in first_with:
            reason = f"same pixels as {first_with[digest].relative_to(root)}"
        if reason:
            skipped.append(Skipped(path, reason))
        else:
            first_with[digest] = path
            files.append(path)
    found = ImageFolder(root, tuple(files), tuple(skipped), hash_hashes(list(first_with)), listing)
    if not files:
        kinds = ", ".join(sorted(IMAGE_SUFFIXES))
        raise DegcraftError(f"{root}: needs at least one usable image ({kinds}), but has {found.summary()}")
    return found


def list_images(folder: str | Path) -> Listing:
    """The files with an image suffix below a folder, and what beside them is left out.

    Raises:
        DegcraftError: no such folder.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        rule = "must be a folder, but is a file" if root.exists() else "no such folder"
        raise DegcraftError(f"{root}: {rule}")
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
    before = tuple(note.read_text(encoding="utf-8").splitlines()) if note.is_file() else ()
    return Listing(images, others, tuple(sorted(systems)), before)


def _leads_back(folder: Path) -> bool:
    """Whether a link leads to a folder that it lies in, and following it would never end."""
    return folder.is_symlink() and folder.resolve() in {above.resolve() for above in folder.absolute().parents}


def split_files(files: Sequence[Path], held_out: float, seed: int) -> tuple[list[Path], list[Path]]:
    """Split files into a part to fit on and a part held out.

    Every file has a place in an order that its name and the seed decide; the first `held_out` of them are held out,
    rounded to whole files. So the split stays when the folder is moved, and a file that is added moves at most one
    other from part to part.

    Args:
        files: at least 2; their order is kept in both parts.
        held_out: share in (0, 1).
        seed: another seed, another split.

    Returns:
        The files to fit on and the files held out, neither empty.

    Raises:
        DegcraftError: fewer than 2 files, or a share outside (0, 1).
    """
    if not 0 < held_out < 1:
        raise DegcraftError(f"the held-out share must lie between 0 and 1, but is {held_out}")
    if len(files) < 2:
        raise DegcraftError(f"a split into fit and held-out needs at least 2 files, but got {len(files)}")
    count = min(max(round(held_out * len(files)), 1), len(files) - 1)
    order = sorted(range(len(files)), key=lambda index: (_draw(files[index].name, seed), index))
    held = set(order[:count])
    return [f for i, f in enumerate(files) if i not in held], [f for i, f in enumerate(files) if i in held]


def in_threads(task: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """Run a decoding task per item, results in order. The decoders release the interpreter's lock."""
    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        # Pillow warns of odd metadata and of large photographs; what matters is refused by an error.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        return list(threads.map(task, items))


def _draw(name: str, seed: int) -> float:
    """A number in [0, 1) that looks random and belongs to the name and the seed."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(errors="surrogateescape"), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


def _inspect(path: Path, min_side: int) -> tuple[str, str]:
    """The digest of a file's pixels, and the reason to skip it or ''."""
    try:
        pixels = read_rgb8(path)
    except ImageError as error:
        return "", error.reason
    height, width = pixels.shape[1:]
    if min(height, width) < min_side:
        return "", f"{width}x{height} pixels, smaller than {min_side}"
    return hash_pixels(pixels), ""
