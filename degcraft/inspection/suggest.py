"""A degradation space that holds a pile."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from degcraft.degradation import Axis, find_parameter
from degcraft.inspection.distribution import AxisEstimate

if TYPE_CHECKING:
    from degcraft.inspection.pile import Pile

_FINE = 1001
"""Values between the ends of an axis at which its scale is looked up."""


def suggest_axes(pile: Pile, scale: int = 4, *, most: int = 5) -> list[str]:
    """Axes, as `--axis` takes them, of a space around the main source of a pile that is to be enlarged by `scale`.

    Each reaches from the lower to the upper end of the pile's range, rounded outwards, and has up to `most` bins, none
    narrower than a visible difference and all equally wide to the eye: of noise the low levels are cut finer. Where
    some images are not compressed these have a bin of their own; where all are not, an axis of JPEG quality is left
    out: a space without it compresses nothing.
    """
    return [
        str(_axis(name, estimate, scale, most)) for name, estimate in pile.axes.items() if math.isfinite(estimate.low)
    ]


def _axis(axis: str, estimate: AxisEstimate, scale: int, most_bins: int) -> Axis:
    known = find_parameter(axis)
    step, (least, most) = known.grid, known.usual or (known.low, known.high)
    low = min(most - step, max(least, math.floor(estimate.low / step) * step))
    high = min(most, math.ceil(min(estimate.high, most) / step) * step)
    if high <= low:
        low, high = max(least, high - step), max(high, least + step)
    values = np.linspace(low, high, _FINE)
    seen = np.array([known.scaled(value) for value in values])
    bins = max(1, min(most_bins, int((seen[-1] - seen[0]) / known.step + 1e-9)))
    edges = np.interp(np.linspace(seen[0], seen[-1], bins + 1), seen, values)
    none, pixel = math.isinf(estimate.high), known.pixel(scale)
    if np.allclose(edges, np.linspace(low, high, bins + 1)):
        return Axis(axis, low * pixel, high * pixel, bins, none=none)
    return Axis.of_edges(axis, (edges.round(1) * pixel).tolist(), none=none)
