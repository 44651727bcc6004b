"""Running one Ray Tune experiment so that it can be watched, ended early, and gone on with after a crash."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ray.tune import (
    Callback,
    CheckpointConfig,
    FailureConfig,
    ResultGrid,
    RunConfig,
    Stopper,
    TuneConfig,
    Tuner,
    with_resources,
)
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from degcraft.images import is_uri
from tune.trial import is_there


class Watcher(Protocol):
    """What looks on while trials run; all of it is called in the driver, between Ray Tune's own steps."""

    def started(self, trial: Trial) -> None:
        """A trial starts, or goes on after a restart."""

    def reported(self, trial: Trial, result: dict[str, Any]) -> None:
        """A trial was scored."""

    def ended(self, trial: Trial, failure: str | None) -> None:
        """A trial is over, for good; `failure` says why if it failed."""

    def tick(self, trials: list[Trial]) -> None:
        """Called all the time."""

    def enough(self) -> bool:
        """Whether the experiment should end now."""


_watchers: dict[str, Watcher] = {}
"""The watcher of each running experiment. Ray Tune pickles its callbacks into the experiment and unpickles them on
restore; a watcher holds threads and terminals, so the pickled callback only knows its watcher's name."""


class _Relay(Callback):
    def __init__(self, name: str) -> None:
        self.name = name

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        _watchers[self.name].tick(trials)

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        _watchers[self.name].started(trial)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        _watchers[self.name].reported(trial, result)

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        _watchers[self.name].ended(trial, trial.last_result.get("failed"))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        _watchers[self.name].ended(trial, failure_of(trial))


class _RelayStopper(Stopper):
    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return _watchers[self.name].enough()


@dataclass(frozen=True)
class Experiment:
    """One Ray Tune experiment: where it is kept and what its trials take."""

    name: str
    storage: str
    """Folder or URI; the experiment lies in `storage/name`."""
    cpus: float
    gpus: float
    retries: int

    @property
    def location(self) -> str:
        return f"{self.storage.rstrip('/')}/{self.name}"

    def started(self) -> bool:
        """Whether there is something to go on with."""
        return Tuner.can_restore(self.location)

    def run(
        self,
        trainable: Callable[..., None],
        watcher: Watcher,
        *,
        searcher: Searcher,
        trials: int,
        concurrent: int | None,
        scheduler: TrialScheduler | None = None,
    ) -> ResultGrid:
        """Run the trials, or go on with them if the experiment was started before.

        Args:
            trainable: What a trial runs; its large arguments already bound.
            watcher: Told of everything that happens.
            searcher: Proposes configurations; ignored when going on, because its state was kept.
            trials: How many.
            concurrent: How many at a time; as many as fit if None.
            scheduler: May stop trials early.
        """
        _watchers[self.name] = watcher
        sized = with_resources(trainable, {"cpu": self.cpus, "gpu": self.gpus})
        try:
            if self.started():
                tuner = Tuner.restore(self.location, sized, resume_unfinished=True)
            else:
                self._remove_remains()
                tuner = Tuner(
                    sized,
                    tune_config=TuneConfig(
                        search_alg=searcher,
                        scheduler=scheduler or FIFOScheduler(),
                        num_samples=trials,
                        max_concurrent_trials=concurrent,
                        # A fresh worker spends many seconds on importing torch; the next trial takes the last one's.
                        reuse_actors=True,
                    ),
                    run_config=RunConfig(
                        name=self.name,
                        storage_path=self.storage,
                        callbacks=[_Relay(self.name)],
                        stop=_RelayStopper(self.name),
                        failure_config=FailureConfig(max_failures=self.retries),
                        checkpoint_config=CheckpointConfig(num_to_keep=1),
                        verbose=0,
                    ),
                )
            return tuner.fit()
        finally:
            del _watchers[self.name]

    def _remove_remains(self) -> None:
        """A driver killed before Tune's first snapshot leaves a folder that can neither be restored nor started in."""
        if not is_uri(self.location):
            shutil.rmtree(self.location, ignore_errors=True)


def failure_of(trial: Trial) -> str:
    """The last line of a failed trial's traceback: what a person wants to read first."""
    text = ""
    if trial.error_file and os.path.exists(trial.error_file):
        text = Path(trial.error_file).read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def remove_checkpoint(trial: Trial) -> None:
    """Delete a finished trial's checkpoint, wherever it lies."""
    checkpoint = trial.checkpoint
    if checkpoint is not None and is_there(checkpoint):
        assert checkpoint.filesystem is not None
        checkpoint.filesystem.delete_dir(checkpoint.path)
