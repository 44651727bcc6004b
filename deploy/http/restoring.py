"""One restoration, from the request to the answer: taken in, read, decoded, restored, encoded, within its time."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from deploy.args import ServeArgs
from deploy.http.admission import Admission
from deploy.http.backend import Backend
from deploy.http.body import read_image_bytes
from deploy.http.decoding import Picture, decode
from deploy.http.encoding import Format, FormatName, encode, wanted_format
from deploy.http.errors import Refusal, busy
from deploy.http.metrics import Metrics
from deploy.model.source import public_name

Result = TypeVar("Result")

_RETRY_AFTER_S = 10
_PLAIN = "/:@ "
# Decoding and encoding hold several copies of an image, so few are at it at once.
_MOST_THREADS = 8


class Restorations:
    """Restores what requests bring.

    Args:
        args: the limits.
        backend: what restores.
        metrics: what is told of each.
    """

    def __init__(self, args: ServeArgs, backend: Backend, metrics: Metrics) -> None:
        self._args, self._backend, self._metrics = args, backend, metrics
        self._admission = Admission(args.queue)
        self._threads = ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS), thread_name_prefix="codec")

    async def restore(self, request: Request, format_name: FormatName | None, quality: int) -> Response:
        """The answer to a request for a restoration.

        Raises:
            Refusal: by any of the limits, for what the request brings, or because no model can answer.
        """
        try:
            into = wanted_format(format_name, request.headers.get("accept"))
            with self._admission.admitted(), self._metrics.in_work():
                try:
                    async with asyncio.timeout(self._args.timeout_s):
                        response = await self._restored(request, into, quality)
                except TimeoutError:
                    message = f"The request took longer than the {self._args.timeout_s:g} s that it may take."
                    raise busy(504, "timeout", message, _RETRY_AFTER_S) from None
        except Refusal as refusal:
            self._metrics.ended(refusal.code)
            raise
        except Exception:
            self._metrics.ended("internal_error")
            raise
        self._metrics.ended("ok")
        return response

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _restored(self, request: Request, into: Format, quality: int) -> Response:
        clock = _Clock()
        picture = await self._picture(request, clock)
        with clock.stage("restore"):
            restored = await self._backend.restore(picture.pixels)
        with clock.stage("encode"):
            body = await self._in_thread(lambda: encode(restored.pixels, picture, into, quality))
        seconds = clock.seconds | {"network": restored.seconds}
        self._metrics.restored(picture.pixels.shape[0] * picture.pixels.shape[1], restored.model, seconds)
        headers = {
            "X-Model": quote(public_name(restored.model), safe=_PLAIN),
            "X-Scale": str(restored.scale),
            "Server-Timing": ", ".join(f"{stage};dur={1000 * spent:.1f}" for stage, spent in seconds.items()),
            "Vary": "Accept",
        }
        return Response(body, media_type=into.media_type, headers=headers)

    async def _picture(self, request: Request, clock: "_Clock") -> Picture:
        with clock.stage("receive"):
            content = await read_image_bytes(request, self._args.max_body_bytes)
        with clock.stage("decode"):
            return await self._in_thread(lambda: decode(content, self._args.max_pixels))

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = time.perf_counter() - began
