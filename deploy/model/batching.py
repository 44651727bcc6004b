"""Batching: while the device works, requests gather; when it is free, it takes what belongs together.

Ray's `serve.batch` closes a batch by the clock: while one is computed, later requests are cut into small batches that
queue behind it, and a request that is alone waits for others in vain. Here the device's being free closes a batch, so
nobody waits for a clock, and the busier it is the larger batches get.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Abandoned = Callable[[], bool]
"""Whether nobody waits any more for what is being computed."""


@dataclass(frozen=True, eq=False)
class _Waiting(Generic[Item, Result]):
    item: Item
    kind: Hashable
    size: int
    future: "asyncio.Future[Result]"


class Batcher(Generic[Item, Result]):
    """Gives `work` one group of items after the other, on a thread of its own.

    A group is the item that has waited longest and all others of its kind, in order, up to the budget. An item
    larger than the budget is a group of its own. An item whose caller has gone is not computed.

    Args:
        work: takes the items of a group, and a function that says whether all of their callers have gone; returns
            a result for each. What it raises, all callers of the group get.
        kind: items can be grouped where this is equal.
        size: what an item takes of the budget.
        budget: what a group may take.
    """

    def __init__(
        self,
        work: Callable[[list[Item], Abandoned], Sequence[Result]],
        *,
        kind: Callable[[Item], Hashable],
        size: Callable[[Item], int],
        budget: int,
    ) -> None:
        self._work, self._kind, self._size, self._budget = work, kind, size, budget
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="device")
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Result:
        """The result for an item, in a group with others."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, self._kind(item), self._size(item), future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while group := self._next_group():
            futures = [one.future for one in group]

            def abandoned(futures: list["asyncio.Future[Result]"] = futures) -> bool:
                return all(future.cancelled() for future in futures)

            try:
                results = await loop.run_in_executor(self._thread, self._work, [one.item for one in group], abandoned)
            except Exception as error:
                for future in futures:
                    if not future.done():
                        future.set_exception(error)
            else:
                for future, result in zip(futures, results, strict=True):
                    if not future.done():
                        future.set_result(result)

    def _next_group(self) -> list[_Waiting[Item, Result]]:
        group: list[_Waiting[Item, Result]] = []
        left: deque[_Waiting[Item, Result]] = deque()
        room = self._budget
        for one in self._waiting:
            if one.future.cancelled():
                continue
            if not group or (one.kind == group[0].kind and one.size <= room):
                group.append(one)
                room -= one.size
            else:
                left.append(one)
        self._waiting = left
        return group
