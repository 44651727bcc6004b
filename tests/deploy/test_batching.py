"""What waits together is computed together; whoever is alone does not wait."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from deploy.model.batching import Batcher, Turn

Groups = list[list[str]]


class Work:
    """Records its groups; works only while the gate is open."""

    def __init__(self) -> None:
        self.groups: Groups = []
        self.gate = threading.Event()
        self.gate.set()
        self.saw_abandoned = False
        self.at_once: list[int] = []

    def __call__(self, items: list[str], turn: Turn) -> list[str]:
        self.groups.append(items)
        self.at_once.append(turn.at_once)
        while not self.gate.wait(0.01):
            if turn.abandoned():
                self.saw_abandoned = True
                break
        if "bad" in items:
            raise ValueError("bad")
        return [item.upper() for item in items]


@pytest.fixture
def work() -> Work:
    return Work()


def batcher(work: Work, budget: int = 8) -> Batcher[str, str]:
    """Items are grouped by their first letter, and take their length of the budget."""
    return Batcher(work, kind=lambda item: item[0], size=len, budget=budget)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


def test_one_alone_is_computed_at_once(work: Work) -> None:
    assert asyncio.run(batcher(work)("a")) == "A"
    assert work.groups == [["a"]]


def test_what_waits_while_the_device_works_is_grouped_by_kind_and_budget(work: Work) -> None:
    async def scene() -> list[str]:
        gather = batcher(work)
        work.gate.clear()
        first = asyncio.create_task(gather("first"))
        await until(lambda: work.groups)
        rest = [asyncio.create_task(gather(item)) for item in ("a1", "b1", "a2", "a3xx", "b2", "a4", "c" * 20)]
        await asyncio.sleep(0)
        work.gate.set()
        return await asyncio.gather(first, *rest)

    answers = asyncio.run(scene())
    assert answers == ["FIRST", "A1", "B1", "A2", "A3XX", "B2", "A4", "C" * 20]
    assert work.groups == [["first"], ["a1", "a2", "a3xx"], ["b1", "b2"], ["a4"], ["c" * 20]]


def test_an_error_goes_to_its_group_only(work: Work) -> None:
    async def scene() -> list[object]:
        gather = batcher(work)
        work.gate.clear()
        tasks = [asyncio.create_task(gather(item)) for item in ("first", "bad", "b2", "c")]
        await until(lambda: work.groups)
        work.gate.set()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    first, bad, with_bad, other = asyncio.run(scene())
    assert (first, other) == ("FIRST", "C")
    assert isinstance(bad, ValueError)
    assert isinstance(with_bad, ValueError)


def test_what_nobody_waits_for_is_not_computed(work: Work) -> None:
    async def scene() -> str:
        gather = batcher(work)
        work.gate.clear()
        running = asyncio.create_task(gather("running"))
        await until(lambda: work.groups)
        waiting = [asyncio.create_task(gather(item)) for item in ("gone", "wanted")]
        await asyncio.sleep(0)
        waiting[0].cancel()
        running.cancel()
        await until(lambda: work.saw_abandoned)  # the work that runs is told, and may end early
        work.gate.set()
        return await waiting[1]

    assert asyncio.run(scene()) == "WANTED"
    assert work.groups == [["running"], ["wanted"]]


def test_several_threads_compute_groups_at_once_within_the_budget(work: Work) -> None:
    async def scene() -> list[str]:
        gather = Batcher(work, kind=lambda item: item[0], size=len, budget=10, group=4, threads=3)
        work.gate.clear()
        tasks = [asyncio.create_task(gather(item)) for item in ("a1", "a2", "b123", "c1", "d123", "e1")]
        await until(lambda: len(work.groups) == 3)
        await asyncio.sleep(0.05)
        assert work.groups == [["a1", "a2"], ["b123"], ["c1"]]  # as many as there are threads, and 10 of 10 taken
        work.gate.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(scene()) == ["A1", "A2", "B123", "C1", "D123", "E1"]
    assert sorted(work.groups[3:]) == [["d123"], ["e1"]]
    assert work.at_once[:3] == [3, 3, 3]


def test_one_alone_has_the_device_for_itself(work: Work) -> None:
    async def scene() -> None:
        gather = Batcher(work, kind=lambda item: item[0], size=len, budget=8, group=4, threads=3)
        for item in ("a", "larger than all of it", "c"):
            await gather(item)

    asyncio.run(scene())
    assert work.groups == [["a"], ["larger than all of it"], ["c"]]
    assert work.at_once == [1, 1, 1]


def test_what_does_not_fit_yet_waits_and_is_not_overtaken(work: Work) -> None:
    async def scene() -> list[str]:
        gather = Batcher(work, kind=lambda item: item[0], size=len, budget=8, group=4, threads=3)
        work.gate.clear()
        first = asyncio.create_task(gather("a1"))
        await until(lambda: work.groups)
        rest = [asyncio.create_task(gather(item)) for item in ("b1234567", "c1")]
        await asyncio.sleep(0.05)
        assert work.groups == [["a1"]]
        work.gate.set()
        return await asyncio.gather(first, *rest)

    assert asyncio.run(scene()) == ["A1", "B1234567", "C1"]
    assert work.groups == [["a1"], ["b1234567"], ["c1"]]
