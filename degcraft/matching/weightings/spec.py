"""What the registry knows of a weighting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from degcraft.knobs import Knob

if TYPE_CHECKING:
    from degcraft.matching.weightings.base import Weighting


@dataclass(frozen=True)
class WeightingSpec:
    """One entry of the registry of weightings."""

    name: str
    """The name it is chosen by."""
    description: str
    """One line for a person who chooses."""
    build: Callable[..., Weighting]
    """Called with a measurement and all knobs as keywords."""
    knobs: Mapping[str, Knob] = field(default_factory=dict)
    any_space: bool = False
    """Whether it can do with a space of more bins than are measured one by one."""
    needs_posterior: bool = False
    """Whether it takes the extractor at its word, and so asks for one that has a posterior over the axes."""
