"""Ending a training from outside."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from degcraft.training.loop import Loop


@contextmanager
def stopped_by_signals(loop: Loop[Any]) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the step in progress; a second Ctrl-C interrupts at once.

    In a thread that is not the process's main one, which gets no signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: object) -> None:
        loop.stop()
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        restore()
