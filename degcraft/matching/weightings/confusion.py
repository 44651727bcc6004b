"""Weights whose bins, mixed, the extractor would respond to as it does to the references.

Black-box shift estimation (Z. Lipton et al., "Detecting and Correcting for Label Shift with Black Box Predictors", ICML
2018): with h(x) the extractor's mass per class of an image, A[:, b] the mean of h over the crops of bin b, and h̄ the
mean over the references, w is the point of the simplex whose A w is nearest to h̄, measured by the covariance of h
within a bin. What the extractor confuses is so undone: two bins that it cannot tell apart share a column of A.

The width is the price of leaving uniform weights. With 0 the fit alone decides; with 1 a nat of entropy is worth one
within-bin standard deviation of a single image's response, which is about as far as the weights move with other files;
from 30 on they are nearly uniform.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, qr

from degcraft.matching.measurement import Measurement
from degcraft.matching.responses import Responses, lda_responses, posterior_responses
from degcraft.matching.simplex import least_squares, with_entropy
from degcraft.matching.weightings.base import Weighting, Weights, resampled

RIDGE = 1e-3
"""Of the mean variance, added to every class: classes that no image responds to have none of their own."""

DRAWS_OF_RESIDUAL = 60


class Confusion(Weighting):
    """See the module's own words."""

    def __init__(self, measurement: Measurement, width: float) -> None:
        self._measurement, self._width = measurement, width

    @cached_property
    def _responses(self) -> Responses:
        return posterior_responses(self._measurement) or lda_responses(self._measurement)

    @cached_property
    def _whitener(self) -> NDArray[np.float64]:
        """L with LᵀL the inverse of the covariance within the bins."""
        bins = self._responses.bins
        within = (bins - bins.mean(axis=1, keepdims=True)).reshape(-1, bins.shape[-1]).astype(np.float64)
        covariance = within.T @ within / max(1, len(within) - len(bins))
        covariance += np.eye(len(covariance)) * (RIDGE * np.trace(covariance) / len(covariance) + 1e-12)
        return np.asarray(np.linalg.inv(cholesky(covariance, lower=True)))

    @cached_property
    def _problem(self) -> tuple[NDArray[np.float64], Weights]:
        """A (K, N) and h̄ (K,), both whitened."""
        bins, references = self._responses.bins, self._responses.references
        return self._whitener @ bins.mean(axis=1, dtype=np.float64).T, self._whitener @ references.mean(
            axis=0, dtype=np.float64
        )

    @cached_property
    def _fit(self) -> Weights:
        """The weights of width 0: what they leave unexplained is not the width's doing."""
        return least_squares(*_reduced(*self._problem))

    @cached_property
    def _found(self) -> Weights:
        return with_entropy(*_reduced(*self._problem), self._width, self._fit)

    def weights(self) -> Weights:
        """See `Weighting.weights`."""
        return self._found

    def draws(self, count: int, seed: int, *, widened: bool = True) -> Weights:
        """By a bootstrap over the files of both sides, widened as `Weighting.draws` says.

        Always of width 0: a width moves weights away from the truth on purpose, and what is asked is where that lies.
        """
        matrix, target = self._problem
        reach = np.sqrt(max(1.0, self.misfit())) if widened else 1.0
        return np.stack(
            [
                least_squares(*_reduced(matrix + reach * (other - matrix), target + reach * (drawn - target)))
                for other, drawn in self._other_files(count, seed)
            ]
        )

    def misfit(self) -> float:
        """See `Weighting.misfit`: the squared residual over the mean one of other files."""
        return self._misfit

    @cached_property
    def _misfit(self) -> float:
        matrix, target = self._problem
        drawn = [
            np.square(other_target - target).sum() + np.square((other - matrix) @ self._fit).sum()
            for other, other_target in self._other_files(DRAWS_OF_RESIDUAL, 0)
        ]
        expected = float(np.mean(drawn))
        return float(np.square(matrix @ self._fit - target).sum()) / expected if expected > 0 else 1.0

    def _other_files(self, count: int, seed: int) -> list[tuple[NDArray[np.float64], Weights]]:
        """(A, h̄) of other draws of files, whitened."""
        known, random = self._measurement, np.random.default_rng(seed)
        of_hr = resampled(known.hr_groups, count, random)
        of_references = resampled(known.reference_groups, count, random)
        found = []
        for crops, images in zip(of_hr, of_references, strict=True):
            table = np.tensordot(crops, self._responses.bins, axes=(0, 1))
            found.append((self._whitener @ table.T, self._whitener @ (images @ self._responses.references)))
        return found


def _reduced(matrix: NDArray[np.float64], target: Weights) -> tuple[NDArray[np.float64], Weights]:
    """The same least squares in as many rows as there are bins; a constant of the residual is lost."""
    if len(matrix) <= matrix.shape[1]:
        return matrix, target
    basis, triangle = qr(matrix, mode="economic")
    return triangle, basis.T @ target
