"""The weightings by name. A new one is its file with a `WeightingSpec`, and one line here."""

from collections.abc import Collection, Mapping
from typing import Any

from degcraft.degradation import DegradationSpace
from degcraft.degradation.space import MOST_BINS
from degcraft.errors import DegcraftError
from degcraft.knobs import checked_knobs
from degcraft.matching.measurement import Measurement
from degcraft.matching.weightings.base import Weighting, WeightingSpec
from degcraft.matching.weightings.blocks import BLOCKS
from degcraft.matching.weightings.confusion import CONFUSION
from degcraft.matching.weightings.em import EM
from degcraft.matching.weightings.eq4 import EQ4
from degcraft.matching.weightings.estimates import ESTIMATES
from degcraft.matching.weightings.mixture import MIXTURE
from degcraft.matching.weightings.mmd import MMD

WEIGHTINGS: dict[str, WeightingSpec] = {
    spec.name: spec for spec in (CONFUSION, EQ4, MIXTURE, MMD, EM, ESTIMATES, BLOCKS)
}

DEFAULT = CONFUSION.name


def find_weighting(name: Any) -> WeightingSpec:
    """The registry entry of that name.

    Raises:
        DegcraftError: unknown name; lists the known ones.
    """
    if not isinstance(name, str) or name not in WEIGHTINGS:
        raise DegcraftError(f"weighting must be one of {', '.join(WEIGHTINGS)}, but got {name!r}")
    return WEIGHTINGS[name]


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
