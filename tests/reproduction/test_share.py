"""The share of a gap, and when there is none to speak of."""

import numpy as np
import pytest
from scipy import stats

from degcraft.errors import DegcraftError
from degcraft.reproduction import share_of_gap


def scores(*gains: float, spread: float, n: int = 40) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    images = random.normal(27, 3, n)
    return [images + gain + random.normal(0, spread, n) for gain in gains]


def test_a_share_and_its_interval() -> None:
    row, baseline, upper = scores(0.3, 0.0, 0.4, spread=0.05)
    found = share_of_gap(row, baseline, upper)
    gap, won = (upper - baseline), (row - baseline)
    assert found.gap == pytest.approx(gap.mean())
    assert found.share == pytest.approx(won.mean() / gap.mean())
    # Fieller's interval, by another way.
    t = stats.t.ppf(0.975, 39)
    ends = np.linspace(0.3, 1.2, 4001)
    inside = [abs((won - end * gap).mean()) <= t * stats.sem(won - end * gap) for end in ends]
    assert (found.low, found.high) == pytest.approx((ends[inside].min(), ends[inside].max()), abs=0.02)
    assert found == share_of_gap(list(row), list(baseline), list(upper))


def test_where_less_is_better_the_sign_turns() -> None:
    row, baseline, upper = (-one for one in scores(0.2, 0.0, 0.4, spread=0.01))
    found = share_of_gap(row, baseline, upper, higher_is_better=False)
    assert found.gap == pytest.approx(0.4, abs=0.02)
    assert found.share == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("upper", [0.0, -0.4])
def test_of_no_gap_there_is_no_share(upper: float) -> None:
    found = share_of_gap(*scores(0.3, 0.0, upper, spread=0.05))
    assert found.share is None
    assert found.low is None
    assert found.gap == pytest.approx(upper, abs=0.05)
    assert share_of_gap([1.0], [0.0], [2.0]).share is None


def test_other_images_are_refused() -> None:
    with pytest.raises(DegcraftError, match="scores of the same images, but got 2, 1, 2"):
        share_of_gap([1, 2], [1], [1, 2])
    with pytest.raises(DegcraftError, match="but got 0, 0, 0"):
        share_of_gap([], [], [])
