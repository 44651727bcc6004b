"""How many requests are taken in at once, how many of one client, and when those that are not should come again."""

import asyncio
import ipaddress
import math
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from deploy.http.errors import busy

_LONGEST_S = 60
_WEIGHT = 0.1
_NETWORK_BITS = 64


class Admission:
    """A counter with a limit, of which no client takes more than it leaves free to others.

    So a client that is alone gets half of the places, two get a third each, and one that comes new always finds one
    (dynamic thresholds: A. Choudhury, E. Hahne, IEEE/ACM Transactions on Networking 6(2), 1998).

    Args:
        limit: requests in work or waiting at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seconds: float | None = None
        self._of: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """Requests in work or waiting."""
        return self._of.total()

    @contextmanager
    def admitted(self, address: str) -> Iterator[None]:
        """Hold a place for a client; raises a Refusal with status 429 where there is none."""
        client = _client(address)
        own, free = self._of[client], self._limit - self.taken
        if own >= free:
            message = f"{self.taken} requests are in work or waiting, {own} of them yours, and no more are taken now."
            raise busy(429, "busy", message, self._retry_after())
        self._of[client] += 1
        began = time.monotonic()
        try:
            yield
        finally:
            self._of[client] -= 1
            self._of += Counter()  # leaves out those that hold nothing
            self._remember(time.monotonic() - began)

    def _remember(self, seconds: float) -> None:
        before = seconds if self._seconds is None else self._seconds
        self._seconds = (1 - _WEIGHT) * before + _WEIGHT * seconds

    def _retry_after(self) -> int:
        """About how long a place takes to become free: a request's time, as all of them work at once."""
        return min(max(math.ceil(self._seconds or 1), 1), _LONGEST_S)


class Room:
    """What may be held at once, in any unit; who would have more waits for it, in the order of coming.

    Args:
        limit: of all together; one that wants more than that has it when it is alone.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def held(self, amount: int) -> AsyncIterator[None]:
        """Hold an amount, as soon as there is room for it."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((amount, turn))
        self._let_in()
        try:
            await turn
            yield
        finally:
            if turn.done() and not turn.cancelled():
                self._held -= amount
            self._let_in()

    def _let_in(self) -> None:
        while self._waiting:
            amount, turn = self._waiting[0]
            if turn.cancelled():
                self._waiting.popleft()
                continue
            if self._held and self._held + amount > self._limit:
                return
            self._waiting.popleft()
            self._held += amount
            turn.set_result(None)


def _client(address: str) -> str:
    """An address; of version 6 its network, since whoever has one address there has all of them."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, _NETWORK_BITS), strict=False))
