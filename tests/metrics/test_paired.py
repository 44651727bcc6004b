"""Paired differences: scipy's interval, its coverage, and what it says in words."""

import math

import numpy as np
import pytest
from scipy import stats

from degcraft.errors import DegcraftError
from degcraft.metrics import Difference, paired_difference


def test_the_interval_is_scipys_paired_t() -> None:
    random = np.random.default_rng(0)
    base = random.normal(25, 4, 12)
    better = base + random.normal(1, 0.5, 12)
    found = paired_difference(better.tolist(), base.tolist())
    expected = stats.ttest_rel(better, base).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.mean == pytest.approx((better - base).mean())
    assert (found.n, found.left_out) == (12, 0)
    assert not found.is_tie


@pytest.mark.parametrize("n", [3, 10, 50])
def test_the_interval_holds_the_truth_as_often_as_it_says(n: int) -> None:
    random = np.random.default_rng(n)
    # Images that differ far more among each other than the methods do.
    base = random.normal(25, 5, (600, n))
    better = base + 0.1 + random.normal(0, 0.3, (600, n))
    found = [paired_difference(*pair) for pair in zip(better, base, strict=True)]
    held = np.mean([own.low <= 0.1 <= own.high for own in found])
    assert held == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 600))


def test_positive_is_better_whatever_the_metric() -> None:
    low, high = [0.1, 0.2, 0.15], [0.4, 0.6, 0.5]
    assert paired_difference(low, high, higher_is_better=False).low > 0
    assert paired_difference(low, high).high < 0


def test_images_without_both_scores_are_left_out_and_counted() -> None:
    found = paired_difference([1.0, math.nan, 3.0, math.inf, 5.0], [0.5, 1.0, None, math.inf, 4.0])
    assert (found.n, found.left_out) == (2, 3)
    assert found.mean == pytest.approx(0.75)


def test_too_few_images_decide_nothing() -> None:
    one = paired_difference([3.0], [1.0])
    assert (one.mean, one.low, one.high, one.n) == (2, -math.inf, math.inf, 1)
    assert one.is_tie
    assert one.sentence("bicubic") == "undecided against bicubic: +2.00 dB (1 image, which gives no interval)"
    none = paired_difference([math.inf], [1.0])
    assert none.is_tie
    assert math.isnan(none.mean)
    assert none.sentence("bicubic") == "no image to compare with bicubic"


def test_equal_scores_are_a_tie_and_a_constant_gain_is_none() -> None:
    assert paired_difference([1.0, 2.0], [1.0, 2.0]).is_tie
    assert not paired_difference([1.5, 2.5], [1.0, 2.0]).is_tie


def test_it_says_so_in_plain_words() -> None:
    assert Difference(1.52, 1.31, 1.73, 12).sentence("bicubic") == (
        "+1.52 dB over bicubic (95 % interval 1.31 to 1.73, 12 images)"
    )
    assert Difference(0.03, -0.05, 0.11, 12).sentence("the start") == (
        "tie with the start: +0.03 dB (−0.05 to 0.11, 12 images)"
    )
    assert Difference(-0.4, -0.5, -0.3, 9).sentence("bicubic") == (
        "0.40 dB below bicubic (95 % interval 0.30 to 0.50, 9 images)"
    )
    # Where two decimals would hide the interval, three show it.
    assert Difference(0.0042, 0.0011, 0.0073, 9).sentence("uniform") == (
        "+0.004 dB over uniform (95 % interval 0.001 to 0.007, 9 images)"
    )
    assert Difference(0.0123, 0.01, 0.0146, 9).sentence("uniform", unit="", decimals=4) == (
        "0.0123 better than uniform (95 % interval 0.0100 to 0.0146, 9 images)"
    )
    assert Difference(-0.001, -0.2, 0.2, 9).sentence("uniform").startswith("tie with uniform: +0.00 dB")


def test_scores_of_other_images_are_refused() -> None:
    with pytest.raises(DegcraftError, match="same images, but are 2 and 1"):
        paired_difference([1.0, 2.0], [1.0])
