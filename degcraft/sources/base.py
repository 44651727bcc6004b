"""What the registry knows of a degradation source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from degcraft.registry import Entry

if TYPE_CHECKING:
    from degcraft.degradation import DegradationSource


@dataclass(frozen=True)
class SourceSpec(Entry):
    """One entry of the registry of sources."""

    build: Callable[..., DegradationSource]
    bare: str = ""
    """The knob that a value without a name is of, as the 3 of `setting:3`; empty: every value needs its name."""
    suffix: str = ""
    """Of files that are this source, so that a path alone chooses it."""
    scale_of: Callable[..., int | None] = lambda **_: None
    """The scale that it was found for, by its knobs; None where it is for any or does not say."""
