"""What a person sees of a search: how long it will take, and what is measured."""

import io

from rich.console import Console

from tune.progress import Pace, counting


def test_time_left_is_that_of_training_alone() -> None:
    pace = Pace(total=400)
    pace.told(done=0, trained=0.0, now=0.0)
    assert pace.left(now=50.0) == ""
    # Ray and the worker took 90 s to start; the first 100 steps took 10.
    pace.told(done=100, trained=10.0, now=100.0)
    assert pace.left(now=100.0) == "0:30"


def test_time_left_runs_down_between_reports_and_never_below_nothing() -> None:
    pace = Pace(total=400)
    pace.told(done=0, trained=0.0, now=0.0)
    pace.told(done=100, trained=10.0, now=100.0)
    pace.told(done=100, trained=10.0, now=105.0)
    assert pace.left(now=105.0) == "0:25"
    assert pace.left(now=500.0) == "0:00"


def test_steps_of_an_earlier_sitting_do_not_count() -> None:
    pace = Pace(total=400)
    pace.told(done=200, trained=0.0, now=0.0)
    assert pace.left(now=1.0) == ""
    pace.told(done=300, trained=10.0, now=60.0)
    assert pace.left(now=60.0) == "0:10"


def test_what_is_counted_is_known_before_the_first_is_done() -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=120)
    with counting(console, "measuring", "bins", total=75):
        pass
    assert " 0/75" in shown.getvalue()
