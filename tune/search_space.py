"""What there is to search, as Optuna asks it: a conditional space with its first points and its size."""

import math
from typing import Any

from optuna.trial import BaseTrial

from degcraft.matching import find_weighting
from tune.architectures import Architectures
from tune.config import TrialConfig
from tune.searchable import Range, choices
from tune.spec import SearchSpec


class SearchSpace:
    """The knobs of a specification as an Optuna define-by-run space; what belongs to an extractor or to a network is
    asked for that one only.
    """

    def __init__(self, spec: SearchSpec, architectures: Architectures) -> None:
        self.spec, self.architectures = spec, architectures

    def __call__(self, trial: BaseTrial) -> dict[str, Any]:
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

    @property
    def size(self) -> float:
        """How many configurations it holds; infinite where a range is among them."""
        knobs = self.spec.search
        return (
            sum(len(knobs.layers_of(name)) for name in choices(knobs.extractor))
            * sum(
                math.prod(_count(value) for value in knobs.weighting.knobs_of(name).values())
                for name in self.spec.weightings
            )
            * sum(
                math.prod(len(values) for values in self.architectures.values_of(name).values())
                for name in self.architectures.names
            )
            * _count(knobs.learning_rate)
        )

    def first(self) -> list[dict[str, Any]]:
        """The first points, one for each weighting: its own defaults where they lie in the range, and the first of
        everything else.
        """
        knobs = self.spec.search
        extractor, name = choices(knobs.extractor)[0], self.architectures.names[0]
        weightings = self.spec.weightings
        named = {
            "extractor": choices(knobs.extractor),
            f"layer of {extractor}": knobs.layers_of(extractor),
            "network": self.architectures.names,
            **{f"{key} of {name}": values for key, values in self.architectures.values_of(name).items()},
        }
        shared = {key: values[0] for key, values in named.items() if len(values) > 1}
        return [
            shared | ({"weighting": one} if len(weightings) > 1 else {}) | self._defaults(one) for one in weightings
        ]

    def _defaults(self, weighting: str) -> dict[str, float]:
        """The defaults of a weighting's knobs that are searched."""
        found, usual = {}, find_weighting(weighting).knobs
        for knob, value in self.spec.search.weighting.knobs_of(weighting).items():
            default = usual[knob].default
            inside = isinstance(value, Range) and value.low <= default <= value.high
            if inside or (isinstance(value, list) and len(value) > 1 and default in value):
                found[f"{knob} of {weighting}"] = default
        return found

    def _weighting(self, trial: BaseTrial) -> dict[str, Any]:
        """The weighting and its knobs, each asked for by a name of its own."""
        section = self.spec.search.weighting
        name = self._choose(trial, "weighting", self.spec.weightings)
        found = {
            knob: self._number(trial, f"{knob} of {name}", value) for knob, value in section.knobs_of(name).items()
        }
        return {"weighting": name, **found}

    def _choose(self, trial: BaseTrial, name: str, values: list[Any]) -> Any:
        return values[0] if len(values) == 1 else trial.suggest_categorical(name, values)

    def _number(self, trial: BaseTrial, name: str, value: float | list[float] | Range) -> float:
        if isinstance(value, Range):
            return trial.suggest_float(name, value.low, value.high, log=value.log)
        return float(self._choose(trial, name, choices(value)))


def _count(value: float | list[float] | Range) -> float:
    return math.inf if isinstance(value, Range) else len(choices(value))


def crafted_trials(spec: SearchSpec, architectures: Architectures) -> int:
    """How many crafted trials a search has: its budget, or all that differ from each other where that is fewer."""
    return int(min(spec.budget.trials, SearchSpace(spec, architectures).size))
