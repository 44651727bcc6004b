"""What Optuna searches: the weighting with its knobs, the features, the learning rate."""

from typing import Any

from pydantic import ConfigDict, Field, PositiveInt, TypeAdapter, ValidationError, field_validator, model_validator

from degcraft.errors import DegcraftError
from degcraft.features import EXTRACTORS
from degcraft.knobs import Knob
from degcraft.matching.weightings import USUAL, checked_weighting, find_weighting
from tune.searchable import Name, Number, Range, Strict, choices, numbers
from tune.sections import check_extractor


class WeightingSection(Strict):
    """How weights are made of a measurement: a name or several, each with its own knobs, fixed or searched.

    A knob beside the name is that of every weighting that has it; those of one alone stand in a field of its name. A
    knob that is left out is searched where a search usually looks.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    name: Name | None = Field(
        default=None,
        description="which weighting (degcraft weights --help), or a list of them; if left out confusion (blocks where "
        "the space has many bins) and, where the features have a belief of every axis, estimates",
    )

    @model_validator(mode="after")
    def _check(self) -> "WeightingSection":
        names = list(USUAL) if self.name is None else choices(self.name)
        if len(set(names)) < len(names):
            raise ValueError(f"name must name each weighting once, but got {names}")
        known: set[str] = set()
        for name in names:
            try:
                spec = find_weighting(name)
                known |= spec.knobs.keys()
                for knob, value in self.knobs_of(name).items():
                    for each in numbers(value):
                        checked_weighting({"name": name, knob: each})
            except DegcraftError as error:
                raise ValueError(str(error)) from None
        if unknown := [key for key in self.model_extra or {} if key not in known | set(names)]:
            raise ValueError(f"no weighting named has a knob {unknown[0]!r}; they have {', '.join(sorted(known))}")
        return self

    def knobs_of(self, name: str) -> dict[str, float | list[float] | Range]:
        """The knobs of a weighting: its own fields, then those of all, then where a search usually looks."""
        extra, spec = self.model_extra or {}, find_weighting(name)
        own = extra.get(name, {})
        if not isinstance(own, dict):
            raise DegcraftError(f"{name} must map knobs of {name} to values, but got {own!r}")
        if unknown := [key for key in own if key not in spec.knobs]:
            raise DegcraftError(f"weighting {name}: no knob {unknown[0]!r}; it has {', '.join(spec.knobs) or 'none'}")
        return {knob: _searched(knob, own.get(knob, extra.get(knob)), entry) for knob, entry in spec.knobs.items()}


def _searched(name: str, value: Any, knob: Knob) -> float | list[float] | Range:
    """What to try of a knob."""
    if value is None:
        return knob.default if knob.usual is None else Range(low=knob.usual[0], high=knob.usual[1], log=True)
    try:
        found: float | list[float] | Range = _NUMBER.validate_python(value)
    except ValidationError as error:
        said = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise DegcraftError(f"{name}: {said[:1].lower()}{said[1:]}, but got {value!r}") from None
    return found


_NUMBER: TypeAdapter[Any] = TypeAdapter(Number)


class KnobsSpec(Strict):
    """What Optuna searches: a value is fixed, a list is a choice, {low, high, log} is a range."""

    weighting: WeightingSection = Field(
        default=WeightingSection(), description="how weights are made of what was measured"
    )
    extractor: Name = Field(default="degnet", description="the features that measure the degradation")
    layers: dict[str, Name] = Field(
        default={}, description="per extractor, the layer or layers to try; its default layer if left out"
    )
    learning_rate: Number = Field(default=2e-4, description="Adam's learning rate at the start of the schedule")
    concurrent: PositiveInt | None = Field(
        default=None, description="trials at a time; 1 makes a seeded search repeat exactly"
    )
    early_stopping: bool = Field(default=False, description="let ASHA stop poor trials")
    grace: float = Field(
        default=0.3,
        gt=0,
        le=1,
        description="share of the steps that every trial gets before ASHA may stop it",
    )

    @model_validator(mode="before")
    @classmethod
    def _say_where_alpha_went(cls, value: Any) -> Any:
        if isinstance(value, dict) and "alpha" in value:
            raise ValueError("alpha is a knob of one weighting: write weighting: {name: eq4, alpha: …}")
        return value

    @field_validator("learning_rate")
    @classmethod
    def _check_rate(cls, value: float | list[float] | Range) -> float | list[float] | Range:
        if any(not 0 < number < 1 for number in numbers(value)):
            raise ValueError(f"every learning rate must be above 0 and below 1, but got {numbers(value)}")
        return value

    @model_validator(mode="after")
    def _check_extractors(self) -> "KnobsSpec":
        for name in choices(self.extractor):
            check_extractor(name, None)
        for name, layers in self.layers.items():
            if name not in choices(self.extractor):
                raise ValueError(f"layers names {name}, which is not among the extractors searched")
            for layer in choices(layers):
                check_extractor(name, layer)
        return self

    def layers_of(self, extractor: str) -> list[str]:
        """The layers to try of an extractor, never empty."""
        if extractor in self.layers:
            return choices(self.layers[extractor])
        return [EXTRACTORS[extractor].default_layer]
