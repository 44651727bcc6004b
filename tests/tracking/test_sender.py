"""The sender keeps the order, waits for what can come back, and sets aside what cannot."""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException, RestException
from requests import HTTPError, Response

from degcraft.errors import DegcraftError
from tracking.failures import Undeliverable, Verdict, judge
from tracking.outbox import Operation, Outbox
from tracking.sender import Sender
from tracking.state import StateFile

Wait = Callable[[Callable[[], object]], None]


class Server:
    """What a sender sees of a server: it takes values, refuses some, and can be away."""

    def __init__(self, bad: dict[object, Exception] | None = None) -> None:
        self.bad = bad or {}
        self.away = False
        self.taken: list[object] = []
        self.calls: list[int] = []

    def probe(self) -> None:
        if self.away:
            raise MlflowException("API request failed: connection refused")

    def deliver(self, operations: list[Operation]) -> None:
        self.probe()
        self.calls.append(len(operations))
        for operation in operations:
            value = operation.content["value"]
            if value in self.bad:
                raise self.bad[value]
        self.taken += [operation.content["value"] for operation in operations]

    def sender(self, box: Outbox, *, join: bool = False, patience: float = 60) -> Sender:
        return Sender(
            box,
            self.deliver,
            self.probe,
            can_join=lambda _: join,
            first_wait=0.01,
            longest_wait=0.05,
            patience=patience,
        )


def open_box(folder: Path) -> Outbox:
    return Outbox(StateFile(folder / "state.sqlite"))


def fill(folder: Path, count: int) -> Outbox:
    box = open_box(folder)
    for value in range(count):
        box.append({"value": value})
    return box


REFUSAL = RestException({"error_code": "INVALID_PARAMETER_VALUE", "message": "too long"})


def test_sends_in_order_and_what_comes_later_too(tmp_path: Path) -> None:
    box, server = fill(tmp_path / "box", 5), Server()
    sender = server.sender(box)
    assert sender.flush(10) == 0
    box.append({"value": "late"})
    sender.notify()
    assert sender.flush(10) == 0
    assert server.taken == [0, 1, 2, 3, 4, "late"]
    assert sender.stop(5)


def test_an_absence_costs_nothing(tmp_path: Path, wait_until: Wait) -> None:
    box, server = fill(tmp_path / "box", 3), Server()
    server.away = True
    sender = server.sender(box, patience=0)
    wait_until(lambda: sender.waiting)
    assert "connection refused" in str(sender.waiting)
    assert sender.flush(0.2) == 3
    server.away = False
    assert sender.flush(10) == 0
    assert server.taken == [0, 1, 2]
    assert sender.waiting is None
    assert box.rejected() == []
    sender.stop(5)


@pytest.mark.parametrize("join", [False, True])
def test_a_bad_operation_is_set_aside_and_its_neighbours_arrive(tmp_path: Path, join: bool) -> None:
    box, server = fill(tmp_path / "box", 6), Server({2: REFUSAL, 3: TypeError("a mistake of ours")})
    sender = server.sender(box, join=join)
    assert sender.flush(10) == 0
    assert server.taken == [0, 1, 4, 5]
    assert [operation.content["value"] for operation, _ in box.rejected()] == [2, 3]
    assert "too long" in box.rejected()[0][1]
    assert server.calls[0] == (6 if join else 1)
    sender.stop(5)


def test_a_refusal_by_a_server_that_is_not_well_is_no_reason_to_give_up(tmp_path: Path, wait_until: Wait) -> None:
    box, server = fill(tmp_path / "box", 1), Server({0: REFUSAL})
    answers = iter([MlflowException("ill"), None])

    def probe() -> None:
        answer = next(answers)
        if answer is not None:
            server.bad.clear()
            raise answer

    server.probe = probe  # type: ignore[method-assign]
    server.deliver = lambda operations: (  # type: ignore[method-assign]
        server.taken.append(operations[0].content["value"]) if not server.bad else _raise(REFUSAL)
    )
    sender = server.sender(box)
    assert sender.flush(10) == 0
    assert server.taken == [0]
    assert box.rejected() == []
    sender.stop(5)


def _raise(error: Exception) -> None:
    raise error


