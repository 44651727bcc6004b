"""What Optuna is asked and told."""

import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import optuna
import pytest
from ray.tune.experiment import Trial

from tracking import StateFile
from tune.architectures import Architectures
from tune.config import TrialConfig
from tune.outcome import outcome_of
from tune.search_space import SearchSpace
from tune.searcher import CraftSearch, ListedSearch, SparingAsha
from tune.spec import SearchSpec
from tune.state import SearchState

RATES = {"low": 1e-5, "high": 1e-3, "log": True}

UNIFORM = TrialConfig("uniform", {"name": "srresnet", "channels": 32, "blocks": 4}, {"learning_rate": 2e-4})


@pytest.fixture
def state(tmp_path: Path) -> Iterator[SearchState]:
    with closing(StateFile(tmp_path / "state.sqlite")) as file:
        yield SearchState(file)


def craft_search(spec: SearchSpec, fixed: list[TrialConfig], state: SearchState) -> CraftSearch:
    return CraftSearch(spec, Architectures(spec), fixed, state)


def sitting(search: CraftSearch, name: str, result: dict[str, Any] | None = None, error: bool = False) -> str:
    """A trial that Ray calls `name`, noted as the driver notes it and told to the searcher; returns its key."""
    suggested = search.suggest(name)
    assert suggested is not None
    key = str(suggested["key"])
    if result is not None:
        search._state.report(key, result)
    search.on_trial_complete(name, result, error)
    failure = "it broke" if error else None
    search._state.end(outcome_of(key, suggested, result or {}, failure, search._spec))
    return key


def spec(network: dict[str, Any] | None = None, **search: Any) -> SearchSpec:
    return SearchSpec.model_validate(
        {
            "name": "s",
            "references": "r",
            "hr": "h",
            "output": "o",
            "training": {"steps": 100},
            "network": {"name": "srresnet", "channels": 32, "blocks": 4} | (network or {}),
            "search": {"weighting": {"name": "confusion"}} | search,
            "budget": {"trials": 24},
        }
    )


def states(search: CraftSearch) -> list[optuna.trial.TrialState]:
    return [trial.state for trial in search.study.trials]


def test_rows_come_first_and_optuna_never_hears_of_them(state: SearchState) -> None:
    search = craft_search(spec(), [UNIFORM], state)
    assert search.suggest("a") == UNIFORM.to_dict() | {"key": "t000"}
    search.on_trial_complete("a", {"score": 20.0, "step": 100})
    assert states(search) == [optuna.trial.TrialState.WAITING], "only the first crafted trial is queued"


def test_every_weighting_is_tried_by_its_default_first(state: SearchState) -> None:
    searched = spec(extractor=["squeezenet", "alexnet"], weighting={"name": ["eq4", "confusion"]})
    search = craft_search(searched, [], state)
    first = search.suggest("a")
    assert first is not None
    assert TrialConfig.of(first).weighting() == {"name": "eq4", "alpha": 25.0}
    assert first["distribution"]["extractor"] == "squeezenet"
    resumed = craft_search(searched, [], state)
    assert resumed.suggest("a") == first, "it has not ended"
    second = resumed.suggest("b")
    assert second is not None
    assert TrialConfig.of(second).weighting() == {"name": "confusion", "width": 0.3}


def test_a_range_without_the_default_is_respected(state: SearchState) -> None:
    search = craft_search(spec(weighting={"name": "eq4", "alpha": {"low": 1.0, "high": 5.0}}), [], state)
    for key in "abcdef":
        suggested = search.suggest(key)
        assert suggested is not None
        assert 1.0 <= suggested["distribution"]["alpha"] <= 5.0


def test_each_weighting_is_asked_for_its_own_knobs_alone(state: SearchState) -> None:
    weighting = {"name": ["confusion", "eq4", "em"], "width": [0.0, 1.0], "em": {"width": 0.5}}
    search, seen = craft_search(spec(weighting=weighting), [], state), set()
    for index in range(24):
        suggested = search.suggest(str(index))
        assert suggested is not None
        found = TrialConfig.of(suggested).weighting()
        if found["name"] == "eq4":
            assert 1.0 <= found.pop("alpha") <= 100.0, "where a search usually looks"
        seen.add(tuple(found.items()))
        search.on_trial_complete(str(index), {"score": float(index % 5), "step": 100})
    widths = {(("name", "confusion"), ("width", width)) for width in (0.0, 1.0)}
    assert seen == {*widths, (("name", "eq4"),), (("name", "em"), ("width", 0.5))}


