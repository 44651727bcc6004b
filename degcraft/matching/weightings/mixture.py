"""Weights whose mixture of bins, as a whole, has the least Fréchet distance to the references.

Eq. 3 of arXiv 2305.18107 takes one bin at a time. Of a mixture the mean is μ(w) = Σ w_b μ_b and the covariance
Σ(w) = Σ w_b (Σ_b + μ_b μ_bᵀ) − μ(w) μ(w)ᵀ. Seen from the references' mean, the mean and trace terms of the distance add
up to a linear one, and what is left, −2 tr (Σ_r^½ Σ(w) Σ_r^½)^½, is convex in w. With the references' features
Y = U S Vᵀ less their mean, everything happens in the coordinates S Vᵀ of their at most m − 1 dimensions: no covariance
of all c features is formed.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from degcraft.errors import DegcraftError
from degcraft.matching.measurement import Measurement
from degcraft.matching.simplex import minimise
from degcraft.matching.weightings.base import Weighting, Weights, resampled

MOST_DRAWS = 25
_FLOOR = 1e-6
"""Eigenvalues below this share of the largest are continued by the tangent of the root: it stays smooth and concave,
and finite where a step of the method leaves the simplex."""


class FrechetOfMixture:
    """The distance as a function of the weights, in units of the references' total variance.

    Args:
        bins: (N, n, c) features.
        references: (m, c).
        images: (m,) weight of each reference, summing to 1.
    """

    def __init__(self, bins: NDArray[np.floating], references: NDArray[np.floating], images: Weights) -> None:
        centre = images @ references
        # Weighted as a sample of as many images as count: the unbiased covariance of equal ones.
        away = (references - centre) * np.sqrt(images / max(1e-12, 1 - float(images @ images)))[:, None]
        _, singular, directions = np.linalg.svd(away, full_matrices=False)
        kept = singular > 1e-7 * singular[0] if len(singular) and singular[0] > 0 else np.zeros(0, dtype=bool)
        if not kept.any():
            raise DegcraftError("references: their features do not differ at all, so no mixture can be matched to them")
        projection = (singular[kept, None] * directions[kept]).T
        self.variance = float(np.square(singular).sum())
        self._linear = np.empty(len(bins))
        self._means = np.empty((len(bins), projection.shape[1]))
        self._moments = np.empty((len(bins), projection.shape[1] ** 2))
        for index, features in enumerate(bins):
            offset = features.astype(np.float64) - centre
            mean = offset.mean(axis=0)
            within = offset - mean
            freedom = max(1, len(features) - 1)
            seen, middle = within @ projection, mean @ projection
            self._linear[index] = np.square(within).sum() / freedom + mean @ mean
            self._means[index] = middle
            self._moments[index] = (seen.T @ seen / freedom + np.outer(middle, middle)).ravel()

    def __call__(self, weights: Weights) -> tuple[float, Weights]:
        """The distance and its gradient."""
        size = self._means.shape[1]
        mean = weights @ self._means
        core = (weights @ self._moments).reshape(size, size) - np.outer(mean, mean)
        values, vectors = np.linalg.eigh(core)
        floor = _FLOOR * max(float(values[-1]), 1e-12)
        root = np.sqrt(np.maximum(values, floor))
        total = (root + np.minimum(values - floor, 0) / (2 * root)).sum()
        inverse = (vectors / root) @ vectors.T
        gradient = self._linear - self._moments @ inverse.ravel() + 2 * self._means @ (inverse @ mean)
        distance = float(weights @ self._linear) + self.variance - 2 * float(total)
        return distance / self.variance, gradient / self.variance


class Mixture(Weighting):
    """See the module's own words."""

    def __init__(self, measurement: Measurement, width: float) -> None:
        self._measurement, self._width = measurement, width

    @cached_property
    def _found(self) -> Weights:
        known = self._measurement
        return self._solve(np.full(known.m, 1 / known.m), np.full(known.space.n_bins, 1 / known.space.n_bins))

    def weights(self) -> Weights:
        """See `Weighting.weights`."""
        return self._found

    def draws(self, count: int, seed: int, *, widened: bool = True) -> Weights:
        """By a bootstrap over the files of the references, at most `MOST_DRAWS`, each begun at the weights found."""
        images = resampled(self._measurement.reference_groups, min(count, MOST_DRAWS), np.random.default_rng(seed))
        return np.stack([self._solve(row, self._found) for row in images])

    def _solve(self, images: Weights, start: Weights) -> Weights:
        known = self._measurement
        loss = FrechetOfMixture(known.features, known.references.astype(np.float64), images)
        return minimise(loss, self._width, start)
