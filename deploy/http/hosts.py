"""The names that this server answers to, and the sites whose pages may use it.

A browser on this machine reaches what listens on loopback, whoever wrote the page that it shows. A page of another
site is told apart by its Origin; one whose name was made to point here (DNS rebinding) by the name that it asks for.
"""

import fnmatch
import ipaddress
from collections.abc import Sequence
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.http.errors import Refusal, answer

LOOPBACK = ("localhost", "*.localhost", "127.0.0.0/8", "::1/128")
_ANY = "*"
_FROM_ELSEWHERE = ("cross-site", "same-site")
_HARMLESS = ("GET", "HEAD", "OPTIONS")


class Hosts:
    """Names, `*.names`, addresses and networks, loopback's always among them; `*` is any.

    Args:
        named: beside those of loopback.
    """

    def __init__(self, named: Sequence[str]) -> None:
        self._named = [_Pattern(one) for one in named]
        self._all = self._named + [_Pattern(one) for one in LOOPBACK]

    def check(self, method: str, headers: Headers) -> None:
        """Refuse a request for another name, or from the page of another site."""
        asked = headers.getlist("host")
        name = _name(asked[0]) if len(asked) == 1 else ""
        if not any(one.matches(name) for one in self._all):
            told = ", ".join(asked)[:100] or "no name"
            message = f"This server does not answer to {told!r}; --allow-host adds a name to those that it has."
            raise Refusal(421, "wrong_host", message)
        origin = headers.get("origin")
        if origin is None:
            alien = method not in _HARMLESS and headers.get("sec-fetch-site") in _FROM_ELSEWHERE
        else:
            alien = not self._is_own(origin, asked[0])
        if alien:
            told = (origin or "another site")[:100]
            raise Refusal(403, "cross_origin", f"Only this server's own page may use it, but this comes from {told!r}.")

    def _is_own(self, origin: str, host: str) -> bool:
        site = origin.partition("://")[2].lower()
        if site == host.lower():
            return True
        # A proxy before the server may ask for it by another name than the browser does.
        return any(one.is_name and one.matches(_name(site)) for one in self._named)


class _Pattern:
    def __init__(self, text: str) -> None:
        self._text = text.lower().rstrip(".")
        self._network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None
        with suppress(ValueError):
            self._network = ipaddress.ip_network(self._text.strip("[]"), strict=False)
        self.is_name = self._network is None and self._text != _ANY

    def matches(self, name: str) -> bool:
        if not name:
            return False
        if self._network is None:
            return fnmatch.fnmatchcase(name, self._text)
        try:
            return ipaddress.ip_address(name) in self._network
        except ValueError:
            return False


def _name(host: str) -> str:
    """A header's host without its port, in lower case; empty if it cannot be one."""
    name, bracket, rest = host.lower().removeprefix("[").partition("]")
    if not bracket:
        name, _, rest = name.partition(":")
        rest = rest and f":{rest}"
    port = rest.removeprefix(":")
    return name.rstrip(".") if not port or (port.isascii() and port.isdecimal()) else ""


class OwnNames:
    """ASGI middleware: nothing is answered but in the server's own name, and to its own page.

    Args:
        app: the application.
        hosts: the names.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._hosts.check(scope["method"], Headers(scope=scope))
            except Refusal as refusal:
                await answer(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)
