"""What lies beyond the borders of a space: whether references lie nearer to that than to any bin."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degcraft.degradation import Axis, DegradationSpace
from degcraft.degradation.operators import find_operator
from degcraft.matching.sets import ImageSet

_ERRORS = 2.0
"""Standard errors by which it must be nearer."""


@dataclass(frozen=True)
class Beyond:
    """One step over a border of the space."""

    axis: str
    """Name of the axis."""
    side: str
    """`low` or `high`."""
    weight: float
    """Share of the weight on the bins at this border, 0 to 1."""
    low: float | None
    """Start of what was tried; None with `high` where it was images without this degradation at all."""
    high: float | None
    """End of what was tried."""
    relative_distance: float
    """Distance of what was tried over that of the nearest bin at the border: below 1 it is nearer."""
    nearer: bool
    """Whether it is nearer by more than chance."""
    message: str
    """For people: what to do about it. Empty unless it is nearer."""


def beyond_borders(
    space: DegradationSpace,
    weights: NDArray[np.float64],
    distances: NDArray[np.float64],
    share: float,
    bin_set: Callable[[DegradationSpace, int], ImageSet],
    target: ImageSet,
) -> Iterator[Beyond]:
    """Goes one bin over each border that holds more than `share` of the weight, where the axis may go on.

    An axis whose operator can be left out beyond its range (no JPEG at all) is tried without it, too.

    Args:
        space: The degradation space.
        weights: (n_bins,), summing to 1.
        distances: (n_bins,).
        share: Of the weight, 0 to 1.
        bin_set: The images of a bin of a space.
        target: The references.
    """
    for number, axis in enumerate(space.axes):
        place = np.indices(space.shape)[number].ravel()
        for side, border in (("low", 0), ("high", axis.bins - 1)):
            held = float(weights[place == border].sum())
            steps = list(_steps(space, axis, side))
            if held <= share or not steps:
                continue
            nearest = int(np.flatnonzero(place == border)[distances[place == border].argmin()])
            inside = bin_set(space, nearest)
            unit, errors = inside.distance(target), inside.errors(target, seed=0)
            for step in steps:
                outside = bin_set(_moved(space, nearest, axis, step), 0)
                distance = outside.distance(target)
                error = float(np.sqrt(np.mean((errors - outside.errors(target, seed=0)) ** 2)))
                nearer = unit - distance > _ERRORS * error
                yield Beyond(
                    axis=axis.name,
                    side=side,
                    weight=held,
                    low=None if step is None else step[0],
                    high=None if step is None else step[1],
                    relative_distance=distance / unit if unit > 0 else 1.0,
                    nearer=nearer,
                    message=_message(axis, side, held, step) if nearer else "",
                )


def _steps(space: DegradationSpace, axis: Axis, side: str) -> Iterator[tuple[float, float] | None]:
    """Ranges as wide as a bin beyond one end of the axis; None is the axis left out."""
    operator = find_operator(axis.name)
    width = (axis.high - axis.low) / axis.bins
    if side == "low" and axis.low > operator.low:
        yield max(operator.low, axis.low - width), axis.low
    if side == "high" and axis.high < operator.high:
        yield axis.high, min(operator.high, axis.high + width)
    if side == "high" and math.isinf(operator.identity) and len(space.axes) > 1:
        yield None


def _moved(space: DegradationSpace, index: int, axis: Axis, step: tuple[float, float] | None) -> DegradationSpace:
    """The one bin `index`, with one axis moved to `step` or left out."""
    bounds = space.bounds(index)
    if step is None:
        del bounds[axis.name]
    else:
        bounds[axis.name] = step
    return DegradationSpace(tuple(Axis(name, low, high, 1) for name, (low, high) in bounds.items()))


def _message(axis: Axis, side: str, held: float, step: tuple[float, float] | None) -> str:
    end = {"low": "lower", "high": "upper"}[side]
    start = f"{held:.0%} of the weight lies at the {end} end of {axis.name}, and images "
    if step is None:
        return start + f"without {axis.name} at all resemble yours more. Leave that axis out of the space."
    wider = Axis(axis.name, min(axis.low, step[0]), max(axis.high, step[1]), axis.bins + 1)
    return start + (
        f"from beyond it ({step[0]:g} to {step[1]:g}) resemble yours more: the space ends too early. "
        f"Give the axis more room, {wider.name}:{wider.low:g}:{wider.high:g}:{wider.bins} or wider."
    )
