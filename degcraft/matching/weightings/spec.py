"""What the registry knows of a weighting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from degcraft.registry import Entry

if TYPE_CHECKING:
    from degcraft.matching.weightings.base import Weighting


@dataclass(frozen=True)
class WeightingSpec(Entry):
    """One entry of the registry of weightings."""

    build: Callable[..., Weighting]
    """Called with a measurement and all knobs as keywords."""
    any_space: bool = False
    """Whether it can do with a space of more bins than are measured one by one."""
    needs_posterior: bool = False
    """Whether it takes the extractor at its word, and so asks for one that has a posterior over the axes."""
