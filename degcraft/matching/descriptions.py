"""Every image in a few numbers that say what its degradation looks like, and what they are on average in a block."""

from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve, cholesky, eigh, solve_triangular

from degcraft.features import find_extractor
from degcraft.matching.measurement import Measurement
from degcraft.matching.responses import MOST_CLASSES, axis_mass, cross_fitted

MOST_NUMBERS = 150
"""Of a description: those directions along which degradations differ most, for what they do not explain."""
RIDGE = 1e-2
"""Of the mean variance, added to every number's own."""
SHRINKAGE = 5.0
"""Crops that the effect of a pair of cells has to outweigh."""

Floats = NDArray[np.float64]
Masses = NDArray[np.float32]
Part = tuple[int, ...]
"""Axes that are looked at together."""


class BlockMeans(Protocol):
    """The mean description of crops by what was done to them."""

    def along(self, cells: NDArray[np.intp]) -> list[Floats]:
        """Of a block (axes, 2), for each axis: (cells of the block, d), the means over all others of its bins."""
        ...

    def across(self, cells: NDArray[np.intp], first: int, second: int) -> Floats:
        """Of a block, (cells, cells, d): what two axes, the first before the second, do beyond either alone, up to a
        sum of what each does.
        """
        ...


@dataclass(frozen=True, eq=False)
class Descriptions:
    """The two sides in one unit: what degradations do not explain has a covariance of one."""

    means: BlockMeans
    references: Floats
    """(m, d)."""
    own: Floats
    """(n, d) of each clean crop, the mean of what its degradations do not explain."""


@dataclass(frozen=True, eq=False)
class EveryBin:
    """Each bin's own mean."""

    table: Floats
    """(…cells of each axis, d)."""

    def along(self, cells: NDArray[np.intp]) -> list[Floats]:
        """See `BlockMeans.along`."""
        held = self.table[tuple(slice(*ends) for ends in cells)]
        axes = range(len(cells))
        return [held.mean(axis=tuple(other for other in axes if other != axis)) for axis in axes]

    def across(self, cells: NDArray[np.intp], first: int, second: int) -> Floats:
        """See `BlockMeans.across`."""
        held = self.table[tuple(slice(*ends) for ends in cells)]
        others = tuple(axis for axis in range(len(cells)) if axis not in (first, second))
        return np.asarray(held.mean(axis=others))


@dataclass(frozen=True, eq=False)
class EveryPair:
    """A sum of effects of the cells of every pair of axes: what three axes do together beyond that is left out."""

    effects: dict[tuple[int, int], Floats]
    """(cells, cells, d) by pair of axes, the first before the second."""

    def along(self, cells: NDArray[np.intp]) -> list[Floats]:
        """See `BlockMeans.along`."""
        ranges = [slice(*ends) for ends in cells]
        found: list[Floats | float] = [0.0] * len(cells)
        whole, without = 0.0, [0.0] * len(cells)
        for (first, second), effect in self.effects.items():
            held = effect[ranges[first], ranges[second]]
            mean = held.mean(axis=(0, 1))
            whole = whole + mean
            for axis, other in ((first, 1), (second, 0)):
                found[axis] = found[axis] + held.mean(axis=other)
                without[axis] = without[axis] + mean
        return [np.asarray(own + (whole - less)) for own, less in zip(found, without, strict=True)]

    def across(self, cells: NDArray[np.intp], first: int, second: int) -> Floats:
        """See `BlockMeans.across`."""
        return self.effects[first, second][slice(*cells[first]), slice(*cells[second])]


