"""One SQLite file that is the truth about a search, and what it keeps under names: JSON values with checksums."""

import json
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from degcraft.errors import DegcraftError

SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (
    kind TEXT, key TEXT, content TEXT NOT NULL, checksum INTEGER NOT NULL, UNIQUE (kind, key));
CREATE TABLE IF NOT EXISTS operations (
    number INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT NOT NULL, checksum INTEGER NOT NULL,
    name TEXT, file BLOB, file_checksum INTEGER, reason TEXT);
"""


class StateFile:
    """An SQLite file that one process at a time has open, and any number of its threads.

    What was committed survives a kill of the process and a power cut; what was not is as if it had never been.

    Args:
        path: The file; made if missing, its folder too.

    Raises:
        DegcraftError: Another process, or another StateFile of this one, has it open; it is damaged, or something
            else; it cannot be written. So do all methods.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        self._depth, self._owners = 0, 1
        with self._told():
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise DegcraftError(f"{self.path.parent}: cannot be written ({error.strerror or error})") from None
            self._connection = sqlite3.connect(self.path, timeout=0.2, isolation_level=None, check_same_thread=False)
            try:
                # Exclusive: SQLite's lock on the file is the search's, and goes with the process however that ends.
                for pragma in ("locking_mode=EXCLUSIVE", "auto_vacuum=FULL", "journal_mode=WAL", "synchronous=FULL"):
                    self._connection.execute(f"PRAGMA {pragma}").fetchall()
                with self.transaction():
                    for statement in SCHEMA.split(";"):
                        self._connection.execute(statement)
            except BaseException:
                self._connection.close()
                raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written in the block is kept, or nothing; blocks may be nested."""
        with self._lock, self._told():
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0 and self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                try:
                    self._connection.execute("COMMIT")
                except sqlite3.Error:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """One statement of SQL, and the rows that it gives."""
        with self._lock, self._told():
            return self._connection.execute(statement, values).fetchall()

    def keep(self, kind: str, key: str, value: Any) -> None:
        """Keep a JSON value (numbers may be NaN) under a kind and a key, in the place of an earlier one."""
        content = json.dumps(value)
        with self.transaction():
            self.execute(
                "INSERT INTO kept VALUES (?, ?, ?, ?) ON CONFLICT (kind, key) "
                "DO UPDATE SET content = excluded.content, checksum = excluded.checksum",
                kind, key, content, checksum(content.encode()),
            )  # fmt: skip

    def kept(self, kind: str) -> dict[str, Any]:
        """Everything of a kind, by key, in the order in which the keys came."""
        found = {}
        for key, content, known in self.execute(
            "SELECT key, content, checksum FROM kept WHERE kind = ? ORDER BY rowid", kind
        ):
            if checksum(content.encode()) != known:
                raise DegcraftError(f"{self.path}: {kind} {key} is damaged (its checksum is another); restore a copy")
            found[key] = json.loads(content)
        return found

    def share(self) -> "StateFile":
        """The same file for one more owner, who closes it too."""
        with self._lock:
            self._owners += 1
        return self

    def close(self) -> None:
        """Give it back; the last owner closes the file."""
        with self._lock, self._told():
            self._owners -= 1
            if self._owners == 0:
                self._connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise DegcraftError(
                    f"{self.path.parent}: only one process at a time may run a search, and another has it open"
                ) from None
            raise DegcraftError(f"{self.path}: cannot be used ({error})") from None
        except UnicodeDecodeError:
            raise DegcraftError(f"{self.path}: cannot be used (it is damaged)") from None


def checksum(content: bytes) -> int:
    """What tells a damaged content from a whole one."""
    return zlib.crc32(content)
