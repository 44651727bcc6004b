"""The outbox loses nothing, reorders nothing and doubles nothing."""

import contextlib
import multiprocessing
import sqlite3
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.failures import Undeliverable
from tracking.outbox import Outbox
from tracking.state import StateFile


def open_box(folder: Path) -> Outbox:
    return Outbox(StateFile(folder / "state.sqlite"))


def values(box: Outbox) -> list[object]:
    return [operation.content["value"] for operation in box.head(10**6)]


def make(folder: Path, *contents: str) -> None:
    box = open_box(folder)
    for content in contents:
        box.append({"value": content})
    box.close()


def change(folder: Path, statement: str) -> None:
    """What a bad disk does."""
    with contextlib.closing(sqlite3.connect(folder / "state.sqlite")) as outside, outside:
        outside.execute(statement)


def test_keeps_content_and_file_as_they_were(tmp_path: Path) -> None:
    figure = tmp_path / "heat map ü.png"
    figure.write_bytes(b"first")
    box = open_box(tmp_path / "box")
    box.append({"value": [1.5, None, "ü\n"], "nan": float("nan")}, figure)
    figure.write_bytes(b"changed later")
    box.close()

    again = open_box(tmp_path / "box")
    (operation,) = again.head(5)
    assert operation.content["value"] == [1.5, None, "ü\n"]
    assert operation.content["nan"] != operation.content["nan"]
    written = again.write_file(operation, tmp_path / "sent")
    assert written.name == "heat map ü.png"
    assert written.read_bytes() == b"first"
    again.close()


def test_acknowledged_operations_and_their_files_go(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"x" * 1_000_000)
    box = open_box(tmp_path / "box")
    first, second = box.append({"value": 1}, file), box.append({"value": 2}, file)
    box.acknowledge(first.number)
    with pytest.raises(Undeliverable):
        box.write_file(first, tmp_path)
    assert values(box) == [2]
    box.acknowledge(second.number)
    assert box.pending() == 0
    assert box.wait_until_empty(0) == 0
    box.close()
    assert (tmp_path / "box" / "state.sqlite").stat().st_size < 100_000

    again = open_box(tmp_path / "box")
    assert again.pending() == 0
    assert again.append({"value": 3}).number == 3
    again.close()


def test_a_damaged_record_is_told_and_costs_the_others_nothing(tmp_path: Path) -> None:
    make(tmp_path / "box", "one", "two", "three")
    change(tmp_path / "box", "UPDATE operations SET content = replace(content, 'two', 'tw')")
    for _ in range(2):
        box = open_box(tmp_path / "box")
        assert values(box) == ["one", "three"]
        ((operation, reason),) = box.rejected()
        assert (operation.number, operation.content) == (2, {})
        assert "damaged" in reason
        box.close()


def test_a_damaged_file_is_not_delivered(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"whole")
    box = open_box(tmp_path / "box")
    operation = box.append({"value": 1}, file)
    box.close()
    change(tmp_path / "box", "UPDATE operations SET file = x'00'")
    box = open_box(tmp_path / "box")
    with pytest.raises(Undeliverable, match="damaged"):
        box.write_file(operation, tmp_path)
    box.close()


def test_a_failed_append_leaves_the_queue_as_it_was(tmp_path: Path) -> None:
    box = open_box(tmp_path / "box")
    box.append({"value": 1})
    with pytest.raises(OSError, match="missing"):
        box.append({"value": 2}, tmp_path / "missing")
    with contextlib.suppress(ZeroDivisionError), box.state.transaction():
        box.append({"value": 3})
        raise ZeroDivisionError
    assert values(box) == [1]
    box.append({"value": 4})
    assert values(box) == [1, 4]
    box.close()


def test_only_the_oldest_is_rejected(tmp_path: Path) -> None:
    make(tmp_path / "box", "one", "two")
    box = open_box(tmp_path / "box")
    with pytest.raises(ValueError, match="only the oldest"):
        box.reject(2, "because")
    box.reject(1, "because")
    assert values(box) == ["two"]
    box.close()


def test_what_was_set_aside_waits_again_until_it_is_done(tmp_path: Path) -> None:
    make(tmp_path / "box", "one", "two", "three")
    box = open_box(tmp_path / "box")
    box.reject(1, "no space")
    box.acknowledge(2)
    assert (values(box), len(box.rejected())) == (["three"], 1)
    box.close()
    # A kill between the two sittings' ends leaves it as it was.
    for _ in range(2):
        box = open_box(tmp_path / "box")
        assert [(operation.number, operation.again) for operation in box.head(5)] == [(1, True), (3, False)]
        assert box.rejected() == []
        box.close()
    box = open_box(tmp_path / "box")
    box.reject(1, "no space yet")
    assert [reason for _, reason in box.rejected()] == ["no space yet"]
    box.close()
    box = open_box(tmp_path / "box")
    box.acknowledge(1)
    box.close()
    box = open_box(tmp_path / "box")
    assert (values(box), box.rejected()) == (["three"], [])
    box.close()


