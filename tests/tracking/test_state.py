"""The state file keeps what was committed, whole, for one process at a time, and says what is damaged."""

import math
import os
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from degcraft.errors import DegcraftError
from tracking.state import StateFile


def test_values_come_back_in_order_and_a_new_one_takes_the_place_of_the_old(tmp_path: Path) -> None:
    with closing(StateFile(tmp_path / "new" / "state.sqlite")) as state:
        for key in ("b", "a"):
            state.keep("note", key, {"at": [1.5, "ü\n", None]})
        state.keep("note", "b", math.nan)
        state.keep("other", "b", 1)
    with closing(StateFile(tmp_path / "new" / "state.sqlite")) as state:
        found = state.kept("note")
        assert list(found) == ["b", "a"]
        assert math.isnan(found["b"])
        assert found["a"] == {"at": [1.5, "ü\n", None]}
        assert state.kept("nothing") == {}


def test_a_transaction_is_kept_in_whole_or_not_at_all(tmp_path: Path) -> None:
    with closing(StateFile(tmp_path / "state.sqlite")) as state:
        with suppress(ZeroDivisionError), state.transaction():
            state.keep("note", "outer", 1)
            with state.transaction():
                state.keep("note", "inner", 1)
            raise ZeroDivisionError
        assert state.kept("note") == {}
        with state.transaction():
            state.keep("note", "next", 1)
        assert state.kept("note") == {"next": 1}


def test_a_killed_transaction_never_was(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from tracking.state import StateFile\n"
        "state = StateFile(Path(sys.argv[1])); state.keep('note', 'done', 1)\n"
        "with state.transaction():\n"
        "    state.keep('note', 'half', 1); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "state.sqlite")], check=False, env=dict(os.environ))
    with closing(StateFile(tmp_path / "state.sqlite")) as state:
        assert state.kept("note") == {"done": 1}


def test_only_one_has_it_open_and_the_last_owner_closes_it(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "state.sqlite")
    shared = state.share()
    for owner in (state, shared):
        with pytest.raises(DegcraftError, match="only one process at a time"):
            StateFile(tmp_path / "state.sqlite")
        owner.close()
    StateFile(tmp_path / "state.sqlite").close()


def test_a_changed_value_is_named(tmp_path: Path) -> None:
    with closing(StateFile(tmp_path / "state.sqlite")) as state:
        state.keep("end", "t003", {"score": 25.0})
    with closing(sqlite3.connect(tmp_path / "state.sqlite")) as outside, outside:
        outside.execute("UPDATE kept SET content = replace(content, '25', '35')")
    with (
        closing(StateFile(tmp_path / "state.sqlite")) as state,
        pytest.raises(DegcraftError, match=r"state\.sqlite: end t003 is damaged"),
    ):
        state.kept("end")


@pytest.mark.parametrize(
    "content", [b"not a database, whatever its name says" * 40, b"SQLite format 3\x00" + b"\xff" * 5000]
)
def test_what_is_no_database_is_said_in_a_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.sqlite").write_bytes(content)
    with pytest.raises(DegcraftError, match=r"state\.sqlite: cannot be used \(") as error:
        StateFile(tmp_path / "state.sqlite")
    assert "\n" not in str(error.value)


def test_a_folder_that_cannot_be_written_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DegcraftError, match="cannot be written"):
        StateFile(tmp_path / "file" / "state.sqlite")


def test_a_full_disk_is_said_in_a_line_and_what_was_kept_stays(tmp_path: Path) -> None:
    with closing(StateFile(tmp_path / "state.sqlite")) as state:
        state.keep("note", "before", 1)
        ((pages,),) = state.execute("PRAGMA page_count")
        # SQLite's own limit stands in for the disk's: it gives the same error.
        state.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(DegcraftError, match=r"cannot be used \(database or disk is full\)"):
            state.keep("note", "large", "x" * 100_000)
        assert state.kept("note") == {"before": 1}
        state.keep("note", "small", 1)
    with closing(StateFile(tmp_path / "state.sqlite")) as state:
        assert list(state.kept("note")) == ["before", "small"]
