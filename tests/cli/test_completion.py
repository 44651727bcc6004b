"""`degcraft completion`: a shell that has read it completes commands, options and files."""

import subprocess

import pytest

from degcraft.cli import COMMANDS, main

ASK = 'eval "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shtab_degcraft; printf "%s\\n" "${COMPREPLY[@]}"'


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["degcraft", "insp"], {"inspect"}),
        (["degcraft", "features", "comp"], {"compare"}),
        (["degcraft", "upscale", "--ski"], {"--skip-existing"}),
        (["degcraft", "features", "list", "--qu"], {"--quiet"}),
    ],
)
def test_bash_completes(words: list[str], expected: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    done = subprocess.run(["bash", "-c", ASK, "bash", script, *words], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == expected


def test_zsh_knows_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "zsh"]) == 0
    script = capsys.readouterr().out
    assert script.startswith("#compdef degcraft")
    assert all(f"\n    {command}:'" in script for command in COMMANDS)
