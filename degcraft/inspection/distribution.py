"""One distribution from several, and what it says: a value with an interval."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degcraft.features import cell_borders

COVERAGE = 0.9
"""Share of the probability that an interval holds, the same on both sides left out."""

Probabilities = NDArray[np.float64]


@dataclass(frozen=True)
class AxisEstimate:
    """An axis of one image or of a whole pile, in the unit of the axis; a JPEG quality of `inf` is no compression."""

    value: float
    """The median."""
    low: float
    high: float
    """Ends of the 90 % interval."""


def pool(posteriors: NDArray[np.floating], trust: float) -> Probabilities:
    """The normalised product of distributions raised to one power, p ∝ (∏ p_k)^(trust / K).

    A logarithmic opinion pool (Genest & Zidek, "Combining Probability Distributions", 1986). With trust 1 it is the
    normalised geometric mean; K is right for independent evidence.

    Args:
        posteriors: (K, cells), each row summing to 1.
        trust: How many independent distributions the K are worth, above 0.

    Returns:
        (cells,) summing to 1.
    """
    logs = np.log(np.maximum(np.asarray(posteriors, dtype=np.float64), 1e-12)).mean(axis=0) * trust
    raw = np.exp(logs - logs.max())
    return raw / raw.sum()


def read_estimate(probabilities: Probabilities, grid: NDArray[np.floating]) -> AxisEstimate:
    """Median and interval of a distribution over cells.

    A cell spreads its probability evenly to half-way to its neighbours. A last cell at infinity holds its
    probability at one point.

    Args:
        probabilities: (cells,) summing to 1.
        grid: (cells,) rising values of the cells; the last may be infinite.
    """
    edges = cell_borders(grid)
    cumulative = np.concatenate([[0.0], np.cumsum(probabilities)])[: len(edges)]
    tail = (1 - COVERAGE) / 2
    low, value, high = (_quantile(share, edges, cumulative) for share in (tail, 0.5, 1 - tail))
    return AxisEstimate(value, low, high)


def _quantile(share: float, edges: NDArray[np.float64], cumulative: NDArray[np.float64]) -> float:
    if share > cumulative[-1] + 1e-9:
        return math.inf
    return float(np.interp(share, cumulative, edges))
