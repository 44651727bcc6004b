"""How an extractor responds to every image: a mass per class, the h(x) of black-box shift estimation.

Where the extractor has a posterior over the axes of the space, the classes are its bins and what lies beyond their
ends, and the mass is the product over the axes. Otherwise they are the bins, and a linear discriminant analysis with
shrinkage (Ledoit and Wolf) is fitted to the measured crops; no crop is seen by the fit that judges it, nor is another
of its file.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degcraft.degradation import Axis
from degcraft.features import AxisPosterior, cell_borders, find_extractor
from degcraft.matching.measurement import Measurement

FOLDS = 4
MOST_CLASSES = 1500
"""Classes of the product over the axes beyond which the axes stand side by side: memory grows with classes times bins,
and so fine a product holds less than one image a class."""


@dataclass(frozen=True, eq=False)
class Responses:
    """Mass per class of every image."""

    bins: NDArray[np.float32]
    """(N, n, K)."""
    references: NDArray[np.float32]
    """(m, K)."""


def posterior_responses(measurement: Measurement) -> Responses | None:
    """From the extractor's own posterior; None where it has none for some axis of the space."""
    read = find_extractor(measurement.extractor).posterior
    if read is None:
        return None
    sides = [read(values, measurement.scale) for values in (measurement.features, measurement.references)]
    axes = measurement.space.axes
    if any(axis.name not in side for axis in axes for side in sides):
        return None
    per_axis = [[axis_mass(axis, side[axis.name]) for axis in axes] for side in sides]
    joint = int(np.prod([masses.shape[-1] for masses in per_axis[0]])) <= MOST_CLASSES
    return Responses(*(_product(masses) if joint else np.concatenate(masses, axis=-1) for masses in per_axis))


def lda_responses(measurement: Measurement) -> Responses:
    """From a linear discriminant analysis over the bins, cross-fitted by file."""
    bins, crops = measurement.features.shape[:2]
    labels = np.repeat(np.arange(bins), crops).reshape(bins, crops)
    return Responses(*cross_fitted(measurement, labels, bins))


def cross_fitted(
    measurement: Measurement, labels: NDArray[np.intp], classes: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probability of each class by a linear discriminant analysis that has not seen the crop's file.

    Args:
        measurement: Features of (N, n) crops and m references.
        labels: (N, n) the class of each crop.
        classes: How many there are.

    Returns:
        (N, n, classes) and (m, classes).
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import GroupKFold

    features = measurement.features.astype(np.float32)
    bins, crops, width = features.shape
    deviation = features.reshape(-1, width).std(axis=0)
    unit = np.where(deviation > 0, deviation, 1).astype(np.float32)
    features, references = features / unit, measurement.references.astype(np.float32) / unit
    found = np.zeros((bins, crops, classes), dtype=np.float32)
    mass = np.zeros((measurement.m, classes), dtype=np.float32)
    groups = measurement.hr_groups
    if len(np.unique(groups)) < FOLDS:
        groups = np.arange(crops)
    folds = list(GroupKFold(FOLDS).split(groups, groups=groups))
    for seen, left in folds:
        judge = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        judge.fit(features[:, seen].reshape(-1, width), labels[:, seen].ravel())
        own = judge.classes_
        probable = judge.predict_proba(features[:, left].reshape(-1, width)).reshape(bins, len(left), -1)
        found[:, left[:, None], own] = probable
        mass[:, own] += judge.predict_proba(references).astype(np.float32) / len(folds)
    return found, mass


def axis_mass(axis: Axis, posterior: AxisPosterior) -> NDArray[np.float32]:
    """Probability of each cell of an axis and, where the posterior goes on beyond it, of what lies below and above.

    Returns:
        (…, cells), with one more at an end that is not the end of the posterior's own range.
    """
    share = shares_of_cells(axis, posterior.values)
    reached = share.sum(axis=0) > 0
    reached[1:-1] = True
    return np.asarray(posterior.probabilities @ share[:, reached], dtype=np.float32)


def shares_of_cells(axis: Axis, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of each cell of a posterior lies below an axis, in each of its cells, and above.

    A cell of the posterior stands for the values that are nearest to it, spread evenly; that of the operator's identity
    stands for images without it, if the axis has a cell of these.

    Args:
        axis: Of the space.
        values: (k,) of the posterior, the last perhaps infinite.

    Returns:
        (k, cells + 2), rows summing to 1.
    """
    borders = cell_borders(values)
    low, high = borders[:-1, None], borders[1:, None]
    edges = np.array([-np.inf, *axis.edges, np.inf])
    share = np.clip(np.minimum(high, edges[1:]) - np.maximum(low, edges[:-1]), 0, None) / (high - low)
    if np.isinf(values[-1]):
        share = np.vstack([share, np.eye(share.shape[1])[-1:]])
    if axis.none_cell is not None:
        share = np.insert(share, 1 + axis.none_cell, 0.0, axis=1)
        share[values == axis.cells[axis.none_cell][0]] = np.eye(share.shape[1])[1 + axis.none_cell]
    return share


def _product(masses: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    joint = masses[0]
    for mass in masses[1:]:
        joint = (joint[..., :, None] * mass[..., None, :]).reshape(*joint.shape[:-1], -1)
    return joint
