"""Folders elsewhere: whatever fsspec reads, kept as a local copy that is brought up to date."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import fsspec
from fsspec.spec import AbstractFileSystem

from degcraft.cache import cache_folder
from degcraft.errors import DegcraftError
from degcraft.images.atomic import written_whole
from degcraft.images.frames import video_frames
from degcraft.images.kept import checksum_of
from degcraft.images.listing import IMAGE_SUFFIXES, list_images
from degcraft.images.names import is_passed_over, is_systems_own
from degcraft.images.video import is_video

Side = Literal["lr", "hr"]
SIDES: tuple[Side, ...] = ("lr", "hr")
"""Sub-folders of a folder of pairs."""

log = logging.getLogger(__name__)

_URI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*(://|::)")
_MANIFEST = ".manifest.json"
_INCOMING = ".incoming-"
_AT_ONCE = 32
_DAY = 24 * 3600.0

# What stores call the things that change when a file does.
_MARKS = (
    "ETag", "etag", "md5Hash", "crc32c", "content_md5", "Content-MD5", "Digest",
    "LastModified", "Last-Modified", "last_modified", "updated", "mtime", "created",
)  # fmt: skip


@dataclass(frozen=True)
class _RemoteFile:
    """An image of a remote folder."""

    path: str
    """As the file system names it."""
    size: int | None
    fingerprint: dict[str, str] | None
    """Equal as long as the file is; None where the store tells nothing to go by."""


def is_uri(location: str | Path) -> bool:
    """Whether a location names a protocol (`s3://bucket/folder`) and not a plain path."""
    return isinstance(location, str) and _URI.match(location) is not None


def sides_of(folder: Path) -> tuple[Path, ...]:
    """The two sides of a folder of pairs; of any other the folder itself."""
    sides = tuple(folder / side for side in SIDES)
    return sides if all(side.is_dir() for side in sides) else (folder,)


def local_folder(location: str | Path, cache: Path | None = None, *, side: Side | None = None) -> Path:
    """A folder on this machine with the images of a location.

    A plain path is its own answer, whether it exists or not, and a video becomes a folder of its frames
    (`video_frames`). A URI's images (files with an image suffix, sub-folders included, hidden ones not) are
    downloaded once and kept, and a system's own folders made, empty, so that whoever lists the copy can name them; a
    later call fetches only files whose ETag, checksum, size or time has changed and drops those that have gone. A file
    appears whole or not at all, so processes may share the copy. Credentials and endpoints are those of the protocol's
    own configuration.

    Args:
        location: a path of a folder or a video; or a URI of a folder: s3://, gs://, file://, http:// (a
            listing), or whatever fsspec reads.
        cache: the folder that holds the copies; None is `folders` in degcraft's own.
        side: of a folder of pairs, with `lr/` and `hr/`, the one that is wanted; None for all that lies in it.

    Raises:
        DegcraftError: the protocol is unknown or its package missing, the location cannot be read or holds no
            images, a file arrives incomplete, or the copy cannot be written.
    """
    if side is not None:
        folder = local_folder(location, cache)
        return next((one for one in sides_of(folder) if one.name == side), folder)
    if not is_uri(location):
        path = Path(location).expanduser()
        return video_frames(path) if is_video(path) else path
    uri = str(location)
    base = cache_folder("folders") if cache is None else cache
    folder = base / hashlib.sha256(uri.rstrip("/").encode()).hexdigest()[:20]
    files, system_folders, system = _look(uri)
    if not files:
        kinds = ", ".join(sorted(IMAGE_SUFFIXES))
        raise DegcraftError(f"{uri}: needs image files ({kinds}), but none were found there")
    try:
        _update(uri, folder, files, system)
        _mirror(folder, system_folders)
    except OSError as error:
        raise DegcraftError(f"{uri}: the local copy {folder} cannot be written ({error})") from error
    return folder


def _look(uri: str) -> tuple[dict[str, _RemoteFile], set[PurePosixPath], AbstractFileSystem]:
    """The images below a URI by their relative path, a system's own folders there, and what reads them."""
    protocol = re.split("://|::", uri, maxsplit=1)[0]
    try:
        system, root = fsspec.core.url_to_fs(uri)
        # Listings are kept between calls otherwise, and a changed folder would look unchanged.
        system.invalidate_cache()
        found: Mapping[str, Mapping[str, Any]] = system.find(root, detail=True)
        files: dict[str, tuple[str, Mapping[str, Any]]] = {}
        system_folders: set[PurePosixPath] = set()
        for path, info in found.items():
            relative = PurePosixPath(path.removeprefix(root.rstrip("/")).lstrip("/"))
            if ".." in relative.parts:
                raise DegcraftError(f"{uri}: names must stay inside the folder, but one is {str(relative)!r}")
            passed_over = next((above for above in _above(relative) if is_passed_over(above.name)), None)
            if passed_over is not None:
                system_folders |= {passed_over} if is_systems_own(passed_over.name) else set()
            elif relative.suffix.lower() in IMAGE_SUFFIXES and not relative.name.startswith("."):
                files[str(relative)] = (path, info)
        with ThreadPoolExecutor(8) as threads:
            remote = threads.map(lambda item: _remote_file(system, *item), files.values())
            return dict(zip(files, remote, strict=True)), system_folders, system
    except DegcraftError:
        raise
    except ImportError as error:
        raise DegcraftError(
            f"{uri}: {protocol}:// needs a package that is not installed ({error}); pip install 'degcraft[cloud]' "
            "brings those of s3:// and gs://"
        ) from error
    except Exception as error:
        # Each store's client has its own family of errors.
        raise DegcraftError(f"{uri}: cannot be read ({_first_line(error)})") from error


