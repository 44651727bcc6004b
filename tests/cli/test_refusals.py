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


REFUSE_DEVICE = """
import contextlib, sys
from degcraft.cli import main

with contextlib.suppress(SystemExit):
    main(sys.argv[1:])
if loaded := {"degcraft.images.reading", "degcraft.matching.from_folders", "rich", "scipy"} & sys.modules.keys():
    sys.exit(f"loaded {loaded}")
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


def test_a_device_that_is_not_there_takes_nothing_but_torch_to_say(tmp_path: Path) -> None:
    command = ["weights", "--device", "cuda:99", "--references", ".", "--hr", ".", "-o", "crafted.json"]
    done = subprocess.run([sys.executable, "-c", REFUSE_DEVICE, *command], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(
        "degcraft weights: argument --device: must be a device of this machine, but cuda:99 is not ("
    )
    assert done.stderr.count("\n") == 1
