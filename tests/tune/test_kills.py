"""A search that is ended, killed or left without room on the disk comes to the end that one left in peace comes to.

`pytest tests/tune/test_kills.py -k random --kills 40 -s` is the long form, by hand.
"""

import contextlib
import os
import random
import re
import resource
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.tracking.servers import Server
from tests.tune.faults import SLOW, only_once, rows
from tests.tune.searches import MakeSearch, SearchFolder, StoreOf

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

OPTIONS = {"training": SLOW, "budget": {"trials": 1, "retries": 99}, "search": {"concurrent": 1}}
TRIALS = 5
"""Bicubic, the start, uniform, the upper bound and one crafted trial."""
VICTIMS = {
    "driver": r"-m degcraft search",
    "trial": r"ray::(ImplicitFunc|run_trial)\.train",
    "raylet": r"/raylet/raylet ",
    "gcs": r"/gcs_server ",
}
SERVER = "MLflow server"
HANGS_S = 120.0
"""Seconds that a driver may take to end where Ray has lost a server of its own."""


@dataclass
class Hunt:
    """Processes of a search that were seen, so that all of them can be missed in the end."""

    driver: "subprocess.Popen[str]"
    seen: set[psutil.Process] = field(default_factory=set)

    def matching(self, victim: str) -> list[psutil.Process]:
        """The processes of the search that are a victim."""
        found = []
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(self.driver.pid)
            for process in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    self.seen.add(process)
                    if re.search(VICTIMS[victim], " ".join(process.cmdline())):
                        found.append(process)
        return found

    def kill(self, victim: str) -> bool:
        """Kill one as soon as there is one; False where the search came to its end before."""
        while self.driver.poll() is None:
            if found := self.matching(victim):
                with contextlib.suppress(psutil.NoSuchProcess):
                    found[0].kill()
                return True
            time.sleep(0.1)
        return False


def table(output: Path) -> dict[str, dict[str, str]]:
    """The rows by their trials, without what the clock says."""
    return {row["trial"]: {k: v for k, v in row.items() if k != "seconds"} for row in rows(output)}


def ended_alike(killed: SearchFolder, store: StoreOf, peace: SearchFolder) -> None:
    """The scores are those of the search in peace to the last bit, and nothing is there twice."""
    only_once(killed.output, store, TRIALS)
    assert table(killed.output) == table(peace.output)
    surplus = {path.name for path in killed.output.iterdir()} - {path.name for path in peace.output.iterdir()}
    assert surplus == set()


def nothing_is_left(seen: set[psutil.Process], temporary: Path) -> None:
    """No process after a minute, and no folder but the cache that torch keeps there for all programs of a user."""
    _, left = psutil.wait_procs(list(seen), timeout=60)
    assert left == []
    assert [path.name for path in temporary.iterdir() if not path.name.startswith("torchinductor_")] == []


def steps_reported(search: SearchFolder, sitting: int = 1) -> int:
    """How often those of its trials that run were scored in a sitting: what a checkpoint is numbered by."""
    kept = (search.output / "checkpoints" / "trials").glob(f"*.{sitting}/checkpoint_*")
    return sum(1 + int(folder.name.rpartition("_")[2]) for folder in kept)


@pytest.fixture(scope="module")
def peace(make_searches: MakeSearch) -> SearchFolder:
    """The search left in peace."""
    search = make_searches("peace", **OPTIONS)
    search.run()
    return search


def test_a_search_ended_and_killed_goes_on_and_ends_as_one_left_in_peace(
    peace: SearchFolder, make_search: MakeSearch, temporary: Path
) -> None:
    killed = make_search("killed", **OPTIONS)
    seen: set[psutil.Process] = set()

    # As docker, Slurm and Kubernetes end it; Ctrl-C is what that becomes.
    hunt = Hunt(killed.start(), seen)
    killed.wait_for(lambda: steps_reported(killed) >= 3, hunt.driver)
    hunt.driver.send_signal(signal.SIGTERM)
    printed, _ = hunt.driver.communicate(timeout=120)
    assert hunt.driver.returncode == 130, printed
    for word in ("Traceback", "SIGTERM", "MLflow refused"):
        assert word not in printed
    assert f"go on with: degcraft search {killed.root / 'search.yaml'} --resume" in printed.replace("\n", " ")
    assert {run.info.status for run in StoreOf(killed.output).runs()} == {"FINISHED", "KILLED"}

    hunt = Hunt(killed.start("--resume"), seen)
    killed.wait_for(lambda: steps_reported(killed, sitting=2) >= 3, hunt.driver)
    assert hunt.kill("driver")
    hunt.driver.communicate()

    # A trial that is killed goes on from its checkpoint, and the driver does not mind.
    hunt = Hunt(killed.start("--resume"), seen)
    assert hunt.kill("trial")
    printed, _ = hunt.driver.communicate(timeout=400)
    assert hunt.driver.returncode == 0, printed
    ended_alike(killed, StoreOf(killed.output), peace)
    nothing_is_left(seen, temporary)


