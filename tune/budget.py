"""When a search has had enough: time, a target score, failures. The clock runs on over resumes."""

import time

from tune.spec import SearchSpec
from tune.state import SearchState


class Budget:
    """Watches the budget of a search.

    Args:
        spec: The search.
        state: Where the time spent is kept, so that a resumed search does not start its clock anew.
    """

    def __init__(self, spec: SearchSpec, state: SearchState) -> None:
        self._budget = spec.budget
        self._higher_is_better = spec.higher_is_better
        self._state = state
        self._before = float(state.notes.get("seconds", 0.0))
        self._start = self._saved = time.monotonic()
        self._failures = 0
        self._best: float | None = None

    @property
    def seconds(self) -> float:
        """Wall-clock time of the search so far, earlier sittings included."""
        return self._before + time.monotonic() - self._start

    def keep(self, at_least_every: float = 5.0) -> None:
        """Write down the time spent, unless that was done a moment ago."""
        if time.monotonic() - self._saved >= at_least_every:
            self._saved = time.monotonic()
            self._state.note("seconds", self.seconds)

    def failed(self) -> None:
        """Count a failed trial."""
        self._failures += 1

    def scored(self, score: float) -> None:
        """Take note of a finished candidate's score."""
        better = max if self._higher_is_better else min
        self._best = score if self._best is None else better(self._best, score)

    def spent(self) -> str | None:
        """Why the search should end, in words; None while it should go on."""
        budget = self._budget
        if self._failures > budget.failures:
            return f"{self._failures} trials failed, more than budget.failures {budget.failures} allows"
        if budget.minutes is not None and self.seconds >= 60 * budget.minutes:
            return f"budget.minutes {budget.minutes:g} is spent"
        if budget.target is not None and self._best is not None and self._reached(budget.target):
            return f"score {self._best:.4f} reached budget.target {budget.target:g}"
        return None

    def _reached(self, target: float) -> bool:
        assert self._best is not None
        return self._best >= target if self._higher_is_better else self._best <= target
