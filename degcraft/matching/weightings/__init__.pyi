from .base import Weighting
from .registry import (
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
from .spec import WeightingSpec

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
