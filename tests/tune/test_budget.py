"""When a search has had enough."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tracking import StateFile
from tune.budget import Budget
from tune.spec import SearchSpec
from tune.state import SearchState


@pytest.fixture
def state(tmp_path: Path) -> Iterator[SearchState]:
    with closing(StateFile(tmp_path / "state.sqlite")) as file:
        yield SearchState(file)


def spec(metric: str = "psnr", **budget: Any) -> SearchSpec:
    return SearchSpec.model_validate(
        {"name": "s", "references": "r", "hr": "h", "output": "o", "budget": budget, "held_out": {"metric": metric}}
    )


def test_nothing_is_spent_at_the_start(state: SearchState) -> None:
    assert Budget(spec(minutes=10.0, target=30.0), state).spent() is None


def test_failures_are_borne_up_to_the_number(state: SearchState) -> None:
    budget = Budget(spec(failures=1), state)
    budget.failed()
    assert budget.spent() is None
    budget.failed()
    assert budget.spent() == "2 trials failed, more than budget.failures 1 allows"


def test_a_target_of_psnr_is_reached_from_below(state: SearchState) -> None:
    budget = Budget(spec(target=25.0), state)
    budget.scored(24.9)
    assert budget.spent() is None
    budget.scored(25.1)
    budget.scored(20.0)
    assert budget.spent() == "score 25.1000 reached budget.target 25"


def test_a_target_of_lpips_is_reached_from_above(state: SearchState) -> None:
    budget = Budget(spec(metric="lpips", target=0.2), state)
    budget.scored(0.3)
    assert budget.spent() is None
    budget.scored(0.1)
    assert budget.spent() is not None


def test_time_adds_up_over_sittings(state: SearchState) -> None:
    state.note("seconds", 59.0)
    budget = Budget(spec(minutes=1.0), state)
    assert 59.0 <= budget.seconds < 60.0
    assert budget.spent() is None
    state.note("seconds", 60.0)
    assert Budget(spec(minutes=1.0), state).spent() == "budget.minutes 1 is spent"


def test_the_clock_is_kept(state: SearchState) -> None:
    Budget(spec(), state).keep(at_least_every=0)
    assert SearchState(state.file).notes["seconds"] >= 0
