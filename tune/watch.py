"""What the driver does while trials run: shows them, records them, minds the budget, keeps the best, drops the rest."""

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial

from tune.budget import Budget
from tune.checkpoints import TRAINER, drop_checkpoints
from tune.config import CANDIDATES, TrialConfig
from tune.folder import SearchFolder
from tune.outcome import TrialOutcome, contenders, outcome_of
from tune.progress import TrialsView
from tune.records import Records, copy_files
from tune.spec import SearchSpec
from tune.state import SearchState
from tune.summary import on_proxies

TRIAL = "trial.json"
"""Name of the file that says which trial a folder is of."""


class SearchWatcher:
    """The `Watcher` of a search's trials.

    Args:
        spec: The search.
        state: Of the search, with what was over before a resume: that counts for the best and the budget.
        records: Told of every start, score and end.
        budget: Asked whether to go on.
        view: Shows it.
        folder: The search's output folder.
        checkpoints: Folder or URI of the trials' checkpoints.
        held_out: What the score is of, `ground truth` or `proxy`.
    """

    def __init__(
        self,
        spec: SearchSpec,
        state: SearchState,
        records: Records,
        budget: Budget,
        view: TrialsView,
        folder: SearchFolder,
        checkpoints: str,
        held_out: str,
    ) -> None:
        self._spec, self._state, self._records, self._budget, self._view = spec, state, records, budget, view
        self._folder, self._checkpoints, self._held_out = folder, checkpoints, held_out
        self._seconds: dict[str, float] = {}
        self._best: TrialOutcome | None = None
        """The best candidate that is over: known from end to end, as to compare all of them takes a while."""
        for outcome in state.ends.values():
            self._count(outcome)
            # The driver may have been killed before it did so, and before it had copied the best.
            drop_checkpoints(checkpoints, outcome.key)
        self._take_best(self._contenders(state.ends.values()))

    def started(self, trial: Trial) -> None:
        key = key_of(trial)
        self._seconds.setdefault(key, float(self._state.last(key).get("seconds", 0.0)))
        self._records.started(key, TrialConfig.of(trial.config))

    def reported(self, trial: Trial, result: dict[str, Any]) -> None:
        key = key_of(trial)
        if result.get("said"):
            self._view.say(f"{key}  {result['said']}")
        self._records.reported(key, self._whole(key, result))

    def ended(self, trial: Trial, failure: str | None) -> None:
        key = key_of(trial)
        if key not in self._seconds:
            if failure is None:
                # It was waiting when the budget was spent: it has not ended, and goes on with a larger one.
                return
            self.started(trial)
        outcome = outcome_of(key, trial.config, self._whole(key, trial.last_result or {}), failure, self._spec)
        checkpoint = trial.checkpoint
        if checkpoint is None or outcome.status == "failed":
            self._records.ended(outcome, None)
        else:
            with tempfile.TemporaryDirectory(dir=self._folder.path, prefix=".ending-") as name:
                files = Path(checkpoint.to_directory(name))
                self._records.pictures.draw(files, title=outcome.config.title())
                self._records.pictures.keep_samples(outcome, files)
                # In this order: after a kill in between, the trial's last report comes again, and its end here.
                self._keep_contenders(outcome, files)
                self._records.ended(outcome, files)
        self._count(outcome)
        drop_checkpoints(self._checkpoints, key)
        score = f"{outcome.score:.4f} {self._spec.held_out.metric}" if outcome.scores else outcome.failure or "no score"
        self._view.event(f"{key}  {outcome.config.title()}  {outcome.status}  {score}")

    def tick(self, trials: list[Trial]) -> None:
        if (reason := self._records.waiting()) is not None:
            self._view.say(f"MLflow does not take the records, which are kept until it does: {reason}")
        self._budget.keep()
        best, on = self._best, on_proxies(self._held_out)
        self._view.show(trials, f"best {best.score:.3f}{on} ({best.config.label()})" if best else "")

    def enough(self) -> bool:
        return self._budget.spent() is not None

    def outcomes(self) -> list[TrialOutcome]:
        """Every trial: those that are over, then those that were left as they stand."""
        ends = self._state.ends
        left = [
            replace(
                outcome_of(key, trial.config.to_dict(), self._state.last(key), None, self._spec), status="unfinished"
            )
            for key, trial in self._state.trials.items()
            if key not in ends
        ]
        return [*ends.values(), *left]

    def _whole(self, key: str, result: Mapping[str, Any]) -> dict[str, Any]:
        """A report with the seconds of all sittings."""
        return {**result, "seconds": self._seconds[key] + float(result.get("time_total_s", 0.0))}

    def _count(self, outcome: TrialOutcome) -> None:
        if outcome.status == "failed":
            self._budget.failed()
        elif outcome.scores and outcome.config.kind in CANDIDATES:
            self._budget.scored(outcome.score)

    def _contenders(self, trials: Iterable[TrialOutcome]) -> list[TrialOutcome]:
        return contenders(trials, self._spec.held_out.metric, ties=self._held_out == "proxy")

    def _keep_contenders(self, outcome: TrialOutcome, files: Path) -> None:
        """Keep the files of what may yet be the best, and those of the present best in `best/`."""
        found, kept = self._contenders([*self._state.ends.values(), outcome]), self._folder.contenders
        if any(one is outcome for one in found):
            # A start that was only scored has none.
            (files / TRAINER).unlink(missing_ok=True)
            (files / TRIAL).write_text(json.dumps({"trial": outcome.key, "status": outcome.status}))
            copy_files(files, kept / outcome.key)
        self._take_best(found)

    def _take_best(self, found: list[TrialOutcome]) -> None:
        """Copy the best of the contenders, and drop what is none any more."""
        kept, self._best = self._folder.contenders, found[0] if found else None
        if not found or not (kept / found[0].key).exists():
            return
        copy_files(kept / found[0].key, self._folder.best)
        for folder in kept.iterdir():
            if folder.name not in {one.key for one in found}:
                shutil.rmtree(folder, ignore_errors=True)


def key_of(trial: Trial) -> str:
    """The key of a trial that Ray Tune runs."""
    return str(trial.config["key"])
