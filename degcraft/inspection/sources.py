"""Which images of a pile come from one source: cut at gaps, divided at valleys, strays put together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from degcraft.degradation import find_parameter
from degcraft.inspection.distribution import AxisEstimate
from degcraft.inspection.estimate import ImageEstimate
from degcraft.inspection.repeats import find_repeats
from degcraft.inspection.scales import WIDTH, scaled
from degcraft.matching.valleys import GAP, LEAST_SOURCE, divided

LEAST_IMAGES = 5
"""Fewer images that tell enough have no middle to stand apart from."""
GAP_TO_USUAL = 3.0
"""And how much farther than neighbours in the pile usually are."""
VAGUE = 3.0
"""An image whose doubt is so many times the usual one founds no group: it joins the largest, or else the nearest,
or is an outlier where even so it is far from all."""

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


def estimate_distances(images: Sequence[ImageEstimate]) -> Floats:
    """(n, n) how far images differ on the axis where they differ most, in visible steps and their own uncertainty."""
    values, doubts = _values(images), _doubts(images)
    variances = _units(images) ** 2 + doubts[:, None] ** 2 + doubts**2
    return np.asarray((np.abs(values[:, None] - values) / np.sqrt(variances)).max(axis=2))


def find_sources(images: Sequence[ImageEstimate]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Numbers the groups of a pile, and its contents.

    The pile is cut at gaps, where an edge of its minimum spanning tree is longer than `GAP` and than `GAP_TO_USUAL`
    times the usual edge (C. T. Zahn, "Graph-theoretical methods for detecting and describing Gestalt clusters", 1971).
    A few images in between bridge a gap, so what is left is divided at valleys (`divided`). Images that then stand
    alone, but are nearer to each other than to any group, are put together (`_strays_together`). So images that vary
    steadily stay together, however widely they do, and a narrow pile loses whatever is far from it.

    Images that repeat others count once, and those that tell little (`VAGUE`) join a group at last, if one is near.

    Args:
        images: n of them, at least 1.

    Returns:
        (n,) the groups, numbers from 0, and (n,) the contents: images that repeat each other have one number, and
        one group.
    """
    distances = estimate_distances(images)
    contents = find_repeats(images, distances)
    doubts = _doubts(images)
    vague = np.any(doubts > VAGUE * np.maximum(_units(images), np.median(doubts, axis=0)), axis=1)
    first = np.unique(contents, return_index=True)[1]
    sure = first[~vague[first]]
    labels = np.zeros(len(images), dtype=np.intp)
    if len(sure) < LEAST_IMAGES:
        return labels, contents
    tree = linkage(squareform(distances[np.ix_(sure, sure)], checks=False), method="single")
    limit = max(GAP, GAP_TO_USUAL * float(np.median(tree[:, 2])))
    cut = fcluster(tree, limit, criterion="distance")
    units, values = _units(images), _with_own_blur(images)
    parts = [part for label in np.unique(cut) for part in divided(sure[cut == label], values, units)]
    parts = _strays_together(parts, distances)
    for label, part in enumerate(parts):
        labels[part] = label
    largest = max(parts, key=len)
    for index in first[vague[first]]:
        # An image that tells little is near to many others: it follows a group, but must not bridge two.
        near = largest if distances[index, largest].min() <= limit else sure
        place = near[distances[index, near].argmin()]
        # What is sure on another axis may still set it apart from all.
        alone = distances[index, place] > limit
        labels[index] = labels.max() + 1 if alone else labels[place]
    return labels[first[contents]], contents


def _strays_together(parts: list[Places], distances: Floats) -> list[Places]:
    """The same parts, with small ones joined that on average are nearer to each other than to any source."""
    sources = [part for part in parts if len(part) >= LEAST_SOURCE]
    strays = [part for part in parts if len(part) < LEAST_SOURCE]
    if not sources or sum(map(len, strays)) < LEAST_SOURCE:
        return parts
    indices, known = np.concatenate(strays), np.concatenate(sources)
    away = distances[np.ix_(indices, known)].min(axis=1)
    relative = distances[np.ix_(indices, indices)] / np.maximum(np.minimum(away[:, None], away), 1e-9)
    np.fill_diagonal(relative, 0)
    labels = fcluster(linkage(squareform(relative, checks=False), method="average"), 1.0, criterion="distance")
    return sources + [indices[labels == label] for label in np.unique(labels)]


def _values(images: Sequence[ImageEstimate]) -> Floats:
    """(n, axes) on scales of equal steps."""
    usual = _usual_noise(images)
    return np.array([[_scaled(axis, one.value, usual) for axis, one in image.axes.items()] for image in images])


def _usual_noise(images: Sequence[ImageEstimate]) -> float:
    return float(np.median([image.axes["noise_level"].value for image in images]))


def _scaled(axis: str, value: float, usual: float) -> float:
    """`scaled`, with levels of noise below the pile's usual one in steps of that: little noise is no gap there."""
    if axis == "noise_level" and value < usual:
        root = scaled(axis, usual)
        return root + (value - usual) / (2 * root)
    return scaled(axis, value)


def _with_own_blur(images: Sequence[ImageEstimate]) -> Floats:
    """The same, each blur in quadrature with a pixel's own of 1: blurs below it pile up at estimates of nothing."""
    values = _values(images)
    column = list(images[0].axes).index("blur_sigma")
    values[:, column] = np.hypot(values[:, column], 1)
    return values


def _doubts(images: Sequence[ImageEstimate]) -> Floats:
    usual = _usual_noise(images)

    def doubt(axis: str, one: AxisEstimate) -> float:
        return (_scaled(axis, one.high, usual) - _scaled(axis, one.low, usual)) / WIDTH

    return np.array([[doubt(axis, one) for axis, one in image.axes.items()] for image in images])


def _units(images: Sequence[ImageEstimate]) -> Floats:
    return np.array([find_parameter(axis).step for axis in images[0].axes])
