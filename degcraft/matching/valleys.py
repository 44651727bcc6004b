"""Whether values fall into heaps with valleys between them."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

LEAST_SOURCE = 3
"""Images that stand apart together and are alike make a source of their own; fewer are outliers."""
GAP = 2.5
"""How far apart two groups must at least be, in units of what can be told apart."""

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


def divided(group: Places, values: Floats, units: Floats) -> Iterator[Places]:
    """A group in two, and each of these again, as long as an axis has a valley between two heaps.

    The axis is cut where the variance between the two sides is largest (N. Otsu 1979). They are two heaps if their
    means lie at least `GAP` units apart, and in units of their spread (D of K. M. Ashman, C. M. Bird & S. E. Zepf,
    "Detecting bimodality in astronomical datasets", 1994) farther than the halves of an even spread, whose D is 2√3.
    """
    best = 0.0
    cut: NDArray[np.bool_] | None = None
    if len(group) >= 2 * LEAST_SOURCE:
        for axis, unit in enumerate(units):
            along = values[group, axis]
            lower = along <= _last_below(along)
            if lower.all() or along[~lower].mean() - along[lower].mean() < GAP * unit:
                continue
            # Half a unit of spread is always allowed for: estimates that hit a bound coincide.
            score = _ashman(along, lower, unit / 2)
            if score > best:
                best, cut = score, lower
    if cut is None or best < _even_spread(len(group)):
        yield group
        return
    yield from divided(group[cut], values, units)
    yield from divided(group[~cut], values, units)


def _even_spread(count: int) -> float:
    """D that `count` values of an even spread, cut in two, exceed once in a hundred (simulated for 6 to 400)."""
    return 2 * math.sqrt(3) + 30 / count**0.8


def _last_below(along: Floats) -> float:
    """The last value of the lower side."""
    ordered = np.sort(along)
    count = len(ordered)
    sizes = np.arange(LEAST_SOURCE, count - LEAST_SOURCE + 1)
    sums = np.cumsum(ordered)
    apart = (sums[-1] - sums[sizes - 1]) / (count - sizes) - sums[sizes - 1] / sizes
    return float(ordered[sizes[(sizes * (count - sizes) * apart**2).argmax()] - 1])


def _ashman(along: Floats, lower: NDArray[np.bool_], least: float) -> float:
    low, high = along[lower], along[~lower]
    return float((high.mean() - low.mean()) * np.sqrt(2 / max(low.var() + high.var() + 2 * least**2, 1e-12)))