def test_a_layer_is_always_one_of_its_extractor(state: SearchState) -> None:
    layers = {"squeezenet": ["fire3", "fire5"], "alexnet-random": ["conv2", "conv3"]}
    known = {"squeezenet": {"fire3", "fire5"}, "alexnet-random": {"conv2", "conv3"}}
    from degcraft.features import EXTRACTORS

    for name in known:
        known[name] = set(EXTRACTORS[name].layers[:2])
        layers[name] = sorted(known[name])
    rates = [1e-4, 2e-4]
    finite = spec(
        extractor=list(known), layers=layers, learning_rate=rates, weighting={"name": "confusion", "width": 1.0}
    )
    search, seen = craft_search(finite, [], state), set()
    for index in range(8):
        suggested = search.suggest(str(index))
        assert suggested is not None
        extractor, layer = (suggested["distribution"][key] for key in ("extractor", "layer"))
        assert layer in known[extractor]
        seen.add((extractor, layer, suggested["training"]["learning_rate"]))
        search.on_trial_complete(str(index), {"score": float(index), "step": 100})
    assert len(seen) == 8, "nothing is tried twice"
    assert search.suggest("9") == CraftSearch.FINISHED, "there is no more"


def test_a_search_resumed_tries_nothing_twice_either(state: SearchState) -> None:
    searched = spec(weighting={"name": ["eq4"], "alpha": [1.0, 5.0, 25.0]})
    rates = []
    for index in range(3):
        search = craft_search(searched, [], state)
        suggested = search.suggest(str(index))
        assert suggested is not None
        rates.append(suggested["distribution"]["alpha"])
        state.report(suggested["key"], {"score": 20.0, "step": 100})
        state.end(outcome_of(suggested["key"], suggested, {"score": 20.0, "step": 100}, None, searched))
    assert sorted(rates) == [1.0, 5.0, 25.0]
    assert craft_search(searched, [], state).suggest("d") == CraftSearch.FINISHED


def test_every_proposal_is_a_trial(state: SearchState) -> None:
    rates = {"low": 1e-5, "high": 1e-3, "log": True}
    search = craft_search(spec({"blocks": [2, 4], "dropout": [0.0, 0.5]}, learning_rate=rates), [], state)
    suggested = search.suggest("a")
    assert suggested is not None
    config = TrialConfig.of(suggested)
    assert config.kind == "crafted"
    assert 1e-5 <= config.training["learning_rate"] <= 1e-3
    assert config.network == {"name": "srresnet", "channels": 32, "blocks": 2, "dropout": 0.0}


def test_each_network_is_asked_for_its_own_hyperparameters_alone(state: SearchState) -> None:
    network = {"name": ["srresnet", "compact"], "srresnet": {"blocks": [2, 4]}, "compact": {"convs": [3, 5]}}
    both = SearchSpec.model_validate(
        {
            "name": "s",
            "references": "r",
            "hr": "h",
            "output": "o",
            "network": network | {"start": "none"},
            "budget": {"trials": 24},
        }
    )
    search = craft_search(both, [], state)
    seen = set()
    for index in range(24):
        suggested = search.suggest(str(index))
        assert suggested is not None
        own = suggested["network"]
        seen.add((own["name"], own.get("blocks"), own.get("convs")))
        search.on_trial_complete(str(index), {"score": float(index % 5), "step": 10_000})
    assert seen == {("srresnet", 2, None), ("srresnet", 4, None), ("compact", None, 3), ("compact", None, 5)}


@pytest.mark.parametrize(("trials", "random"), [(2, 1), (8, 2), (100, 10)])
def test_at_most_a_quarter_of_the_budget_is_random(trials: int, random: int, state: SearchState) -> None:
    small = spec().model_copy(update={"budget": spec().budget.model_copy(update={"trials": trials})})
    assert craft_search(small, [], state).study.sampler._n_startup_trials == random


@pytest.mark.parametrize(
    ("result", "error", "state"),
    [
        ({"score": 25.0, "step": 100}, False, optuna.trial.TrialState.COMPLETE),
        ({"score": 25.0, "step": 40}, False, optuna.trial.TrialState.PRUNED),
        ({"score": math.nan, "step": 100}, False, optuna.trial.TrialState.FAIL),
        ({"score": 25.0, "step": 100}, True, optuna.trial.TrialState.FAIL),
        (None, True, optuna.trial.TrialState.FAIL),
    ],
)
def test_what_optuna_is_told_of_an_end(
    result: dict[str, Any] | None, error: bool, state: optuna.trial.TrialState, tmp_path: Path
) -> None:
    with closing(StateFile(tmp_path / "state.sqlite")) as file:
        search = craft_search(spec(), [], SearchState(file))
        sitting(search, "a", result, error)
        search.on_trial_complete("a", result, error)
        assert states(search) == [state]
        # After a kill it is told the same from what was kept.
        assert states(craft_search(spec(), [], SearchState(file))) == [state]


