"""Slow uploads take nobody's place: a body is in work once it is there, and on its way it has to move."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest
import requests

from deploy.args import ServeArgs
from deploy.http.errors import Refusal
from deploy.http.uploads import Uploads
from tests.deploy.hostile import WHOLE
from tests.deploy.servers import InProcess, listening

PROMISED = 100_000


@contextmanager
def slow_upload(server: str) -> Iterator[socket.socket]:
    """A request that has sent its headers and the first byte of its body."""
    host, _, port = server.removeprefix("http://").partition(":")
    with closing(socket.create_connection((host, int(port)), timeout=60)) as connection:
        head = f"POST /v1/upscale HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {PROMISED}\r\n\r\nx"
        connection.sendall(head.encode())
        yield connection


def test_sixty_four_slow_uploads_leave_every_place_to_others(args: ServeArgs, backend: InProcess) -> None:
    with listening(args.model_copy(update={"queue": 64}), backend) as server, ExitStack() as slow:
        for _ in range(64):
            slow.enter_context(slow_upload(server))
        answers = [requests.post(f"{server}/v1/upscale", data=WHOLE["png"], timeout=60) for _ in range(20)]
        assert {answer.status_code for answer in answers} == {200}
        told = requests.get(f"{server}/metrics", timeout=60).text
        assert 'degcraft_in_work{replica="one"} 0.0' in told


def test_more_slow_uploads_than_are_received_at_once_make_room(args: ServeArgs, backend: InProcess) -> None:
    with listening(args.model_copy(update={"queue": 2}), backend) as server, ExitStack() as slow:
        connections = [slow.enter_context(slow_upload(server)) for _ in range(6)]
        time.sleep(2.5)  # before that nobody can be called slow
        for _ in range(3):
            assert requests.post(f"{server}/v1/upscale", data=WHOLE["png"], timeout=60).status_code == 200
        refused = [connection.recv(4096) for connection in connections[:1]]
        assert b" 408 " in refused[0].splitlines()[0]
        assert b"slow_upload" in refused[0]


def test_an_upload_that_stands_still_is_ended(args: ServeArgs, backend: InProcess) -> None:
    with listening(args.model_copy(update={"timeout_s": 0.5}), backend) as server, slow_upload(server) as connection:
        answer = connection.recv(4096)
    assert b" 408 " in answer.splitlines()[0]
    assert b"slow_upload" in answer


async def _bodies(pieces: list[tuple[float, int]]) -> AsyncIterator[bytes]:
    for seconds, size in pieces:
        await asyncio.sleep(seconds)
        yield bytes(size)


def _received(uploads: Uploads, pieces: list[tuple[float, int]]) -> int:
    async def receive() -> int:
        with uploads.one() as upload:
            return sum([len(chunk) async for chunk in uploads.watched(upload, _bodies(pieces))])

    return asyncio.run(receive())


@pytest.mark.parametrize(
    "pieces",
    [[(0.5, 1)], [(0, 100_000), (0.5, 100)], [(0, 100_000)] + [(0.05, 1)] * 100],
    ids=["nothing", "still after a quick start", "a trickle after a quick start"],
)
def test_a_body_must_bring_its_bytes_in_every_window(pieces: list[tuple[float, int]]) -> None:
    with pytest.raises(Refusal, match=r"must bring 200 bytes in 0.2 s until it ends, but brought \d+\.") as refused:
        _received(Uploads(8, 10_000_000, 1000, 0.2), pieces)
    assert (refused.value.status, refused.value.code) == (408, "slow_upload")


def test_a_body_that_keeps_moving_is_received() -> None:
    assert _received(Uploads(8, 10_000_000, 1000, 0.5), [(0.01, 600)] * 30) == 18_000
    assert _received(Uploads(8, 10_000_000, 1000, 0.5), [(0.01, 5)]) == 5


def test_bodies_have_a_bounded_room_in_which_small_ones_fit() -> None:
    uploads = Uploads(8, 1000, 0, 10)

    async def receive() -> None:
        with uploads.one() as large, uploads.one() as small, uploads.one() as other:
            assert [len(one) async for one in uploads.watched(large, _bodies([(0, 500)]))] == [500]
            assert [len(one) async for one in uploads.watched(small, _bodies([(0, 100)]))] == [100]
            with pytest.raises(Refusal, match="take the room"):
                assert [one async for one in uploads.watched(other, _bodies([(0, 100), (0, 101)]))] == []

    asyncio.run(receive())
    assert _received(uploads, [(0, 500)]) == 500
