"""The outbox loses nothing, reorders nothing and doubles nothing."""

import contextlib
import multiprocessing
import os
import shutil
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degcraft.errors import DegcraftError
from tracking import outbox as outbox_module
from tracking.outbox import Outbox


def values(box: Outbox) -> list[object]:
    return [operation.content["value"] for operation in box.head(10**6)]


def make(folder: Path, *contents: str) -> None:
    box = Outbox(folder)
    for content in contents:
        box.append({"value": content})
    box.close()


def test_keeps_content_and_file_as_they_were(tmp_path: Path) -> None:
    figure = tmp_path / "heat map ü.png"
    figure.write_bytes(b"first")
    box = Outbox(tmp_path / "box")
    box.append({"value": [1.5, None, "ü\n"], "nan": float("nan")}, figure)
    figure.write_bytes(b"changed later")
    box.close()

    (operation,) = Outbox(tmp_path / "box").head(5)
    assert operation.content["value"] == [1.5, None, "ü\n"]
    assert operation.content["nan"] != operation.content["nan"]
    assert operation.file is not None
    assert operation.file.name == "heat map ü.png"
    assert operation.file.read_bytes() == b"first"


def test_acknowledged_operations_and_their_files_go(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"x" * 100)
    box = Outbox(tmp_path / "box")
    first, second = box.append({"value": 1}, file), box.append({"value": 2}, file)
    box.acknowledge(first.number)
    assert first.file is not None
    assert second.file is not None
    assert not first.file.exists()
    assert second.file.read_bytes() == b"x" * 100
    assert values(box) == [2]
    box.acknowledge(second.number)
    assert box.pending() == 0
    assert box.wait_until_empty(0) == 0
    box.close()
    assert list((tmp_path / "box" / "files").iterdir()) == []
    assert list((tmp_path / "box").glob("operations-*")) == []

    again = Outbox(tmp_path / "box")
    assert again.pending() == 0
    assert again.append({"value": 3}).number == 3


def test_a_torn_last_line_is_dropped_wherever_it_was_torn(tmp_path: Path) -> None:
    make(tmp_path / "whole", "one", "two", "three")
    (segment,) = (tmp_path / "whole").glob("operations-*.jsonl")
    data = segment.read_bytes()
    second_ends = data.index(b"\n", data.index(b"\n") + 1) + 1
    for cut in range(second_ends, len(data) + 1):
        folder = tmp_path / f"cut{cut}"
        shutil.copytree(tmp_path / "whole", folder)
        (folder / segment.name).write_bytes(data[:cut])
        box = Outbox(folder)
        kept = ["one", "two", "three"] if cut == len(data) else ["one", "two"]
        assert values(box) == kept
        box.append({"value": "next"})
        box.close()
        assert values(Outbox(folder)) == [*kept, "next"]


def test_a_damaged_line_in_the_middle_is_told_and_not_silently_dropped(tmp_path: Path) -> None:
    make(tmp_path / "box", "one", "two", "three")
    (segment,) = (tmp_path / "box").glob("operations-*.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b'"two"', b'"tw\x00'))
    box = Outbox(tmp_path / "box")
    assert values(box) == ["one", "three"]
    (rejected,) = box.rejected()
    assert "unreadable line" in rejected["reason"]
    assert '"tw' in rejected["content"]["line"]
    box.close()
    assert len(Outbox(tmp_path / "box").rejected()) == 1


def test_files_that_no_operation_names_are_removed_on_opening(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"x")
    box = Outbox(tmp_path / "box")
    kept = box.append({"value": 1}, file)
    box.close()
    # As a kill between copying the file and writing the line leaves it.
    orphan = tmp_path / "box" / "files" / "000000000002" / "a.bin"
    orphan.parent.mkdir()
    orphan.write_bytes(b"x")
    again = Outbox(tmp_path / "box")
    assert kept.file is not None
    assert kept.file.exists()
    assert not orphan.parent.exists()
    assert again.append({"value": 2}, file).file == orphan


def test_a_failed_write_leaves_the_queue_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"x")
    box = Outbox(tmp_path / "box")
    box.append({"value": 1})
    real = os.fsync
    fails = [True]

    def full(descriptor: int) -> None:
        if fails and os.readlink(f"/proc/self/fd/{descriptor}").endswith(".jsonl"):
            fails.clear()
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(outbox_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        box.append({"value": 2}, file)
    assert values(box) == [1]
    assert list((tmp_path / "box" / "files").iterdir()) == []
    box.append({"value": 3}, file)
    with pytest.raises(FileNotFoundError):
        box.append({"value": 4}, tmp_path / "nowhere")
    box.close()
    assert values(Outbox(tmp_path / "box")) == [1, 3]


def test_rejected_operations_stay_with_their_reason_and_file(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"evidence")
    box = Outbox(tmp_path / "box")
    bad = box.append({"value": 1}, file)
    box.append({"value": 2})
    with pytest.raises(ValueError, match="only the oldest"):
        box.reject(2, "no")
    box.reject(bad.number, "param names must be short")
    assert values(box) == [2]
    box.close()
    (entry,) = Outbox(tmp_path / "box").rejected()
    assert entry["reason"] == "param names must be short"
    assert entry["content"] == {"value": 1}
    assert Path(entry["file"]).read_bytes() == b"evidence"


def test_only_one_holder_at_a_time(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box")
    with pytest.raises(DegcraftError, match=f"only one process .* process {os.getpid()}"):
        Outbox(tmp_path / "box")
    box.close()
    with pytest.raises(ValueError, match="closed"):
        box.append({"value": 1})
    Outbox(tmp_path / "box").close()


def test_segments_are_removed_as_they_are_done_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "SEGMENT_BYTES", 200)
    box = Outbox(tmp_path / "box")
    for number in range(1, 101):
        box.append({"value": number})
        if number > 10:
            box.acknowledge(number - 10)
    assert len(list((tmp_path / "box").glob("operations-*"))) < 10
    box.close()
    assert values(Outbox(tmp_path / "box")) == list(range(91, 101))


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
        box, expected, rejected, count = Outbox(folder), [], 0, 0
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
                del expected[0]
                rejected += 1
            elif step == "reopen":
                box.close()
                box = Outbox(folder)
            found = box.head(100)
            assert [operation.content["value"] for operation in found] == [value for value, _ in expected]
            for operation, (value, has_file) in zip(found, expected, strict=True):
                assert (operation.file is not None) == has_file
                assert operation.file is None or operation.file.read_text() == str(value)
            assert len(box.rejected()) == rejected
        box.close()


def write_for_ever(folder: Path, file: Path, value: int, promised: Connection) -> None:
    box = Outbox(folder)
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

        box = Outbox(folder)
        kept = box.head(10**6)
        numbers = [int(operation.content["value"]) for operation in kept]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert promised <= numbers[-1] <= promised + 1
        for operation in kept:
            value = int(operation.content["value"])
            assert (operation.file is not None) == (value % 2 == 1)
            assert operation.file is None or operation.file.read_text() == str(value) * 2000
        start = numbers[-1] + 1
        box.close()
