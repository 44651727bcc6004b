"""Every image in a few numbers that say what its degradation looks like: what blocks of a space are matched by."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve

from degcraft.features import find_extractor
from degcraft.matching.measurement import Measurement
from degcraft.matching.responses import MOST_CLASSES, axis_mass, cross_fitted

Masses = NDArray[np.float32]
_RIDGE = 1.0
"""Crops that each effect has to outweigh."""


@dataclass(frozen=True, eq=False)
class Descriptions:
    """The extractor's mass per cell of all axes together or, where these are too many, of each pair of axes."""

    crops: Masses
    """(M, d) of the degraded clean crops."""
    references: Masses
    """(m, d)."""
    unexplained: NDArray[np.float64]
    """(d, d) covariance of the crops' that their degradation does not explain."""


def described(measurement: Measurement) -> Descriptions:
    """By the extractor's own posterior where it has one for an axis, and else by `cross_fitted` over its cells."""
    axes, cells = measurement.space.axes, measurement.cells
    read = find_extractor(measurement.extractor).posterior
    sides = (measurement.features, measurement.references)
    known = [{}, {}] if read is None else [read(values, measurement.scale) for values in sides]
    crops, references = [], []
    for place, axis in enumerate(axes):
        if all(axis.name in side for side in known):
            own, other = (axis_mass(axis, side[axis.name]) for side in known)
        else:
            own, other = cross_fitted(measurement, cells[..., place], len(axis.cells))
        crops.append(own.reshape(-1, own.shape[-1]))
        references.append(other)
    together = int(np.prod([own.shape[1] for own in crops])) <= MOST_CLASSES
    parts = [tuple(range(len(axes)))] if together else list(combinations(range(len(axes)), 2))
    found = np.hstack([_product([crops[place] for place in part]) for part in parts])
    truth = sparse.hstack([_one_hot(cells.reshape(-1, len(axes)), measurement.space.shape, part) for part in parts])
    return Descriptions(
        found,
        np.hstack([_product([references[place] for place in part]) for part in parts]),
        _unexplained(found, truth.tocsc()),
    )


def _product(masses: list[Masses]) -> Masses:
    joint = masses[0]
    for mass in masses[1:]:
        joint = (joint[:, :, None] * mass[:, None]).reshape(len(joint), -1)
    return joint


def _one_hot(cells: NDArray[np.intp], shape: tuple[int, ...], part: tuple[int, ...]) -> sparse.spmatrix:
    """(M, combinations) which cells of these axes each crop was degraded by."""
    sizes = tuple(shape[place] for place in part)
    which = np.ravel_multi_index(tuple(cells[:, place] for place in part), sizes)
    return sparse.csr_matrix((np.ones(len(cells)), (np.arange(len(cells)), which)), (len(cells), int(np.prod(sizes))))


def _unexplained(found: Masses, truth: sparse.spmatrix) -> NDArray[np.float64]:
    centred = found.astype(np.float64) - found.mean(axis=0, dtype=np.float64)
    gram = (truth.T @ truth + _RIDGE * sparse.identity(truth.shape[1])).tocsc()
    effects = spsolve(gram, truth.T @ centred)
    rest = centred - truth @ effects
    return np.asarray(rest.T @ rest / max(1, len(rest) - truth.shape[1]))
