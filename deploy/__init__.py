"""Ray Serve: the champion behind an HTTP interface and a page, and what a team needs to deploy it."""

import os

# Under `uv run`, Ray would package the working directory and build a second environment in every worker. Ray reads
# this when it is imported, and whatever imports it here comes through this package first.
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
