"""What Optuna is asked and told: the conditional space, the trials that come before it, and the mends it needs."""

import math
import pickle
import warnings
from typing import Any, cast

import optuna
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler
from ray.tune.search import Searcher
from ray.tune.search.optuna import OptunaSearch

from degcraft.matching import find_weighting
from tune.architectures import Architectures
from tune.config import TrialConfig
from tune.searchable import Range, choices
from tune.spec import SearchSpec
from tune.trial import report_steps


class SearchSpace:
    """The knobs of a specification as an Optuna define-by-run space; what belongs to an extractor or to a network is
    asked for that one only.
    """

    def __init__(self, spec: SearchSpec, architectures: Architectures) -> None:
        self.spec, self.architectures = spec, architectures

    def __call__(self, trial: optuna.Trial) -> dict[str, Any]:
        knobs = self.spec.search
        extractor = self._choose(trial, "extractor", choices(knobs.extractor))
        name = self._choose(trial, "network", self.architectures.names)
        config = TrialConfig(
            kind="crafted",
            distribution={
                "extractor": extractor,
                # A name of its own for every extractor: what is learnt of one's layers says nothing of another's.
                "layer": self._choose(trial, f"layer of {extractor}", knobs.layers_of(extractor)),
                **self._weighting(trial),
            },
            network=self.architectures.network(
                name,
                {
                    key: self._choose(trial, f"{key} of {name}", values)
                    for key, values in self.architectures.values_of(name).items()
                },
            ),
            training={"learning_rate": self._number(trial, "learning_rate", knobs.learning_rate)},
        )
        # Ray adds what was asked to what is returned, by the names that Optuna knows.
        return config.to_dict()

    def first(self) -> dict[str, Any]:
        """The first point: the weighting's own defaults where they lie in the range, the first of everything else."""
        knobs = self.spec.search
        extractor, name = choices(knobs.extractor)[0], self.architectures.names[0]
        weightings = choices(knobs.weighting.name)
        named = {
            "extractor": choices(knobs.extractor),
            f"layer of {extractor}": knobs.layers_of(extractor),
            "weighting": weightings,
            "network": self.architectures.names,
            **{f"{key} of {name}": values for key, values in self.architectures.values_of(name).items()},
        }
        point = {key: values[0] for key, values in named.items() if len(values) > 1}
        usual = find_weighting(weightings[0]).knobs
        for knob, value in knobs.weighting.knobs_of(weightings[0]).items():
            default = usual[knob].default
            inside = isinstance(value, Range) and value.low <= default <= value.high
            if inside or (isinstance(value, list) and len(value) > 1 and default in value):
                point[f"{knob} of {weightings[0]}"] = default
        return point

    def _weighting(self, trial: optuna.Trial) -> dict[str, Any]:
        """The weighting and its knobs, each asked for by a name of its own."""
        section = self.spec.search.weighting
        name = self._choose(trial, "weighting", choices(section.name))
        found = {
            knob: self._number(trial, f"{knob} of {name}", value) for knob, value in section.knobs_of(name).items()
        }
        return {"weighting": name, **found}

    def _choose(self, trial: optuna.Trial, name: str, values: list[Any]) -> Any:
        return values[0] if len(values) == 1 else trial.suggest_categorical(name, values)

    def _number(self, trial: optuna.Trial, name: str, value: float | list[float] | Range) -> float:
        if isinstance(value, Range):
            return trial.suggest_float(name, value.low, value.high, log=value.log)
        return float(self._choose(trial, name, choices(value)))


