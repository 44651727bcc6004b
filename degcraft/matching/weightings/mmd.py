"""Weights whose mixture has the least energy distance to the references (G. Székely and M. Rizzo, "Energy statistics",
Journal of Statistical Planning and Inference 143, 2013): the squared maximum mean discrepancy of the kernel −‖x − y‖.
"""

import math
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from degcraft.matching.measurement import Measurement
from degcraft.matching.simplex import with_entropy
from degcraft.matching.weightings.base import Weighting, Weights, resampled

MOST_CROPS = 10_000
"""Crops of all bins together that are compared with one another; every bin gives as many of them."""


class EnergyDistance(Weighting):
    """See the module's own words."""

    def __init__(self, measurement: Measurement, width: float) -> None:
        self._measurement, self._width = measurement, width

    @cached_property
    def _crops(self) -> NDArray[np.float32]:
        known = self._measurement
        count = max(2, min(known.n, MOST_CROPS // known.space.n_bins))
        chosen = np.linspace(0, known.n - 1, count).round().astype(int)
        return known.features[:, chosen].astype(np.float32)

    @cached_property
    def _among(self) -> NDArray[np.float64]:
        """(N, N) mean distance between the crops of two bins; a crop is not compared with itself, degraded twice."""
        bins, count, width = self._crops.shape
        flat = torch.from_numpy(self._crops.reshape(-1, width))
        other = 1 - torch.eye(count)
        rows = [
            (torch.cdist(flat[start : start + count], flat).view(count, bins, count) * other[:, None]).sum(dim=(0, 2))
            for start in range(0, len(flat), count)
        ]
        return torch.stack(rows).numpy().astype(np.float64) / (count * (count - 1))

    @cached_property
    def _to_references(self) -> NDArray[np.float64]:
        """(N, m) mean distance from the crops of a bin to each reference."""
        references = torch.from_numpy(self._measurement.references.astype(np.float32))
        rows = [torch.cdist(torch.from_numpy(crops), references).mean(dim=0) for crops in self._crops]
        return torch.stack(rows).numpy().astype(np.float64)

    @cached_property
    def _found(self) -> Weights:
        m = self._measurement.m
        return self._solve(np.full(m, 1 / m))

    def weights(self) -> Weights:
        """See `Weighting.weights`."""
        return self._found

    def draws(self, count: int, seed: int, *, widened: bool = True) -> Weights:
        """By a bootstrap over the files of the references; the clean images stay as they are."""
        images = resampled(self._measurement.reference_groups, count, np.random.default_rng(seed))
        return np.stack([self._solve(row) for row in images])

    def _solve(self, images: NDArray[np.float64]) -> Weights:
        """argmin of 2 kᵀw − wᵀKw, which over the simplex is the square of a norm: G = k1ᵀ + 1kᵀ − K is positive."""
        near = self._to_references @ images
        gram = near[:, None] + near - self._among
        values, vectors = np.linalg.eigh((gram + gram.T) / 2)
        root = vectors * np.sqrt(np.clip(values, 1e-9 * values.max(), None) / float(np.mean(np.diag(self._among))))
        return with_entropy(math.sqrt(2) * root.T, np.zeros(len(gram)), self._width, np.full(len(gram), 1 / len(gram)))
