"""The three deployments: the ingress that clients meet, the model that restores, the champion that says which model.

The champion is in nobody's way: requests go from the ingress to the model, and only swaps go through it.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import ray
from ray import serve
from ray.exceptions import RayActorError
from ray.serve.exceptions import DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from degcraft.errors import DegcraftError
from deploy.args import ServeArgs
from deploy.messages import Pixels, Report, Restored, Standing, TooSlow
from deploy.model.choice import Choice

if TYPE_CHECKING:
    from fastapi import FastAPI

    from deploy.model.batching import Turn
    from deploy.model.restorer import Restorer

LOADING_S = 600.0
# How often the champion looks for the first replica, until which the server is not ready.
FIRST_SIGHT_S = 0.5
# A processor is busy with one image of this size already; what a larger batch computes leaves its caches.
CPU_BATCH_SIDE = 64
# Seconds after which a large image's first tiles tell how long the others will take.
FORESIGHT_S = 3.0


@serve.ingress()
class Ingress:
    """HTTP: checks, decodes and encodes; holds no model."""

    def __init__(self, args: ServeArgs, model: DeploymentHandle, champion: DeploymentHandle) -> None:
        self._args, self._model, self._champion = args, model, champion

    def __serve_build_asgi_app__(self) -> "FastAPI":
        from deploy.handles import ServeBackend
        from deploy.http.routes import make_app

        replica = serve.get_replica_context().replica_id.unique_id
        return make_app(self._args, ServeBackend(self._model, self._champion), replica)


class Model:
    """One copy of the network on its device."""

    async def __init__(self, args: ServeArgs, champion: DeploymentHandle) -> None:  # type: ignore[misc]
        import torch

        from deploy.model.batching import Batcher
        from deploy.model.slot import Slot
        from deploy.model.source import load

        context = ray.get_runtime_context()
        device = "cuda" if ray.get_gpu_ids() else "cpu"
        self._threads = max(1, int(context.get_assigned_resources().get("CPU", 1)))
        torch.set_num_threads(self._threads)

        def load_here(uri: str) -> "Restorer":
            return load(uri, device, args.tracking_uri, args.tile)

        replica = serve.get_replica_context().replica_id.unique_id
        first = await asyncio.to_thread(load_here, await champion.serving.remote())
        self._slot = Slot(replica, load_here, first)
        budget = args.tile**2
        # Processors that each compute an image of their own need not wait for each other after every layer.
        on_cpu: dict[str, int] = {"group": CPU_BATCH_SIDE**2, "threads": self._threads}
        self._batched: Batcher[Pixels, Restored] = Batcher(
            self._restore_batch,
            kind=lambda image: (image.shape, image.dtype),
            size=_area,
            budget=budget,
            **(on_cpu if device == "cpu" else {}),
        )
        # On a thread of its own, so that small requests need not wait for a large one.
        self._tiled: Batcher[tuple[Pixels, float], Restored] = Batcher(
            self._restore_tiled, kind=id, size=lambda item: _area(item[0]), budget=budget
        )

    async def restore(self, pixels: Pixels, seconds: float) -> Restored:
        """Restore one image, (h, w, 3) of unsigned integers; raises TooSlow where it would take more than `seconds`."""
        if self._slot.serving.is_small(pixels):
            return await self._batched(pixels)
        return await self._tiled((pixels, time.monotonic() + seconds))

    async def prepare(self, uri: str) -> Report:
        """See `Slot.prepare`."""
        return await self._slot.prepare(uri)

    async def switch(self, uri: str) -> Report:
        """See `Slot.switch`."""
        return await self._slot.switch(uri)

    def _restore_batch(self, images: list[Pixels], turn: "Turn") -> list[Restored]:
        restorer = self._slot.serving
        return _timed(restorer, max(1, self._threads // turn.at_once), lambda: restorer.restore_batch(images))

    def _restore_tiled(self, images: list[tuple[Pixels, float]], turn: "Turn") -> list[Restored]:
        restorer = self._slot.serving
        pixels, due = images[0]
        between_tiles = stop_in_vain(due, turn.abandoned)
        return _timed(restorer, self._threads, lambda: [restorer.restore_tiled(pixels, between_tiles)])


class Champion:
    """Knows which model is to be served, and swaps it; its `user_config` is {"model": …}."""

    async def __init__(self, args: ServeArgs, pinned: str) -> None:  # type: ignore[misc]
        from deploy.model.source import pin

        self._args = args
        self._choice = Choice(
            args.model,
            pin=lambda source: pin(source, args.tracking_uri),
            ask=self._ask_all,
            pinned=pinned,
            following=args.follow,
            retry_s=2 * args.follow_seconds,
        )
        self._model: DeploymentHandle | None = None
        self._turn_now = asyncio.Event()
        self._turning = asyncio.create_task(self._turn_for_ever())

    async def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Take another model without restarting anything: `serve deploy` with a changed `user_config`."""
        if set(user_config) != {"model"} or not isinstance(user_config["model"], str):
            raise DegcraftError(f'user_config of Champion: must be {{"model": …}}, but is {user_config!r}')
        self._choice.point_to(user_config["model"])
        self._turn_now.set()  # not awaited here: the replicas of the model wait for this deployment when they start

    async def serving(self) -> str:
        """What a starting replica is to load."""
        return self._choice.serving

    async def standing(self) -> Standing:
        """See `Choice.standing`."""
        return self._choice.standing()

    async def refresh(self) -> Standing:
        """See `Choice.refresh`."""
        return await self._choice.refresh()

    async def check_health(self) -> None:
        """Ray asks; a loop that ended is a bug that a new replica heals."""
        if self._turning.done():
            raise RuntimeError("the loop that follows the alias has ended")

    async def _turn_for_ever(self) -> None:
        while True:
            pause = self._args.follow_seconds if self._choice.standing().reports else FIRST_SIGHT_S
            with suppress(TimeoutError):
                await asyncio.wait_for(self._turn_now.wait(), pause)
            self._turn_now.clear()
            await self._choice.turn()

    async def _ask_all(self, method: str, uri: str) -> list[Report]:
        if self._model is None:
            self._model = serve.get_deployment_handle("Model", serve.get_replica_context().app_name)
        try:
            answers = await self._model.broadcast(method, uri).results_async(
                timeout_s=LOADING_S, return_exceptions=True
            )
        except DeploymentUnavailableError:
            return []
        except TimeoutError:
            raise DegcraftError(f"model {uri}: a replica has not loaded it in {LOADING_S:.0f} s") from None
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, RayActorError):
                raise DegcraftError(f"model {uri}: a replica failed at it ({type(answer).__name__})")
        return [answer for answer in answers if isinstance(answer, Report)]


def stop_in_vain(due: float, abandoned: Callable[[], bool]) -> Callable[[int, int], None]:
    """What is called between tiles, with those done and all: ends work that nobody waits for, or that comes too late.

    Args:
        due: when it is to be done, by `time.monotonic`.
        abandoned: whether nobody waits.
    """
    began = time.monotonic()

    def between_tiles(done: int, total: int) -> None:
        if abandoned():
            raise _AbandonedWork
        spent = time.monotonic() - began
        if spent > FORESIGHT_S and began + spent / done * total > due:
            raise TooSlow(spent / done * total)

    return between_tiles


class _AbandonedWork(Exception):
    """Nobody waits for the image that is being tiled."""


def _area(image: Pixels) -> int:
    return int(image.shape[0] * image.shape[1])


def _timed(restorer: "Restorer", threads: int, work: Callable[[], list[Any]]) -> list[Restored]:
    import torch

    torch.set_num_threads(threads)  # of what this thread computes: OpenMP keeps the number by thread
    began = time.perf_counter()
    pixels = work()
    seconds = time.perf_counter() - began
    return [Restored(one, restorer.info.uri, restorer.info.scale, seconds) for one in pixels]
