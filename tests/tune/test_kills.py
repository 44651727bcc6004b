"""A search whose processes are killed at random moments comes to the end that one left in peace comes to.

`pytest tests/tune/test_kills.py --kills 40` is the long form.
"""

import contextlib
import csv
import os
import random
import re
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.tune.faults import SLOW, only_once
from tests.tune.searches import MakeSearch, SearchFolder

VICTIMS = {
    "driver": r"-m degcraft search",
    "trial": r"ray::(ImplicitFunc|run_trial)\.train",
    "raylet": r"/raylet/raylet ",
    "gcs": r"/gcs_server ",
}
TRIALS = 5
"""Bicubic, the start, uniform, the upper bound and one crafted trial."""


def processes(driver: int) -> dict[psutil.Process, str]:
    """The processes of a search, with their command lines."""
    found = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(driver)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                found[process] = " ".join(process.cmdline())
    return found


def kill_one(search: SearchFolder, victim: str, after: float) -> set[psutil.Process]:
    """Start or resume, and kill a process that matches as soon as there is one after so many seconds.

    Returns:
        All the processes that there were.
    """
    driver = search.start(*["--resume"] * (search.output / "state.sqlite").exists())
    seen: set[psutil.Process] = set()
    begun = time.monotonic()
    while driver.poll() is None:
        known = processes(driver.pid)
        seen |= set(known)
        matching = [process for process, command in known.items() if re.search(VICTIMS[victim], command)]
        if matching and time.monotonic() - begun > after:
            with contextlib.suppress(psutil.NoSuchProcess):
                matching[0].send_signal(signal.SIGKILL)
            break
        time.sleep(0.05)
    with contextlib.suppress(Exception):
        # What can be borne is borne; a Ray that has lost a server of its own may take its driver with it.
        driver.communicate(timeout=0 if victim == "driver" else 90)
    if driver.poll() is None:
        os.kill(driver.pid, signal.SIGKILL)
    driver.communicate()
    return seen


def table(output: Path) -> dict[str, dict[str, str]]:
    """The rows by their trials, without what the clock says."""
    with (output / "trials.csv").open() as file:
        return {row["trial"]: {k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)}


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_search_killed_at_random_ends_as_one_left_in_peace(
    make_search: MakeSearch, pytestconfig: pytest.Config
) -> None:
    chosen = random.Random(kills := pytestconfig.getoption("--kills"))
    options = {"training": SLOW, "budget": {"trials": 1}, "search": {"concurrent": 1}}
    peace = make_search("peace", **options)
    begun = time.monotonic()
    peace.run()
    takes = time.monotonic() - begun

    # The name is in the records, and is the same.
    killed = make_search("killed", **options)
    seen: set[psutil.Process] = set()
    for number in range(kills):
        # The driver first: what it has noted, and what it was about to do, is what a resume has to go by.
        victim = "driver" if number == 0 else chosen.choice(list(VICTIMS))
        seen |= kill_one(killed, victim, chosen.uniform(0.3, 0.9) * takes if number == 0 else chosen.uniform(0, takes))
    killed.run("--resume")

    only_once(killed.output, TRIALS)
    assert table(killed.output) == table(peace.output)
    assert {path.name for path in killed.output.iterdir()} == {path.name for path in peace.output.iterdir()}
    _, left = psutil.wait_procs(list(seen), timeout=60)
    assert left == []
