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

from degcraft.degradation import Blocks
from degcraft.matching.block_tree import Part, distance, grow, mixed, whole
from degcraft.matching.descriptions import Descriptions, Floats, described
from degcraft.matching.measurement import Measurement
from degcraft.matching.weightings.base import Weighting, Weights, resampled

MOST = 96
"""Blocks."""
PATIENCE = 6
"""Divisions without the other half coming nearer, after which a tree has grown too far."""
TOLERANCE = 0.01
"""Share of all that a tree gains which is not worth more blocks: what the description cannot say is fitted, too."""
HALVINGS = 2
"""Times that the reference files are halved."""
DRAWS_OF_RESIDUAL = 60


class Divided(Weighting):
    """See the module's own words."""

    def __init__(self, measurement: Measurement, whole: float) -> None:
        self._measurement, self._share = measurement, whole

    @cached_property
    def _known(self) -> Descriptions:
        return described(self._measurement)

    @cached_property
    def _tree(self) -> tuple[list[Part], Weights]:
        root, references = whole(self._measurement.space.shape, self._known.means), self._known.references
        steps = []
        for mine in _halves(self._measurement.reference_groups):
            steps += [_best_steps(root, references[one], references[~one]) for one in (mine, ~mine)]
        grown = islice(grow(root, references.mean(axis=0)), round(float(np.median(steps))))
        return deque(grown, maxlen=1)[0]

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self._measurement.space, np.stack([part.cells for part in self._tree[0]]))

    @property
    def blocks(self) -> Blocks:
        """See `Weighting.blocks`."""
        return self._blocks

    def weights(self) -> Weights:
        """See `Weighting.weights`; a share of `whole` stays on the whole space."""
        even = self.blocks.bins / self.blocks.bins.sum()
        return (1 - self._share) * self._tree[1] + self._share * even

    def draws(self, count: int, seed: int, *, widened: bool = True) -> Weights:
        """By a bootstrap over the files of both sides, the blocks staying what they are; always of a share of 0.

        Another draw of clean files moves the descriptions of all blocks alike.
        """
        means, target = self._problem
        reach = np.sqrt(max(1.0, self.misfit())) if widened else 1.0
        return np.stack([mixed(means, target + reach * moved) for moved in self._other_files(count, seed)])

    def misfit(self) -> float:
        """See `Weighting.misfit`: the squared residual over the mean one of other files."""
        means, target = self._problem
        expected = float(np.square(self._other_files(DRAWS_OF_RESIDUAL, 0)).sum(axis=1).mean())
        return float(np.square(means @ self._tree[1] - target).sum()) / expected if expected > 0 else 1.0

    @cached_property
    def _problem(self) -> tuple[Floats, Floats]:
        """The parts' means (d, K) and that of the references (d,)."""
        return np.stack([part.mean for part in self._tree[0]], axis=1), self._known.references.mean(axis=0)

    def _other_files(self, count: int, seed: int) -> Floats:
        """(count, d) by how much other draws of files would move the references' mean against the blocks'."""
        known, random = self._known, np.random.default_rng(seed)
        of_hr = resampled(self._measurement.hr_groups, count, random)
        of_references = resampled(self._measurement.reference_groups, count, random)
        return (of_references @ known.references - known.references.mean(axis=0)) - (
            of_hr @ known.own - known.own.mean(axis=0)
        )


def _halves(groups: NDArray[np.integer]) -> list[NDArray[np.bool_]]:
    """Halves of the files; of the images, where there is one file."""
    random, found = np.random.default_rng(0), []
    _, places = np.unique(groups, return_inverse=True)
    places = places if places.max() > 0 else np.arange(len(groups))
    for _ in range(HALVINGS):
        files = random.permutation(int(places.max()) + 1)
        found.append(np.isin(places, files[: len(files) // 2]))
    return found


def _best_steps(root: Part, mine: Floats, others: Floats) -> int:
    """Steps, the whole space being the first, after which a tree for some references is about nearest to the others."""
    target, misses = others.mean(axis=0), []
    for parts, weights in grow(root, mine.mean(axis=0)):
        misses.append(distance(parts, weights, target))
        slack = TOLERANCE * (misses[0] - min(misses))
        if len(parts) >= MOST or min(misses[:-PATIENCE], default=np.inf) <= min(misses[-PATIENCE:]) + slack:
            break
    return int(np.flatnonzero(np.array(misses) <= min(misses) + slack)[0]) + 1
