"""Pooling distributions, and reading a value and an interval off one."""

import math

import numpy as np
import pytest
from scipy import stats

from degcraft.inspection.calibration import TRUST, Trust
from degcraft.inspection.distribution import pool, read_estimate

GRID = np.linspace(0, 20, 401)


def normal(mean: float, deviation: float) -> np.ndarray:
    raw = stats.norm.pdf(GRID, mean, deviation)
    return np.asarray(raw / raw.sum())


def test_an_estimate_is_the_median_and_the_middle_nine_tenths() -> None:
    one = read_estimate(normal(8, 1.5), GRID)
    expected = stats.norm.ppf([0.5, 0.05, 0.95], 8, 1.5)
    assert (one.value, one.low, one.high) == pytest.approx(tuple(expected), abs=0.02)


def test_cells_of_unequal_width_do_not_shift_it() -> None:
    grid = np.concatenate([np.arange(0, 8, 0.1), np.arange(8, 20.1, 0.5)])
    edges = np.concatenate([grid[:1], (grid[1:] + grid[:-1]) / 2, grid[-1:]])
    one = read_estimate(np.diff(stats.norm.cdf(edges, 8, 1.5)), grid)
    assert (one.value, one.low, one.high) == pytest.approx(tuple(stats.norm.ppf([0.5, 0.05, 0.95], 8, 1.5)), abs=0.05)


@pytest.mark.parametrize(
    ("never", "infinite"),
    [(0.0, (False, False, False)), (0.3, (False, False, True)), (0.7, (False, True, True)), (0.99, (True, True, True))],
)
def test_no_compression_is_an_infinite_quality(never: float, infinite: tuple[bool, bool, bool]) -> None:
    grid = np.array([30.0, 50.0, 70.0, 90.0, math.inf])
    one = read_estimate(np.array([0.1, 0.2, 0.3, 0.4, 0.0]) * (1 - never) + np.array([0, 0, 0, 0, never]), grid)
    assert (math.isinf(one.low), math.isinf(one.value), math.isinf(one.high)) == infinite


def test_independent_distributions_multiply() -> None:
    # The product of two normal densities is normal: its precision is the sum of theirs.
    pooled = pool(np.stack([normal(6, 1), normal(9, 2)]), 2)
    np.testing.assert_allclose(pooled, normal((6 / 1 + 9 / 4) / (1 + 1 / 4), math.sqrt(1 / (1 + 1 / 4))), atol=1e-9)


def test_copies_say_no_more_than_one() -> None:
    np.testing.assert_allclose(pool(np.stack([normal(6, 1)] * 5), 1), normal(6, 1), atol=1e-9)


def test_less_trust_is_a_wider_interval() -> None:
    wide, narrow = (read_estimate(pool(normal(10, 1)[None], trust), GRID) for trust in (0.25, 1))
    assert wide.high - wide.low == pytest.approx(2 * (narrow.high - narrow.low), rel=0.02)


def test_a_patch_that_tells_nothing_moves_nothing() -> None:
    flat = np.full(len(GRID), 1 / len(GRID))
    one = read_estimate(pool(np.stack([normal(6, 1), flat]), 2), GRID)
    assert one.value == pytest.approx(6, abs=0.01)


def test_zeros_leave_a_distribution() -> None:
    pooled = pool(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), 2)
    assert pooled.sum() == pytest.approx(1)
    assert pooled[0] == pytest.approx(pooled[2])


@pytest.mark.parametrize(("correlation", "worth"), [(1.0, 0.5), (0.0, 4.0), (0.5, 0.5 * 8 / 4.5)])
def test_correlated_patches_are_worth_less(correlation: float, worth: float) -> None:
    assert Trust(0.5, correlation).of(8) == pytest.approx(worth)
    assert Trust(0.5, correlation).of(1) == 0.5


def test_trust_is_of_axes_that_there_are() -> None:
    from degcraft.features.degnet_grids import GRIDS

    assert TRUST.keys() <= GRIDS.keys()
    assert all(trust.patch > 0 and 0 <= trust.correlation <= 1 for trust in TRUST.values())
