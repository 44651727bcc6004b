"""What Ray Tune tells of trials, and what becomes of it."""

import errno
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from ray.tune import Checkpoint

import tune.experiment
from degcraft.errors import DegcraftError
from tune.experiment import Experiment, _Relay


def failed(folder: Path, last: str) -> Any:
    (folder / "error.txt").write_text(f'Traceback (most recent call last):\n  File "a.py"\n{last}\n')
    return Mock(error_file=str(folder / "error.txt"))


@pytest.mark.parametrize(
    "last",
    [
        "OSError: [Errno 28] Error writing bytes to file. Detail: [errno 28] No space left on device",
        "degcraft.errors.DegcraftError: /tmp/trainer.pt: cannot be written (Read-only file system)",
    ],
)
def test_a_full_disk_ends_the_search_and_not_the_trial(tmp_path: Path, last: str) -> None:
    watcher = Mock(enough=lambda: False)
    relay = _Relay(watcher)
    relay.on_trial_error(1, [], failed(tmp_path, last))
    assert relay.stop_all()
    assert isinstance(relay.error, DegcraftError)
    assert last in str(relay.error)
    watcher.ended.assert_not_called()


def test_another_failure_is_the_trials_own(tmp_path: Path) -> None:
    watcher = Mock(enough=lambda: False)
    relay, trial = _Relay(watcher), failed(tmp_path, "ValueError: wrong")
    relay.on_trial_error(1, [], trial)
    assert not relay.stop_all()
    watcher.ended.assert_called_once_with(trial, "ValueError: wrong")


def test_a_full_storage_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = Mock(side_effect=OSError(errno.ENOSPC, "No space left on device"))
    monkeypatch.setattr(tune.experiment, "Tuner", lambda *_, **__: Mock(fit=fit))
    experiment = Experiment("trials", str(tmp_path), 1, 0, 0, 1)
    with pytest.raises(DegcraftError, match=rf"{tmp_path}/trials: cannot be written \(No space left on device\)"):
        experiment.run(lambda config: None, Mock(), searcher=Mock(), trials=1, concurrent=1)


def test_of_a_trials_checkpoints_the_newest_is_kept(tmp_path: Path) -> None:
    for name in ("t000.1/checkpoint_000009", "t000.1/checkpoint_000010", "t000.1/other", "t001.1/checkpoint_000000"):
        (tmp_path / name).mkdir(parents=True)
    coming = tmp_path / "t000.1" / "checkpoint_000011"
    coming.mkdir()
    newest = Checkpoint.from_directory(str(tmp_path / "t000.1" / "checkpoint_000010"))
    _Relay(Mock()).on_checkpoint(1, [], Mock(), newest)
    assert sorted(path.name for path in (tmp_path / "t000.1").iterdir()) == [
        "checkpoint_000010",
        "checkpoint_000011",
        "other",
    ]
    assert (tmp_path / "t001.1" / "checkpoint_000000").exists(), "another trial's"