def test_a_disk_that_becomes_full_ends_it_in_a_sentence_and_with_room_it_goes_on(
    peace: SearchFolder, make_search: MakeSearch, temporary: Path
) -> None:
    search = make_search("full", **OPTIONS)
    hunt = Hunt(search.start())
    search.wait_for(lambda: steps_reported(search) >= 3, hunt.driver)
    for process in [*hunt.matching("driver"), *hunt.matching("trial")]:
        # From now on no file of the running process can grow, whatever library writes it, and wherever.
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    printed, _ = hunt.driver.communicate(timeout=120)
    assert hunt.driver.returncode == 2, printed
    # Ray's own log is on the disk as well, and says so beside what we say.
    said = [line for line in printed.splitlines() if "[ray_log_sink]" not in line]
    # SQLite has words of its own for it.
    full = [line for line in said if re.search("File too large|disk I/O error", line)]
    assert [line for line in full if not line.startswith("MLflow ")] == said[-1:], printed
    assert said[-1].startswith("degcraft search: ")
    assert "Traceback" not in printed
    assert list(search.output.rglob(".*-*")) == list(search.output.rglob("*.new")) == []

    search.run("--resume")
    ended_alike(search, StoreOf(search.output), peace)
    nothing_is_left(hunt.seen, temporary)


@pytest.mark.timeout(4 * 3600)
def test_processes_of_searches_killed_at_random(
    make_search: MakeSearch, temporary: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    kills = pytestconfig.getoption("--kills")
    if not kills:
        pytest.skip("kills as many processes as --kills says")
    chosen = random.Random(kills)
    victims = ([*VICTIMS, SERVER] * kills)[:kills]
    chosen.shuffle(victims)

    begun = time.monotonic()
    peace = make_search("peace", **OPTIONS)
    peace.run()
    takes = time.monotonic() - begun
    print(f"\nleft in peace it takes {takes:.0f} s")

    server = Server(tmp_path)
    server.start()
    server.wait()
    seen: set[psutil.Process] = set()
    try:
        while victims:
            name = f"killed-{len(victims)}"
            tracking = {"uri": server.uri, "experiment": name, "register_as": name, "register": "always"}
            killed = make_search(name, **OPTIONS, tracking=tracking)
            left = -1
            while sitting(killed, victims, server, chosen, takes, seen) != 0:
                assert len(victims) != left, "nothing was killed, and yet it did not come to its end"
                left = len(victims)
            store = StoreOf(killed.output, server.uri, name)
            ended_alike(killed, store, peace)
            assert len(store.client.search_model_versions(f"name = '{name}'")) == 1
    finally:
        server.kill()
    nothing_is_left(seen, temporary)


def sitting(
    killed: SearchFolder,
    victims: list[str],
    server: Server,
    chosen: random.Random,
    takes: float,
    seen: set[psutil.Process],
) -> int:
    """Start or resume, and kill one victim after the other until the driver ends; returns its exit status."""
    hunt = Hunt(killed.start(*["--resume"] * (killed.output / "state.sqlite").exists()), seen)
    victim, patience = "nobody", 600.0
    while victims and victim not in ("driver", "raylet", "gcs"):
        with contextlib.suppress(subprocess.TimeoutExpired):
            hunt.driver.wait(chosen.uniform(0, takes / 2))
            break
        victim = victims[-1]
        if victim == SERVER:
            server.kill()
            server.start()
        elif not hunt.kill(victim):
            break
        victims.pop()
        print(f"{len(victims):3d} left, killed {victim}", flush=True)
        patience = HANGS_S if victim in ("raylet", "gcs") else 600.0
    began = time.monotonic()
    try:
        printed, _ = hunt.driver.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.kill(hunt.driver.pid, signal.SIGKILL)
        printed, _ = hunt.driver.communicate()
        print("hung: ", end="")
    print(f"    status {hunt.driver.returncode} after {time.monotonic() - began:.0f} s, {len(printed)} characters said")
    last = printed.strip().splitlines()[-1:] or [""]
    print(f"    {last[0][:150]}", flush=True)
    return int(hunt.driver.returncode)
