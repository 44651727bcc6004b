"""Refusals: every error is JSON with a code for programs and a sentence for people."""

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

log = logging.getLogger("ray.serve")

_CODES = {404: "not_found", 405: "method_not_allowed"}
_SENTENCES = {404: "There is nothing at {path}.", 405: "{method} is not possible at {path}."}


class Refusal(Exception):
    """A request that is answered with an error.

    Args:
        status: the HTTP status.
        code: what programs look at, in snake case.
        message: one sentence that says the rule and the value.
        headers: beside the answer.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, dict(headers or {})


def busy(status: int, code: str, message: str, retry_after: int) -> Refusal:
    """A refusal that ends by itself: come again in `retry_after` seconds."""
    return Refusal(status, code, message, {"Retry-After": str(retry_after)})


def answer(refusal: Refusal) -> JSONResponse:
    """The refusal as a response."""
    content = {"code": refusal.code, "message": refusal.message}
    return JSONResponse(content, refusal.status, headers=refusal.headers)


def install(app: FastAPI) -> None:
    """Make every error of an application a refusal, the framework's own and bugs included."""

    @app.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> JSONResponse:
        return answer(refusal)

    @app.exception_handler(HTTPException)
    async def by_the_framework(request: Request, error: HTTPException) -> JSONResponse:
        code = _CODES.get(error.status_code, "bad_request")
        sentence = _SENTENCES.get(error.status_code, str(error.detail))
        message = sentence.format(method=request.method, path=request.url.path[:200])
        return answer(Refusal(error.status_code, code, message, error.headers))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:])
        got = repr(first.get("input"))[:100]
        return answer(Refusal(400, "bad_request", f"{field}: {first['msg']}, but got {got}."))


def unexpected(error: Exception) -> JSONResponse:
    """The answer to a bug: logged here, without a word of its inside there."""
    log.error("unexpected error", exc_info=error)
    return answer(Refusal(500, "internal_error", "The server met an error of its own; its log says more."))
