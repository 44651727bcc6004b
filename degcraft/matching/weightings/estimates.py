"""Every reference's own estimate: what the extractor says, taken at its word; the weights say in which cells.

No confusion is undone and no clean image looked at, but what one image carries together stays together. The quantile
is counted from the mild side of each belief. Below 0.5 it leans to milder degradations, which PSNR on real pairs
rewards: training on too strong a degradation harms it more than training on too mild a one.
"""

import numpy as np
from numpy.typing import NDArray

from degcraft.degradation import Axis, ListedSource, find_parameter
from degcraft.matching.estimates import mild_degradations, reference_beliefs
from degcraft.matching.measurement import Measurement
from degcraft.matching.weightings.base import Weighting, Weights, resampled


class Estimates(Weighting):
    """See the module's own words."""

    def __init__(self, measurement: Measurement, quantile: float) -> None:
        self._measurement = measurement
        axes = measurement.space.axes
        self._estimates = mild_degradations(reference_beliefs(measurement), quantile)
        cells = [_cells(axis, self._estimates.parameters[axis.name].double().numpy()) for axis in axes]
        self._bins = np.ravel_multi_index(tuple(cells), measurement.space.shape)

    @property
    def listed(self) -> ListedSource:
        """See `Weighting.listed`: what the space cannot say, such as no compression where all its bins compress."""
        return self._estimates

    def weights(self) -> Weights:
        """See `Weighting.weights`."""
        return self._counted(np.full(len(self._bins), 1 / len(self._bins)))

    def draws(self, count: int, seed: int, *, widened: bool = True) -> Weights:
        """By a bootstrap over the reference files; no clean image has a part in it."""
        random = np.random.default_rng(seed)
        return np.stack([self._counted(row) for row in resampled(self._measurement.reference_groups, count, random)])

    def _counted(self, shares: NDArray[np.float64]) -> Weights:
        return np.bincount(self._bins, shares, minlength=self._measurement.space.n_bins).astype(np.float64)


def _cells(axis: Axis, values: NDArray[np.float64]) -> NDArray[np.intp]:
    """The cell that each value lies in, that of none before one that reaches to its value, or else the nearest."""
    scaled = find_parameter(axis.name).scaled
    low, high = np.array([[scaled(end) for end in cell] for cell in axis.cells]).T
    places = np.array([scaled(value) for value in values])[:, None]
    away = np.maximum(low - places, places - high).clip(min=0)
    if axis.none_cell is not None:
        away[places[:, 0] == low[axis.none_cell], axis.none_cell] = -1
    return np.asarray(away.argmin(axis=1), dtype=np.intp)
