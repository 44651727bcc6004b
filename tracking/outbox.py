"""A durable, ordered queue of operations in a search's state file, for what must reach a server that may be away.

An append returns when the operation and the file that it carries are on the disk, so that a process killed at any
moment loses nothing it was told is kept. Within `StateFile.transaction` several are kept together or not at all.
What was set aside waits once more, at its old place, whenever the queue is opened: why it was may be over.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracking.failures import Undeliverable
from tracking.state import StateFile, checksum

DAMAGED = "damaged on the disk (its checksum is another)"


@dataclass(frozen=True)
class Operation:
    """One appended operation: its number, its content and the name of the file that it carries (None: none)."""

    number: int
    content: Mapping[str, Any]
    name: str | None = None
    again: bool = False
    """Whether it was set aside before, and some that were appended after it may have been delivered since."""


_WAITS = "(reason IS NULL OR number IN (SELECT number FROM again))"
"""Of an operation; one that was set aside keeps its reason until it is acknowledged, so that a kill forgets nothing."""


class Outbox:
    """The queue in `state`, which it closes when it is closed itself.

    Args:
        state: Where it lies.
        place: What an operation says something of, if a later one of the same place says it anew; None for one that
            no other makes needless.
    """

    def __init__(self, state: StateFile, place: Callable[[Operation], object | None] = lambda _: None) -> None:
        self.state, self._place = state, place
        self._changed = threading.Condition()
        with state.transaction():
            for number, content, known in state.execute("SELECT number, content, checksum FROM operations"):
                if checksum(content.encode()) != known:
                    state.execute("UPDATE operations SET reason = ? WHERE number = ?", DAMAGED, number)
            state.execute("CREATE TEMPORARY TABLE again (number INTEGER PRIMARY KEY)")
            state.execute(
                "INSERT INTO again SELECT number FROM operations WHERE reason IS NOT NULL AND reason != ?", DAMAGED
            )

    def append(self, content: Mapping[str, Any], file: Path | None = None) -> Operation:
        """Keep an operation (JSON-able) and a copy of its file.

        Raises OSError when the file cannot be read, DegcraftError when the disk cannot be written; the queue stays as
        it was.
        """
        text = json.dumps(content, ensure_ascii=False)
        name, data = (None, None) if file is None else (Path(file).name, Path(file).read_bytes())
        with self.state.transaction():
            ((number,),) = self.state.execute(
                "INSERT INTO operations (content, checksum, name, file, file_checksum) VALUES (?, ?, ?, ?, ?) "
                "RETURNING number",
                text, checksum(text.encode()), name, data, None if data is None else checksum(data),
            )  # fmt: skip
        return Operation(number, json.loads(text), name)

    def head(self, limit: int) -> list[Operation]:
        """The oldest operations not yet acknowledged, at most `limit`, in the order they were appended."""
        rows = self.state.execute(
            f"SELECT number, content, name, reason IS NOT NULL FROM operations WHERE {_WAITS} ORDER BY number LIMIT ?",
            limit,
        )
        return [Operation(number, json.loads(content), name, bool(again)) for number, content, name, again in rows]

    def write_file(self, operation: Operation, folder: Path) -> Path:
        """The file that an operation carries, written into a folder under its own name.

        Raises Undeliverable when there is none, or it is damaged.
        """
        rows = self.state.execute("SELECT file, file_checksum FROM operations WHERE number = ?", operation.number)
        data, known = rows[0] if rows else (None, None)
        if data is None or operation.name is None:
            raise Undeliverable("it carries no file")
        if checksum(data) != known:
            raise Undeliverable(DAMAGED)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / operation.name).write_bytes(data)
        return folder / operation.name

    def acknowledge(self, number: int) -> None:
        """Everything up to and including `number` is done, and what it makes needless of what was set aside."""
        done = f"FROM operations WHERE number <= ? AND {_WAITS}"
        with self._changed:
            with self.state.transaction():
                if older := [one for one, reason in self.rejected() if one.number < number and reason != DAMAGED]:
                    ((count,),) = self.state.execute(f"SELECT count(*) {done}", number)
                    said = {self._place(one) for one in self.head(count)} - {None}
                    for one in older:
                        if self._place(one) in said:
                            self.state.execute("DELETE FROM operations WHERE number = ?", one.number)
                self.state.execute(f"DELETE {done}", number)
            self._changed.notify_all()

    def reject(self, number: int, reason: str) -> None:
        """Set the oldest operation aside with the reason; its file stays too."""
        oldest = self.head(1)[0].number
        if oldest != number:
            raise ValueError(f"only the oldest operation can be rejected: {oldest}, got {number}")
        with self._changed:
            with self.state.transaction():
                self.state.execute("UPDATE operations SET reason = ? WHERE number = ?", reason, number)
                self.state.execute("DELETE FROM again WHERE number = ?", number)
            self._changed.notify_all()

    def rejected(self) -> list[tuple[Operation, str]]:
        """What is set aside and does not wait, each with its reason; the content of a damaged one is empty."""
        rows = self.state.execute(
            f"SELECT number, content, name, reason FROM operations WHERE NOT {_WAITS} ORDER BY number"
        )
        return [
            (Operation(number, {} if reason == DAMAGED else json.loads(content), name), reason)
            for number, content, name, reason in rows
        ]

    def pending(self) -> int:
        """How many operations wait."""
        return int(self.state.execute(f"SELECT count(*) FROM operations WHERE {_WAITS}")[0][0])

    def wait_until_empty(self, timeout: float | None) -> int:
        """Wait until nothing is pending, at most `timeout` seconds; returns how many are left."""
        with self._changed:
            self._changed.wait_for(lambda: self.pending() == 0, timeout)
            return self.pending()

    def close(self) -> None:
        """Give the state file back; what is pending stays for the next one to open it."""
        self.state.close()
