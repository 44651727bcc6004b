"""How Ray is started."""

import os
import subprocess
import sys


def test_under_uv_run_workers_keep_the_drivers_environment() -> None:
    """Ray decides that when it is imported: too early for anything that `connect` could set."""
    look = "import tune.cluster, ray._private.ray_constants as c; print(c.RAY_ENABLE_UV_RUN_RUNTIME_ENV)"
    clean = {name: value for name, value in os.environ.items() if name != "RAY_ENABLE_UV_RUN_RUNTIME_ENV"}
    seen = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, env=clean)
    assert seen.stdout.strip() == "False"
