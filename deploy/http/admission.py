"""How many requests are taken in at once, and when those that are not should come again."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.http.errors import busy

_LONGEST_S = 60
_WEIGHT = 0.1


class Admission:
    """A counter with a limit.

    Args:
        limit: requests in work or waiting at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seconds: float | None = None
        self.taken = 0

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold a place; raises a Refusal with status 429 where there is none."""
        if self.taken >= self._limit:
            message = f"{self.taken} requests are in work or waiting, and no more than {self._limit} are taken at once."
            raise busy(429, "busy", message, self._retry_after())
        self.taken += 1
        began = time.monotonic()
        try:
            yield
        finally:
            self.taken -= 1
            self._remember(time.monotonic() - began)

    def _remember(self, seconds: float) -> None:
        before = seconds if self._seconds is None else self._seconds
        self._seconds = (1 - _WEIGHT) * before + _WEIGHT * seconds

    def _retry_after(self) -> int:
        """About how long a place takes to become free: a request's time, as all of them work at once."""
        return min(max(math.ceil(self._seconds or 1), 1), _LONGEST_S)
