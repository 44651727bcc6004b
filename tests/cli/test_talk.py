"""-q and -v are every command's, before and behind its name."""

import pytest

from degcraft.cli import main


@pytest.mark.parametrize(
    "arguments", [["-q", "spec"], ["spec", "-q"], ["spec", "--quiet"], ["-q", "features", "list", "--help"]]
)
def test_quiet_prints_nothing(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    if "--help" in arguments:
        with pytest.raises(SystemExit):
            main(arguments)
        assert "-q, --quiet" in capsys.readouterr().out
    else:
        assert main(arguments) == 0
        assert capsys.readouterr() == ("", "")


def test_errors_are_heard_and_verbose_says_where_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "not-there", "-q"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "degcraft inspect: not-there: no such file or folder\n"
    assert main(["inspect", "not-there", "-v"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("Traceback")
    assert printed.endswith("degcraft inspect: not-there: no such file or folder\n")
