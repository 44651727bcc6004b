"""What a search does when its processes are killed: real ones, with real signals."""

import csv
import json
import os
import re
import signal
from pathlib import Path

import psutil
import pytest

from tests.tune.searches import MakeSearch, StoreOf

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SLOW = {"warm_start_steps": 4, "steps": 60, "batch": 2, "lr_patch": 16, "reports": 6, "precision": "float32"}
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
        assert steps == list(range(10, 61, 10))


def test_a_killed_driver_is_resumed_from_the_checkpoints(make_search: MakeSearch) -> None:
    search = make_search(training=SLOW, budget={"trials": 1})
    driver = search.start()
    search.wait_for(lambda: any(step >= 20 for step in steps_reported(search.output)), driver)
    training = [psutil.Process(pid) for pid in trial_workers(driver.pid)]
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    # Ray's workers notice that their driver is gone; what trains on would fight with the resumed search.
    _, left = psutil.wait_procs(training, timeout=60)
    assert training
    assert left == []

    search.run("--resume")
    only_once(search.output, trials=3)


def test_ctrl_c_says_how_to_go_on_and_a_killed_worker_goes_on_from_its_checkpoint(make_search: MakeSearch) -> None:
    search = make_search(training=SLOW, budget={"trials": 1})
    driver = search.start()
    search.wait_for(lambda: any(step >= 20 for step in steps_reported(search.output)), driver)
    driver.send_signal(signal.SIGINT)
    printed, _ = driver.communicate(timeout=120)
    assert driver.returncode == 130, printed
    assert f"go on with: degcraft search {search.root / 'search.yaml'} --resume" in printed.replace("\n", " ")
    assert "RUNNING" not in {run.info.status for run in StoreOf(search.output).runs()}

    driver = search.start("--resume")
    search.wait_for(lambda: bool(trial_workers(driver.pid)), driver)
    before = sum(steps_reported(search.output))
    search.wait_for(lambda: sum(steps_reported(search.output)) > before, driver)
    os.kill(trial_workers(driver.pid)[0], signal.SIGKILL)
    printed, _ = driver.communicate(timeout=240)
    assert driver.returncode == 0, printed
    only_once(search.output, trials=3)


def trial_workers(driver: int) -> list[int]:
    """Processes that train a trial just now."""
    children = psutil.Process(driver).children(recursive=True)
    return [child.pid for child in children if re.match(r"ray::(ImplicitFunc|run_trial)\.train", _command(child))]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
