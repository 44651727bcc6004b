"""What is known of a search, kept in its state file: the truth about it.

Ray's own files and MLflow are told from it and can be lost; nothing is read back from either.
"""

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from degcraft.errors import DegcraftError
from tracking import StateFile
from tune.config import TrialConfig
from tune.outcome import TrialOutcome
from tune.spec import SearchSpec


@dataclass(frozen=True)
class Proposed:
    """A trial of the search that was proposed."""

    config: TrialConfig
    asked: Mapping[str, Any] | None
    """What Optuna chose, by its names; None for a row that Optuna never hears of."""


class SearchState:
    """What is known of a search: its identity, clock, trials, their scores and ends. Read once, written at once.

    Args:
        file: That keeps it.

    Raises:
        DegcraftError: Something in it is damaged.
    """

    def __init__(self, file: StateFile) -> None:
        self.file = file
        self.notes: dict[str, Any] = file.kept("note")
        """Small facts by name; written with `note`."""
        self.trials = {
            key: Proposed(TrialConfig.of(row["config"]), row["asked"]) for key, row in file.kept("trial").items()
        }
        """By key, in the order in which they were proposed."""
        self.ends = {key: TrialOutcome.of(row) for key, row in file.kept("end").items()}
        """Of the trials that are over, in the order of their ends."""
        self.opened: dict[str, bool] = file.kept("opened")
        """Whether a trial's run in MLflow, which was opened, was finished again."""
        self.reports: dict[str, dict[int, dict[str, Any]]] = {}
        """What each trial reported, by key and step; `number` is the place among all reports."""
        for row in file.kept("report").values():
            self.reports.setdefault(row["trial"], {})[row["step"]] = row
        self._reported = sum(len(rows) for rows in self.reports.values())

    def start(self, spec: SearchSpec) -> None:
        """Give the search an identity: its runs are found again by a resume, and not by another of the same name."""
        self.note("spec", spec.model_dump(mode="json"))
        self.note("id", uuid.uuid4().hex)

    def note(self, name: str, value: Any) -> None:
        """Keep a small fact."""
        self.notes[name] = value
        self.file.keep("note", name, value)

    def check_content(self, hashes: Mapping[str, str]) -> None:
        """Raise DegcraftError where a resumed search would go on with other images or weights than it began with."""
        before = self.notes.setdefault("content", dict(hashes))
        self.note("content", before)
        if changed := sorted(key for key in before.keys() | hashes.keys() if before.get(key) != hashes.get(key)):
            raise DegcraftError(
                f"--resume: images and weights must be those that the search was started with, but the content of "
                f"{', '.join(changed)} is another"
            )

    def propose(self, config: TrialConfig, asked: Mapping[str, Any] | None) -> str:
        """Number a new trial; returns its key."""
        key = f"t{len(self.trials):03d}"
        self.file.keep("trial", key, {"config": config.to_dict(), "asked": asked})
        self.trials[key] = Proposed(config, asked)
        return key

    def report(self, key: str, result: Mapping[str, Any]) -> bool:
        """Keep what a trial reported; False if it had reported of that step before, in another sitting."""
        step = int(result["step"])
        if step <= self.last(key).get("step", -1):
            return False
        row = {**result, "trial": key, "step": step, "number": self._reported}
        self.file.keep("report", f"{key} {step}", row)
        self.reports.setdefault(key, {})[step] = row
        self._reported += 1
        return True

    def last(self, key: str) -> dict[str, Any]:
        """A trial's last report; empty before the first."""
        reports = self.reports.get(key, {})
        return reports[max(reports)] if reports else {}

    def scores(self, key: str) -> dict[int, float]:
        """The finite scores that a trial reported, by step."""
        rows = self.reports.get(key, {}).items()
        return {step: row["score"] for step, row in rows if math.isfinite(row.get("score", math.nan))}

    def mark(self, key: str, *, finished: bool) -> None:
        """Note that a trial's run in MLflow was told to be opened, or finished."""
        self.file.keep("opened", key, finished)
        self.opened[key] = finished

    def end(self, outcome: TrialOutcome) -> None:
        """Note how a trial ended."""
        self.file.keep("end", outcome.key, outcome.to_dict())
        self.ends[outcome.key] = outcome
