"""The shared start: where none is given or shipped, a network that is trained once on uniform degradations.

It is a Ray Tune experiment of its own, so that it resumes, retries and moves its checkpoints like any trial.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial

from degcraft.errors import DegcraftError
from degcraft.images.atomic import written_whole
from degcraft.networks import load_network
from tune.budget import Budget
from tune.checkpoints import MODEL
from tune.config import TrialConfig, network_key, network_label
from tune.experiment import Experiment
from tune.preparation import Starts
from tune.progress import TrialsView
from tune.records import Records
from tune.searcher import ListedSearch


def shared_starts(
    networks: Sequence[Mapping[str, Any]],
    rate: float,
    experiment: Experiment,
    trainable: Callable[..., None],
    records: Records,
    budget: Budget,
    view: TrialsView,
    folder: Path,
) -> Starts | None:
    """Train what is missing of the shared networks.

    Args:
        networks: The networks that have no other start.
        rate: The learning rate.
        experiment: Where to run it.
        trainable: `run_trial`, bound.
        records: Told of every start and score.
        budget: Asked whether to go on.
        view: Shows it.
        folder: Where the networks are kept, one file each.

    Returns:
        Weights by `network_key`; None if the search was interrupted, or its budget spent, before they were done.

    Raises:
        DegcraftError: A shared network could not be trained.
    """
    files = {network_key(network): folder / f"{network_label(network)}.safetensors" for network in networks}
    for index, file in enumerate(files.values()):
        if file.exists() and not _is_whole(file):
            view.say(f"{file}: cannot be used, and is trained again")
            file.unlink()
        elif file.exists():
            # The driver may have been killed before it said so.
            records.shared_ended(f"shared{index}", None)
    if not all(file.exists() for file in files.values()):
        # Those that are there already keep their keys and are not trained again.
        configs = {
            f"shared{index}": TrialConfig("shared", dict(network), {"learning_rate": rate})
            for index, network in enumerate(networks)
            if not files[network_key(network)].exists()
        }
        watcher = _Watcher(records, budget, view, files)
        with view:
            experiment.run(
                trainable, watcher, searcher=ListedSearch(configs), trials=len(configs), concurrent=None
            )  # fmt: skip
        if watcher.failure is not None:
            raise DegcraftError(f"the shared network could not be trained: {watcher.failure}")
        if not all(file.exists() for file in files.values()):
            return None
    return {key: load_network(file).model.state_dict() for key, file in files.items()}


def _is_whole(file: Path) -> bool:
    try:
        load_network(file)
    except DegcraftError:
        return False
    return True


class _Watcher:
    """Records the shared networks, and takes each out of its checkpoint when it is done."""

    def __init__(self, records: Records, budget: Budget, view: TrialsView, files: dict[str, Path]) -> None:
        self._records, self._budget, self._view, self._files = records, budget, view, files
        self.failure: str | None = None

    def started(self, trial: Trial) -> None:
        self._records.started(trial.config["key"], TrialConfig.of(trial.config))

    def reported(self, trial: Trial, result: dict[str, Any]) -> None:
        self._records.reported(trial.config["key"], result)

    def ended(self, trial: Trial, failure: str | None) -> None:
        if failure is not None:
            self.failure = failure
        self._take(trial)
        self._records.shared_ended(trial.config["key"], failure)
        self._view.event(f"{trial.config['key']}  shared network  {failure or 'done'}")

    def tick(self, trials: list[Trial]) -> None:
        self._budget.keep()
        self._view.show(trials, "")

    def enough(self) -> bool:
        return self._budget.spent() is not None

    def _take(self, trial: Trial) -> None:
        file = self._files[network_key(trial.config["network"])]
        if trial.checkpoint is None or file.exists() or not self._whole(trial):
            return
        with trial.checkpoint.as_directory() as checkpoint, written_whole(file) as temporary:
            temporary.write_bytes((Path(checkpoint) / MODEL).read_bytes())

    def _whole(self, trial: Trial) -> bool:
        # The budget may have ended it before its time.
        return bool((trial.last_result or {}).get("whole"))
