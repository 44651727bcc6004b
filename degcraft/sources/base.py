"""What the registry knows of a degradation source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from degcraft.knobs import Knob

if TYPE_CHECKING:
    from degcraft.degradation import DegradationSource


@dataclass(frozen=True)
class SourceSpec:
    """One entry of the registry of sources."""

    name: str
    """The name it is chosen by."""
    description: str
    """One line for a person who chooses."""
    build: Callable[..., DegradationSource]
    """Called with all knobs as keywords; raises DegcraftError for values that do not go together."""
    knobs: Mapping[str, Knob] = field(default_factory=dict)
    bare: str = ""
    """The knob that a value without a name is of, as the 3 of `setting:3`; empty: every value needs its name."""
    suffix: str = ""
    """Of files that are this source, so that a path alone chooses it."""
