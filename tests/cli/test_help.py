"""`degcraft --help` and its kin: at once, on any machine, and one line for what is mistyped."""

import json
import subprocess
import sys

import pytest

from degcraft import __version__
from degcraft.cli import COMMANDS, main

HEAVY = {"torch", "torchvision", "ray", "mlflow", "optuna", "pydantic", "numpy", "scipy", "matplotlib", "rich"}

PRINT_EVERY_HELP = """
import contextlib, io, json, sys
from degcraft.cli import COMMANDS, main

for arguments in (["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        main(arguments)
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", PRINT_EVERY_HELP], capture_output=True, text=True, check=True)
    imported = set(json.loads(done.stdout))
    assert "degcraft" in imported
    assert not imported & HEAVY


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    for command in COMMANDS:
        assert any(line.split()[:1] == [command] for line in lines)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert f"usage: degcraft {command}" in printed
    assert "examples:" in printed
    assert f"  degcraft {command}" in printed.split("examples:")[1]
    assert max(len(line) for line in printed.splitlines()) <= 120


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"degcraft {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["restore"], "invalid choice: 'restore'"),
        ([], "the following arguments are required: COMMAND"),
        (["weights"], "the following arguments are required: --references, --hr, -o/--output"),
        (["spec", "--yaml"], "unrecognized arguments: --yaml"),
        (["weights", "--count", "0"], "argument --count: must be a whole number of 1 or more, but got '0'"),
        (["synthesize", "--seed", "-1"], "argument --seed: must be a whole number from 0 to 2**63 - 1, but got '-1'"),
    ],
)
def test_what_is_mistyped_is_said_in_a_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.count("\n") == 1


def test_the_help_names_every_axis() -> None:
    from degcraft.cli._common import AXES
    from degcraft.degradation import known_parameters

    assert sorted(AXES.split(", ")) == sorted(known_parameters())
