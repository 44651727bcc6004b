"""In Ray Serve's proxy, before the application: what Ray itself has to say is said as JSON too.

Ray's proxy imports `middlewares` by the path that the environment gives it (`PROXY_ENVIRONMENT`).
"""

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploy.http.errors import answer, busy

PROXY_ENVIRONMENT = {
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "deploy.http.proxy.middlewares",
    # Ray takes a proxy for dead at the third failure; by default it looks every 10 s.
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "0.5",
}
"""What Serve's processes must have in their environment when they start."""

_RETRY_AFTER_S = 2


def middlewares() -> list[Middleware]:
    """What the proxy is to put before the applications."""
    return [Middleware(AlwaysJson)]


class AlwaysJson:
    """ASGI middleware: an error in plain text, which only Ray gives, becomes a refusal that ends by itself.

    It comes where a process behind the proxy has died with the request, or none is up yet.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/-/"):  # the proxy's own health and routes
            await self._app(scope, receive, send)
            return
        started = replaced = False

        async def send_json(message: Message) -> None:
            nonlocal started, replaced
            if message["type"] == "http.response.start":
                started = True
                kinds = [bytes(value) for name, value in message["headers"] if bytes(name).lower() == b"content-type"]
                replaced = message["status"] >= 400 and all(kind.startswith(b"text/plain") for kind in kinds)
                if replaced:
                    await gone(scope, receive, send)
            if not replaced:
                await send(message)

        try:
            await self._app(scope, receive, send_json)
        except Exception:
            if started:
                raise
        # Where Ray knows no answer, uvicorn would give one in plain text.
        if not started:
            await gone(scope, receive, send)


gone = answer(
    busy(
        503,
        "unavailable",
        "The part of the server that had the request has ended; another takes its place.",
        _RETRY_AFTER_S,
    )
)
"""The answer, an ASGI application, where what had the request has died."""
