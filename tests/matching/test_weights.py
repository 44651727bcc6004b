"""Equation 4 and what it must do at its ends."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degcraft.errors import DegcraftError
from degcraft.matching import craft_weights, effective_bins, entropy


def test_weights_are_those_of_equation_4() -> None:
    distances = [3.0, 4.0, 7.0, 5.0]
    # Normalised: 0, 1/4, 1, 1/2.
    raw = [math.exp(1) - 1, math.exp(0.75**3) - 1, math.exp(0) - 1, math.exp(0.5**3) - 1]
    np.testing.assert_allclose(craft_weights(distances, 3), np.array(raw) / sum(raw), rtol=1e-12)


def test_alpha_zero_and_equal_distances_are_uniform() -> None:
    np.testing.assert_allclose(craft_weights([1.0, 2.0, 9.0], 0), np.full(3, 1 / 3))
    for alpha in (0.0, 1.0, 25.0, math.inf):
        np.testing.assert_allclose(craft_weights([4.2] * 5, alpha), np.full(5, 0.2))
        np.testing.assert_allclose(craft_weights([0.0] * 5, alpha), np.full(5, 0.2))
        assert craft_weights([7.0], alpha).tolist() == [1.0]


@pytest.mark.parametrize("alpha", [1e6, 1e300, math.inf])
def test_very_large_alpha_is_the_nearest_bin(alpha: float) -> None:
    assert craft_weights([5.0, 2.0, 2.01, 9.0], alpha).tolist() == [0, 1, 0, 0]
    assert craft_weights([2.0, 2.0, 9.0], alpha).tolist() == [0.5, 0.5, 0]


@given(
    distances=st.lists(st.floats(0, 1e308), min_size=1, max_size=80),
    alpha=st.floats(0, 1000),
)
def test_weights_are_a_distribution_that_falls_with_distance(distances: list[float], alpha: float) -> None:
    weights = craft_weights(distances, alpha)
    assert weights.dtype == np.float64
    assert np.isfinite(weights).all()
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)
    assert (np.diff(weights[np.argsort(distances)]) <= 1e-15).all()
    assert 1 - 1e-9 <= effective_bins(weights) <= len(distances) * (1 + 1e-9)


@given(shift=st.floats(-1e3, 1e3), scale=st.floats(1e-3, 1e3))
def test_unit_and_origin_of_the_distances_do_not_matter(shift: float, scale: float) -> None:
    distances = np.array([1.0, 1.5, 4.0, 2.0])
    np.testing.assert_allclose(craft_weights(distances * scale + shift, 25), craft_weights(distances, 25), rtol=1e-6)


def test_larger_alpha_concentrates() -> None:
    distances = np.linspace(1, 2, 75)
    effective = [effective_bins(craft_weights(distances, alpha)) for alpha in (0, 1, 5, 25, 100)]
    assert effective[0] == pytest.approx(75)
    assert effective == sorted(effective, reverse=True)


def test_entropy_of_known_distributions() -> None:
    assert entropy([0.25] * 4) == pytest.approx(math.log(4))
    assert entropy([0, 1, 0]) == 0
    assert entropy([0.5, 0.25, 0.25]) == pytest.approx(1.5 * math.log(2))
    assert effective_bins([0.5, 0.5, 0, 0]) == pytest.approx(2)


@pytest.mark.parametrize(
    ("distances", "words"),
    [([], r"shape \(0,\)"), ([[1.0]], r"shape \(1, 1\)"), ([1.0, math.nan], "nan"), ([1.0, math.inf], "inf")],
    ids=str,
)
def test_bad_distances_are_refused(distances: list[float], words: str) -> None:
    with pytest.raises(DegcraftError, match=rf"distances must be \(bins,\) of finite numbers, but got {words}"):
        craft_weights(distances, 25)


@pytest.mark.parametrize("alpha", [-1, math.nan])
def test_bad_alpha_is_refused(alpha: float) -> None:
    with pytest.raises(DegcraftError, match="alpha must be at least 0, but got"):
        craft_weights([1.0, 2.0], alpha)


@pytest.mark.parametrize("weights", [[0.5, 0.6], [1.5, -0.5], [], [math.nan, 1.0]], ids=str)
def test_entropy_of_what_is_no_distribution_is_refused(weights: list[float]) -> None:
    with pytest.raises(DegcraftError, match="weights must be"):
        entropy(weights)
