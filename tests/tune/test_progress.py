"""What a person sees of a search: how long it will take, and what is measured."""

import io
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from tune.config import TrialConfig
from tune.progress import Pace, TrialsView, counting


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


def test_of_more_trials_than_fit_the_running_ones_and_the_last_are_shown() -> None:
    def trial(place: int) -> Any:
        is_over = place not in (3, 19)
        return SimpleNamespace(
            config=TrialConfig("uniform").to_dict() | {"key": f"t{place:03d}"},
            last_result={"step": 10 if is_over else 5, "time_total_s": 1.0},
            status="TERMINATED" if is_over else "RUNNING",
            is_finished=lambda: is_over,
        )

    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=120, height=12)
    with TrialsView(console, "small", "psnr", 200, lambda config: 10) as view:
        view.show([trial(place) for place in range(20)], "best 25.1")
    seen, keys = shown.getvalue(), [f"t{place:03d}" for place in range(20)]
    assert "small (5 of 20 trials)" in seen
    assert [key for key in keys if key in seen] == ["t003", "t016", "t017", "t018", "t019"]
    assert "95%" in seen, "the bar is there"
