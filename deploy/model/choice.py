"""Which model is served: one answer for all replicas, changed in all of them or in none."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from degcraft.errors import DegcraftError
from deploy.messages import Report, Standing

LONGEST_RETRY_S = 600.0


class Choice:
    """Keeps the replicas at the model that a source names, in two steps.

    First every replica loads and warms the new model beside the one that serves. Only when all have it do they
    switch, each by a single assignment. If one cannot, all stay with the old model, and the reason is kept. Both steps
    ask for a state and not for a change, so doing them again is harmless, and catches up a replica that was away.

    Args:
        source: a model by alias, version or file.
        pin: gives the one version that a source names now; may take its time; raises DegcraftError.
        ask: calls a method of every replica with a URI; the reports of those that are up. Raises DegcraftError if one
            is up and does not answer.
        pinned: the version that the source named when the deployment began; replicas that start begin with it.
        following: whether the source is looked up again at every turn.
        retry_s: seconds after which a model that could not be served is tried again; doubles each time.
    """

    def __init__(
        self,
        source: str,
        *,
        pin: Callable[[str], str],
        ask: Callable[[str, str], Awaitable[list[Report]]],
        pinned: str,
        following: bool,
        retry_s: float,
    ) -> None:
        self._source, self._pin, self._ask, self._following = source, pin, ask, following
        self.serving = pinned
        """What a starting replica loads: the last model that all replicas could serve."""
        self._wanted = pinned
        self._reports: tuple[Report, ...] = ()
        # A champion that starts anew looks the source up: the version of the beginning may be long past.
        self._look_up_due = True
        self._unknown: str | None = None
        self._refused: str | None = None
        self._retry = _Retry(retry_s)
        self._one_at_a_time = asyncio.Lock()

    def standing(self) -> Standing:
        """How it stands, without asking anyone."""
        return Standing(self._source, self._wanted, self._following, self._refused or self._unknown, self._reports)

    async def turn(self) -> None:
        """Catch up stragglers, look the source up if it is followed or new, and swap if it moved."""
        async with self._one_at_a_time:
            if self._following or self._look_up_due:
                await self._look_up()
            await self._settle()

    def point_to(self, source: str) -> None:
        """Take another source, from the next turn on."""
        if source != self._source:
            self._source, self._look_up_due = source, True

    async def refresh(self) -> Standing:
        """Look the source up and swap now, whatever failed before."""
        async with self._one_at_a_time:
            await self._look_up()
            self._retry.forget()
            await self._settle()
            return self.standing()

    async def _look_up(self) -> None:
        try:
            wanted = await asyncio.to_thread(self._pin, self._source)
        except DegcraftError as error:
            self._unknown = str(error)
            return
        self._unknown, self._look_up_due = None, False
        if wanted != self._wanted:
            self._wanted, self._refused = wanted, None
            self._retry.forget()

    async def _settle(self) -> None:
        if self._refused is not None and not self._retry.is_due():
            await self._bring(self.serving)
            return
        problem = await self._bring(self._wanted)
        if problem is None:
            self._refused = None
            self._retry.forget()
            if self._reports:  # where no replica is up, none has shown that it can serve the new one
                self.serving = self._wanted
            return
        self._refused = problem
        self._retry.failed()
        await self._bring(self.serving)

    async def _bring(self, uri: str) -> str | None:
        """Bring every replica to a model; None, or why one cannot."""
        try:
            reports = await self._ask("prepare", uri)
            problem = next((report.problem for report in reports if report.problem), None)
            if problem is None:
                reports = await self._ask("switch", uri)
        except DegcraftError as error:
            return str(error)
        self._reports = tuple(reports)
        return problem


class _Retry:
    """When to try again what failed: later and later."""

    def __init__(self, first_s: float) -> None:
        self._first_s = first_s
        self.forget()

    def forget(self) -> None:
        self._wait_s, self._due = self._first_s, 0.0

    def failed(self) -> None:
        self._due = time.monotonic() + self._wait_s
        self._wait_s = min(2 * self._wait_s, LONGEST_RETRY_S)

    def is_due(self) -> bool:
        return time.monotonic() >= self._due
