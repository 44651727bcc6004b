"""What is wrong with a command's input is said before anything heavy is loaded."""

import json
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.benchmark_refusals import COMMANDS, write_files

REFUSE_EACH = """
import json, sys
from degcraft.cli import main

for command in json.load(sys.stdin):
    try:
        status = main(command)
    except SystemExit as exit:
        status = exit.code
    heavy = {"torch", "ray", "mlflow"} & sys.modules.keys()
    if status != 2 or heavy:
        sys.exit(f"{command}: status {status}, loaded {heavy}")
"""


def test_nothing_heavy_is_loaded_to_refuse_what_is_wrong(tmp_path: Path) -> None:
    commands = COMMANDS | write_files(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", REFUSE_EACH],
        input=json.dumps(list(commands.values())), cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = done.stderr.splitlines()
    for name, line in zip(commands, said, strict=True):
        assert line.startswith(f"degcraft {name.partition(',')[0]}: ")