def test_what_was_set_aside_and_damaged_then_does_not_wait_again(tmp_path: Path) -> None:
    make(tmp_path / "box", "one", "two")
    box = open_box(tmp_path / "box")
    box.reject(1, "no space")
    box.close()
    change(tmp_path / "box", "UPDATE operations SET content = replace(content, 'one', 'on')")
    box = open_box(tmp_path / "box")
    assert values(box) == ["two"]
    assert [(operation.number, "damaged" in reason) for operation, reason in box.rejected()] == [(1, True)]
    box.close()


def test_a_later_one_of_the_same_place_makes_one_that_was_set_aside_needless(tmp_path: Path) -> None:
    box = Outbox(StateFile(tmp_path / "state.sqlite"), lambda operation: operation.content["place"])
    for place in ("name", "curve", "name", "curve"):
        box.append({"place": None if place == "curve" else place})
    box.reject(1, "because")
    box.reject(2, "because")
    assert [operation.number for operation, _ in box.rejected()] == [1, 2]
    box.acknowledge(4)
    assert [operation.number for operation, _ in box.rejected()] == [2]
    box.close()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.booleans()),
        st.tuples(st.just("acknowledge"), st.integers(1, 5)),
        st.tuples(st.just("reject"), st.none()),
        st.tuples(st.just("reopen"), st.none()),
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_behaves_as_a_queue_that_survives_reopening(history: list[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, file = Path(name) / "box", Path(name) / "file"
        box, count = open_box(folder), 0
        expected: list[tuple[int, object]] = []
        rejected: list[tuple[int, object]] = []
        again: set[int] = set()
        for step, detail in history:
            if step == "append":
                count += 1
                file.write_text(str(count))
                box.append({"value": count}, file if detail else None)
                expected.append((count, detail))
            elif step == "acknowledge" and expected:
                take = min(int(str(detail)), len(expected))
                box.acknowledge(box.head(take)[-1].number)
                del expected[:take]
            elif step == "reject" and expected:
                box.reject(box.head(1)[0].number, "because")
                rejected.append(expected.pop(0))
            elif step == "reopen":
                box.close()
                box = open_box(folder)
                # It is the old order, whatever was taken in the meantime.
                again |= {value for value, _ in rejected}
                expected, rejected = sorted(expected + rejected), []
            found = box.head(100)
            assert [operation.content["value"] for operation in found] == [value for value, _ in expected]
            for operation, (value, has_file) in zip(found, expected, strict=True):
                assert (operation.name is not None) == has_file
                assert operation.again == (value in again)
                assert not has_file or box.write_file(operation, Path(name) / "out").read_text() == str(value)
            assert box.pending() == len(expected)
            assert [operation.content["value"] for operation, _ in box.rejected()] == [value for value, _ in rejected]
        box.close()


def write_for_ever(folder: Path, file: Path, value: int, promised: Connection) -> None:
    box = open_box(folder)
    while True:
        file.write_text(str(value) * 2000)
        box.append({"value": value}, file if value % 2 else None)
        promised.send(value)
        if value % 7 == 0:
            box.acknowledge(box.head(3)[-1].number)
        value += 1


def test_a_writer_killed_at_any_moment_keeps_what_it_was_promised(tmp_path: Path) -> None:
    folder, start = tmp_path / "box", 1
    for pause in (0.01, 0.05, 0.11, 0.37):
        receive, send = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(
            target=write_for_ever, args=(folder, tmp_path / "file", start, send), daemon=True
        )
        process.start()
        send.close()
        promised = receive.recv()
        time.sleep(pause)
        process.kill()
        process.join()
        with contextlib.suppress(EOFError):
            while True:
                promised = receive.recv()

        box = open_box(folder)
        kept = box.head(10**6)
        numbers = [int(operation.content["value"]) for operation in kept]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert promised <= numbers[-1] <= promised + 1
        for operation in kept:
            value = int(operation.content["value"])
            assert (operation.name is not None) == (value % 2 == 1)
            assert operation.name is None or box.write_file(operation, tmp_path).read_text() == str(value) * 2000
        start = numbers[-1] + 1
        box.close()
