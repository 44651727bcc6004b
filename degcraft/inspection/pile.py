"""A pile of images as a whole: what it carries, and which images stand apart from the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from degcraft.degradation import find_parameter
from degcraft.inspection.distribution import AxisEstimate, Probabilities, read_estimate
from degcraft.inspection.estimate import Inspection
from degcraft.inspection.scales import doubt, scaled
from degcraft.inspection.sources import LEAST_SOURCE, find_sources
from degcraft.inspection.words import contrast

_NAMED = 1.5
"""Units by which an axis must differ to be named beside the one that differs most."""


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
    besides: dict[str, AxisEstimate]
    """The same on further axes, of the images that have it, where an image more likely has it than not."""
    main: tuple[int, ...]
    """The images of the main source; all of them where there is no other."""
    sources: tuple[Apart, ...]
    """Further sources, the largest first."""
    outliers: tuple[Apart, ...]
    """Single images, the farthest first."""
    repeats: tuple[tuple[int, ...], ...] = ()
    """Images that repeat each other, the first of each first; each of these contents counts once."""


def summarise(inspection: Inspection) -> Pile:
    """Find the main source of a pile, what it carries, and what stands apart.

    Two images are as far apart as their estimates differ, in visible steps (`Operator.step`) and of their own
    uncertainty; `find_sources` says how groups are made of that. The largest group is the main source, and images
    that repeat others (near-duplicates that carry the same) count once.

    Args:
        inspection: at least one image.
    """
    images = inspection.images
    labels, contents = find_sources(images)
    first = set(np.unique(contents, return_index=True)[1].tolist())

    def once(group: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(index for index in group if index in first)

    groups = [tuple(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)]
    main, *others = sorted(groups, key=lambda group: (-len(once(group)), group))
    main_axes = pooled_axes(inspection, once(main))
    several = [group for group in others if len(once(group)) >= LEAST_SOURCE]
    single = [index for group in others if len(once(group)) < LEAST_SOURCE for index in group]
    sources = [_apart(group, pooled_axes(inspection, once(group)), main_axes) for group in several]
    single.sort(key=lambda index: -max(_units_apart(images[index].axes, main_axes).values()))
    outliers = [_apart((index,), images[index].axes, main_axes) for index in single]
    alike = (tuple(np.flatnonzero(contents == content).tolist()) for content in np.unique(contents))
    repeats = tuple(group for group in alike if len(group) > 1)
    return Pile(inspection, main_axes, _besides(inspection, once(main)), main, tuple(sources), tuple(outliers), repeats)


def _apart(members: tuple[int, ...], axes: Mapping[str, AxisEstimate], rest: Mapping[str, AxisEstimate]) -> Apart:
    units = _units_apart(axes, rest)
    order = sorted(units, key=lambda axis: -units[axis])
    named = [axis for axis in order if axis == order[0] or units[axis] >= _NAMED]
    return Apart(members, *contrast(axes, rest, named))


def pooled_axes(inspection: Inspection, members: tuple[int, ...]) -> dict[str, AxisEstimate]:
    """What an image drawn from these carries: the mean of their distributions, read off."""
    compared = inspection.images[0].axes
    return {axis: read_estimate(_pooled(inspection, members, axis), inspection.grids[axis]) for axis in compared}


def _besides(inspection: Inspection, members: tuple[int, ...]) -> dict[str, AxisEstimate]:
    found = {}
    for axis, grid in inspection.grids.items():
        if axis in inspection.images[0].axes:
            continue
        probabilities = _pooled(inspection, members, axis)
        some = grid != find_parameter(axis).identity
        share = probabilities[some].sum()
        if share > 0.5:
            found[axis] = read_estimate(probabilities[some] / share, grid[some])
    return found


def _pooled(inspection: Inspection, members: tuple[int, ...], axis: str) -> Probabilities:
    return np.asarray(np.mean([inspection.images[index].probabilities[axis] for index in members], axis=0))


def _units_apart(one: Mapping[str, AxisEstimate], other: Mapping[str, AxisEstimate]) -> dict[str, float]:
    """Per axis, how far two estimates differ in units of what can be told apart, by what `one` can tell."""
    return {
        axis: abs(scaled(axis, one[axis].value) - scaled(axis, other[axis].value))
        / math.hypot(find_parameter(axis).step, doubt(axis, one[axis]))
        for axis in one
    }