def described(measurement: Measurement) -> Descriptions:
    """The extractor's mass per cell of all axes together or, where these are too many, of each pair of axes.

    The mass is the extractor's own posterior where it has one for an axis, and else `cross_fitted` over its cells.
    """
    shape = measurement.space.shape
    cells = measurement.cells.reshape(-1, len(shape))
    crops, references = _masses(measurement)
    together = int(np.prod([own.shape[1] for own in crops])) <= MOST_CLASSES and not measurement.space.is_sampled
    parts: list[Part] = [tuple(range(len(shape)))] if together else list(combinations(range(len(shape)), 2))
    found, other = (_products(side, parts) for side in (crops, references))
    design = sparse.hstack([_one_hot(cells, shape, part) for part in parts]).tocsr()
    effects = _effects(design, found, 1e-6 if together else SHRINKAGE)
    expected = np.asarray(design @ effects)
    rest = found - expected
    turn = _directions(expected, rest, max(1, len(rest) - design.shape[1]))
    table = effects @ turn
    sizes = [tuple(shape[axis] for axis in part) for part in parts]
    pieces = np.split(table, np.cumsum([int(np.prod(size)) for size in sizes])[:-1])
    split = {part: piece.reshape(*size, -1) for part, size, piece in zip(parts, sizes, pieces, strict=True)}
    pairs = {(part[0], part[-1]): effect for part, effect in split.items()}
    means: BlockMeans = EveryBin(table.reshape(*shape, -1)) if together else EveryPair(pairs)
    own = (rest @ turn).reshape(measurement.space.groups, measurement.n, -1).mean(axis=0)
    return Descriptions(means, other @ turn, own)


def _masses(measurement: Measurement) -> tuple[list[Masses], list[Masses]]:
    """Of each axis (M, classes) of the crops and (m, classes) of the references."""
    read = find_extractor(measurement.extractor).posterior
    sides = (measurement.features, measurement.references)
    known = [{}, {}] if read is None else [read(values, measurement.scale) for values in sides]
    crops, references = [], []
    for place, axis in enumerate(measurement.space.axes):
        if all(axis.name in side for side in known):
            own, other = (axis_mass(axis, side[axis.name]) for side in known)
        else:
            own, other = cross_fitted(measurement, measurement.cells[..., place], len(axis.cells))
        crops.append(own.reshape(-1, own.shape[-1]))
        references.append(other)
    return crops, references


def _products(masses: list[Masses], parts: list[Part]) -> Masses:
    found = []
    for part in parts:
        joint = masses[part[0]]
        for axis in part[1:]:
            joint = (joint[:, :, None] * masses[axis][:, None]).reshape(len(joint), -1)
        found.append(joint)
    return np.hstack(found)


def _one_hot(cells: NDArray[np.intp], shape: tuple[int, ...], part: Part) -> sparse.csr_matrix:
    """(M, combinations) which cells of these axes each crop was degraded by."""
    sizes = tuple(shape[axis] for axis in part)
    which = np.ravel_multi_index(tuple(cells[:, axis] for axis in part), sizes)
    return sparse.csr_matrix((np.ones(len(cells)), (np.arange(len(cells)), which)), (len(cells), int(np.prod(sizes))))


def _effects(design: sparse.csr_matrix, found: Masses, shrinkage: float) -> Floats:
    """Ridge regression of the descriptions, about their mean, on what was done; the mean is shared by all columns."""
    middle = found.mean(axis=0, dtype=np.float64)
    gram = (design.T @ design).toarray() + shrinkage * np.eye(design.shape[1])
    solved = cho_solve(cho_factor(gram), design.T @ (found - middle))
    # Every crop has one column of each part.
    return np.asarray(solved + middle / (design.nnz / design.shape[0]))


def _directions(expected: Floats, rest: Floats, freedom: int) -> Floats:
    """(d, few) what takes a description to the directions in which degradations differ, in units of the rest."""
    covariance = rest.T @ rest / freedom
    covariance += np.eye(len(covariance)) * (RIDGE * np.trace(covariance) / len(covariance) + 1e-12)
    lower = cholesky(covariance, lower=True)
    apart = solve_triangular(lower, (expected - expected.mean(axis=0)).T, lower=True)
    _, vectors = eigh(apart @ apart.T)
    return np.asarray(solve_triangular(lower, vectors[:, -MOST_NUMBERS:], lower=True, trans="T"))
