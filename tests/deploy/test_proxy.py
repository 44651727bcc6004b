"""What Ray's proxy says for itself is JSON too."""

import asyncio
import json
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.http.proxy import AlwaysJson


def called(app: ASGIApp, path: str, sent: list[Any]) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer; its messages go to `sent`."""

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "method": "GET", "headers": []}
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message["body"] for message in sent[1:])


async def dies(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("The actor is dead.")


async def says_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """As Ray's proxy does where a replica dies with its request."""


@pytest.mark.parametrize(
    "behind",
    [
        dies,
        says_nothing,
        PlainTextResponse("Internal Server Error", 500),
        PlainTextResponse("Path '/' not found. Ping http://.../-/routes for available routes.", 404),
        PlainTextResponse("Request timed out.", 408),
    ],
)
def test_an_error_that_ray_gives_is_a_refusal(behind: ASGIApp) -> None:
    status, headers, body = called(AlwaysJson(behind), "/v1/model", [])
    assert status == 503
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["code"] == "unavailable"
    assert int(headers["retry-after"]) > 0


def test_what_the_application_says_is_as_it_is() -> None:
    for behind, path in (
        (JSONResponse({"code": "busy"}, 429), "/v1/upscale"),
        (PlainTextResponse("degcraft_in_work 0"), "/metrics"),
        (PlainTextResponse("unhealthy", 503), "/-/healthz"),
    ):
        status, _, body = called(AlwaysJson(behind), path, [])
        assert (status, body) == (behind.status_code, behind.body)


def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    sent: list[Any] = []
    with pytest.raises(RuntimeError):
        called(AlwaysJson(breaks), "/", sent)
    assert len(sent) == 1
