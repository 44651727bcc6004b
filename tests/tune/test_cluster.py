"""How Ray is started."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
import ray

from degcraft.errors import DegcraftError
from tests.listening import listened_on
from tune.cluster import START_ATTEMPTS, _start_here, connected, end_as_interrupted


def test_under_uv_run_workers_keep_the_drivers_environment() -> None:
    """Ray decides that when it is imported: too early for anything that `connect` could set."""
    look = "import tune.cluster, ray._private.ray_constants as c; print(c.RAY_ENABLE_UV_RUN_RUNTIME_ENV)"
    clean = {name: value for name, value in os.environ.items() if name != "RAY_ENABLE_UV_RUN_RUNTIME_ENV"}
    seen = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, env=clean)
    assert seen.stdout.strip() == "False"


def test_a_start_that_fails_leaves_no_process_and_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun: list[subprocess.Popen[bytes]] = []

    def late(*_: object, **__: object) -> None:
        # As Ray does: its servers first, then the wait that ends in an error.
        begun.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]))
        raise Exception("the node\nwas late")

    mine = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    monkeypatch.setattr(ray, "init", late)
    with pytest.raises(DegcraftError, match=r"did not \(the node was late\)"):
        _start_here(tmp_path)
    assert len(begun) == START_ATTEMPTS
    assert not any(psutil.pid_exists(process.pid) for process in begun)
    assert mine.poll() is None
    mine.kill()
    mine.wait()


@pytest.mark.slow
def test_a_ray_of_our_own_listens_on_loopback_alone_and_leaves_no_folder() -> None:
    with connected(None) as where:
        assert where.startswith("Ray on this machine")
        assert ray.get(ray.remote(tempfile.gettempdir).remote()) == tempfile.gettempdir()
        session, other = Path(tempfile.gettempdir()), listened_on(os.getpid())
    assert other == []
    assert not session.exists()


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
