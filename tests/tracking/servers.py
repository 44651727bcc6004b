"""A real MLflow server, started and killed at will."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests


class Server:
    """A real `mlflow server` on loopback, started and killed at will."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *words: str) -> None:
        """Start it; with no words, as a server that keeps runs and files under its folder."""
        command = words or (
            "server",
            f"--backend-store-uri=sqlite:///{self.folder / 'mlflow.db'}",
            f"--artifacts-destination={self.folder / 'files'}",
            "--host=127.0.0.1",
            "--workers=1",
            f"--port={self.port}",
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            # Without the background jobs of its evaluation features it is up in two thirds of the time.
            env={
                **os.environ,
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            },
            start_new_session=True,
        )

    def wait(self, seconds: float = 200) -> None:
        """Until it answers."""
        ends = time.monotonic() + seconds
        while True:
            assert self.process is not None
            assert self.process.poll() is None, "the server ended by itself"
            try:
                requests.get(f"{self.uri}/health", timeout=2).raise_for_status()
                return
            except requests.RequestException:
                assert time.monotonic() < ends, "the server does not come up"
                time.sleep(0.2)

    def kill(self) -> None:
        """kill -9 to it and the workers it started."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
