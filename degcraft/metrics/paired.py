"""Two methods on the same images: by how much one is better, and whether that is more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

from degcraft.errors import DegcraftError

CONFIDENCE = 0.95
_MOST_DECIMALS = 5


@dataclass(frozen=True)
class Difference:
    """By how much a method is better than another, on average over images; positive is better."""

    mean: float
    """NaN where no image has both scores."""
    low: float
    high: float
    """The two-sided 95 % interval of the mean; infinite with fewer than two images."""
    n: int
    """Images that count."""
    left_out: int = 0
    """Images in which one of the two scores is missing or not finite."""

    @property
    def is_tie(self) -> bool:
        """Whether the interval holds 0, so that neither is better beyond doubt."""
        return not (self.low > 0 or self.high < 0)

    def sentence(self, other: str, unit: str = "dB", decimals: int = 2) -> str:
        """In plain words, such as "+1.52 dB over bicubic (95 % interval 1.31 to 1.73, 12 images)".

        Args:
            other: what was compared with.
            unit: what the numbers are in.
            decimals: as many as shown; more where the interval is narrower than 0.01, or an end that is not 0 would
                read as 0.
        """
        images = f"{self.n} image{'' if self.n == 1 else 's'}"
        if not self.n:
            return f"no image to compare with {other}"
        if not math.isinf(self.low) and self.high - self.low < 0.01:
            decimals = max(decimals, 3)
        while (
            not self.is_tie
            and decimals < _MOST_DECIMALS
            and 0 in (round(self.low, decimals), round(self.high, decimals))
        ):
            decimals += 1
        mean, low, high = (_signed(value, decimals) for value in (self.mean, self.low, self.high))
        said = f" {unit}" if unit else ""
        if math.isinf(self.low):
            return f"undecided against {other}: {mean}{said} ({images}, which gives no interval)"
        interval = f"{low.removeprefix('+')} to {high.removeprefix('+')}, {images}"
        if self.is_tie:
            return f"tie with {other}: {mean}{said} ({interval})"
        if unit and self.low > 0:
            return f"{mean}{said} over {other} (95 % interval {interval})"
        # The word is the sign; of what has no unit, less may be better.
        worse = "below" if unit else "worse than"
        if self.low > 0:
            return f"{self.mean:.{decimals}f} better than {other} (95 % interval {interval})"
        ends = f"{-self.high:.{decimals}f} to {-self.low:.{decimals}f}"
        return f"{-self.mean:.{decimals}f}{said} {worse} {other} (95 % interval {ends}, {images})"


def paired_difference(
    scores: Sequence[float | None], others: Sequence[float | None], *, higher_is_better: bool = True
) -> Difference:
    """The mean of the differences image by image, with its two-sided 95 % interval (Student's t).

    What makes an image hard is the same for both and drops out, so this tells methods apart that differ by far less
    than the images do among each other.

    Args:
        scores: (n,) of the one method, image by image.
        others: (n,) of the other, on the same images. An image in which either is None or not finite is left out.
        higher_is_better: False turns the sign round (LPIPS, NIQE), so that positive still means better.

    Raises:
        DegcraftError: another number of scores.
    """
    if len(scores) != len(others):
        raise DegcraftError(f"paired scores must be of the same images, but are {len(scores)} and {len(others)}")
    first, second = (np.array([math.nan if x is None else x for x in own], dtype=float) for own in (scores, others))
    both = np.isfinite(first) & np.isfinite(second)
    differences = (first[both] - second[both]) * (1 if higher_is_better else -1)
    n = len(differences)
    mean = float(differences.mean()) if n else math.nan
    reach = math.inf
    if n > 1:
        reach = float(_quantile(n - 1) * differences.std(ddof=1) / math.sqrt(n))
    low, high = (mean - reach, mean + reach) if n > 1 else (-math.inf, math.inf)
    return Difference(mean, low, high, n, int((~both).sum()))


@cache
def _quantile(freedom: int) -> float:
    """Of Student's t: tables of many rows ask for the same one again and again."""
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom))


def _signed(value: float, decimals: int) -> str:
    """With a true minus, and no minus before zero."""
    text = f"{value:+.{decimals}f}"
    return "+" + text[1:] if float(text) == 0 else text.replace("-", "−")
