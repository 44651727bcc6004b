"""A search long enough to be caught in the middle, and what must hold when it came to its end all the same."""

import csv
from pathlib import Path

from tests.tune.searches import StoreOf

SLOW = {"start_steps": 4, "steps": 60, "batch": 2, "lr_patch": 16, "reports": 6, "precision": "float32"}
"""Long enough to be caught in the middle."""


def rows(output: Path) -> list[dict[str, str]]:
    with (output / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def only_once(output: Path, store: StoreOf, trials: int) -> None:
    """Every trial whole, one run each, none left running, no point of a curve twice, one champion."""
    assert len(rows(output)) == trials
    assert {row["status"] for row in rows(output)} == {"done"}
    children = [run for run in store.children() if run.data.tags["kind"] != "shared"]
    assert len(children) == trials
    assert len({run.data.tags["degcraft.trial"] for run in children}) == trials
    assert {run.info.status for run in store.runs()} == {"FINISHED"}
    for run in children:
        steps = [point.step for point in store.client.get_metric_history(run.info.run_id, "psnr")]
        # Bicubic and the start are only scored.
        scored = run.data.tags["kind"] in ("bicubic", "start")
        assert steps == ([0] if scored else list(range(10, 61, 10)))
