"""Which share of what a trainer draws looks like the images that it is to restore."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degcraft.degradation import find_parameter
from degcraft.features import AxisPosterior, cell_borders
from degcraft.matching.estimates import beliefs

HELD = 0.8
"""Share of the images that a named range holds."""


@dataclass(frozen=True)
class AxisShare:
    """One axis, as an extractor sees it in what is drawn and in the references."""

    name: str
    references: tuple[float, float]
    """Where most of them lie; the identity at an end where they are not degraded that way."""
    drawn: tuple[float, float]
    """Where most of what is drawn lies."""
    elsewhere: float
    """Share of what is drawn that would have to be drawn otherwise (total variation), 0 to 1."""


def audited_axes(drawn: NDArray[np.floating], references: NDArray[np.floating], scale: int) -> list[AxisShare]:
    """Every axis that degnet tells.

    Args:
        drawn: (n, c) features of degnet, of what the trainer draws.
        references: (m, c) those of the references.
        scale: Of the images.
    """
    made, had = (beliefs("degnet", features, scale) for features in (drawn, references))
    shares = []
    for name, belief in had.items():
        own, other = belief.probabilities.mean(axis=0), made[name].probabilities.mean(axis=0)
        ends = [_ends(name, belief, *_most(mass)) for mass in (own, other)]
        shares.append(AxisShare(name, ends[0], ends[1], float(np.abs(own - other).sum() / 2)))
    return shares


def _most(mass: NDArray[np.floating]) -> tuple[int, int]:
    """First and last of the cells that hold `HELD` of a mass, as much on either side."""
    cumulative = np.cumsum(mass) / mass.sum()
    return int(np.searchsorted(cumulative, (1 - HELD) / 2)), int(np.searchsorted(cumulative, (1 + HELD) / 2 - 1e-9))


def _ends(name: str, belief: AxisPosterior, first: int, last: int) -> tuple[float, float]:
    """Where a run of cells begins and ends; a cell of the identity is only that."""
    identity, borders = find_parameter(name).identity, cell_borders(belief.values)

    def end(cell: int, border: int) -> float:
        value = float(belief.values[cell])
        return identity if value == identity or not np.isfinite(value) else float(borders[border])

    return end(first, first), end(last, last + 1)
