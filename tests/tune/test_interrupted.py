"""A search that is interrupted, and one whose trial worker is killed."""

import os
import signal

import pytest

from tests.tune.faults import SLOW, only_once, steps_reported, trial_workers
from tests.tune.searches import MakeSearch, StoreOf

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_sigterm_says_how_to_go_on_and_a_killed_worker_goes_on_from_its_checkpoint(make_search: MakeSearch) -> None:
    search = make_search(training=SLOW, budget={"trials": 1})
    driver = search.start()
    search.wait_for(lambda: any(step >= 20 for step in steps_reported(search.output)), driver)
    # As docker, Slurm and Kubernetes end it; Ctrl-C is what that becomes.
    driver.send_signal(signal.SIGTERM)
    printed, _ = driver.communicate(timeout=120)
    assert driver.returncode == 130, printed
    assert "Traceback" not in printed
    assert "SIGTERM" not in printed
    assert "MLflow refused" not in printed
    assert f"go on with: degcraft search {search.root / 'search.yaml'} --resume" in printed.replace("\n", " ")
    assert {run.info.status for run in StoreOf(search.output).runs()} == {"FINISHED", "KILLED"}

    driver = search.start("--resume")
    search.wait_for(lambda: bool(trial_workers(driver.pid)), driver)
    before = sum(steps_reported(search.output))
    search.wait_for(lambda: sum(steps_reported(search.output)) > before, driver)
    os.kill(trial_workers(driver.pid)[0], signal.SIGKILL)
    printed, _ = driver.communicate(timeout=240)
    assert driver.returncode == 0, printed
    # Bicubic, the start, uniform, the upper bound and one crafted trial.
    only_once(search.output, trials=5)
