"""Bodies on their way in: each keeps moving, all together have bounded memory, and the slow make room for the fast."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deploy.http.errors import Refusal, busy

_RETRY_AFTER_S = 5
# Before this age nobody can be called slow.
_GRACE_S = 2.0


@dataclass(eq=False)
class Upload:
    """One body."""

    began: float = field(default_factory=time.monotonic)
    bytes: int = 0
    receiving: bool = True
    pushed_out: bool = False
    waiting: asyncio.Timeout | None = None

    def rate(self) -> float:
        """Bytes a second since it began."""
        return self.bytes / max(time.monotonic() - self.began, 1e-3)


class Uploads:
    """What is being received, and the bodies that are still held.

    Args:
        most: bodies received at once; the slowest goes where another comes.
        room: bytes held at once. A body may have what it leaves free to others, so that a small one always fits.
        least_rate: bytes a second that a body must bring, or it is refused.
        window_s: seconds over which that is asked for.
    """

    def __init__(self, most: int, room: int, least_rate: float, window_s: float) -> None:
        self._most, self._room = most, room
        self._least, self._window_s = least_rate * window_s, window_s
        self._all: set[Upload] = set()

    @contextmanager
    def one(self) -> Iterator[Upload]:
        """A body, from its first byte until it is no longer held; raises Refusal where there is no place for it."""
        if len(receiving := [one for one in self._all if one.receiving]) >= self._most:
            self._push_out_the_slowest(receiving)
        upload = Upload()
        self._all.add(upload)
        try:
            yield upload
        finally:
            self._all.discard(upload)

    async def watched(self, upload: Upload, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks of a body.

        Raises:
            Refusal: too slow, pushed out by a faster one, or there is no room for so many bytes.
        """
        due, since = time.monotonic() + self._window_s, 0
        while True:
            try:
                async with asyncio.timeout(max(due - time.monotonic(), 0)) as upload.waiting:
                    chunk = await anext(chunks, None)
            except TimeoutError:
                raise self._too_slow(upload, since) from None
            finally:
                upload.waiting = None
            if chunk is None:
                upload.receiving = False
                return
            upload.bytes += len(chunk)
            since += len(chunk)
            if upload.bytes > self._room - sum(one.bytes for one in self._all):
                raise busy(429, "busy", "The bodies of other requests take the room for this one.", _RETRY_AFTER_S)
            if upload.pushed_out:
                raise self._too_slow(upload, since)
            if since >= self._least:
                due, since = time.monotonic() + self._window_s, 0
            yield chunk

    def _push_out_the_slowest(self, receiving: list[Upload]) -> None:
        old = [one for one in receiving if time.monotonic() - one.began > _GRACE_S]
        if not old:
            message = f"{len(receiving)} bodies are being received, and no more are at once."
            raise busy(429, "busy", message, _RETRY_AFTER_S)
        slowest = min(old, key=Upload.rate)
        slowest.pushed_out, slowest.receiving = True, False
        if slowest.waiting is not None:
            slowest.waiting.reschedule(asyncio.get_running_loop().time())

    def _too_slow(self, upload: Upload, since: int) -> Refusal:
        headers = {"Connection": "close", "Retry-After": str(_RETRY_AFTER_S)}
        if upload.pushed_out:
            message = f"The body came at {upload.rate():.0f} bytes a second, and others wait for its place."
        else:
            least, window = f"{self._least:.0f}", f"{self._window_s:g}"
            message = f"The body must bring {least} bytes in {window} s until it ends, but brought {since}."
        return Refusal(408, "slow_upload", message, headers)
