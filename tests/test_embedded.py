"""A program whose servers die is interrupted, and ended where that does not help; a start that fails leaves nothing."""

import subprocess
import sys
import textwrap

import psutil
import pytest

from degcraft.embedded import START_ATTEMPTS, depending_on, embedded_ray
from degcraft.errors import DegcraftError

PROGRAM = """
import signal, subprocess, time
from degcraft import embedded
from degcraft.errors import DegcraftError

def interrupted():
    try:
        time.sleep(50)
    except KeyboardInterrupt:
        pass

embedded.PATIENCE_S = {patience}
server = subprocess.Popen(["sleep", "600"])
try:
    with embedded.depending_on(("sleep",), "the {{}} has ended") as let_end:
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


def test_a_start_that_fails_leaves_no_process_and_is_said_in_a_line() -> None:
    begun: list[subprocess.Popen[bytes]] = []
    stopped: list[None] = []

    def late(*_: object, **__: object) -> None:
        # As Ray does: its servers first, then the wait that ends in an error.
        begun.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]))
        raise Exception("the node\nwas late")

    mine = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with (
        pytest.raises(DegcraftError, match=r"did not \(the node was late\)"),
        embedded_ray(late, lambda: stopped.append(None), ""),
    ):
        pass
    assert len(begun) == len(stopped) == START_ATTEMPTS
    assert not any(psutil.pid_exists(process.pid) for process in begun)
    assert mine.poll() is None
    mine.kill()
    mine.wait()
