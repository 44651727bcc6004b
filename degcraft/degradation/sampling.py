"""Degradations drawn from boxes, blocks and whole spaces."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import qmc

from degcraft.degradation.blocks import Blocks
from degcraft.degradation.parameters import Degradation
from degcraft.degradation.space import ROUNDS, Box, DegradationSpace, check_box


def sample_box(box: Box, n: int, generator: torch.Generator) -> Degradation:
    """n degradations drawn uniformly from a box, on the generator's device.

    Raises:
        DegcraftError: see `check_box`.
    """
    check_box(box)
    uniform = torch.rand(len(box), n, generator=generator, device=generator.device, dtype=torch.float64)
    return Degradation(
        {
            name: _between(torch.full_like(inside, low), torch.full_like(inside, high), inside)
            for (name, (low, high)), inside in zip(box.items(), uniform, strict=True)
        }
    )


def sample_blocks(blocks: Blocks, weights: NDArray[np.float64], n: int, generator: torch.Generator) -> Degradation:
    """See `Blocks.sample`."""
    device, axes = generator.device, blocks.space.axes
    uniform = torch.rand(len(axes) + 1, n, generator=generator, device=device, dtype=torch.float64)
    cumulative = torch.from_numpy(np.cumsum(weights)).to(device, non_blocking=True)
    # Blocks of weight zero are never drawn: right=True steps over them, and the clamp ends at the last used one.
    chosen = torch.searchsorted(cumulative, uniform[0] * cumulative[-1], right=True)
    chosen = chosen.clamp(max=int(np.flatnonzero(weights)[-1]))
    ends = torch.from_numpy(blocks.cells).to(device, non_blocking=True)[chosen]
    return inside(blocks.space, {
        axis.name: ends[:, place, 0] + (ends[:, place, 1] - ends[:, place, 0]) * one
        for place, (axis, one) in enumerate(zip(axes, uniform[1:].flip(0), strict=True))
    })  # fmt: skip


def sobol(space: DegradationSpace, index: int, n: int, seed: int) -> Degradation:
    """The n draws of one of `ROUNDS` rounds from the whole space, see `DegradationSpace.group`."""
    power = math.ceil(math.log2(ROUNDS * n))
    points = qmc.Sobol(len(space.axes), scramble=True, rng=seed).random_base2(power)[: ROUNDS * n]
    # Which crop gets which point is drawn anew in each round.
    order = np.random.default_rng([seed, index]).permutation(n)
    mine = torch.from_numpy(points[index * n : (index + 1) * n][order])
    mine = mine * torch.tensor(space.shape)
    return inside(space, {axis.name: mine[:, place] for place, axis in enumerate(space.axes)})


def inside(space: DegradationSpace, places: Mapping[str, torch.Tensor]) -> Degradation:
    """Degradations from places along the cells: 2.25 is a quarter into the third cell of its axis.

    Args:
        space: Whose cells.
        places: axis name → (n,) float64.
    """
    found = {}
    for axis in space.axes:
        place = places[axis.name]
        cell = place.long().clamp(max=len(axis.cells) - 1)
        low, high = torch.tensor(axis.cells, dtype=torch.float64, device=place.device)[cell].unbind(1)
        found[axis.name] = _between(low, high, place - cell)
    return Degradation(found)


def _between(low: torch.Tensor, high: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """float32 values from low to high; exactly low where both are equal, be it infinite."""
    drawn = torch.where(low == high, low, low + (high - low) * inside)
    return drawn.float().clamp(low.float(), high.float())
