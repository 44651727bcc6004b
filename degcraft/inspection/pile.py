"""A pile of images as a whole: what it carries, and which images stand apart from the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from degcraft.inspection.distribution import AxisEstimate, read_estimate
from degcraft.inspection.estimate import ImageEstimate, Inspection
from degcraft.inspection.words import contrast

LEAST_IMAGES = 5
"""Fewer images that tell enough have no middle to stand apart from."""
LEAST_SOURCE = 3
"""Images that stand apart together and are alike make a source of their own; fewer are outliers."""
GAP = 2.5
"""How far apart two groups must at least be, in units of what can be told apart."""
GAP_TO_USUAL = 3.0
"""And how much farther than neighbours in the pile usually are."""
VAGUE = 3.0
"""An image whose doubt is so many times the usual one founds no group: it joins the largest, or else the nearest."""
_NAMED = 1.5
"""Units by which an axis must differ to be named beside the one that differs most."""

UNITS = {"blur_sigma": 0.5, "noise_level": 0.4, "jpeg_quality": 5.0}
"""A small but visible difference per axis, on the scale of `_scaled`."""
_UNCOMPRESSED = 110.0
"""Where no compression lies on the scale of qualities."""
_Z = 1.645
"""Half-width of a 90 % interval in standard deviations."""


@dataclass(frozen=True)
class Apart:
    """Images that stand apart from the rest of the pile."""

    members: tuple[int, ...]
    """Places in `Inspection.images`."""
    headline: str
    """What is different about them, in a few words."""
    reason: str
    """The same with the figures of both sides."""


@dataclass(frozen=True, eq=False)
class Pile:
    """A summary of an inspection."""

    inspection: Inspection
    axes: dict[str, AxisEstimate]
    """Of an image drawn from the main source: the median and the range of 90 %, uncertainty included."""
    main: tuple[int, ...]
    """The images of the main source; all of them where there is no other."""
    sources: tuple[Apart, ...]
    """Further sources, the largest first."""
    outliers: tuple[Apart, ...]
    """Single images, the farthest first."""


def summarise(inspection: Inspection) -> Pile:
    """Find the main source of a pile, what it carries, and what stands apart.

    Two images are as far apart as their estimates differ, in units of `UNITS` and of their own uncertainty. The pile is
    cut where the edges of its minimum spanning tree are inconsistent with the rest (C. T. Zahn, "Graph-theoretical
    methods for detecting and describing Gestalt clusters", 1971): longer than `GAP`, and than `GAP_TO_USUAL` times the
    usual edge. So images that vary steadily stay together, however widely they do, and a narrow pile loses whatever
    is far from it. The largest group is the main source.

    Args:
        inspection: at least one image.
    """
    images = inspection.images
    groups = _groups(images)
    main, *others = sorted(groups, key=lambda group: (-len(group), group))
    main_axes = pooled_axes(inspection, main)
    several = [group for group in others if len(group) >= LEAST_SOURCE]
    single = [index for group in others if len(group) < LEAST_SOURCE for index in group]
    sources = [_apart(group, pooled_axes(inspection, group), main_axes) for group in several]
    single.sort(key=lambda index: -max(_units_apart(images[index].axes, main_axes).values()))
    outliers = [_apart((index,), images[index].axes, main_axes) for index in single]
    return Pile(inspection, main_axes, main, tuple(sources), tuple(outliers))


def _apart(members: tuple[int, ...], axes: Mapping[str, AxisEstimate], rest: Mapping[str, AxisEstimate]) -> Apart:
    units = _units_apart(axes, rest)
    order = sorted(units, key=lambda axis: -units[axis])
    named = [axis for axis in order if axis == order[0] or units[axis] >= _NAMED]
    return Apart(members, *contrast(axes, rest, named))


def pooled_axes(inspection: Inspection, members: tuple[int, ...]) -> dict[str, AxisEstimate]:
    """What an image drawn from these carries: the mean of their distributions, read off."""
    return {
        axis: read_estimate(np.mean([inspection.images[index].probabilities[axis] for index in members], axis=0), grid)
        for axis, grid in inspection.grids.items()
    }


def _groups(images: tuple[ImageEstimate, ...]) -> list[tuple[int, ...]]:
    axes = list(images[0].axes)
    units = np.array([UNITS[axis] for axis in axes])
    values = np.array([[_scaled(axis, image.axes[axis].value) for axis in axes] for image in images])
    doubt = np.array([[_doubt(axis, image.axes[axis]) for axis in axes] for image in images])
    apart = np.abs(values[:, None] - values) / np.sqrt(units**2 + doubt[:, None] ** 2 + doubt**2)
    distances: NDArray[np.float64] = apart.max(axis=2)
    # An image that tells little is near to many others: it follows a group, but must not bridge two.
    vague = (doubt > VAGUE * np.maximum(units, np.median(doubt, axis=0))).any(axis=1)
    sure = np.flatnonzero(~vague)
    if len(sure) < LEAST_IMAGES:
        return [tuple(range(len(images)))]
    # The merges of single linkage are the edges of the minimum spanning tree.
    tree = linkage(squareform(distances[np.ix_(sure, sure)], checks=False), method="single")
    limit = max(GAP, GAP_TO_USUAL * float(np.median(tree[:, 2])))
    labels = np.empty(len(images), dtype=np.int64)
    labels[sure] = fcluster(tree, limit, criterion="distance")
    largest = sure[labels[sure] == np.bincount(labels[sure]).argmax()]
    for index in np.flatnonzero(vague):
        near = largest if distances[index, largest].min() <= limit else sure
        labels[index] = labels[near[distances[index, near].argmin()]]
    return [tuple(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)]


def _units_apart(one: Mapping[str, AxisEstimate], other: Mapping[str, AxisEstimate]) -> dict[str, float]:
    """Per axis, how far two estimates differ in units of what can be told apart, by what `one` can tell."""
    return {
        axis: abs(_scaled(axis, one[axis].value) - _scaled(axis, other[axis].value))
        / math.hypot(UNITS[axis], _doubt(axis, one[axis]))
        for axis in one
    }


def _doubt(axis: str, estimate: AxisEstimate) -> float:
    return (_scaled(axis, estimate.high) - _scaled(axis, estimate.low)) / (2 * _Z)


def _scaled(axis: str, value: float) -> float:
    """A value on a scale where equal steps look about equally large."""
    if axis == "noise_level":
        return math.sqrt(value + 1)
    if axis == "jpeg_quality":
        return min(value, _UNCOMPRESSED)
    return value
