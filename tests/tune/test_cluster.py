"""How Ray is started."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import ray

from tests.listening import listened_on
from tune.cluster import ENDED, connected, end_as_interrupted


def test_under_uv_run_workers_keep_the_drivers_environment() -> None:
    """Ray decides that when it is imported: too early for anything that `connect` could set."""
    look = "import tune.cluster, ray._private.ray_constants as c; print(c.RAY_ENABLE_UV_RUN_RUNTIME_ENV)"
    clean = {name: value for name, value in os.environ.items() if name != "RAY_ENABLE_UV_RUN_RUNTIME_ENV"}
    seen = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, env=clean)
    assert seen.stdout.strip() == "False"


@pytest.mark.slow
def test_a_ray_of_our_own_listens_on_loopback_alone_and_leaves_no_folder() -> None:
    with connected(None) as where:
        assert where.startswith("Ray on this machine")
        assert ray.get(ray.remote(tempfile.gettempdir).remote()) == tempfile.gettempdir()
        session, other = Path(tempfile.gettempdir()), listened_on(os.getpid())
    assert other == []
    assert not session.exists()


KILLED = """
import time
import psutil
from degcraft.errors import DegcraftError
from tune.cluster import connected

try:
    with connected(None):
        (raylet,) = [one for one in psutil.Process().children(recursive=True) if one.name() == "raylet"]
        raylet.kill()
        time.sleep(60)
except DegcraftError as error:
    # Ray speaks in a thread of its own, a moment later.
    time.sleep(3)
    print("said:", error)
"""


@pytest.mark.slow
def test_a_raylet_that_dies_is_said_by_us_and_not_by_ray() -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, timeout=200)
    # On a busy machine it may not listen to the interrupt, and is ended then, in the same words.
    assert done.stdout.removeprefix("said: ") + done.stderr == ENDED.format("raylet") + "\n"


def test_sigterm_is_ctrl_c() -> None:
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        # Workers of pytest-xdist ignore it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        end_as_interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
