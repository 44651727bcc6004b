"""The HTTP interface over a network in this process: the real routes, codecs and limits, without Ray."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from deploy.args import ServeArgs
from deploy.http.backend import Backend
from deploy.http.routes import make_app
from deploy.messages import Pixels, Report, Restored, Standing
from deploy.model.restorer import Restorer


class InProcess:
    """A backend without deployments. Tests may hold it up, and give it another standing."""

    def __init__(self, restorer: Restorer) -> None:
        self.restorer = restorer
        self.refreshed = 0
        self.waiting = 0
        self.gate = threading.Event()
        self.gate.set()
        self.before: Callable[[Pixels], None] = lambda pixels: None
        report = Report("one", restorer.info)
        self.now = Standing("models:/film@champion", restorer.info.uri, True, None, (report,))

    async def restore(self, pixels: Pixels, seconds: float) -> Restored:
        self.waiting += 1
        try:
            while not self.gate.is_set():
                await asyncio.sleep(0.01)
            self.before(pixels)
            return await asyncio.to_thread(self._restore, pixels)
        finally:
            self.waiting -= 1

    def _restore(self, pixels: Pixels) -> Restored:
        sr = (
            self.restorer.restore_batch([pixels])[0]
            if self.restorer.is_small(pixels)
            else self.restorer.restore_tiled(pixels, lambda done, total: None)
        )
        return Restored(sr, self.restorer.info.uri, self.restorer.info.scale, 0.25)

    async def standing(self) -> Standing:
        return self.now

    async def refresh(self) -> Standing:
        self.refreshed += 1
        return self.now


@contextmanager
def listening(args: ServeArgs, backend: Backend) -> Iterator[str]:
    """The interface on a free port of loopback; gives its address."""
    config = uvicorn.Config(make_app(args, backend, "one"), host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    ends = time.monotonic() + 60
    while not server.started:
        assert thread.is_alive(), "the server ended by itself"
        assert time.monotonic() < ends, "the server does not come up"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
