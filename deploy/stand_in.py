"""In the proxy's place while there is none: nobody is refused a connection until Ray has started another."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException

import uvicorn
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from deploy.http.proxy import gone

LOOK_S = 0.2
_MOST_BODY_S = 10.0


@contextmanager
def standing_in(host: str, port: int) -> Iterator[None]:
    """Watch what listens there; where it dies, answer in its place until another does and is healthy.

    Both listen for a moment, by `SO_REUSEPORT`, which Ray's proxy sets too.
    """
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(host, port, over), daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


def reached_at(host: str) -> str:
    """Where this machine reaches what listens at a host."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host


def _watch(host: str, port: int, over: threading.Event) -> None:
    while not over.wait(0.01):
        try:
            with socket.create_connection((reached_at(host), port), timeout=LOOK_S) as connection:
                _until_it_breaks(connection, over)
        except ConnectionRefusedError:
            with _answering(host, port):
                while not over.wait(LOOK_S) and not _is_healthy(host, port):
                    pass
        except OSError:
            over.wait(LOOK_S)


def _until_it_breaks(connection: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        with suppress(TimeoutError):
            if not connection.recv(1024):
                return


@contextmanager
def _answering(host: str, port: int) -> Iterator[None]:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            listener.setsockopt(socket.SOL_SOCKET, option, 1)
        listener.bind((host, port))
        # Who keeps a connection would keep asking here.
        headers = [("Connection", "close")]
        server = uvicorn.Server(uvicorn.Config(_away, lifespan="off", log_level="critical", headers=headers))
        answering = threading.Thread(target=server.run, args=([listener],), daemon=True)
        answering.start()
        try:
            yield
        finally:
            server.should_exit = True
            answering.join()


async def _away(scope: Scope, receive: Receive, send: Send) -> None:
    """A client that is still sending hears nothing: its body is taken, and thrown away."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_MOST_BODY_S):
            async for _ in Request(scope, receive).stream():
                pass
    await gone(scope, receive, send)


def _is_healthy(host: str, port: int) -> bool:
    connection = HTTPConnection(reached_at(host), port, timeout=1)
    try:
        connection.request("GET", "/-/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
