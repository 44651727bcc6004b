"""The deployments behind handles, as the routes see them."""

import asyncio
from typing import cast

import torch
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle, DeploymentResponse

from deploy.http.errors import Refusal, busy
from deploy.http.restoring import too_slow
from deploy.messages import Pixels, Restored, Standing, TooSlow

RETRY_AFTER_S = 5
STANDING_S = 10.0
REFRESH_S = 600.0
ASSIGNED_S = 5.0
_TRIES = 2


class ServeBackend:
    """The deployments `Model` and `Champion` as a `Backend`."""

    def __init__(self, model: DeploymentHandle, champion: DeploymentHandle) -> None:
        self._model, self._champion = model, champion

    async def restore(self, pixels: Pixels, seconds: float) -> Restored:
        """See `Backend`. A request on a replica that dies is given to another, once: it may be what killed it."""
        for _ in range(_TRIES):
            try:
                response = cast(DeploymentResponse[Restored], self._model.restore.remote(pixels, seconds))
                # Who has no replica to go to would wait, unheard, until one has started.
                async with asyncio.timeout(ASSIGNED_S):
                    await response._to_object_ref()
                return await response
            except RayActorError:
                continue
            except (BackPressureError, DeploymentUnavailableError, TimeoutError):
                break
            except TooSlow as slow:
                raise too_slow(pixels, slow.seconds, seconds) from slow
            except torch.OutOfMemoryError as error:
                message = "The model's device has not the memory for this image now."
                raise busy(503, "out_of_memory", message, RETRY_AFTER_S) from error
        raise _no_model()

    async def standing(self) -> Standing:
        """See `Backend`."""
        return await self._ask_champion("standing", STANDING_S)

    async def refresh(self) -> Standing:
        """See `Backend`."""
        return await self._ask_champion("refresh", REFRESH_S)

    async def _ask_champion(self, method: str, seconds: float) -> Standing:
        try:
            async with asyncio.timeout(seconds):
                return await self._champion.options(method_name=method).remote()
        except (TimeoutError, RayActorError, BackPressureError, DeploymentUnavailableError) as error:
            raise _no_model() from error


def _no_model() -> Refusal:
    return busy(503, "unavailable", "No replica of the model can answer now; one is being started.", RETRY_AFTER_S)
