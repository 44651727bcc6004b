"""A search long enough to be caught in the middle, and what must hold when it came to its end all the same."""

import csv
import json
import re
from pathlib import Path

import psutil

from tests.tune.searches import StoreOf

SLOW = {"start_steps": 4, "steps": 60, "batch": 2, "lr_patch": 16, "reports": 6, "precision": "float32"}
"""Long enough to be caught in the middle."""


def steps_reported(output: Path) -> list[int]:
    """The last step of every trial that was scored at least once."""
    found = []
    for file in (output / "checkpoints" / "trials").glob("*/result.json"):
        lines = file.read_text().splitlines()
        if lines:
            found.append(int(json.loads(lines[-1])["step"]))
    return found


def rows(output: Path) -> list[dict[str, str]]:
    with (output / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def only_once(output: Path, trials: int) -> None:
    """Every trial whole, one run each, none left running, no point of a curve twice."""
    assert len(rows(output)) == trials
    assert {row["status"] for row in rows(output)} == {"done"}
    store = StoreOf(output)
    children = [run for run in store.children() if run.data.tags["kind"] != "shared"]
    assert len(children) == trials
    assert len({run.data.tags["degcraft.trial"] for run in children}) == trials
    assert {run.info.status for run in store.runs()} == {"FINISHED"}
    for run in children:
        steps = [point.step for point in store.client.get_metric_history(run.info.run_id, "score")]
        # Bicubic and the start are only scored.
        scored = run.data.tags["kind"] in ("bicubic", "start")
        assert steps == ([0] if scored else list(range(10, 61, 10)))


def trial_workers(driver: int) -> list[int]:
    """Processes that train a trial just now."""
    children = psutil.Process(driver).children(recursive=True)
    return [child.pid for child in children if re.match(r"ray::(ImplicitFunc|run_trial)\.train", _command(child))]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
