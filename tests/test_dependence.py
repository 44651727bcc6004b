"""A program whose servers die is interrupted, and ended where that does not help."""

import subprocess
import sys
import textwrap

import pytest

from degcraft.dependence import depending_on
from degcraft.errors import DegcraftError

PROGRAM = """
import signal, subprocess, time
from degcraft import dependence
from degcraft.errors import DegcraftError

def interrupted():
    try:
        time.sleep(50)
    except KeyboardInterrupt:
        pass

dependence.PATIENCE_S = {patience}
server = subprocess.Popen(["sleep", "600"])
try:
    with dependence.depending_on(("sleep",), "the {{}} has ended") as let_end:
        {does}
except DegcraftError as error:
    print("said:", error)
"""


def program(does: str, patience: float = 60.0) -> "subprocess.CompletedProcess[str]":
    text = textwrap.dedent(PROGRAM).format(does=does, patience=patience)
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)


def test_one_that_waits_is_interrupted() -> None:
    ended = program("server.kill(); time.sleep(50)")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "said: the sleep has ended\n", "")


def test_one_that_takes_it_for_the_users_own_is_told_too() -> None:
    ended = program("server.kill(); interrupted()")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "said: the sleep has ended\n", "")


def test_what_goes_wrong_then_is_a_consequence() -> None:
    ended = program("server.kill(); server.wait(); raise OSError('no connection')")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "said: the sleep has ended\n", "")


def test_one_that_does_not_listen_is_ended() -> None:
    ended = program("signal.signal(signal.SIGINT, signal.SIG_IGN); server.kill(); time.sleep(50)", patience=0.5)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", "the sleep has ended\n")


def test_servers_may_end_when_it_is_done() -> None:
    ended = program("let_end(); server.kill(); server.wait(); time.sleep(1.2)")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(KeyError), depending_on(("sleep",), "the {} has ended"):
        raise KeyError("other")
    with pytest.raises(DegcraftError, match="mine"), depending_on((), ""):
        raise DegcraftError("mine")
