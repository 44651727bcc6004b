"""A Ray of our own: how it is started, and the end of a program whose servers have died."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress

import psutil

from degcraft.errors import EXIT_BAD_INPUT, DegcraftError, in_short
from degcraft.scratch import scratch_folder

START_ATTEMPTS = 3
RAY_SERVERS = ("gcs_server", "raylet")

LOOKS_EVERY_S = 0.05
"""Often: where a program first touches a dead raylet's store, Ray ends it by status 1, before a word of ours."""
PATIENCE_S = 15.0
"""For a program that was interrupted to come to its end by itself."""
SHOW_CURSOR = "\x1b[?25h"
"""What a terminal is told; a live table hides the cursor, and a process that is cut off cannot show it again."""


@contextmanager
def embedded_ray(init: Callable[..., object], shutdown: Callable[[], None], ended: str) -> Iterator[Callable[[], None]]:
    """Ray on this machine alone, for as long as the block lasts, which ends when one of its servers does.

    Args:
        init: `ray.init`. Handed in, because whoever imports this need not have Ray.
        shutdown: `ray.shutdown`, also after a start that failed.
        ended: As for `depending_on`.

    Returns:
        A function that says that the servers may end from now on.

    Raises:
        DegcraftError: Ray cannot start here, or one of its servers has ended.
    """
    # Workers that wait for each other's cores with torch's default of spinning slow each other down severalfold.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # On a busy machine a worker needs more than the time that Ray gives it to register.
    os.environ.setdefault("RAY_agent_register_timeout_ms", "100000")
    with scratch_folder() as folder:
        _start(init, shutdown, str(folder))
        with depending_on(RAY_SERVERS, ended) as let_end:
            yield let_end


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


def _start(init: Callable[..., object], shutdown: Callable[[], None], folder: str) -> None:
    """Start Ray; on a busy machine it may need more than the half minute that it gives itself."""
    before = set(psutil.Process().children(recursive=True))
    for left in reversed(range(START_ATTEMPTS)):
        try:
            # "local", because without an address Ray joins a cluster that happens to run on this machine.
            init("local", include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR, _temp_dir=folder)
            return
        except Exception as error:  # Ray raises the bare class when its node is late
            shutdown()
            _end(set(psutil.Process().children(recursive=True)) - before)
            if not left:
                raise DegcraftError(
                    f"Ray must be able to start on this machine, but did not ({in_short(error)})"
                ) from None


def _end(processes: set[psutil.Process]) -> None:
    """End what a failed start has left running: it knows nothing of it, and the next one would run beside it."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(list(processes), timeout=10)
