"""Where the proxy has died, something else answers until there is another."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from deploy.stand_in import standing_in
from tests.deploy.running import until

# As Ray's proxy listens.
PROXY = """
import socket, sys, uvicorn
from starlette.responses import PlainTextResponse
listener = socket.socket()
for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
    listener.setsockopt(socket.SOL_SOCKET, option, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
uvicorn.Server(uvicorn.Config(PlainTextResponse("success"), log_level="critical", lifespan="off")).run([listener])
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def proxies(port: int) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """One that answers; the second is started by the test."""
    started = [proxy(port)]
    until(lambda: listens(port), "a proxy listens")
    yield started
    for process in started:
        process.kill()
        process.wait()


def proxy(port: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", PROXY, str(port)], env={**os.environ})


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def asked(port: int, body: bytes = b"") -> requests.Response:
    return requests.post(f"http://127.0.0.1:{port}/v1/upscale", data=body, timeout=60)


def test_who_asks_while_the_proxy_is_gone_is_told_when_to_come_again(
    port: int, proxies: list["subprocess.Popen[bytes]"]
) -> None:
    with standing_in("127.0.0.1", port):
        assert asked(port).text == "success"
        proxies[0].kill()
        proxies[0].wait()
        until(lambda: listens(port), "something else listens")
        for body in (b"", bytes(5_000_000)):
            told = asked(port, body)
            assert (told.status_code, told.headers["Content-Type"]) == (503, "application/json")
            assert told.headers["Connection"] == "close"
            assert int(told.headers["Retry-After"]) > 0
            assert told.json()["code"] == "unavailable"
        proxies.append(proxy(port))
        until(lambda: {asked(port).text for _ in range(20)} == {"success"}, "another proxy answers alone")
    assert asked(port).text == "success"
    proxies[1].kill()
    proxies[1].wait()
    assert not listens(port)
