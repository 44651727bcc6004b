"""Ray: sharded distances and the Ray Tune + Optuna search."""

import os

# Ray reads these when it is imported, and whatever imports it here comes through this package first.
# Under `uv run`, it would package the working directory and build a second environment in every worker.
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
# One that is started here serves its own processes alone, and listens on loopback: on Windows and macOS Ray does so
# unless told otherwise, on Linux if told so.
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
# When a raylet dies, Ray would print the end of its log; what has ended is said in a sentence of ours.
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "^Raylet is terminated")
