"""The weightings by name. A new one is a file with what it does, and an entry here with what it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from degcraft.degradation import DegradationSpace
from degcraft.degradation.space import MOST_BINS
from degcraft.errors import DegcraftError
from degcraft.knobs import Knob, checked_knobs, number
from degcraft.later import Later
from degcraft.matching.weightings.spec import WeightingSpec
from degcraft.registry import Registry

if TYPE_CHECKING:
    from degcraft.matching.measurement import Measurement
    from degcraft.matching.weightings.base import Weighting


def _width(default: float, description: str, usual: tuple[float, float]) -> Knob:
    """Up to what is uniform for all that can be seen: far beyond it numbers overflow."""
    return number(default, description, low=0, high=1000, usual=usual)


CONFUSION = WeightingSpec(
    "confusion",
    "the mixture whose responses match, with what the features confuse undone",
    Later("degcraft.matching.weightings.confusion:Confusion"),
    knobs={"width": _width(0.3, "0 is the best fit alone, 30 nearly uniform", (0.03, 10.0))},
)
EQ4 = WeightingSpec(
    "eq4",
    "the paper's: the nearer a bin, the more weight (eq. 4)",
    Later("degcraft.matching.weightings.eq4:Eq4"),
    knobs={
        "alpha": number(25.0, "0 is uniform, large is the nearest bin alone", low=0, usual=(1.0, 100.0)),
    },
)
MIXTURE = WeightingSpec(
    "mixture",
    "the mixture of least Fréchet distance to the references",
    Later("degcraft.matching.weightings.mixture:Mixture"),
    knobs={"width": _width(0.0, "worth of a nat of entropy; 1 is nearly uniform", (1e-3, 1.0))},
)
MMD = WeightingSpec(
    "mmd",
    "the mixture of least energy distance to the references",
    Later("degcraft.matching.weightings.mmd:EnergyDistance"),
    knobs={"width": _width(0.0, "worth of a nat of entropy; 1 is nearly uniform", (1e-4, 1.0))},
)
EM = WeightingSpec(
    "em",
    "the most likely mixture, by expectation and maximisation over a linear classifier of the bins",
    Later("degcraft.matching.weightings.em:ExpectationMaximisation"),
    knobs={"width": _width(0.0, "weight of a uniform prior, in data sets as large as yours", (0.01, 10.0))},
)
ESTIMATES = WeightingSpec(
    "estimates",
    "each reference's own estimate, taken at its word on its mild side",
    Later("degcraft.matching.weightings.estimates:Estimates"),
    knobs={"quantile": number(0.25, "0.5 is the median; less leans to milder degradations", low=0, high=1)},
    needs_posterior=True,
)
BLOCKS = WeightingSpec(
    "blocks",
    "blocks of bins, divided where the references ask for it: for many axes",
    Later("degcraft.matching.weightings.blocks:Divided"),
    knobs={
        "whole": number(0.05, "share of the weight that stays on the whole space", low=0, high=1, usual=(0.01, 0.5))
    },
    any_space=True,
)

WEIGHTINGS: Registry[WeightingSpec] = Registry("weighting", (CONFUSION, EQ4, MIXTURE, MMD, EM, ESTIMATES, BLOCKS))

DEFAULT = CONFUSION.name

find_weighting = WEIGHTINGS.find


def checked_weighting(weighting: str | Mapping[str, Any]) -> dict[str, Any]:
    """A name, or a mapping of `name` and knobs, completed by the defaults: plain JSON.

    Raises:
        DegcraftError: an unknown name or knob, or a value that breaks its rule.
    """
    given = {"name": weighting} if isinstance(weighting, str) else dict(weighting)
    name = given.pop("name", DEFAULT)
    spec = find_weighting(name)
    return {"name": name, **checked_knobs(spec.knobs, given, owner=f"weighting {name}")}


def check_space(name: str, space: DegradationSpace) -> None:
    """Refuses a weighting that needs every bin measured for a space where they are too many.

    Raises:
        DegcraftError: naming those that can.
    """
    if space.is_sampled and not find_weighting(name).any_space:
        able = ", ".join(one.name for one in WEIGHTINGS.values() if one.any_space)
        raise DegcraftError(
            f"weighting {name} measures bins one by one, at most {MOST_BINS}, but the space has {space.n_bins:,}: "
            f"use {able}"
        )


def default_weighting(space: DegradationSpace) -> str:
    """The name of the weighting that is used where none is named."""
    return BLOCKS.name if space.is_sampled else DEFAULT


USUAL = (CONFUSION.name, BLOCKS.name, ESTIMATES.name)
"""What `usual_weightings` takes from."""


def usual_weightings(space: DegradationSpace, believed: Collection[str]) -> list[str]:
    """Those that a search tries where none is named: the default, and every image's own estimate where it has one.

    Args:
        space: That is measured.
        believed: Axes that the features have a belief of, see `ExtractorSpec.axes`.
    """
    estimated = not space.is_sampled and {axis.name for axis in space.axes} <= set(believed)
    return [default_weighting(space), *([ESTIMATES.name] if estimated else [])]


def make_weighting(measurement: Measurement, weighting: str | Mapping[str, Any]) -> Weighting:
    """The weighting of a measurement; what it costs is paid when it is asked.

    Raises:
        DegcraftError: what `checked_weighting` and `check_space` refuse.
    """
    whole = checked_weighting(weighting)
    check_space(whole["name"], measurement.space)
    return find_weighting(whole.pop("name")).build(measurement, **whole)
