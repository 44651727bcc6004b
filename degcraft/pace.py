"""How far work is, by the clock."""

import time

FIRST, LONGEST = 10.0, 60.0
"""Seconds until a log says how far work is, and at most between two such lines."""


class LogPace:
    """When a log, which has no bars, says how far work is, and how long the rest of it will take."""

    def __init__(self) -> None:
        self._began, self._due = time.monotonic(), FIRST
        self._total = self._done = self._first = self._since = 0.0

    def left(self, done: float, total: float) -> str | None:
        """The end of a line that is due: `, about 75 min left`, nothing while that is not known; None: none is due."""
        now = time.monotonic()
        if total != self._total or done < self._done or not self._since:
            # What was done before, by an earlier run or of other work, took none of this time.
            self._first, self._since = done, now
        self._total, self._done = total, done
        passed = now - self._began
        if passed < self._due:
            return None
        self._due = passed + min(passed, LONGEST)
        if not self._first < done < total:
            return ""
        return f", about {_duration((now - self._since) / (done - self._first) * (total - done))} left"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
