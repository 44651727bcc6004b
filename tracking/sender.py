"""The thread that carries an outbox to a server: in order, with patience, never raising."""

import threading
import time
from collections.abc import Callable

from degcraft.errors import in_short
from tracking.failures import Verdict, judge
from tracking.outbox import Operation, Outbox
from tracking.quiet import muted_thread

BATCH = 500
_LOOK = 1.0
"""Seconds after which a flush looks whether the thread still lives."""


class Sender:
    """Delivers the operations of an outbox, oldest first, in a background thread, until it is stopped.

    Parameters
    ----------
    deliver
        Takes the oldest operations; returns once they are safely delivered, or raises. May be handed the
        same ones again, so it must be idempotent.
    can_join
        Whether an operation may be handed over together with the one before it.
    probe
        Asks the server something harmless; raises when the server is away. What tells a bad operation
        from a bad time.
    first_wait, longest_wait
        Seconds between attempts, doubling from the first to the longest.
    patience
        Seconds after which an operation that keeps failing without a clear reason, while the server
        answers, is set aside so that those behind it get through.
    """

    def __init__(
        self,
        outbox: Outbox,
        deliver: Callable[[list[Operation]], None],
        probe: Callable[[], object],
        *,
        can_join: Callable[[Operation], bool] = lambda _: False,
        first_wait: float = 0.5,
        longest_wait: float = 15.0,
        patience: float = 120.0,
    ) -> None:
        self._outbox = outbox
        self._deliver = deliver
        self._probe = probe
        self._can_join = can_join
        self._first_wait, self._longest_wait, self._patience = first_wait, longest_wait, patience
        self._work, self._hurry, self._stop = threading.Event(), threading.Event(), threading.Event()
        self._wait = first_wait
        self._stuck_since: float | None = None
        self._one_by_one_until = 0
        self.waiting: str | None = None
        """Why the queue does not move just now, in one line; None while it does."""
        self._thread = threading.Thread(target=self._run, name="degcraft-tracking", daemon=True)
        self._thread.start()

    def notify(self) -> None:
        """Something was appended."""
        self._work.set()

    def flush(self, timeout: float | None) -> int:
        """Try at once and more often, for at most `timeout` seconds; returns how many operations are left."""
        self._wait = self._first_wait
        self._hurry.set()
        self._work.set()
        try:
            ends = None if timeout is None else time.monotonic() + timeout
            while True:
                rest = _LOOK if ends is None else min(_LOOK, ends - time.monotonic())
                left = self._outbox.wait_until_empty(max(0.0, rest))
                if left == 0 or rest <= 0 or not self._thread.is_alive():
                    return left
        finally:
            self._hurry.clear()

    def stop(self, timeout: float) -> bool:
        """Stop after the operation in hand; True if the thread ended within `timeout` seconds."""
        self._stop.set()
        self._work.set()
        self._hurry.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # ---------------------------------------------------------------- in the thread

    def _run(self) -> None:
        try:
            with muted_thread():
                while not self._stop.is_set():
                    self._work.clear()
                    batch = self._next_batch()
                    if batch:
                        self._send(batch)
                    else:
                        self._work.wait()
        except Exception as error:  # a broken installation or disk must not print a traceback into a search
            self.waiting = f"the sender has stopped: {in_short(error)}"
        finally:
            # Only here, so that no second process sends while an operation is still on its way.
            self._outbox.close()

    def _next_batch(self) -> list[Operation]:
        head = self._outbox.head(BATCH)
        if not head or head[0].number <= self._one_by_one_until:
            return head[:1]
        count = 1
        while self._can_join(head[0]) and count < len(head) and self._can_join(head[count]):
            count += 1
        return head[:count]

    def _send(self, batch: list[Operation]) -> None:
        try:
            self._deliver(batch)
            self._outbox.acknowledge(batch[-1].number)
        except Exception as error:
            self._failed(batch, error)
        else:
            self._moves()

    def _failed(self, batch: list[Operation], error: Exception) -> None:
        verdict = judge(error)
        if verdict is not Verdict.HOPELESS:
            absence = self._absence()
            if absence is not None or verdict is Verdict.DENIED:
                self._stuck_since = None
                self._pause(in_short(absence or error))
                return
            if verdict is Verdict.UNSURE:
                now = time.monotonic()
                self._stuck_since = now if self._stuck_since is None else self._stuck_since
                # One that was set aside has had its time, and would hold up the others at every start.
                if now - self._stuck_since < self._patience and not batch[0].again:
                    self._pause(in_short(error))
                    return
        if len(batch) > 1:
            # One of them is bad; the others must not go down with it.
            self._one_by_one_until = batch[-1].number
            return
        self._outbox.reject(batch[0].number, in_short(error))
        self._moves()

    def _absence(self) -> Exception | None:
        """None when the server answers, else what happened instead."""
        try:
            self._probe()
        except Exception as error:
            return error
        return None

    def _moves(self) -> None:
        self._wait, self._stuck_since, self.waiting = self._first_wait, None, None

    def _pause(self, reason: str) -> None:
        self.waiting = reason
        if self._hurry.is_set():
            self._stop.wait(min(self._wait, 1.0))
        else:
            self._hurry.wait(self._wait)
        self._wait = min(2 * self._wait, self._longest_wait)
