"""A search whose driver is killed."""

import os
import signal

import psutil
import pytest

from tests.tune.faults import SLOW, only_once, steps_reported, trial_workers
from tests.tune.searches import MakeSearch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


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
    # Bicubic, the start, uniform, the upper bound and one crafted trial.
    only_once(search.output, trials=5)