def test_an_unclear_failure_is_given_time_and_then_set_aside(tmp_path: Path, wait_until: Wait) -> None:
    box, server = fill(tmp_path / "box", 3), Server({1: MlflowException("internal error")})
    patient = server.sender(box, patience=60)
    wait_until(lambda: patient.waiting)
    assert patient.flush(0.3) == 2
    assert box.rejected() == []
    patient.stop(5)

    impatient = server.sender(open_box(tmp_path / "box"), patience=0.2)
    assert impatient.flush(10) == 0
    assert server.taken == [0, 2]
    impatient.stop(5)


def test_what_was_set_aside_is_tried_once_at_the_next_start(tmp_path: Path) -> None:
    ill = {1: MlflowException("no space left on device"), 2: REFUSAL}
    box, server = fill(tmp_path / "box", 4), Server(ill)
    sender = server.sender(box, patience=0)
    assert sender.flush(10) == 0
    sender.stop(5)
    assert server.taken == [0, 3]

    # It does not hold up the others a second time, however patient the sender is with what is new.
    del server.bad[2]
    box = open_box(tmp_path / "box")
    box.append({"value": "new"})
    sender = server.sender(box, patience=60)
    assert sender.flush(10) == 0
    assert server.taken == [0, 3, 2, "new"]
    assert [(operation.content["value"], reason) for operation, reason in box.rejected()] == [
        (1, "no space left on device")
    ]
    sender.stop(5)

    server.bad.clear()
    box = open_box(tmp_path / "box")
    sender = server.sender(box)
    assert sender.flush(10) == 0
    assert (server.taken[-1], box.rejected()) == (1, [])
    sender.stop(5)


def test_a_closed_door_is_waited_for(tmp_path: Path, wait_until: Wait) -> None:
    denied = RestException({"error_code": "PERMISSION_DENIED", "message": "token expired"})
    box, server = fill(tmp_path / "box", 2), Server({0: denied})
    sender = server.sender(box, patience=0)
    wait_until(lambda: sender.waiting)
    assert "token expired" in str(sender.waiting)
    server.bad.clear()
    assert sender.flush(10) == 0
    assert server.taken == [0, 1]
    sender.stop(5)


def test_stopping_leaves_the_rest_for_the_next_time(tmp_path: Path, wait_until: Wait) -> None:
    box, server = fill(tmp_path / "box", 3), Server()
    going, go_on = threading.Event(), threading.Event()

    def slow(operations: list[Operation]) -> None:
        going.set()
        go_on.wait(10)
        server.taken.append(operations[0].content["value"])

    sender = Sender(box, slow, server.probe)
    going.wait(10)
    assert not sender.stop(0.05)
    with pytest.raises(DegcraftError, match="only one process"):
        open_box(tmp_path / "box")  # the operation in hand may still arrive
    go_on.set()
    assert sender.stop(10)
    assert server.taken == [0]
    rest = server.sender(open_box(tmp_path / "box"))
    assert rest.flush(10) == 0
    assert server.taken == [0, 1, 2]
    rest.stop(5)


def test_a_sender_that_has_stopped_is_not_waited_for(tmp_path: Path) -> None:
    box, server = fill(tmp_path / "box", 1), Server()
    server.away = True
    with contextlib.closing(box.state.share()):
        sender = server.sender(box)
        assert sender.stop(5)
        assert sender.flush(None) == 1


def http_error(status: int) -> HTTPError:
    response = Response()
    response.status_code = status
    return HTTPError(response=response)


def full_disk() -> DegcraftError:
    error = DegcraftError("network.safetensors: cannot be written (No space left on device)")
    error.__cause__ = OSError(28, "No space left on device")
    return error


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (Undeliverable("gone"), Verdict.HOPELESS),
        (DegcraftError("no network"), Verdict.HOPELESS),
        (REFUSAL, Verdict.REFUSED),
        (http_error(413), Verdict.REFUSED),
        (KeyError("x"), Verdict.REFUSED),
        (RestException({"error_code": "UNAUTHENTICATED", "message": ""}), Verdict.DENIED),
        (http_error(403), Verdict.DENIED),
        (MlflowException("API request failed"), Verdict.UNSURE),
        (RestException({"error_code": "TEMPORARILY_UNAVAILABLE", "message": ""}), Verdict.UNSURE),
        (http_error(429), Verdict.UNSURE),
        (http_error(502), Verdict.UNSURE),
        (ConnectionResetError(), Verdict.UNSURE),
        (OSError(28, "No space left on device"), Verdict.UNSURE),
        (full_disk(), Verdict.UNSURE),
    ],
)
def test_failures_are_told_apart(error: Exception, verdict: Verdict) -> None:
    assert judge(error) is verdict
