"""Running one Ray Tune experiment so that it can be watched and ended early."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ray.tune import (
    Callback,
    Checkpoint,
    FailureConfig,
    RunConfig,
    Stopper,
    TuneConfig,
    Tuner,
    with_resources,
)
from ray.tune.error import TuneError
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from degcraft.errors import NO_ROOM, DegcraftError
from tune.checkpoints import drop_earlier


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


class _Relay(Callback, Stopper):
    """Tells the watcher. What the watcher raises ends the experiment; Ray Tune would take it for a trial's failure."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self.error: BaseException | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Ray Tune pickles it into a snapshot that is never read, and a watcher holds threads and files."""
        return {}

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        self._tell(self._watcher.tick, trials)

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._tell(self._watcher.started, trial)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        self._tell(self._watcher.reported, trial, result)

    def on_checkpoint(
        self, iteration: int, trials: list[Trial], trial: Trial, checkpoint: Checkpoint, **info: Any
    ) -> None:
        # Ray's own `num_to_keep` would write a snapshot of all trials, which nobody reads, with every report.
        drop_earlier(checkpoint)

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._tell(self._watcher.ended, trial, trial.last_result.get("failed"))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        failure = failure_of(trial)
        if _no_room(failure) is not None:
            # Not the trial's fault: the search ends, and a resume goes on with the trial once there is room.
            self.error = self.error or DegcraftError(f"a trial's checkpoint cannot be written ({failure})")
        self._tell(self._watcher.ended, trial, failure)

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self.error is not None or self._watcher.enough()

    def _tell(self, what: Callable[..., None], *told: Any) -> None:
        if self.error is None:
            try:
                what(*told)
            except Exception as error:
                self.error = error


@dataclass(frozen=True)
class Experiment:
    """One Ray Tune experiment: where it is kept and what its trials take.

    Every sitting of a search is an experiment of its own to Ray Tune; which trials it runs is the searcher's business,
    and where they go on from is theirs.
    """

    name: str
    storage: str
    """Folder or URI; the experiment lies in `storage/name`."""
    cpus: float
    gpus: float
    retries: int
    sitting: int
    """How often the search was started before."""

    @property
    def location(self) -> str:
        return f"{self.storage.rstrip('/')}/{self.name}"

    def run(
        self,
        trainable: Callable[..., None],
        watcher: Watcher,
        *,
        searcher: Searcher,
        trials: int,
        concurrent: int | None,
        scheduler: TrialScheduler | None = None,
    ) -> None:
        """Run the trials.

        Args:
            trainable: What a trial runs; its large arguments already bound.
            watcher: Told of everything that happens.
            searcher: Proposes configurations, each with the trial's `key`.
            trials: How many at most.
            concurrent: How many at a time; as many as fit if None.
            scheduler: May stop trials early.

        Raises:
            DegcraftError: A disk is full, or what the watcher raises.
        """
        relay, sitting = _Relay(watcher), self.sitting

        def folder(trial: Trial) -> str:
            return f"{trial.config['key']}.{sitting}"

        tuner = Tuner(
            with_resources(trainable, {"cpu": self.cpus, "gpu": self.gpus}),
            tune_config=TuneConfig(
                search_alg=searcher,
                scheduler=scheduler or FIFOScheduler(),
                num_samples=trials,
                max_concurrent_trials=concurrent,
                trial_dirname_creator=folder,
                # A fresh worker spends many seconds on importing torch; the next trial takes the last one's.
                reuse_actors=True,
            ),
            run_config=RunConfig(
                name=self.name,
                storage_path=self.storage,
                callbacks=[relay],
                stop=relay,
                failure_config=FailureConfig(max_failures=self.retries),
                verbose=0,
            ),
        )
        try:
            tuner.fit()
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            raise DegcraftError(f"{self.location}: cannot be written ({error.strerror})") from error
        except TuneError as error:
            # Where a trial's failure cannot be written down either, the traceback of that is all there is.
            if (said := _no_room(str(error))) is None:
                raise
            raise DegcraftError(f"{self.location}: cannot be written ({said})") from error
        if relay.error is not None:
            raise relay.error


def _no_room(text: str) -> str | None:
    """The system's words for a disk that takes no more, if they are in a text."""
    return next((os.strerror(code) for code in NO_ROOM if os.strerror(code) in text), None)


def failure_of(trial: Trial) -> str:
    """The last line of a failed trial's traceback: what a person wants to read first."""
    text = ""
    if trial.error_file and os.path.exists(trial.error_file):
        text = Path(trial.error_file).read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
