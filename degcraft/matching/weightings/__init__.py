"""From a measurement to weights over the bins: methods by name, each with its knobs."""

from degcraft.matching.weightings.base import Weighting, WeightingSpec
from degcraft.matching.weightings.registry import (
    DEFAULT,
    USUAL,
    WEIGHTINGS,
    check_space,
    checked_weighting,
    default_weighting,
    find_weighting,
    make_weighting,
    usual_weightings,
)

__all__ = [
    "DEFAULT",
    "USUAL",
    "WEIGHTINGS",
    "Weighting",
    "WeightingSpec",
    "check_space",
    "checked_weighting",
    "default_weighting",
    "find_weighting",
    "make_weighting",
    "usual_weightings",
]
