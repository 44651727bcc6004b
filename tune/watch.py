"""What the driver does while trials run: shows them, records them, minds the budget, keeps the best, drops the rest."""

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial

from tune.budget import Budget
from tune.config import CANDIDATES
from tune.experiment import remove_checkpoint
from tune.outcome import TrialOutcome, contenders, outcome_of
from tune.progress import TrialsView
from tune.records import Records, copy_files
from tune.spec import SearchSpec
from tune.trial import TRAINER

CONTENDERS, TRIAL = "contenders", "trial.json"
"""Names of the folder of what may yet be the best, and of the file that says which trial a folder is of."""


class SearchWatcher:
    """The `Watcher` of a search's trials.

    Args:
        spec: The search.
        records: Told of every start, score and end.
        budget: Asked whether to go on.
        view: Shows it.
        folder: The search's output folder; `best/` in it holds the best model so far.
        held_out: What the score is of, `ground truth` or `proxy`.
    """

    def __init__(
        self, spec: SearchSpec, records: Records, budget: Budget, view: TrialsView, folder: Path, held_out: str
    ) -> None:
        self._spec, self._records, self._budget, self._view = spec, records, budget, view
        self._folder, self._held_out = folder, held_out
        self._outcomes: dict[str, TrialOutcome] = {}
        self._trials: list[Trial] = []
        # What was over before a resume counts for the best and the budget.
        for outcome in records.outcomes().values():
            self._take_note(outcome)

    def started(self, trial: Trial) -> None:
        self._records.started(trial)

    def reported(self, trial: Trial, result: dict[str, Any]) -> None:
        self._records.reported(trial, result)

    def ended(self, trial: Trial, failure: str | None) -> None:
        if self._records.has_ended(trial.trial_id):
            # Ray Tune had not noted its end when the driver was killed, and ran it again.
            self._drop_losers()
            return
        outcome = outcome_of(trial.trial_id, trial.config, trial.last_result or {}, failure, self._spec)
        self._take_note(outcome)
        checkpoint = trial.checkpoint
        if checkpoint is None or outcome.status == "failed":
            self._records.ended(outcome, None)
        else:
            with tempfile.TemporaryDirectory() as name:
                files = Path(checkpoint.to_directory(name))
                self._records.draw(files, title=outcome.config.title())
                self._records.keep_samples(outcome, files)
                # In this order: a driver killed in between comes back here, because the end was not recorded yet.
                self._keep_contenders(outcome, files)
                self._records.ended(outcome, files)
        self._drop_losers()
        score = f"{outcome.score:.4f} {self._spec.held_out.metric}" if outcome.scores else outcome.failure or "no score"
        self._view.event(f"{outcome.key}  {outcome.config.title()}  {outcome.status}  {score}")

    def tick(self, trials: list[Trial]) -> None:
        self._trials = trials
        self._budget.keep()
        best = self.best
        self._view.show(trials, f"best {best.score:.3f} ({best.config.label()})" if best else "")

    def enough(self) -> bool:
        return self._budget.spent() is not None

    @property
    def best(self) -> TrialOutcome | None:
        """The best candidate that is over."""
        found = self._contenders()
        return found[0] if found else None

    def outcomes(self) -> list[TrialOutcome]:
        """Every trial: those that are over, then those that were left as they stand."""
        left = [
            replace(outcome_of(t.trial_id, t.config, t.last_result or {}, None, self._spec), status="unfinished")
            for t in self._trials
            if t.trial_id not in self._outcomes
        ]
        return [*self._outcomes.values(), *left]

    def over(self) -> int:
        """How many trials are over."""
        return len(self._outcomes)

    def _take_note(self, outcome: TrialOutcome) -> None:
        self._outcomes[outcome.key] = outcome
        if outcome.status == "failed":
            self._budget.failed()
        elif outcome.scores and outcome.config.kind in CANDIDATES:
            self._budget.scored(outcome.score)

    def _contenders(self) -> list[TrialOutcome]:
        ties = self._held_out == "proxy"
        return contenders(self._outcomes.values(), self._spec.held_out.metric, ties=ties)

    def _keep_contenders(self, outcome: TrialOutcome, files: Path) -> None:
        """Keep the files of what may yet be the best, and those of the present best in `best/`."""
        found, kept = self._contenders(), self._folder / CONTENDERS
        if any(one is outcome for one in found):
            # A start that was only scored has none.
            (files / TRAINER).unlink(missing_ok=True)
            (files / TRIAL).write_text(json.dumps({"trial": outcome.key, "status": outcome.status}))
            copy_files(files, kept / outcome.key)
        if not found:
            return
        best = self._folder / "best"
        there = json.loads((best / TRIAL).read_text())["trial"] if (best / TRIAL).exists() else None
        if there != found[0].key:
            copy_files(kept / found[0].key, best)
        for folder in kept.iterdir():
            if folder.name not in {one.key for one in found}:
                shutil.rmtree(folder, ignore_errors=True)

    def _drop_losers(self) -> None:
        """Checkpoints of finished trials: what they were kept for is in MLflow, and the best model in `best/`."""
        for trial in self._trials:
            if trial.trial_id in self._outcomes and self._records.has_ended(trial.trial_id):
                remove_checkpoint(trial)
