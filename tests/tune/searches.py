"""Running a search as a user does, and looking into what it left."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlflow.artifacts
from mlflow import MlflowClient
from mlflow.entities import Run

from degcraft.cli import main

LIMIT = 500.0
"""Seconds after which a search of a test is taken to hang."""


@dataclass
class SearchFolder:
    """A specification in a folder, and the processes that were started on it."""

    root: Path
    printed: str = ""
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def output(self) -> Path:
        return self.root / "out"

    def start(self, *options: str, **environment: str) -> "subprocess.Popen[str]":
        """Start `degcraft search` without waiting for it."""
        process = subprocess.Popen(
            [sys.executable, "-m", "degcraft", "search", str(self.root / "search.yaml"), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"COLUMNS": "160", "OMP_NUM_THREADS": "1"} | environment,
        )
        self.running.append(process)
        return process

    def run(self, *options: str, expect: int = 0, **environment: str) -> str:
        """Run `degcraft search` to its end; return what it printed."""
        process = self.start(*options, **environment)
        printed, _ = process.communicate(timeout=LIMIT)
        assert process.returncode == expect, printed
        return printed

    def refusal(self, *options: str) -> str:
        """What the command line says in one line when it refuses at once; in this process, as no Ray is started."""
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            assert main(["search", str(self.root / "search.yaml"), *options]) == 2
        assert errors.getvalue().count("\n") == 1
        return errors.getvalue()

    def wait_for(self, condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
        """Wait until a condition holds while a search runs."""
        end = time.monotonic() + LIMIT
        while not condition():
            assert process.poll() is None, f"the search ended early:\n{process.communicate()[0]}"
            assert time.monotonic() < end, "it never came to that"
            time.sleep(0.1)

    def stop(self) -> None:
        """End what is still running."""
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()


class StoreOf:
    """The store of a search: that in its output folder, or another by its URI; and the experiment in it."""

    def __init__(self, output: Path, uri: str | None = None, experiment: str = "degcraft") -> None:
        self.uri = uri or f"sqlite:///{output / 'mlflow.db'}"
        self.client = MlflowClient(self.uri)
        (self.experiment,) = [e for e in self.client.search_experiments() if e.name == experiment]

    def runs(self) -> list[Run]:
        """All runs, parent included."""
        return list(self.client.search_runs([self.experiment.experiment_id], max_results=1000))

    def parent(self) -> Run:
        """The one run of the search itself."""
        (run,) = [run for run in self.runs() if "mlflow.parentRunId" not in run.data.tags]
        return run

    def children(self, kind: str | None = None) -> list[Run]:
        """The trials' runs, or those of one kind."""
        found = [run for run in self.runs() if "mlflow.parentRunId" in run.data.tags]
        return [run for run in found if kind is None or run.data.tags["kind"] == kind]

    def read(self, run: Run, path: str) -> Any:
        """The JSON in a run's artifact."""
        return json.loads(mlflow.artifacts.load_text(f"{run.info.artifact_uri}/{path}"))

    def files(self, run: Run) -> set[str]:
        """Names of a run's artifacts at the top."""
        return {file.path for file in self.client.list_artifacts(run.info.run_id)}


MakeSearch = Callable[..., SearchFolder]
"""Makes a small search; keyword arguments replace sections of its specification, None leaves one out."""
