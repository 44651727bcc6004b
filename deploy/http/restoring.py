"""One restoration, from the request to the answer: taken in, read, decoded, restored, encoded, within its time."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from typing import TypeVar
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from deploy.args import ServeArgs
from deploy.http.admission import Admission, Room
from deploy.http.backend import Backend
from deploy.http.body import read_image_bytes
from deploy.http.decoding import Header, decode, inspect
from deploy.http.encoding import Format, FormatName, encode, wanted_format
from deploy.http.errors import Refusal, busy
from deploy.http.metrics import Metrics
from deploy.http.uploads import Upload, Uploads
from deploy.messages import Pixels, public_name

Result = TypeVar("Result")

_RETRY_AFTER_S = 10
_PLAIN = "/:@ "
# Decoding and encoding hold several copies of an image, so few are at it at once.
_MOST_THREADS = 8
# A body is not a request in work yet: as many are received at once, and of the largest so many are held.
_UPLOADS_PER_PLACE = 3
_LARGEST_BODIES = 8
_UPLOAD_WINDOW_S = 10.0


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
        self._uploads = Uploads(
            _UPLOADS_PER_PLACE * args.queue, _LARGEST_BODIES * args.max_body_bytes, args.least_rate, _UPLOAD_WINDOW_S
        )
        # From decoding to encoding an image takes a hundred times its pixels; small ones are bounded by their number.
        self._pixels = Room(args.max_pixels)
        self._threads = ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS), thread_name_prefix="codec")

    async def restore(self, request: Request, format_name: FormatName | None, quality: int) -> Response:
        """The answer to a request for a restoration.

        Raises:
            Refusal: by any of the limits, for what the request brings, or because no model can answer.
        """
        try:
            into = wanted_format(format_name, request.headers.get("accept"))
            with self._uploads.one() as upload:
                clock = _Clock()
                with clock.stage("receive"):
                    content = await self._received(request, upload)
                # Only now: who sends slowly, or nothing at all, takes nobody's place.
                client = request.client.host if request.client else ""
                with self._admission.admitted(client), self._metrics.in_work():
                    response = await self._in_time(self._restored(content, into, quality, clock))
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

    async def _received(self, request: Request, upload: Upload) -> bytes:
        try:
            async with asyncio.timeout(self._args.timeout_s):
                return await read_image_bytes(request, self._args.max_body_bytes, self._uploads, upload)
        except TimeoutError:
            message = f"The body took longer than the {self._args.timeout_s:g} s that it may take."
            raise Refusal(408, "slow_upload", message, {"Connection": "close"}) from None

    async def _in_time(self, work: Awaitable[Response]) -> Response:
        try:
            async with asyncio.timeout(self._args.timeout_s):
                return await work
        except TimeoutError:
            message = f"The request took longer than the {self._args.timeout_s:g} s that it may take."
            raise busy(504, "timeout", message, _RETRY_AFTER_S) from None

    async def _restored(self, content: bytes, into: Format, quality: int, clock: "_Clock") -> Response:
        ends = time.monotonic() + self._args.timeout_s
        header = await self._in_thread(lambda: inspect(content, self._args.max_pixels, self._args.max_side))
        async with self._room_for(header):
            with clock.stage("decode"):
                picture = await self._in_thread(lambda: decode(content, header))
            with clock.stage("restore"):
                restored = await self._backend.restore(picture.pixels, ends - time.monotonic())
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

    def _room_for(self, header: Header) -> AbstractAsyncContextManager[None]:
        small = header.pixels <= self._args.tile**2
        return nullcontext() if small else self._pixels.held(header.pixels)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def too_slow(pixels: Pixels, needed: float, allowed: float) -> Refusal:
    """The refusal of an image that cannot be restored in the time that a request may take."""
    size = f"{pixels.shape[1]}x{pixels.shape[0]}"
    message = f"An image of {size} would take some {needed:.0f} s here, but may take {allowed:.0f} s (--timeout)."
    return Refusal(413, "too_slow", message)


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
