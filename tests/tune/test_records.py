"""The star stands at one trial, the best, whatever ends when and is killed where."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.tune.test_registration import spec
from tests.tune.test_summary import BICUBIC, UNIFORM, trial
from tracking import Recorder, StateFile, resolve_store
from tune.folder import SearchFolder
from tune.held_out import HeldOut
from tune.records import Records
from tune.state import SearchState


@contextmanager
def sitting(folder: Path) -> Iterator[tuple[Records, StateFile]]:
    """A search's records, whose server nobody runs, so that all that it is to be told waits in the file."""
    file = StateFile(folder / "state.sqlite")
    store = resolve_store("http://127.0.0.1:9", folder)
    held_out = cast("HeldOut", SimpleNamespace(kind="ground truth"))
    recorder = Recorder(store, "exp", file.share(), "search-1", first_wait=0.01)
    try:
        yield Records(recorder, spec(), held_out, SearchFolder(folder), SearchState(file), [], {}, {}), file
    finally:
        recorder.close(0)
        file.close()


def names(file: StateFile) -> list[tuple[str, str]]:
    """The names that MLflow is to be told, in order."""
    rows = file.execute(
        "SELECT json_extract(content, '$.key'), json_extract(content, '$.name') FROM operations "
        "WHERE json_extract(content, '$.kind') = 'name' ORDER BY number"
    )
    return [(str(key), str(name)) for key, name in rows]


def test_it_moves_with_a_better_trial_over_sittings(tmp_path: Path) -> None:
    better = trial("c", "crafted", [24.0, 26.1, 28.0], 25.0)
    with sitting(tmp_path) as (records, file):
        records.ended(BICUBIC, None)
        records.ended(UNIFORM, None)
        assert names(file) == [("i", "24.00 dB · bicubic"), ("u", "★ 25.23 dB · uniform")]
    with sitting(tmp_path) as (records, file):
        before = len(names(file))
        records.ended(better, None)
        told = dict(names(file)[before:])
        assert told == {"u": "25.23 dB · uniform", "c": "★ 26.03 dB · eq4 alpha 25 · degnet:cells"}
        records.ended(trial("d", "crafted", [20.0, 20.0, 20.0], 1.0), None)
        assert [name for _, name in dict(names(file)).items() if "★" in name] == [told["c"]]


def test_a_kill_before_the_end_is_kept_moves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with sitting(tmp_path) as (records, file):
        records.ended(UNIFORM, None)
        before = names(file)
        monkeypatch.setattr(Recorder, "note", killed)
        with pytest.raises(KeyboardInterrupt):
            records.ended(trial("c", "crafted", [24.0, 26.1, 28.0], 25.0), None)
        assert names(file) == before
    with sitting(tmp_path) as (_, file):
        assert names(file) == before
        assert set(SearchState(file).ends) == {"u"}
