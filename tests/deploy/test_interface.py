"""The interface does what its description says, and nothing that it does not say: schemathesis tries."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.args import ServeArgs
from tests.deploy.servers import InProcess, listening

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
TOKEN = "open-sesame"


@pytest.mark.parametrize("guarded", [False, True], ids=["without a token", "with a token"])
def test_it_does_what_it_says(
    guarded: bool, args: ServeArgs, backend: InProcess, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    examples = request.config.getoption("--interface-examples")
    told = args.model_copy(update={"queue": 64})
    words = ["--max-examples", str(examples), "--seed", "1", "--generation-database", "none", "--no-color"]
    if guarded:
        (tmp_path / "token").write_text(TOKEN)
        told = told.model_copy(update={"token_file": str(tmp_path / "token")})
        words += ["--header", f"Authorization: Bearer {TOKEN}"]
    with listening(told, backend) as server:
        tried = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", f"{server}/openapi.json", *words],
            env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.deploy.image_bodies", "PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=800,
        )
    calls = 6 if guarded else 5
    assert tried.returncode == 0, tried.stdout[-5000:] + tried.stderr[-2000:]
    assert f"Tested: {calls}" in tried.stdout
    assert "No issues found" in tried.stdout
