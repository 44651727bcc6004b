"""What becomes of a request whose replica dies, is not there, or could not be done in time."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ray.exceptions import RayActorError, RayTaskError

from deploy import deployments, handles
from deploy.deployments import stop_in_vain
from deploy.handles import ServeBackend
from deploy.http.errors import Refusal
from deploy.messages import TooSlow

PIXELS = np.zeros((30, 40, 3), np.uint8)


class Handle:
    """A deployment that does the next of these things at each call."""

    def __init__(self, *does: Callable[[], Any], assigned: bool = True) -> None:
        self._does, self._assigned, self.asked = list(does), assigned, 0
        self.restore = self

    def remote(self, pixels: np.ndarray, seconds: float) -> "Handle":
        self.asked += 1
        return self

    async def _to_object_ref(self) -> None:
        if not self._assigned:
            await asyncio.sleep(1000)

    def __await__(self) -> Any:
        async def answer() -> Any:
            return self._does.pop(0)()

        return answer().__await__()


def raises(error: Exception) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


def restored(handle: Handle) -> Any:
    return asyncio.run(ServeBackend(handle, None).restore(PIXELS, 60))  # type: ignore[arg-type]


def test_a_request_on_a_replica_that_dies_is_given_to_another_once() -> None:
    handle = Handle(raises(RayActorError()), lambda: "restored")
    assert (restored(handle), handle.asked) == ("restored", 2)
    handle = Handle(*[raises(RayActorError())] * 3)
    with pytest.raises(Refusal, match="No replica") as refused:
        restored(handle)
    assert (refused.value.status, handle.asked) == (503, 2)


def test_who_finds_no_replica_is_told_so_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handles, "ASSIGNED_S", 0.05)
    with pytest.raises(Refusal, match="No replica") as refused:
        restored(Handle(assigned=False))
    assert refused.value.status == 503
    assert "Retry-After" in refused.value.headers


def test_an_image_that_would_take_too_long_is_told_how_long() -> None:
    # As it comes out of another process.
    wrapped = RayTaskError("restore", "traceback", TooSlow(300.0)).as_instanceof_cause()
    with pytest.raises(Refusal, match=r"An image of 40x30 would take some 300 s here, but may take 60 s") as refused:
        restored(Handle(raises(wrapped)))
    assert (refused.value.status, refused.value.code) == (413, "too_slow")


def test_the_first_tiles_tell_how_long_the_others_take(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(deployments.time, "monotonic", lambda: now)
    between_tiles = stop_in_vain(160.0, lambda: False)
    now = 102.0
    between_tiles(1, 1000)  # the first ones are slow, and tell nothing yet
    now = 110.0
    between_tiles(20, 100)
    with pytest.raises(TooSlow) as slow:
        between_tiles(10, 100)
    assert slow.value.seconds == 100
    with pytest.raises(deployments._AbandonedWork):
        stop_in_vain(1000.0, lambda: True)(1, 2)
