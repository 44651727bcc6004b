"""The paper's weights: eq. 4 of arXiv 2305.18107 on the Fréchet distances of its eq. 3."""

import numpy as np

from degcraft.matching.intervals import SPLITS, half_distances
from degcraft.matching.measurement import Measurement
from degcraft.matching.weightings.base import Weighting, Weights
from degcraft.matching.weights import craft_weights


class Eq4(Weighting):
    """Bins by their own distance: near ones get weight, each as if it were alone."""

    def __init__(self, measurement: Measurement, alpha: float) -> None:
        self._measurement, self._alpha = measurement, alpha

    def weights(self) -> Weights:
        """See `Weighting.weights`."""
        return craft_weights(self._measurement.distances, self._alpha)

    def draws(self, count: int, seed: int, *, widened: bool = True) -> Weights:
        """By half-sampling, at most `SPLITS` of them: a bootstrap's duplicates would move every distance upward."""
        known = self._measurement
        splits = max(2, min(count, SPLITS))
        errors = np.empty((splits, known.space.n_bins))
        references = known.references.astype(np.float32)
        for index, features in enumerate(known.features):
            halves = half_distances(
                features.astype(np.float32), references, seed=seed, splits=splits,
                groups=known.hr_groups, reference_groups=known.reference_groups,
            )  # fmt: skip
            errors[:, index] = (halves[:, 0] - halves[:, 1]) / 2
        return np.stack([craft_weights(self._measurement.distances + row, self._alpha) for row in errors])
