"""From a measurement to weights over the bins: methods by name, each with its knobs."""

from degcraft.matching.weightings.base import Weighting, WeightingSpec
from degcraft.matching.weightings.registry import (
    DEFAULT,
    WEIGHTINGS,
    check_space,
    checked_weighting,
    default_weighting,
    find_weighting,
    make_weighting,
    weighting_words,
)

__all__ = [
    "DEFAULT",
    "WEIGHTINGS",
    "Weighting",
    "WeightingSpec",
    "check_space",
    "checked_weighting",
    "default_weighting",
    "find_weighting",
    "make_weighting",
    "weighting_words",
]