def scored(search: CraftSearch, name: str) -> dict[str, Any] | None:
    """The next trial's knobs, after it was given a score that follows from them."""
    suggested = search.suggest(name)
    assert suggested is not None
    key, width = suggested["key"], suggested["distribution"].get("width", 0.0)
    for step, score in ((50, width - 1), (100, width) if width < 0.6 else (60, width)):
        search._state.report(key, {"step": step, "score": score})
    search.on_trial_complete(name, search._state.last(key))
    search._state.end(outcome_of(key, suggested, search._state.last(key), None, search._spec))
    return suggested


def test_a_search_killed_after_every_trial_proposes_what_one_left_in_peace_does(tmp_path: Path) -> None:
    asked = spec(weighting={"name": "confusion", "width": {"low": 0.0, "high": 1.0}}, learning_rate=RATES)
    with (
        closing(StateFile(tmp_path / "peace.sqlite")) as peace,
        closing(StateFile(tmp_path / "killed.sqlite")) as killed,
    ):
        whole = craft_search(asked, [UNIFORM], SearchState(peace))
        expected = [scored(whole, str(number)) for number in range(12)]
        found = []
        for number in range(12):
            # It was killed twice before the trial had come to its end, which is proposed again each time.
            for _ in range(2):
                craft_search(asked, [UNIFORM], SearchState(killed)).suggest("x")
            found.append(scored(craft_search(asked, [UNIFORM], SearchState(killed)), str(number)))
        assert found == expected
        assert len({str(one) for one in expected}) == 12
        last = craft_search(asked, [UNIFORM], SearchState(killed)).study
        for one, other in zip(last.trials, whole.study.trials, strict=True):
            assert (one.state, one.value, one.params) == (other.state, other.value, other.params)
            assert one.intermediate_values == other.intermediate_values


def test_it_proposes_as_many_as_the_budget_and_more_when_that_grows(state: SearchState) -> None:
    small = spec().model_copy(update={"budget": spec().budget.model_copy(update={"trials": 2})})
    search = craft_search(small, [UNIFORM], state)
    assert [sitting(search, name, {"score": 1.0, "step": 100}) for name in "abc"] == ["t000", "t001", "t002"]
    assert search.suggest("d") == CraftSearch.FINISHED
    larger = spec().model_copy(update={"budget": spec().budget.model_copy(update={"trials": 3})})
    search = craft_search(larger, [UNIFORM], state)
    assert sitting(search, "a", {"score": 1.0, "step": 100}) == "t003"
    assert search.suggest("b") == CraftSearch.FINISHED


def ray_trial(key: str) -> Trial:
    return cast("Trial", SimpleNamespace(trial_id=f"ray-{key}", config={"kind": "crafted", "key": key}))


def test_asha_decides_after_a_kill_as_it_would_have(state: SearchState) -> None:
    halving = spec(early_stopping=True, grace=0.2)
    reports = [("t000", 20, 30.0), ("t000", 100, 31.0), ("t001", 20, 29.0), ("t002", 20, 32.0), ("t002", 60, 33.0)]
    for _ in range(4):
        state.propose(TrialConfig("crafted"), {})
    peace, decisions = SparingAsha(halving, state), {}
    for key, step, score in reports:
        before = SparingAsha(halving, state)
        result = {"step": step, "score": score}
        decided = peace.on_trial_result(None, ray_trial(key), result)
        assert before.on_trial_result(None, ray_trial(key), result) == decided
        decisions[key, step] = decided
        state.report(key, result)
        # Killed after the report and before what was decided could be done: it is given, and decided, again.
        assert SparingAsha(halving, state).on_trial_result(None, ray_trial(key), result) == decided
    assert decisions["t001", 20] == "STOP"
    assert decisions["t002", 60] == "CONTINUE"


def test_the_score_of_lpips_is_minimised(state: SearchState) -> None:
    smaller = spec().model_copy(update={"held_out": spec().held_out.model_copy(update={"metric": "lpips"})})
    assert craft_search(smaller, [], state).study.direction == optuna.study.StudyDirection.MINIMIZE
    assert craft_search(spec(), [], state).study.direction == optuna.study.StudyDirection.MAXIMIZE


def test_a_list_is_handed_out_once() -> None:
    search = ListedSearch({"shared0": UNIFORM})
    assert search.suggest("a") == UNIFORM.to_dict() | {"key": "shared0"}
    assert search.suggest("b") == ListedSearch.FINISHED


def test_nothing_to_search_is_a_search_too(state: SearchState) -> None:
    fixed = spec(weighting={"name": "eq4", "alpha": 25.0})
    assert SearchSpace(fixed, Architectures(fixed)).first() == [{}]
    suggested = craft_search(fixed, [], state).suggest("a")
    assert suggested is not None
    assert suggested["distribution"]["alpha"] == 25.0
