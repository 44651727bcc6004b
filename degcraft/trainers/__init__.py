"""Crafted distributions for other trainers: the blocks of their configurations that say how images are degraded.

A new trainer is its file with a `TrainerSpec`, and one line here.
"""

from degcraft.errors import DegcraftError
from degcraft.trainers.base import TrainerSpec
from degcraft.trainers.blocks import Said, said, written_blocks
from degcraft.trainers.product import Product, Range, Sayable, nearest_product
from degcraft.trainers.realesrgan import NEOSR, REALESRGAN, TRAINNER_REDUX
from degcraft.trainers.wtp import WTP

TRAINERS: dict[str, TrainerSpec] = {spec.name: spec for spec in (TRAINNER_REDUX, NEOSR, REALESRGAN, WTP)}


def find_trainer(name: str) -> TrainerSpec:
    """The registry entry of that name.

    Raises:
        DegcraftError: unknown name; lists the known ones.
    """
    if name not in TRAINERS:
        raise DegcraftError(f"--for must be one of {', '.join(TRAINERS)}, but got {name!r}")
    return TRAINERS[name]


__all__ = [
    "TRAINERS",
    "Product",
    "Range",
    "Said",
    "Sayable",
    "TrainerSpec",
    "find_trainer",
    "nearest_product",
    "said",
    "written_blocks",
]
