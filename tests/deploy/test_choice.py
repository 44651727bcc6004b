"""All replicas serve one version, and change it together or not at all."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from degcraft.errors import DegcraftError
from deploy.messages import ModelInfo, Report
from deploy.model.choice import Choice
from deploy.model.slot import Slot


class FakeModel:
    """What a slot holds."""

    def __init__(self, uri: str) -> None:
        self.info = ModelInfo(uri, None, None, None, "srresnet", 2, 1, "cpu", None)


class Cluster:
    """Replicas with real slots; which versions break on which replica is a test's to say."""

    def __init__(self, *names: str) -> None:
        self.broken: set[tuple[str, str]] = set()
        self.loads: list[tuple[str, str]] = []
        self.slots: dict[str, Slot] = {}
        for name in names:
            self.start(name, "v1")

    def start(self, name: str, uri: str) -> None:
        self.slots[name] = Slot(name, self._loader(name), FakeModel(uri))  # type: ignore[arg-type]

    def _loader(self, name: str) -> Callable[[str], FakeModel]:
        def load(uri: str) -> FakeModel:
            self.loads.append((name, uri))
            if (name, uri) in self.broken:
                raise DegcraftError(f"model {uri}: broken on {name}")
            if (name, "crash") in self.broken:
                raise RuntimeError("device lost")
            return FakeModel(uri)

        return load

    async def ask(self, method: str, uri: str) -> list[Report]:
        calls: list[Awaitable[Report]] = [getattr(slot, method)(uri) for slot in self.slots.values()]
        return list(await asyncio.gather(*calls))

    @property
    def serving(self) -> set[str]:
        return {slot.serving.info.uri for slot in self.slots.values()}


class Alias:
    """What an alias names."""

    def __init__(self) -> None:
        self.version = "v1"
        self.down = False

    def pin(self, source: str) -> str:
        if self.down:
            raise DegcraftError("the MLflow server cannot be reached")
        return self.version if source == "film@champion" else source


@pytest.fixture
def cluster() -> Cluster:
    return Cluster("one", "two", "three")


@pytest.fixture
def alias() -> Alias:
    return Alias()


def choice(cluster: Cluster, alias: Alias, *, following: bool = True, retry_s: float = 3600) -> Choice:
    return Choice("film@champion", pin=alias.pin, ask=cluster.ask, pinned="v1", following=following, retry_s=retry_s)


def test_a_moved_alias_swaps_all_replicas(cluster: Cluster, alias: Alias) -> None:
    async def scene() -> None:
        chosen = choice(cluster, alias)
        await chosen.turn()
        assert cluster.loads == []
        alias.version = "v2"
        await chosen.turn()
        assert cluster.serving == {"v2"}
        assert (chosen.serving, chosen.standing().problem) == ("v2", None)
        assert {report.serving.uri for report in chosen.standing().reports} == {"v2"}
        before = len(cluster.loads)
        await chosen.turn()
        assert len(cluster.loads) == before

    asyncio.run(scene())


def test_if_one_replica_cannot_none_does(cluster: Cluster, alias: Alias) -> None:
    async def scene() -> None:
        chosen = choice(cluster, alias)
        await chosen.turn()
        cluster.broken.add(("two", "v2"))
        alias.version = "v2"
        await chosen.turn()
        assert cluster.serving == {"v1"}
        standing = chosen.standing()
        assert standing.problem == "model v2: broken on two"
        assert (standing.wanted, chosen.serving) == ("v2", "v1")
        assert all(slot.report().prepared is None for slot in cluster.slots.values())
        await chosen.turn()
        assert cluster.loads.count(("two", "v2")) == 1  # not again at every turn
        alias.version = "v3"
        await chosen.turn()
        assert cluster.serving == {"v3"}
        assert chosen.standing().problem is None

    asyncio.run(scene())


def test_what_failed_is_tried_again_later_and_when_asked(cluster: Cluster, alias: Alias) -> None:
    async def scene(retry_s: float) -> Choice:
        chosen = choice(cluster, alias, retry_s=retry_s)
        cluster.broken = {("one", "crash")}
        alias.version = "v2"
        await chosen.turn()
        assert chosen.standing().problem == "model v2: cannot be loaded (RuntimeError)"
        cluster.broken = set()
        return chosen

    async def later() -> None:
        chosen = await scene(0)
        await chosen.turn()
        assert cluster.serving == {"v2"}

    async def asked() -> None:
        chosen = await scene(3600)
        await chosen.turn()
        assert cluster.serving == {"v1"}
        standing = await chosen.refresh()
        assert (cluster.serving, standing.problem) == ({"v2"}, None)

    asyncio.run(asked())
    for name in cluster.slots:
        cluster.start(name, "v1")
    asyncio.run(later())


def test_a_store_that_is_away_changes_nothing_and_is_said(cluster: Cluster, alias: Alias) -> None:
    async def scene() -> None:
        chosen = choice(cluster, alias)
        await chosen.turn()
        alias.down, alias.version = True, "v2"
        await chosen.turn()
        assert cluster.serving == {"v1"}
        assert chosen.standing().problem == "the MLflow server cannot be reached"
        alias.down = False
        await chosen.turn()
        assert (cluster.serving, chosen.standing().problem) == ({"v2"}, None)

    asyncio.run(scene())


def test_an_alias_that_is_not_followed_moves_when_asked(cluster: Cluster, alias: Alias) -> None:
    async def scene() -> None:
        chosen = choice(cluster, alias, following=False)
        await chosen.turn()
        alias.version = "v2"
        await chosen.turn()
        assert cluster.serving == {"v1"}
        await chosen.refresh()
        assert cluster.serving == {"v2"}
        chosen.point_to("v7")
        await chosen.turn()
        assert cluster.serving == {"v7"}

    asyncio.run(scene())


def test_a_replica_that_was_away_is_caught_up(cluster: Cluster, alias: Alias) -> None:
    async def scene() -> None:
        chosen = choice(cluster, alias)
        alias.version = "v2"
        await chosen.turn()
        cluster.start("two", "v1")
        await chosen.turn()
        assert cluster.serving == {"v2"}

    asyncio.run(scene())


def test_without_replicas_nothing_new_becomes_what_they_start_with(alias: Alias) -> None:
    async def scene() -> None:
        cluster = Cluster()
        chosen = choice(cluster, alias)
        alias.version = "v2"
        await chosen.turn()
        assert chosen.serving == "v1"
        cluster.start("one", chosen.serving)
        await chosen.turn()
        assert (cluster.serving, chosen.serving) == ({"v2"}, "v2")

    asyncio.run(scene())
