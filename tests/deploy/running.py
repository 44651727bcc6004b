"""`degcraft serve` as a process of its own, as a user starts it, and clients that ask it."""

import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
import requests
from PIL import Image

PATIENCE_S = 400.0


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for it; fails where it never comes."""
    ends = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends, f"never: {what}"
        time.sleep(0.05)


def as_png(pixels: np.ndarray) -> bytes:
    """(h, w, 3) uint8 as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@dataclass
class Server:
    """A running `degcraft serve`."""

    address: str
    process: "subprocess.Popen[str]"
    headers: dict[str, str]

    def model(self) -> dict[str, Any]:
        """What /v1/model says."""
        response = requests.get(f"{self.address}/v1/model", headers=self.headers, timeout=60)
        response.raise_for_status()
        return dict(response.json())

    def upscale(self, body: bytes, session: requests.Session | None = None) -> requests.Response:
        """The answer to an image."""
        post = requests.post if session is None else session.post
        return post(f"{self.address}/v1/upscale", data=body, headers=self.headers, timeout=200)

    def replicas(self, deployment: str) -> list[psutil.Process]:
        """The processes of a deployment's replicas."""
        return self._processes(f"ServeReplica:degcraft:{deployment}")

    def proxies(self) -> list[psutil.Process]:
        """The processes that take connections."""
        return self._processes("ProxyActor")

    def _processes(self, name: str) -> list[psutil.Process]:
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if name in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found


@contextmanager
def running(*words: str, replicas: int = 1, token: str | None = None, **environment: str) -> Iterator[Server]:
    """A server on a free port of loopback, ready; ended with all of its processes.

    Args:
        words: arguments of `degcraft serve`.
        replicas: of the model.
        token: what `DEGCRAFT_TOKEN` is to be.
        environment: beside this process's own.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    if token is not None:
        environment["DEGCRAFT_TOKEN"] = token
    process = subprocess.Popen(
        [sys.executable, "-m", "degcraft", "serve", *words, "--replicas", str(replicas), "--port", str(port)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    server = Server(f"http://127.0.0.1:{port}", process, headers)

    def is_ready() -> bool:
        assert process.poll() is None, process.communicate()[0]
        try:
            answer = requests.get(f"{server.address}/readyz", headers=headers, timeout=10)
        except requests.RequestException:
            return False
        return answer.ok and answer.json()["replicas"] == replicas

    try:
        until(is_ready, "ready")
        yield server
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(60)


@dataclass(frozen=True)
class Answer:
    """What a client got."""

    status: int
    """0 where the connection ended without an answer."""
    model: str
    retry_after: str
    kind: str
    """The media type."""
    seconds: float


class Clients:
    """Clients that ask again and again, each as soon as it is answered, until the block ends or enough was asked.

    Args:
        server: whom they ask.
        bodies: what they send, each in turn.
        count: how many ask at once.
        most: requests in all; None for as many as the block lasts.
    """

    def __init__(self, server: Server, bodies: Sequence[bytes], count: int, most: int | None = None) -> None:
        self.answers: list[Answer] = []
        self._server, self._bodies, self._most = server, bodies, most
        self._asked = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(count)]

    def _ask(self) -> None:
        with requests.Session() as session:
            while not self._over.is_set() and (body := self._next_body()) is not None:
                began = time.perf_counter()
                status, headers = self._sent(body, session)
                told = (headers.get(name, "") for name in ("X-Model", "Retry-After", "Content-Type"))
                self.answers.append(Answer(status, *told, time.perf_counter() - began))

    def _sent(self, body: bytes, session: requests.Session) -> tuple[int, Mapping[str, str]]:
        try:
            response = self._server.upscale(body, session)
        except requests.RequestException:
            return 0, {}
        return response.status_code, response.headers

    def _next_body(self) -> bytes | None:
        with self._lock:
            if self._asked == self._most:
                return None
            self._asked += 1
            return self._bodies[self._asked % len(self._bodies)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        if self._most is None or failure[0] is not None:
            self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        assert not any(thread.is_alive() for thread in self._threads)

    def wait_for(self, model: str) -> None:
        """Until a model has answered from now on."""
        seen = len(self.answers)
        until(lambda: any(answer.model == model for answer in self.answers[seen:]), f"an answer by {model}")