class ListedSearch(Searcher):
    """Proposes the configurations of a list, one after another."""

    def __init__(self, listed: list[TrialConfig]) -> None:
        super().__init__(metric="score", mode="max")
        self._left = list(listed)

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        # Ray types the word for "no more" as a configuration.
        return self._left.pop(0).to_dict() if self._left else cast("dict[str, Any]", Searcher.FINISHED)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Nothing is learnt from a result."""

    def save(self, checkpoint_path: str) -> None:
        with open(checkpoint_path, "wb") as file:
            pickle.dump(self._left, file)

    def restore(self, checkpoint_path: str) -> None:
        with open(checkpoint_path, "rb") as file:
            self._left = pickle.load(file)


class CraftSearch(OptunaSearch):
    """Optuna's TPE, after the rows that are not Optuna's: bicubic, the start, the baselines, the upper bound.

    Ray's own wrapper tells Optuna that a trial stopped early is complete with the score it had, which misleads TPE,
    and leaves a trial with a NaN score running for ever. Here the one is told PRUNED and the other FAIL.
    """

    def __init__(self, spec: SearchSpec, architectures: Architectures, fixed: list[TrialConfig]) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        space = SearchSpace(spec, architectures)
        self._fixed = list(fixed)
        self._fixed_ids: dict[str, TrialConfig] = {}
        self._steps = spec.training.steps
        super().__init__(
            space=space,
            metric="score",
            mode="max" if spec.higher_is_better else "min",
            points_to_evaluate=[space.first()],
            sampler=_sampler(spec.seed, spec.budget.trials),
        )

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        if trial_id in self._fixed_ids:
            return self._fixed_ids[trial_id].to_dict()
        if self._fixed:
            self._fixed_ids[trial_id] = self._fixed.pop(0)
            return self._fixed_ids[trial_id].to_dict()
        suggested = super().suggest(trial_id)
        assert suggested is not None
        return {name: suggested[name] for name in TrialConfig.__dataclass_fields__}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        if trial_id not in self._fixed_ids and math.isfinite(result.get("score", math.nan)):
            super().on_trial_result(trial_id, result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        if trial_id in self._fixed_ids or trial_id in self._completed_trials:
            return
        state, value = optuna.trial.TrialState.COMPLETE, (result or {}).get("score")
        if error or value is None or not math.isfinite(value):
            state, value = optuna.trial.TrialState.FAIL, None
        elif (result or {}).get("step", 0) < self._steps:
            # PRUNED takes the last value that was reported, and TPE ranks it below every complete trial.
            state, value = optuna.trial.TrialState.PRUNED, None
        self.study().tell(self._ot_trials[trial_id], value, state=state)
        self._completed_trials.add(trial_id)

    def study(self) -> optuna.Study:
        """The study as it stands, to look at afterwards."""
        study: optuna.Study | None = self._ot_study
        assert study is not None, "OptunaSearch makes its study when it has a space"
        return study


RANDOM_SHARE = 0.25
"""Of the budget at most, before TPE models what it has seen; its own default of 10 is most of a small search."""


def _sampler(seed: int, trials: int) -> optuna.samplers.BaseSampler:
    """TPE for a conditional space: parameters of different extractors and networks are modelled in groups."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(
            seed=seed,
            multivariate=True,
            group=True,
            n_startup_trials=min(10, max(1, int(RANDOM_SHARE * trials))),
            # Trials that run at the same time count as poor, so that the next one is not the same again.
            constant_liar=True,
        )


class SparingAsha(AsyncHyperBandScheduler):
    """ASHA that leaves the baseline and the upper bound alone: they are what the others are compared with."""

    def __init__(self, spec: SearchSpec) -> None:
        steps = report_steps(spec.training.steps, spec.training.reports)
        wanted = spec.search.grace * spec.training.steps
        grace = next(step for step in steps if step >= wanted - 0.5)
        super().__init__(
            time_attr="step",
            max_t=spec.training.steps,
            grace_period=grace,
            reduction_factor=2,
            metric="score",
            mode="max" if spec.higher_is_better else "min",
            # The last report comes with the end of the training; stopping there would only cut off the tail.
            stop_last_trials=False,
        )

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        if trial.config.get("kind") != "crafted" or not math.isfinite(result.get("score", math.nan)):
            return TrialScheduler.CONTINUE
        return super().on_trial_result(tune_controller, trial, result)

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        if trial.config.get("kind") == "crafted" and math.isfinite(result.get("score", math.nan)):
            super().on_trial_complete(tune_controller, trial, result)
