"""Whether two sets of images can be told apart: the classifier two-sample test.

A linear discriminant analysis with shrinkage is trained to tell one set from the other, and judged on files that it has
not seen (D. Lopez-Paz & M. Oquab, "Revisiting Classifier Two-Sample Tests", ICLR 2017). What it would reach by chance
alone is found by giving the files their sides anew, at random.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from degcraft.errors import DegcraftError

FOLDS = 5
SHUFFLES = 40
DIMENSIONS = 40
"""Principal components that the classifier sees at most: more of about 100 images a side only cost time."""


@dataclass(frozen=True, eq=False)
class TwoSampleTest:
    """How well two sets can be told apart."""

    accuracy: float
    """Mean of the shares of either set that is recognised, 0 to 1; about 0.5 where they cannot be told apart."""
    chance: float
    """What it stays below in 95 % of all cases if nothing but chance tells the sets apart."""
    telling: NDArray[np.float64]
    """(m,) how sure it is of each image of the second set that it is of the second, in log-odds: large ones give it
    away."""

    @property
    def differs(self) -> bool:
        """Whether more than chance tells the sets apart."""
        return self.accuracy > self.chance


def two_sample_test(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    first_groups: NDArray[np.integer],
    second_groups: NDArray[np.integer],
    *,
    seed: int = 0,
    shuffles: int = SHUFFLES,
) -> TwoSampleTest:
    """Tells two sets of images apart by their features, as well as it can.

    Args:
        first: (n, c) features, or (r, n, c): several draws of the same n images, over which results are averaged.
        second: (m, c).
        first_groups: (n,) the file of each image: one is never judged by what was learnt of another of its file,
            unless all are of one.
        second_groups: (m,).
        seed: Of the folds and of the shuffles.
        shuffles: How often sides are given at random; 0 leaves `chance` NaN.

    Raises:
        DegcraftError: fewer than two images on a side, or features that do not fit.
    """
    draws = np.asarray(first, dtype=np.float64)
    draws = draws[None] if draws.ndim == 2 else draws
    known = np.asarray(second, dtype=np.float64)
    if draws.ndim != 3 or known.ndim != 2 or draws.shape[2] != known.shape[1]:
        raise DegcraftError(f"both sets must have the same features, but got {draws.shape} and {known.shape}")
    if min(draws.shape[1], len(known)) < 2:
        raise DegcraftError(f"either set must have at least 2 images, but got {draws.shape[1]} and {len(known)}")
    random = np.random.default_rng(seed)
    trials = [_Trial(draw, known, first_groups, second_groups, random) for draw in draws]
    found = [trial.told_apart(trial.sides) for trial in trials]
    chance = [trials[index % len(trials)].by_chance(random) for index in range(shuffles)]
    return TwoSampleTest(
        accuracy=float(np.mean([accuracy for accuracy, _ in found])),
        chance=float(np.quantile(chance, 0.95)) if chance else float("nan"),
        telling=np.mean([odds[len(draws[0]) :] for _, odds in found], axis=0),
    )


class _Trial:
    """Both sets together, in few dimensions, with their folds by file."""

    def __init__(
        self,
        first: NDArray[np.float64],
        second: NDArray[np.float64],
        first_groups: NDArray[np.integer],
        second_groups: NDArray[np.integer],
        random: np.random.Generator,
    ) -> None:
        values = np.concatenate([first, second])
        deviation = values.std(axis=0)
        values = (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
        basis = np.linalg.svd(values, full_matrices=False)[2][:DIMENSIONS]
        self._values = values @ basis.T
        places = [_places(groups) for groups in (first_groups, second_groups)]
        counts = [int(place.max()) + 1 for place in places]
        self._files = np.concatenate([places[0], places[1] + counts[0]])
        self._file_sides = np.repeat([0, 1], counts)
        folds = min(FOLDS, *counts)
        # Each side is dealt over the folds on its own, so that every fold holds files of both.
        self._folds = np.concatenate([random.permutation(np.arange(count) % folds) for count in counts])

    @cached_property
    def sides(self) -> NDArray[np.intp]:
        """(n + m,) 0 for the first set, 1 for the second."""
        return self._file_sides[self._files]

    def by_chance(self, random: np.random.Generator) -> float:
        """The accuracy where files have their sides at random, as many of each in every fold as there are."""
        shuffled = self._file_sides.copy()
        for fold in np.unique(self._folds):
            here = self._folds == fold
            shuffled[here] = random.permutation(shuffled[here])
        return self.told_apart(shuffled[self._files])[0]

    def told_apart(self, sides: NDArray[np.intp]) -> tuple[float, NDArray[np.float64]]:
        """Cross-validated: the balanced accuracy, and each image's log-odds of being of the second set."""
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        odds = np.zeros(len(sides))
        for fold in np.unique(self._folds):
            left = self._folds[self._files] == fold
            judge = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=[0.5, 0.5])
            judge.fit(self._values[~left], sides[~left])
            odds[left] = judge.decision_function(self._values[left])
        right = (odds > 0) == (sides == 1)
        return float((right[sides == 0].mean() + right[sides == 1].mean()) / 2), odds


def _places(groups: NDArray[np.integer]) -> NDArray[np.intp]:
    """Files numbered from 0; images, where all are of one file."""
    places = np.unique(groups, return_inverse=True)[1]
    return places if places.max() > 0 else np.arange(len(places))
