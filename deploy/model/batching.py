"""Batching: while the device works, requests gather; when it is free, it takes what belongs together.

Ray's `serve.batch` closes a batch by the clock: while one is computed, later requests are cut into small batches that
queue behind it, and a request that is alone waits for others in vain. Here the device's being free closes a batch, so
nobody waits for a clock, and the busier it is the larger batches get.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class _Waiting(Generic[Item, Result]):
    item: Item
    kind: Hashable
    size: int
    future: "asyncio.Future[Result]"


@dataclass(frozen=True, eq=False)
class Turn:
    """What the work on a group is told."""

    at_once: int
    """Groups that are being computed with it, itself included: they share the device."""
    abandoned: Callable[[], bool]
    """Whether nobody waits any more for what is being computed."""


class Batcher(Generic[Item, Result]):
    """Gives `work` one group of items after the other, on threads of its own.

    A group is the item that has waited longest and all others of its kind, in order, up to `group`. An item larger
    than that is a group of its own. An item whose caller has gone is not computed.

    Args:
        work: takes the items of a group, and its turn; returns a result for each. What it raises, all callers of the
            group get.
        kind: items can be grouped where this is equal.
        size: what an item takes of the budget.
        budget: what all groups that are computed at once may take together; one that is larger is computed alone.
        group: what one group may take; the budget where it is left out.
        threads: groups computed at once, at most.
    """

    def __init__(
        self,
        work: Callable[[list[Item], Turn], Sequence[Result]],
        *,
        kind: Callable[[Item], Hashable],
        size: Callable[[Item], int],
        budget: int,
        group: int | None = None,
        threads: int = 1,
    ) -> None:
        self._work, self._kind, self._size, self._budget = work, kind, size, budget
        self._group, self._most = group or budget, threads
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="device")
        self._running: dict[asyncio.Task[None], int] = {}
        self._start_is_due = False

    async def __call__(self, item: Item) -> Result:
        """The result for an item, in a group with others."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, self._kind(item), self._size(item), future))
        self._start_soon()
        return await future

    def _start_soon(self) -> None:
        # Not now: what else has arrived meanwhile shall be in the group.
        if not self._start_is_due:
            self._start_is_due = True
            asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        self._start_is_due = False
        self._waiting = deque(one for one in self._waiting if not one.future.cancelled())
        while self._waiting and len(self._running) < self._most and self._has_room():
            group = self._next_group()
            further = math.ceil(sum(one.size for one in self._waiting) / self._group)
            turn = Turn(min(len(self._running) + 1 + further, self._most), _abandoned(group))
            task = asyncio.create_task(self._compute(group, turn))
            self._running[task] = sum(one.size for one in group)

    def _has_room(self) -> bool:
        return not self._running or self._waiting[0].size <= self._room()

    def _room(self) -> int:
        return self._budget - sum(self._running.values())

    async def _compute(self, group: list[_Waiting[Item, Result]], turn: Turn) -> None:
        loop = asyncio.get_running_loop()
        try:
            results = await loop.run_in_executor(self._threads, self._work, [one.item for one in group], turn)
        except Exception as error:
            for one in group:
                if not one.future.done():
                    one.future.set_exception(error)
        else:
            for one, result in zip(group, results, strict=True):
                if not one.future.done():
                    one.future.set_result(result)
        finally:
            del self._running[asyncio.current_task()]  # type: ignore[arg-type]
            self._start_soon()

    def _next_group(self) -> list[_Waiting[Item, Result]]:
        group: list[_Waiting[Item, Result]] = []
        left: deque[_Waiting[Item, Result]] = deque()
        room = min(self._group, self._room())
        for one in self._waiting:
            if not group or (one.kind == group[0].kind and one.size <= room):
                group.append(one)
                room -= one.size
            else:
                left.append(one)
        self._waiting = left
        return group


def _abandoned(group: list[_Waiting[Item, Result]]) -> Callable[[], bool]:
    return lambda: all(one.future.cancelled() for one in group)
