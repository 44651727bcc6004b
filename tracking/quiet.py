"""Keeps MLflow calm while degcraft uses it: no telemetry, no chatter, no hidden retries, no detours.

Nothing here outlasts its use, and nothing changes what other threads of the process get to see.
"""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # It would put the lock file of whatever folder one stands in, and its index's addresses, into every model.
    "MLFLOW_UV_AUTO_DETECT": "false",
    # The sender waits and tries again by itself. MLflow's own retries would hold it for minutes on a server
    # that is away, and would repeat a "create run" whose answer was lost, which makes a second run.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    # A server that keeps its files in S3 sends clients there for them, by addresses that it signs. Who can reach a
    # team's server need not reach its store: files come as they went, through the server.
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
}
"""Environment variables that stand while a holder of `MlflowSettings` is open, unless the user has set them."""

_TALKERS = ("mlflow", "alembic", "sqlalchemy.engine", "huey")

_lock = threading.Lock()
_holders = 0
_set_here: dict[str, str] = {}
_muted = threading.local()


class MlflowSettings:
    """Holds MLflow's settings while open; the last one to close takes back what the first one set."""

    def __init__(self) -> None:
        global _holders
        self._open = True
        with _lock:
            if _holders == 0:
                for name, value in SETTINGS.items():
                    if name not in os.environ:
                        os.environ[name] = _set_here[name] = value
            _holders += 1

    def close(self) -> None:
        """Let go; closing twice does nothing."""
        global _holders
        with _lock:
            if not self._open:
                return
            self._open = False
            _holders -= 1
            if _holders == 0:
                for name, value in _set_here.items():
                    if os.environ.get(name) == value:
                        del os.environ[name]
                _set_here.clear()

    def __enter__(self) -> "MlflowSettings":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _MutedThreads(logging.Filter):
    """Drops what is logged by threads that are muted; those report failures by their own words."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.CRITICAL or not getattr(_muted, "on", False)


_FILTER = _MutedThreads()


@contextmanager
def muted_thread() -> Iterator[None]:
    """Within it, MLflow's log lines of the calling thread are dropped. Imports mlflow."""
    import mlflow  # noqa: F401  (its import sets up the handlers that the filter goes to)

    for name in _TALKERS:
        for handler in logging.getLogger(name).handlers:
            handler.addFilter(_FILTER)
    # This one warns of every failed connection by way of the root logger.
    logging.getLogger("urllib3.connectionpool").addFilter(_FILTER)
    before = getattr(_muted, "on", False)
    _muted.on = True
    try:
        yield
    finally:
        _muted.on = before
