"""The shared start: one network per architecture, trained once on uniform degradations, that every trial goes on from.

It is a Ray Tune experiment of its own, so that it resumes, retries and moves its checkpoints like any trial.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial
from safetensors.torch import load_file

from degcraft.errors import DegcraftError
from degcraft.images.atomic import written_whole
from tune.budget import Budget
from tune.experiment import Experiment, failure_of
from tune.preparation import Starts
from tune.progress import TrialsView
from tune.records import Records
from tune.searchable import Range, choices
from tune.searcher import ListedSearch
from tune.spec import SearchSpec
from tune.trial import MODEL, TrialConfig


def shared_starts(
    spec: SearchSpec,
    experiment: Experiment,
    trainable: Callable[..., None],
    records: Records,
    budget: Budget,
    view: TrialsView,
    folder: Path,
) -> Starts | None:
    """Train what is missing of the shared networks.

    Args:
        spec: The search.
        experiment: Where to run it.
        trainable: `run_trial`, bound.
        records: Told of every start and score.
        budget: Asked whether to go on.
        view: Shows it.
        folder: Where the networks are kept, `CHANNELSxBLOCKS.safetensors` each.

    Returns:
        Weights by (channels, blocks); None if the search was interrupted, or its budget spent, before they were done.

    Raises:
        DegcraftError: A shared network could not be trained.
    """
    folder.mkdir(exist_ok=True)
    files = {each: folder / f"{each[0]}x{each[1]}.safetensors" for each in spec.architectures()}
    if not all(file.exists() for file in files.values()):
        configs = [shared_config(spec, *architecture) for architecture in files]
        watcher = _Watcher(records, budget, view, files)
        with view:
            experiment.run(
                trainable,
                watcher,
                searcher=ListedSearch(configs),
                trials=len(configs),
                concurrent=spec.search.concurrent,
            )
        if watcher.failure is not None:
            raise DegcraftError(f"the shared network could not be trained: {watcher.failure}")
        if not all(file.exists() for file in files.values()):
            return None
    return {architecture: load_file(file) for architecture, file in files.items()}


def shared_config(spec: SearchSpec, channels: int, blocks: int) -> TrialConfig:
    """The trial that makes the shared network of an architecture."""
    return TrialConfig("shared", channels, blocks, first_rate(spec))


def first_rate(spec: SearchSpec) -> float:
    """The learning rate of trials that are not searched: the fixed one, the first choice, or a range's middle."""
    rate = spec.search.learning_rate
    if isinstance(rate, Range):
        return (rate.low * rate.high) ** 0.5 if rate.log else (rate.low + rate.high) / 2
    return float(choices(rate)[0])


class _Watcher:
    """Records the shared networks, and takes each out of its checkpoint when it is done."""

    def __init__(self, records: Records, budget: Budget, view: TrialsView, files: dict[tuple[int, int], Path]) -> None:
        self._records, self._budget, self._view, self._files = records, budget, view, files
        self.failure: str | None = None

    def started(self, trial: Trial) -> None:
        self._records.started(trial)

    def reported(self, trial: Trial, result: dict[str, Any]) -> None:
        self._records.reported(trial, result)

    def ended(self, trial: Trial, failure: str | None) -> None:
        if failure is not None:
            self.failure = failure
        self._take(trial)
        self._records.shared_ended(trial.trial_id, failure)
        self._view.event(f"{trial.trial_id}  shared network  {failure or 'done'}")

    def tick(self, trials: list[Trial]) -> None:
        for trial in trials:
            # Over before a resume, with the driver killed before it took the network.
            if trial.status == Trial.TERMINATED:
                self._take(trial)
            elif trial.status == Trial.ERROR:
                self.failure = failure_of(trial)
        self._budget.keep()
        self._view.show(trials, "")

    def enough(self) -> bool:
        return self._budget.spent() is not None

    def _take(self, trial: Trial) -> None:
        config = TrialConfig.of(trial.config)
        file = self._files[config.architecture()]
        if trial.checkpoint is None or file.exists() or not self._whole(trial):
            return
        with trial.checkpoint.as_directory() as checkpoint, written_whole(file) as temporary:
            temporary.write_bytes((Path(checkpoint) / MODEL).read_bytes())

    def _whole(self, trial: Trial) -> bool:
        # The budget may have ended it before its time.
        return bool((trial.last_result or {}).get("whole"))
