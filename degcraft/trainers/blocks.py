"""A crafted distribution as one block of a trainer, or as several that are used in turn."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from degcraft.degradation import CraftedDistribution
from degcraft.matching.distribution_distance import Boxes, none_place
from degcraft.trainers.product import Product, nearest_product
from degcraft.trainers.ranges import Range, Sayable
from degcraft.trainers.spec import TrainerSpec

KEPT = 0.95
"""Share of the weight that several blocks hold together at least, unless they were too many."""
MOST = 100
"""Blocks."""
LEFT = 0.95
"""Share of a blur's width that a kernel leaves of it at least, unless it is too short."""
LONG = 101
"""Taps that are enough for any blur that can be said."""


@dataclass(frozen=True)
class Said:
    """What of a distribution a trainer is told: a degradation source."""

    parts: tuple[tuple[float, Product], ...]
    """Weights, summing to 1, and blocks."""
    unsaid: tuple[str, ...]
    """Axes of the distribution that the trainer cannot say."""
    kept: float
    """Share of the distribution's weight that the blocks stand for."""

    @property
    def boxes(self) -> Boxes:
        """As a mixture of boxes."""
        found = [(weight, part.boxes) for weight, part in self.parts]
        names = {name for _, boxes in found for name in boxes.sides}
        return Boxes(
            np.concatenate([weight * boxes.weights for weight, boxes in found]),
            {name: np.concatenate([boxes.with_axes([name]).sides[name] for _, boxes in found]) for name in names},
        )

    def degrade(self, hr: Tensor, scale: int, generator: torch.Generator) -> tuple[Tensor, None]:
        """See `DegradationSource.degrade`; blocks may drive different parameters, so there is no second part."""
        weights = torch.tensor([weight for weight, _ in self.parts], dtype=torch.float64)
        chosen = torch.multinomial(weights, len(hr), replacement=True, generator=generator)
        lr = hr.new_empty(len(hr), 3, hr.shape[2] // scale, hr.shape[3] // scale)
        for place in chosen.unique().tolist():
            mine = (chosen == place).nonzero()[:, 0]
            lr[mine], _ = self.parts[place][1].degrade(hr[mine], scale, generator)
        return lr, None

    def describe(self) -> dict[str, Any]:
        """See `DegradationSource.describe`."""
        return {"kind": "said", "parts": [[weight, part.describe()] for weight, part in self.parts]}


def said(crafted: CraftedDistribution, trainer: TrainerSpec) -> Said:
    """The nearest that a trainer can be told of a distribution."""
    unsaid = tuple(axis.name for axis in crafted.space.axes if axis.name not in trainer.sayable)
    if not trainer.weighted or crafted.listed is not None:
        return Said(((1.0, nearest_product(crafted, trainer.sayable)),), unsaid, 1.0)
    weights: dict[Product, float] = {}
    for weight, part in _parts(crafted, trainer.sayable):
        weights[part] = weights.get(part, 0.0) + weight
    ranked = sorted(weights.items(), key=lambda one: -one[1])
    count = int(np.searchsorted(np.cumsum([weight for _, weight in ranked]), KEPT)) + 1
    kept = ranked[: min(count, MOST)]
    total = sum(weight for _, weight in kept)
    return Said(tuple((weight / total, part) for part, weight in kept), unsaid, total)


def shortened(found: Said, trainer: TrainerSpec) -> list[str]:
    """What a trainer's kernels leave of the widest blur that it is told, where they are too short for it."""
    sigma = max((part.ranges["blur_sigma"].high for _, part in found.parts if "blur_sigma" in part.ranges), default=0.0)
    if trainer.taps is None or not sigma:
        return []
    fewest, most = trainer.taps
    least, best = _width(sigma, fewest), _width(sigma, most)
    if least >= LEFT * _width(sigma, LONG):
        return []
    if fewest == most:
        return [f"kernels end at {most} taps: a sigma of {sigma:.2g} blurs as {best:.2g} does"]
    kernels = f"kernels have {fewest} to {most} taps, drawn anew for each image"
    return [f"{kernels}: a sigma of {sigma:.2g} blurs as {least:.2g} to {best:.2g} do"]


def _width(sigma: float, taps: int) -> float:
    """The standard deviation of a Gaussian kernel that ends after so many taps."""
    places = np.arange(taps) - taps // 2
    kernel = np.exp(-(places**2) / (2 * sigma**2))
    return float(np.sqrt((places**2 * kernel).sum() / kernel.sum()))


def _parts(crafted: CraftedDistribution, sayable: Mapping[str, Sayable]) -> Iterable[tuple[float, Product]]:
    """The bins or blocks that have weight, as far as they can be said."""
    for place in np.flatnonzero(crafted.weights):
        ranges = {}
        for axis, (first, last) in zip(crafted.space.axes, crafted.parts.cells[place], strict=True):
            if axis.name not in sayable:
                continue
            held = [cell for cell in range(first, last) if cell != axis.none_cell]
            ends = [end for cell in held for end in axis.cells[cell]] or [none_place(axis.name)]
            low, high = np.clip([min(ends), max(ends)], sayable[axis.name].low, sayable[axis.name].high)
            ranges[axis.name] = Range(float(low), float(high), len(held) / (last - first))
        yield float(crafted.weights[place]), Product(tuple(ranges.items()))


def written_blocks(found: Said, trainer: TrainerSpec, scale: int, images: int, words: Iterable[str]) -> list[str]:
    """The text of every block, `words` as comments before it.

    Args:
        found: What is said.
        trainer: Whose language.
        scale: Of the network that is trained.
        images: That several blocks together make.
        words: Lines.
    """
    head = "".join(f"# {word}\n" for word in words)
    texts = []
    for weight, part in found.parts:
        size = f"\nsize = {max(1, round(weight * images))}\n" if trainer.weighted else ""
        texts.append(head + trainer.write(part, scale) + size)
    return texts
