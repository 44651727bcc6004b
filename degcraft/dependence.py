"""Ends a program whose servers have died, where it would wait for them for ever."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import psutil

from degcraft.errors import EXIT_BAD_INPUT, DegcraftError

LOOKS_EVERY_S = 0.5
PATIENCE_S = 15.0
"""For a program that was interrupted to come to its end by itself."""
SHOW_CURSOR = "\x1b[?25h"
"""What a terminal is told; a live table hides the cursor, and a process that is cut off cannot show it again."""


@contextmanager
def depending_on(names: Collection[str], sentence: str) -> Iterator[Callable[[], None]]:
    """Interrupts the block when one of its servers ends; and ends the process if it does not leave the block then.

    Args:
        names: Of processes that this one has started: all that run when the block begins are its servers.
        sentence: What is said; `{}` becomes the name of the server that has ended.

    Returns:
        A function that says that the servers may end from now on.

    Raises:
        DegcraftError: A server has ended.
    """
    servers = {child: child.name() for child in psutil.Process().children(recursive=True) if child.name() in names}
    may_end, left, ended = threading.Event(), threading.Event(), list[str]()

    def look() -> None:
        if not ended and not may_end.is_set():
            ended.extend(name for server, name in servers.items() if not _is_alive(server))

    def let_end() -> None:
        look()
        may_end.set()

    def watch() -> None:
        while not (may_end.wait(LOOKS_EVERY_S) or ended):
            look()
        if ended and not left.is_set():
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            if not left.wait(PATIENCE_S):
                print(SHOW_CURSOR * sys.stderr.isatty() + sentence.format(ended[0]), file=sys.stderr, flush=True)
                os._exit(EXIT_BAD_INPUT)

    threading.Thread(target=watch, daemon=True, name="servers").start()
    try:
        yield let_end
    except (Exception, KeyboardInterrupt) as error:
        look()
        # Whatever goes wrong when a server is gone is a consequence of that.
        if ended:
            raise DegcraftError(sentence.format(ended[0])) from error
        raise
    else:
        # The interrupt may have been taken for the user's own, and the block left in good order.
        if ended:
            raise DegcraftError(sentence.format(ended[0]))
    finally:
        let_end()
        left.set()


def _is_alive(server: psutil.Process) -> bool:
    return server.is_running() and server.status() != psutil.STATUS_ZOMBIE
