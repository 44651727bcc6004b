"""A log says early, and then now and then, how far work is and how long the rest will take."""

import io

import pytest
from rich.console import Console

from degcraft import pace
from degcraft.cli import _progress


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=140)


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_training_says_what_is_left_early_and_once_a_minute(clock: Clock, console: Console) -> None:
    with _progress.TrainingProgress(console, 20_000, {}) as tell:
        clock.now += 60  # until the first step, which is no step's time
        for step in range(1, 20_001):
            tell(step, {"l1": 0.031})
            clock.now += 0.25
    lines = printed(console)
    assert lines[0] == "step 1 of 20000: l1 0.031"
    assert lines[1] == "step 241 of 20000, about 82 min left: l1 0.031"
    assert lines[-2] == "step 19921 of 20000, about 20 s left: l1 0.031"
    assert lines[-1] == "step 20000 of 20000: l1 0.031"
    assert len(lines) == 85


def test_the_first_line_comes_after_ten_seconds_and_later_ones_apart(clock: Clock, console: Console) -> None:
    with _progress.counting(console, "restored", unit="images") as tell:
        for tile in range(300):
            tell(tile / 100, 3)
            clock.now += 1
    assert printed(console) == [
        "restored: 0 of 3 images, about 5 min left",
        "restored: 0 of 3 images, about 5 min left",
        "restored: 0 of 3 images, about 4 min left",
        "restored: 0 of 3 images, about 4 min left",
        "restored: 1 of 3 images, about 3 min left",
        "restored: 2 of 3 images, about 2 min left",
        "restored: 2 of 3 images, about 40 s left",
    ]


def test_short_work_says_nothing_and_what_was_done_before_is_not_timed(clock: Clock, console: Console) -> None:
    with _progress.counting(console, "measuring") as tell:
        tell(1, 2)
        clock.now += 9
        tell(2, 2)
    assert printed(console) == []
    with _progress.training_shown(console, 20_000, 10_000) as shown:
        shown(10_001, "loss 0.1")
        clock.now += 100
        shown(10_101, "loss 0.1")
    with _progress.counting(console, "looking at the images") as tell:
        for total in (8, 75):  # other work, of which nothing is done
            tell(0, total)
            clock.now += 20
            tell(4, total)
    assert printed(console) == [
        "step 10101 of 20000, about 2.7 h left: loss 0.1",
        "looking at the images: 4 of 8, about 20 s left",
        "looking at the images: 4 of 75, about 6 min left",
    ]
