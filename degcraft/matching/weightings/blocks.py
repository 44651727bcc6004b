"""Blocks of the space, divided where the references ask for it: the cost follows the crops measured, not the bins.

Every image is described by the extractor's mass per cell of all axes, as `confusion` takes it, or of each pair of axes
where they are too many (`described`). A tree begins with the whole space as one block. The block and the axis are
divided that bring the mixture of the blocks' mean descriptions nearest to the references', and all weights are fitted
anew (`grow`). How often is decided by halves of the reference files: a tree for one half is divided for as long as its
mixture comes nearer to the other half. Inside a block all bins are alike: what the references do not ask for is not
said.

After density estimation trees (P. Ram and A. Gray, KDD 2011), with what the features confuse undone as in black-box
shift estimation (see `confusion`).
"""

from collections import deque
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from degcraft.degradation import Blocks
from degcraft.knobs import number
from degcraft.matching.block_tree import Floats, Part, distance, grow, mixed, whole
from degcraft.matching.descriptions import described
from degcraft.matching.measurement import Measurement
from degcraft.matching.weightings.base import Weighting, WeightingSpec, Weights, resampled

MOST = 64
"""Blocks."""
PATIENCE = 5
"""Divisions without the other half coming nearer, after which a tree has grown too far."""
HALVINGS = 3
"""Times that the reference files are halved."""
RIDGE = 1e-2
"""Of the mean variance, added to every number of a description."""
DRAWS_OF_RESIDUAL = 60


class Divided(Weighting):
    """See the module's own words."""

    def __init__(self, measurement: Measurement, width: float) -> None:
        self._measurement, self._width = measurement, width

    @cached_property
    def _sides(self) -> tuple[Part, Floats]:
        """The whole space with its crops, and the references (m, d): whitened by what degradations do not explain."""
        known = described(self._measurement)
        ridge = RIDGE * np.trace(known.unexplained) / len(known.unexplained) + 1e-12
        lower = cholesky(known.unexplained + ridge * np.eye(len(known.unexplained)), lower=True)
        crops, references = (solve_triangular(lower, side.T, lower=True).T for side in (known.crops, known.references))
        space = self._measurement.space
        return whole(space.shape, self._measurement.cells.reshape(-1, len(space.axes)), crops), references

    @cached_property
    def _tree(self) -> tuple[list[Part], Weights]:
        root, references = self._sides
        counts = []
        for mine in _halves(self._measurement.reference_groups):
            counts += [_best_count(root, references[one], references[~one]) for one in (mine, ~mine)]
        count = round(float(np.median(counts)))
        grown = islice(grow(root, references.mean(axis=0)), count)
        return deque(grown, maxlen=1)[0]

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self._measurement.space, np.stack([part.cells for part in self._tree[0]]))

    @property
    def blocks(self) -> Blocks:
        """See `Weighting.blocks`."""
        return self._blocks

    def weights(self) -> Weights:
        """See `Weighting.weights`; a share of `width` stays on the whole space."""
        even = self.blocks.bins / self.blocks.bins.sum()
        return (1 - self._width) * self._tree[1] + self._width * even

    def draws(self, count: int, seed: int, *, widened: bool = True) -> Weights:
        """By a bootstrap over the files of both sides, the blocks staying what they are; always of width 0."""
        (_, references), (parts, _) = self._sides, self._tree
        means, target = np.stack([part.mean for part in parts], axis=1), references.mean(axis=0)
        reach = np.sqrt(max(1.0, self.misfit())) if widened else 1.0
        return np.stack([
            mixed(list((means + reach * (other - means)).T), target + reach * (drawn - target))
            for other, drawn in self._other_files(count, seed)
        ])  # fmt: skip

    def misfit(self) -> float:
        """See `Weighting.misfit`: the squared residual over the mean one of other files."""
        (_, references), (parts, weights) = self._sides, self._tree
        means, target = np.stack([part.mean for part in parts], axis=1), references.mean(axis=0)
        expected = np.mean([
            np.square(drawn - target).sum() + np.square((other - means) @ weights).sum()
            for other, drawn in self._other_files(DRAWS_OF_RESIDUAL, 0)
        ])  # fmt: skip
        return distance(parts, weights, target) / float(expected) if expected > 0 else 1.0

    def _other_files(self, count: int, seed: int) -> list[tuple[Floats, Floats]]:
        """(means (d, K), mean of the references (d,)) of other draws of files."""
        (root, references), known = self._sides, self._measurement
        held = self.blocks.holding(root.held)
        random = np.random.default_rng(seed)
        of_hr = resampled(known.hr_groups, count, random)
        of_references = resampled(known.reference_groups, count, random)
        found = []
        for crops, images in zip(of_hr, of_references, strict=True):
            shares = held * np.tile(crops, known.space.groups)
            # A block that no drawn file lies in is as it was.
            shares = np.where(shares.sum(axis=1, keepdims=True) > 0, shares, held)
            means = shares @ root.crops / shares.sum(axis=1, keepdims=True)
            found.append((means.T, images @ references))
        return found


def _halves(groups: NDArray[np.integer]) -> list[NDArray[np.bool_]]:
    """Halves of the files; of the images, where there is one file."""
    random, found = np.random.default_rng(0), []
    _, places = np.unique(groups, return_inverse=True)
    places = places if places.max() > 0 else np.arange(len(groups))
    for _ in range(HALVINGS):
        files = random.permutation(int(places.max()) + 1)
        found.append(np.isin(places, files[: len(files) // 2]))
    return found


def _best_count(root: Part, mine: Floats, others: Floats) -> int:
    """Blocks at which a tree for some references is nearest to the others."""
    target, misses = others.mean(axis=0), []
    for parts, weights in grow(root, mine.mean(axis=0)):
        misses.append(distance(parts, weights, target))
        if len(parts) == MOST or len(misses) - int(np.argmin(misses)) > PATIENCE:
            break
    return int(np.argmin(misses)) + 1


BLOCKS = WeightingSpec(
    "blocks",
    "blocks of bins, divided where the references ask for it: for many axes",
    Divided,
    knobs={"width": number(0.05, "share of the weight that stays on the whole space", low=0, high=1)},
    any_space=True,
)
