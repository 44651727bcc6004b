"""Weights by expectation and maximisation (M. Saerens et al., "Adjusting the Outputs of a Classifier to New a Priori
Probabilities", Neural Computation 14, 2002), on the posteriors of a linear discriminant analysis over the bins.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from degcraft.matching.measurement import Measurement
from degcraft.matching.responses import lda_responses
from degcraft.matching.weightings.base import Weighting, Weights, resampled

STEPS, TOLERANCE = 500, 1e-6
"""Most steps, and the total variation of a step below which it has settled."""


class ExpectationMaximisation(Weighting):
    """See the module's own words."""

    def __init__(self, measurement: Measurement, width: float) -> None:
        self._measurement, self._width = measurement, width

    @cached_property
    def _posteriors(self) -> NDArray[np.float64]:
        return lda_responses(self._measurement).references.astype(np.float64)

    @cached_property
    def _found(self) -> Weights:
        m = self._measurement.m
        return self._settle(np.full((1, m), 1 / m), None)[0]

    def weights(self) -> Weights:
        """See `Weighting.weights`."""
        return self._found

    def draws(self, count: int, seed: int, *, widened: bool = True) -> Weights:
        """By a bootstrap over the files of the references; the clean images stay as they are."""
        images = resampled(self._measurement.reference_groups, count, np.random.default_rng(seed))
        return self._settle(images, self._found)

    def _settle(self, images: NDArray[np.float64], start: Weights | None) -> Weights:
        """(draws, m) weights of the references → (draws, N)."""
        likely = self._posteriors
        even = 1 / likely.shape[1]
        weights = np.full((len(images), likely.shape[1]), even)
        if start is not None:
            weights = 0.9 * start + 0.1 * weights
        for _ in range(STEPS):
            mixed = np.maximum(weights @ likely.T, 1e-300)
            held = weights * ((images / mixed) @ likely)
            stepped = (held + self._width * even) / (held.sum(axis=1, keepdims=True) + self._width)
            moved = np.abs(stepped - weights).sum(axis=1).max() / 2
            weights = stepped
            if moved < TOLERANCE:
                break
        return weights
