"""A durable, ordered queue of operations in a folder, for what must reach a server that may be away.

The folder holds

    operations-<first number>.jsonl   one operation per line, numbered; a new file per session and per MiB
    files/<number>/<name>             the file that an operation carries, copied when it was appended
    acknowledged                      the number up to which everything has been dealt with
    rejected.jsonl, rejected/         operations that were set aside, each with its reason, and their files
    lock                              held by the one process that uses the folder

An append returns when its line and its file are on the disk, so that a process killed at any moment
loses nothing it was told is kept. A line that a kill cut off was never promised and is dropped.
"""

import fcntl
import json
import os
import shutil
import threading
import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from degcraft.errors import DegcraftError

SEGMENT_BYTES = 1 << 20


@dataclass(frozen=True)
class Operation:
    """One appended operation: its number, its content and the file it carries (None: none)."""

    number: int
    content: Mapping[str, Any]
    file: Path | None = None


class Outbox:
    """The queue in `folder`, made if missing. One process at a time; any number of its threads.

    Raises
    ------
    DegcraftError
        Another process, or another Outbox of this one, has the folder open.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._files = self.folder / "files"
        self._files.mkdir(parents=True, exist_ok=True)
        self._lock_file = _take_lock(self.folder / "lock")
        self._append_lock = threading.Lock()
        self._state = threading.Condition()
        self._segment: Any = None
        self._closed = False
        self._queue: deque[Operation] = deque()
        try:
            self._acknowledged = _read_position(self.folder / "acknowledged")
            self._last = self._acknowledged
            self._load()
        except BaseException:
            self._lock_file.close()
            raise

    def append(self, content: Mapping[str, Any], file: Path | None = None) -> Operation:
        """Keep an operation (JSON-able) and a copy of its file; on return both are on the disk.

        Raises OSError when the file cannot be read or the disk not written; the queue stays as it was.
        """
        with self._append_lock:
            if self._closed:
                raise ValueError(f"{self.folder}: the outbox is closed")
            number = self._last + 1
            copied = None if file is None else self._file(number, Path(file).name)
            entry = {"number": number, "content": content, "file": None if copied is None else copied.name}
            line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
            if file is not None and copied is not None:
                _copy_durably(Path(file), copied)
            try:
                self._write(number, line)
            except BaseException:
                if copied is not None:
                    shutil.rmtree(copied.parent, ignore_errors=True)
                raise
            operation = Operation(number, json.loads(line)["content"], copied)
            with self._state:
                self._last = number
                self._queue.append(operation)
        return operation

    def head(self, limit: int) -> list[Operation]:
        """The oldest operations not yet acknowledged, at most `limit`, in the order they were appended."""
        with self._state:
            return [self._queue[i] for i in range(min(limit, len(self._queue)))]

    def acknowledge(self, number: int) -> None:
        """Everything up to and including `number` is done: remember that durably, then drop its files."""
        with self._state:
            done = [operation for operation in self._queue if operation.number <= number]
        if not done:
            return
        _write_durably(self.folder / "acknowledged", f"{done[-1].number}\n".encode())
        for operation in done:
            if operation.file is not None:
                shutil.rmtree(operation.file.parent, ignore_errors=True)
        with self._state:
            self._acknowledged = done[-1].number
            for _ in done:
                self._queue.popleft()
            self._state.notify_all()
        self._drop_segments()

    def reject(self, number: int, reason: str) -> None:
        """Set the oldest operation aside with the reason, its file too, and acknowledge it."""
        operation = self.head(1)[0]
        if operation.number != number:
            raise ValueError(f"only the oldest operation can be rejected: {operation.number}, got {number}")
        kept = None
        if operation.file is not None and operation.file.exists():
            kept = self.folder / "rejected" / operation.file.parent.name / operation.file.name
            _copy_durably(operation.file, kept)
        self._write_rejected(number, operation.content, kept, reason)
        self.acknowledge(number)

    def rejected(self) -> list[dict[str, Any]]:
        """All that was ever set aside here: dicts of number, content, reason, and file (a path or None)."""
        path = self.folder / "rejected.jsonl"
        found: dict[int, dict[str, Any]] = {}
        for line in path.read_bytes().splitlines() if path.exists() else []:
            entry = _parse(line)
            # A kill between this line and the acknowledgement writes it twice.
            if entry is not None:
                found[entry["number"]] = entry
        return [found[number] for number in sorted(found)]

    def pending(self) -> int:
        """How many operations wait."""
        with self._state:
            return len(self._queue)

    def wait_until_empty(self, timeout: float | None) -> int:
        """Wait until nothing is pending, at most `timeout` seconds; returns how many are left."""
        with self._state:
            self._state.wait_for(lambda: not self._queue, timeout)
            return len(self._queue)

    def close(self) -> None:
        """Give the folder back; what is pending stays for the next one to open it."""
        with self._append_lock:
            if self._closed:
                return
            self._closed = True
            if self._segment is not None:
                self._segment.close()
            if self.pending() == 0:
                for segment in self._segments():
                    segment.unlink(missing_ok=True)
            self._lock_file.close()

    # ---------------------------------------------------------------- the files

    def _file(self, number: int, name: str) -> Path:
        return self._files / f"{number:012d}" / name

    def _segments(self) -> list[Path]:
        return sorted(self.folder.glob("operations-*.jsonl"))

    def _load(self) -> None:
        for segment in self._segments():
            data = segment.read_bytes()
            whole = data.rfind(b"\n") + 1
            if whole < len(data):
                # Cut off, or the next session's first line would be glued to the torn one.
                with segment.open("r+b") as handle:
                    handle.truncate(whole)
                    os.fsync(handle.fileno())
            for line in data[:whole].splitlines():
                self._load_line(segment, line)
        carried = {operation.file.parent for operation in self._queue if operation.file is not None}
        for folder in self._files.iterdir():
            if folder not in carried:
                shutil.rmtree(folder)
        self._drop_segments()

    def _load_line(self, segment: Path, line: bytes) -> None:
        entry = _parse(line)
        if entry is None:
            # Not a torn end: the disk has changed a line that was complete. Its number is unknown.
            text = line.decode(errors="replace")
            self._write_rejected(-zlib.crc32(line) - 1, {"line": text}, None, f"unreadable line in {segment.name}")
            return
        number = entry["number"]
        self._last = max(self._last, number)
        if number > self._acknowledged:
            file = None if entry["file"] is None else self._file(number, entry["file"])
            self._queue.append(Operation(number, entry["content"], file))

    def _write(self, number: int, line: bytes) -> None:
        if self._segment is not None and self._segment.tell() > SEGMENT_BYTES:
            self._segment.close()
            self._segment = None
        if self._segment is None:
            path = self.folder / f"operations-{number:012d}.jsonl"
            self._segment = path.open("ab", buffering=0)
            _sync_folder(self.folder)
        start = self._segment.seek(0, os.SEEK_END)
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[self._segment.write(rest) :]
            os.fsync(self._segment.fileno())
        except OSError:
            # A full disk may have taken half of the line; the next one must not follow it.
            self._segment.truncate(start)
            raise

    def _write_rejected(self, number: int, content: Mapping[str, Any], file: Path | None, reason: str) -> None:
        kept = None if file is None else str(file)
        entry = {"number": number, "reason": reason, "file": kept, "content": content}
        with (self.folder / "rejected.jsonl").open("ab") as handle:
            handle.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
            handle.flush()
            os.fsync(handle.fileno())

    def _drop_segments(self) -> None:
        """Remove the files all of whose lines are acknowledged; the newest stays, it may be in use."""
        segments = self._segments()
        for path, following in pairwise(segments):
            if int(following.stem.partition("-")[2]) - 1 <= self._acknowledged:
                path.unlink(missing_ok=True)


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
        return entry if isinstance(entry["number"], int) and isinstance(entry["content"], dict) else None
    except (ValueError, KeyError, TypeError):
        return None


def _read_position(path: Path) -> int:
    try:
        return int(path.read_text())
    except FileNotFoundError:
        return 0


def _take_lock(path: Path) -> Any:
    handle = path.open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.seek(0)
        owner = handle.read().strip() or "unknown"
        handle.close()
        raise DegcraftError(
            f"{path.parent}: only one process may record a search at a time, and process {owner} has it open"
        ) from None
    handle.truncate(0)
    handle.write(f"{os.getpid()}\n")
    handle.flush()
    return handle


def _copy_durably(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.parent / ".part"
    try:
        with source.open("rb") as reader, part.open("wb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
            writer.flush()
            os.fsync(writer.fileno())
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(target.parent)
    _sync_folder(target.parent.parent)


def _write_durably(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(part, path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
