"""What Optuna is asked and told."""

import math
from pathlib import Path
from typing import Any

import optuna
import pytest

from tune.architectures import Architectures
from tune.config import TrialConfig
from tune.searcher import CraftSearch, ListedSearch, SearchSpace
from tune.spec import SearchSpec

UNIFORM = TrialConfig("uniform", {"name": "srresnet", "channels": 32, "blocks": 4}, {"learning_rate": 2e-4})


def craft_search(spec: SearchSpec, fixed: list[TrialConfig]) -> CraftSearch:
    return CraftSearch(spec, Architectures(spec), fixed)


def spec(network: dict[str, Any] | None = None, **search: Any) -> SearchSpec:
    return SearchSpec.model_validate(
        {
            "name": "s",
            "references": "r",
            "hr": "h",
            "output": "o",
            "training": {"steps": 100},
            "network": {"name": "srresnet", "channels": 32, "blocks": 4} | (network or {}),
            "search": search,
        }
    )


def states(search: CraftSearch) -> list[optuna.trial.TrialState]:
    return [trial.state for trial in search.study().trials]


def test_fixed_trials_come_first_and_optuna_never_hears_of_them() -> None:
    search = craft_search(spec(), [UNIFORM])
    assert search.suggest("a") == UNIFORM.to_dict()
    search.on_trial_result("a", {"score": 20.0, "step": 100, "training_iteration": 1})
    search.on_trial_complete("a", {"score": 20.0, "step": 100})
    assert states(search) == [optuna.trial.TrialState.WAITING], "only the first crafted trial is queued"


def test_the_first_crafted_trial_is_the_weightings_default() -> None:
    search = craft_search(spec(extractor=["squeezenet", "alexnet"], weighting={"name": ["eq4", "confusion"]}), [])
    first = search.suggest("a")
    assert first is not None
    assert TrialConfig.of(first).weighting() == {"name": "eq4", "alpha": 25.0}
    assert first["distribution"]["extractor"] == "squeezenet"


def test_a_range_without_the_default_is_respected() -> None:
    search = craft_search(spec(weighting={"name": "eq4", "alpha": {"low": 1.0, "high": 5.0}}), [])
    for key in "abcdef":
        suggested = search.suggest(key)
        assert suggested is not None
        assert 1.0 <= suggested["distribution"]["alpha"] <= 5.0


def test_each_weighting_is_asked_for_its_own_knobs_alone() -> None:
    weighting = {"name": ["confusion", "eq4", "em"], "width": [0.0, 1.0], "em": {"width": 0.5}}
    search, seen = craft_search(spec(weighting=weighting), []), set()
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


def test_a_layer_is_always_one_of_its_extractor() -> None:
    layers = {"squeezenet": ["fire3", "fire5"], "alexnet-random": ["conv2", "conv3"]}
    known = {"squeezenet": {"fire3", "fire5"}, "alexnet-random": {"conv2", "conv3"}}
    from degcraft.features import EXTRACTORS

    for name in known:
        known[name] = set(EXTRACTORS[name].layers[:2])
        layers[name] = sorted(known[name])
    search = craft_search(spec(extractor=list(known), layers=layers), [])
    seen = set()
    for index in range(20):
        suggested = search.suggest(str(index))
        assert suggested is not None
        extractor = suggested["distribution"]["extractor"]
        assert suggested["distribution"]["layer"] in known[extractor]
        seen.add(extractor)
        search.on_trial_complete(str(index), {"score": float(index), "step": 100})
    assert seen == set(known)


def test_every_proposal_is_a_trial() -> None:
    rates = {"low": 1e-5, "high": 1e-3, "log": True}
    search = craft_search(spec({"blocks": [2, 4], "dropout": [0.0, 0.5]}, learning_rate=rates), [])
    suggested = search.suggest("a")
    assert suggested is not None
    config = TrialConfig.of(suggested)
    assert config.kind == "crafted"
    assert 1e-5 <= config.training["learning_rate"] <= 1e-3
    assert config.network == {"name": "srresnet", "channels": 32, "blocks": 2, "dropout": 0.0}


def test_each_network_is_asked_for_its_own_hyperparameters_alone() -> None:
    network = {"name": ["srresnet", "compact"], "srresnet": {"blocks": [2, 4]}, "compact": {"convs": [3, 5]}}
    both = SearchSpec.model_validate(
        {"name": "s", "references": "r", "hr": "h", "output": "o", "network": network | {"start": "none"}}
    )
    search = craft_search(both, [])
    seen = set()
    for index in range(24):
        suggested = search.suggest(str(index))
        assert suggested is not None
        own = suggested["network"]
        seen.add((own["name"], own.get("blocks"), own.get("convs")))
        search.on_trial_complete(str(index), {"score": float(index % 5), "step": 10_000})
    assert seen == {("srresnet", 2, None), ("srresnet", 4, None), ("compact", None, 3), ("compact", None, 5)}


@pytest.mark.parametrize(("trials", "random"), [(2, 1), (8, 2), (100, 10)])
def test_at_most_a_quarter_of_the_budget_is_random(trials: int, random: int) -> None:
    small = spec().model_copy(update={"budget": spec().budget.model_copy(update={"trials": trials})})
    assert craft_search(small, []).study().sampler._n_startup_trials == random


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
    result: dict[str, Any] | None, error: bool, state: optuna.trial.TrialState
) -> None:
    search = craft_search(spec(), [])
    search.suggest("a")
    search.on_trial_complete("a", result, error)
    search.on_trial_complete("a", result, error)
    assert states(search) == [state]


def test_a_restored_search_goes_on_as_the_first_would_have(tmp_path: Path) -> None:
    def told(search: CraftSearch, key: str) -> dict[str, Any] | None:
        suggested = search.suggest(key)
        search.on_trial_complete(key, {"score": float(len(key)), "step": 100})
        return suggested

    first = craft_search(spec(), [UNIFORM])
    for key in ("a", "bb", "ccc"):
        told(first, key)
    first.save(str(tmp_path / "state"))
    second = craft_search(spec(), [UNIFORM])
    second.restore(str(tmp_path / "state"))
    assert told(first, "dddd") == told(second, "dddd")


def test_the_score_of_lpips_is_minimised() -> None:
    smaller = spec().model_copy(update={"held_out": spec().held_out.model_copy(update={"metric": "lpips"})})
    assert craft_search(smaller, []).study().direction == optuna.study.StudyDirection.MINIMIZE
    assert craft_search(spec(), []).study().direction == optuna.study.StudyDirection.MAXIMIZE


def test_a_list_is_handed_out_once() -> None:
    search = ListedSearch([UNIFORM])
    assert search.suggest("a") == UNIFORM.to_dict()
    assert search.suggest("b") == ListedSearch.FINISHED


def test_nothing_to_search_is_a_search_too() -> None:
    fixed = spec(weighting={"name": "eq4", "alpha": 25.0})
    assert SearchSpace(fixed, Architectures(fixed)).first() == {}
    suggested = craft_search(fixed, []).suggest("a")
    assert suggested is not None
    assert suggested["distribution"]["alpha"] == 25.0
