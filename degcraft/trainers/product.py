"""The nearest that can be said of a distribution where every axis is drawn by itself, uniformly, or left out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import lsq_linear
from torch import Tensor

from degcraft.degradation import CraftedDistribution, Degradation, Parameter, degrade, find_parameter
from degcraft.matching.distribution_distance import Boxes, none_place
from degcraft.trainers.ranges import Range, Sayable

DRAWS = 20_000
"""Of the distribution, to which the ranges are fitted."""


@dataclass(frozen=True)
class Product:
    """A degradation source whose axes are independent of each other."""

    items: tuple[tuple[str, Range], ...]
    """Names of axes and their ranges."""

    @property
    def ranges(self) -> Mapping[str, Range]:
        """By name of the axis."""
        return dict(self.items)

    @property
    def boxes(self) -> Boxes:
        """As a mixture of boxes, one for every set of axes that may be left out together."""
        options = {
            name: [(one.share, (one.low, one.high)), (1 - one.share, (none_place(name),) * 2)]
            for name, one in self.ranges.items()
        }
        chosen = [picked for picked in product(*options.values()) if all(share > 0 for share, _ in picked)]
        weights = np.array([np.prod([share for share, _ in picked]) for picked in chosen])
        sides = {
            name: np.array([picked[place][1] for picked in chosen], dtype=np.float64)
            for place, name in enumerate(options)
        }
        return Boxes(weights / weights.sum(), sides)

    def degrade(self, hr: Tensor, scale: int, generator: torch.Generator) -> tuple[Tensor, Degradation]:
        """See `DegradationSource.degrade`; there always is a second part."""
        parameters = {}
        for name, one in self.ranges.items():
            uniform, some = torch.rand(2, len(hr), generator=generator, device=generator.device)
            values = one.low + (one.high - one.low) * uniform
            parameters[name] = torch.where(some < one.share, values, find_parameter(name).identity)
        degradation = Degradation(parameters)
        return degrade(hr, degradation, scale, generator), degradation

    def describe(self) -> dict[str, Any]:
        """See `DegradationSource.describe`."""
        return {"kind": "product", "ranges": {name: asdict(one) for name, one in self.ranges.items()}}


def nearest_product(crafted: CraftedDistribution, sayable: Mapping[str, Sayable]) -> Product:
    """Of every axis that can be said the range with the least Wasserstein-2 distance to the axis' marginal.

    Where an axis can't be left out, images without it count to the mildest that can be said.

    Args:
        crafted: What is to be said.
        sayable: By name of the axis; others of the distribution are left out.
    """
    drawn = crafted.source().draw(DRAWS, torch.Generator().manual_seed(0)).parameters
    return Product(
        tuple(
            (name, _nearest(values.double().numpy(), find_parameter(name), sayable[name]))
            for name, values in drawn.items()
            if name in sayable
        )
    )


def _nearest(values: NDArray[np.float64], parameter: Parameter, able: Sayable) -> Range:
    none, mildest = values == parameter.identity, able.low if parameter.mild_is_low else able.high
    share = float(1 - none.mean()) if able.some else 1.0
    values = values[~none] if able.some else np.where(none, mildest, values)
    if not len(values):
        return Range(mildest, mildest, 0.0)
    # A uniform distribution's quantiles are a straight line: the nearest one is the least-squares line through them.
    places = (np.arange(len(values)) + 0.5) / len(values)
    lines = np.stack([1 - places, places], axis=1)
    ends = lsq_linear(lines, np.sort(values), (able.low, able.high)).x
    return Range(float(ends[0]), float(ends[1]), share)
