"""How well a space holds what an extractor believes of the references, axis by axis, and what would hold it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degcraft.degradation import Axis, find_parameter
from degcraft.features import AxisPosterior, find_extractor
from degcraft.matching.measurement import Measurement
from degcraft.matching.responses import shares_of_cells
from degcraft.matching.two_sample import two_sample_test

_TAIL = 0.05
"""Of the references' belief, left out on either side of an axis that is to hold it."""
_MOST_BINS = 12


@dataclass(frozen=True, eq=False)
class AxisFit:
    """One axis of the space against what the references carry."""

    axis: Axis
    accuracy: float
    """How well references are told from crafted images by this axis alone (`TwoSampleTest.accuracy`)."""
    below: float
    """Share of the references below the axis, over that which crafted images show there; from -1 to 1."""
    above: float
    """The same above it; images without this degradation count to `without`."""
    without: float
    """The same of images without this degradation, where the axis has no cell for them."""
    belief: AxisPosterior
    """The mean one of the references: probabilities (cells,)."""
    beyond: NDArray[np.float64]
    """(m,) share of each reference's belief on that side of the axis where the most of them lie."""
    telling: NDArray[np.float64]
    """(m,) as `TwoSampleTest.telling`, by this axis alone."""

    @property
    def outside(self) -> float:
        """The largest of the three shares."""
        return max(self.below, self.above, self.without)

    def wider(self) -> Axis | None:
        """An axis that holds the references, its bins no wider; None if this one does."""
        axis, parameter, values = self.axis, find_parameter(self.axis.name), self.belief.values
        finite = np.isfinite(values)
        mass = self.belief.probabilities[finite]
        total = float(mass.sum())
        low, high = axis.low, axis.high
        if total > 0:
            reached = np.interp([_TAIL, 1 - _TAIL], np.cumsum(mass) / total, values[finite])
            step = min(np.diff(axis.edges))
            low = min(low, max(parameter.low, low - math.ceil((low - reached[0]) / step) * step))
            high = max(high, min(parameter.high, high + math.ceil((reached[1] - high) / step) * step))
        none = axis.none or self.without > _TAIL
        if (low, high, none) == (axis.low, axis.high, axis.none):
            return None
        inner = [edge for edge in axis.edges if low < edge < high]
        if axis.cuts:
            return Axis.of_edges(axis.name, [low, *inner, high], none=none)
        width = (axis.high - axis.low) / axis.bins
        return Axis(axis.name, low, high, min(_MOST_BINS, max(axis.bins, math.ceil((high - low) / width))), none)

    def finer(self) -> Axis | None:
        """The axis with its bins halved; None if they are already as fine as the extractor's belief."""
        edges = np.asarray(self.axis.edges)
        finite = self.belief.values[np.isfinite(self.belief.values)]
        steps = np.interp((edges[1:] + edges[:-1]) / 2, finite[1:], np.diff(finite))
        if not (np.diff(edges) >= 2 * steps).all() or 2 * self.axis.bins > _MOST_BINS:
            return None
        halved = np.sort(np.concatenate([edges, (edges[1:] + edges[:-1]) / 2])).tolist()
        if self.axis.cuts:
            return Axis.of_edges(self.axis.name, halved, none=self.axis.none)
        return Axis(self.axis.name, self.axis.low, self.axis.high, 2 * self.axis.bins, self.axis.none)


def fits_of_axes(
    measurement: Measurement, crafted: NDArray[np.float32], scenes: NDArray[np.integer]
) -> Mapping[str, AxisFit]:
    """By axis of the space that the extractor has a posterior for.

    Args:
        measurement: Of the references.
        crafted: (draws, n, c) features of clean crops degraded by the crafted distribution.
        scenes: (m,) which of the references show the same.
    """
    read = find_extractor(measurement.extractor).posterior
    if read is None:
        return {}
    drawn, known = (read(values, measurement.scale) for values in (crafted, measurement.references))
    axes = [axis for axis in measurement.space.axes if axis.name in known]
    return {axis.name: _fit(axis, drawn[axis.name], known[axis.name], measurement, scenes) for axis in axes}


def _fit(
    axis: Axis, drawn: AxisPosterior, known: AxisPosterior, measurement: Measurement, scenes: NDArray[np.integer]
) -> AxisFit:
    test = two_sample_test(
        drawn.probabilities.cumsum(axis=-1)[..., :-1], known.probabilities.cumsum(axis=-1)[..., :-1],
        measurement.hr_groups, scenes, seed=measurement.seed, shuffles=0,
    )  # fmt: skip
    apart = known.probabilities.mean(axis=0) - drawn.probabilities.mean(axis=(0, 1))
    share = shares_of_cells(axis, known.values)
    # Only where it is no part of the range: no noise at all is the least of noise.
    outside = np.isinf(known.values) & (axis.none_cell is None)
    # Cells (cells, 3) below the axis, above it, and without.
    sides = np.stack([share[:, 0], share[:, -1] * ~outside, outside], axis=-1)
    below, above, without = (float(one) for one in apart @ sides)
    return AxisFit(
        axis=axis,
        accuracy=test.accuracy,
        below=below,
        above=above,
        without=without,
        beyond=np.asarray((known.probabilities @ sides)[:, int(np.argmax([below, above, without]))], dtype=np.float64),
        telling=test.telling,
        belief=AxisPosterior(known.values, known.probabilities.mean(axis=0)),
    )
