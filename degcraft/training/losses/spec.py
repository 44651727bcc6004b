"""What the registry knows of a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from degcraft.registry import Entry

if TYPE_CHECKING:
    from degcraft.training.losses.base import LossTerm


@dataclass(frozen=True)
class LossSpec(Entry):
    """One entry of the registry of losses."""

    build: Callable[..., LossTerm]
    """Called with `seed` and all knobs as keywords; the loss lies on the CPU."""
    alone: bool = True
    """Whether a network can be trained on it with no other beside it: what only asks for a likely image is not enough
    to keep the one that was given."""
    least_patch: Callable[[Mapping[str, Any]], int] = lambda knobs: 1
    """Side of the smallest clean crop, in pixels, that the loss can judge, by its knobs."""
