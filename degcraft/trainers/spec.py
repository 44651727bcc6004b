"""What the registry knows of another trainer's degradation block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from degcraft.knobs import whole_number
from degcraft.trainers.ranges import Sayable

if TYPE_CHECKING:
    from degcraft.trainers.product import Product

SCALE = whole_number(4, "magnification", most=8)


@dataclass(frozen=True)
class TrainerSpec:
    """One entry of the registry of trainers."""

    name: str
    """The name it is chosen by."""
    description: str
    """One line for a person who chooses."""
    suffix: str
    """Of its configuration files."""
    sayable: Mapping[str, Sayable]
    """By axis."""
    write: Callable[[Product, int], str]
    """The block for a scale, in the language of the configuration, without comments."""
    otherwise: tuple[str, ...] = ()
    """What it does in another way than eq. 2, whatever it is told."""
    taps: tuple[int, int] | None = None
    """Of its blurs' kernels, the fewest and the most; None: as many as a blur needs."""
    weighted: bool = False
    """Whether several blocks can be used in turn, each for a given number of images."""