def _above(relative: PurePosixPath) -> list[PurePosixPath]:
    """The folders that a file lies in, the outermost first."""
    return list(relative.parents)[-2::-1]


def _remote_file(system: AbstractFileSystem, path: str, info: Mapping[str, Any]) -> _RemoteFile:
    if not _marks(info):
        info = system.info(path)  # a web server's listing tells names only
    marks = _marks(info)
    size = info.get("size")
    if size is not None:
        marks["size"] = str(size)
    return _RemoteFile(path, size, marks or None)


def _marks(info: Mapping[str, Any]) -> dict[str, str]:
    return {mark: str(info[mark]) for mark in _MARKS if info.get(mark) is not None}


def _update(uri: str, folder: Path, files: dict[str, _RemoteFile], system: AbstractFileSystem) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for abandoned in folder.glob(f"{_INCOMING}*"):
        if time.time() - abandoned.stat().st_mtime > _DAY:
            shutil.rmtree(abandoned, ignore_errors=True)
    known = _read_manifest(folder)
    for path in list_images(folder).images:
        if path.relative_to(folder).as_posix() not in files:
            path.unlink(missing_ok=True)
    kept = {name: known[name] for name, file in files.items() if _is_current(folder / name, file, known.get(name))}
    missing = [name for name in files if name not in kept]
    for start in range(0, len(missing), _AT_ONCE):
        batch = missing[start : start + _AT_ONCE]
        _fetch(uri, folder, {name: files[name] for name in batch}, system)
        kept.update({
            name: {"fingerprint": files[name].fingerprint, "checksum": checksum_of(folder / name)} for name in batch
        })  # fmt: skip
        _write_manifest(folder, kept)
    if kept != known:
        _write_manifest(folder, kept)


def _mirror(folder: Path, system_folders: set[PurePosixPath]) -> None:
    for gone in {PurePosixPath(known) for known in list_images(folder).system_folders} - system_folders:
        (folder / gone).rmdir()
    for there in system_folders:
        (folder / there).mkdir(parents=True, exist_ok=True)


def _is_current(copy: Path, file: _RemoteFile, known: Any) -> bool:
    if not isinstance(known, dict) or file.fingerprint is None or file.fingerprint != known.get("fingerprint"):
        return False
    if copy.is_file() and checksum_of(copy) != known.get("checksum"):
        log.warning("%s: is damaged; fetched anew", copy)
        return False
    return copy.is_file()


def _fetch(uri: str, folder: Path, files: dict[str, _RemoteFile], system: AbstractFileSystem) -> None:
    with tempfile.TemporaryDirectory(prefix=_INCOMING, dir=folder) as incoming:
        arrivals = [os.path.join(incoming, str(index)) for index in range(len(files))]
        try:
            system.get([file.path for file in files.values()], arrivals)
        except Exception as error:
            raise DegcraftError(f"{uri}: cannot be downloaded ({_first_line(error)})") from error
        for arrival, (name, file) in zip(arrivals, files.items(), strict=True):
            size = os.path.getsize(arrival)
            if file.size is not None and size != file.size:
                raise DegcraftError(f"{uri}: {name} must have {file.size} bytes, but {size} arrived")
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(arrival, target)


def _read_manifest(folder: Path) -> dict[str, Any]:
    """What is known of the files held; nothing where the manifest is missing or damaged, so all are fetched anew."""
    try:
        content = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write_manifest(folder: Path, known: dict[str, Any]) -> None:
    with written_whole(folder / _MANIFEST) as temporary:
        temporary.write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
