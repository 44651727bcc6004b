"""How much of the way from a baseline to the upper bound a row went, with what chance leaves of that."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from degcraft.errors import DegcraftError

DRAWS = 4000
_LEVEL = 0.95


@dataclass(frozen=True)
class Share:
    """A share of a gap, 1 being all of it; never to be told without the gap."""

    gap: float
    """From the baseline to the upper bound, in the metric's unit; positive where the upper bound is better."""
    share: float | None
    """None where the gap is not beyond chance: then no share of it means anything."""
    low: float | None
    high: float | None
    """The 95 % interval over images."""


def share_of_gap(
    row: Sequence[float], baseline: Sequence[float], upper: Sequence[float], *, higher_is_better: bool = True
) -> Share:
    """(row - baseline) / (upper - baseline) of the means, with a bootstrap over images (percentiles, seeded).

    Args:
        row, baseline, upper: (n,) scores on the same images in the same order, finite.
        higher_is_better: Of the metric.

    Raises:
        DegcraftError: other lengths, or no image.
    """
    first, low, high = (np.asarray(scores, dtype=np.float64) for scores in (row, baseline, upper))
    if not len(first) or not len(first) == len(low) == len(high):
        raise DegcraftError(f"a share needs scores of the same images, but got {len(first)}, {len(low)}, {len(high)}")
    sign = 1 if higher_is_better else -1
    won, gap = sign * (first - low), sign * (high - low)
    drawn = np.random.default_rng(0).integers(0, len(gap), size=(DRAWS, len(gap)))
    gaps = gap[drawn].mean(axis=1)
    if len(gap) < 2 or (gaps <= 0).mean() > (1 - _LEVEL) / 2:
        return Share(float(gap.mean()), None, None, None)
    shares = won[drawn].mean(axis=1) / gaps
    ends = np.quantile(shares, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Share(float(gap.mean()), float(won.mean() / gap.mean()), float(ends[0]), float(ends[1]))
