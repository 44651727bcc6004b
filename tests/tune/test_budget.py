"""When a search has had enough."""

import json
from pathlib import Path
from typing import Any

from tune.budget import Budget
from tune.spec import SearchSpec


def spec(metric: str = "psnr", **budget: Any) -> SearchSpec:
    return SearchSpec.model_validate(
        {"name": "s", "references": "r", "hr": "h", "output": "o", "budget": budget, "held_out": {"metric": metric}}
    )


def test_nothing_is_spent_at_the_start(tmp_path: Path) -> None:
    assert Budget(spec(minutes=10.0, target=30.0), tmp_path / "clock.json").spent() is None


def test_failures_are_borne_up_to_the_number(tmp_path: Path) -> None:
    budget = Budget(spec(failures=1), tmp_path / "clock.json")
    budget.failed()
    assert budget.spent() is None
    budget.failed()
    assert budget.spent() == "2 trials failed, more than budget.failures 1 allows"


def test_a_target_of_psnr_is_reached_from_below(tmp_path: Path) -> None:
    budget = Budget(spec(target=25.0), tmp_path / "clock.json")
    budget.scored(24.9)
    assert budget.spent() is None
    budget.scored(25.1)
    budget.scored(20.0)
    assert budget.spent() == "score 25.1000 reached budget.target 25"


def test_a_target_of_lpips_is_reached_from_above(tmp_path: Path) -> None:
    budget = Budget(spec(metric="lpips", target=0.2), tmp_path / "clock.json")
    budget.scored(0.3)
    assert budget.spent() is None
    budget.scored(0.1)
    assert budget.spent() is not None


def test_time_adds_up_over_sittings(tmp_path: Path) -> None:
    clock = tmp_path / "clock.json"
    clock.write_text(json.dumps({"seconds": 59.0}))
    budget = Budget(spec(minutes=1.0), clock)
    assert 59.0 <= budget.seconds < 60.0
    assert budget.spent() is None
    clock.write_text(json.dumps({"seconds": 60.0}))
    assert Budget(spec(minutes=1.0), clock).spent() == "budget.minutes 1 is spent"


def test_the_clock_is_kept(tmp_path: Path) -> None:
    clock = tmp_path / "clock.json"
    budget = Budget(spec(), clock)
    budget.keep(at_least_every=0)
    assert json.loads(clock.read_text())["seconds"] >= 0
