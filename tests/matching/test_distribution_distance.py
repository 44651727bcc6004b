"""Distances of distributions, against sampling, a linear program, scipy and closed forms."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.optimize import linprog
from scipy.stats import wasserstein_distance

from degcraft.degradation import NO_JPEG, PAPER_SPACE, TEST_SETTINGS, Axis, CraftedDistribution, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.matching.distribution_distance import Boxes, compare_distributions

WIDTHS = {"blur_sigma": 1.0, "noise_level": 10.0, "jpeg_quality": 20.0}
QUALITY = DegradationSpace((Axis("jpeg_quality", 30, 90, 3, none=True),))
COARSE = DegradationSpace((Axis("blur_sigma", 0, 4, 2), Axis("noise_level", 0, 20, 2)))
OTHER = DegradationSpace((Axis("noise_level", 5, 35, 3, none=True), Axis("blur_sigma", 1, 4, 3)))


def crafted(space: DegradationSpace, seed: int) -> CraftedDistribution:
    return CraftedDistribution(space, np.random.default_rng(seed).dirichlet(np.full(space.n_bins, 0.4)))


def drawn(distribution: CraftedDistribution, n: int, seed: int = 0) -> dict[str, np.ndarray]:
    sample = distribution.space.each_bin.sample(distribution.weights, n, torch.Generator().manual_seed(seed))
    return {
        name: np.where(np.isinf(values), 110, values) for name, values in
        ((name, values.numpy().astype(np.float64)) for name, values in sample.parameters.items())
    }  # fmt: skip


def test_bins_of_one_space_are_moved_as_a_linear_program_says() -> None:
    """Cells of one space with one width: W₁ between the middles is exact where whole cells move."""
    space = DegradationSpace((Axis("blur_sigma", 0, 3, 3), Axis("noise_level", 0, 20, 2)))
    first, second = crafted(space, 0), crafted(space, 1)
    found = compare_distributions(first, second)
    middles = np.array([[np.mean(ends) / WIDTHS[name] for name, ends in space.bounds(i).items()] for i in range(6)])
    cost = np.linalg.norm(middles[:, None] - middles, axis=2)
    sums = np.zeros((12, 36))
    for index in range(6):
        sums[index, index * 6 : index * 6 + 6] = 1
        sums[6 + index, index::6] = 1
    solved = linprog(cost.ravel(), A_eq=sums, b_eq=np.concatenate([first.weights, second.weights]))
    assert abs(found.wasserstein - solved.fun) <= found.wasserstein_error
    assert found.wasserstein == pytest.approx(solved.fun, rel=0.05)
    assert found.total_variation == pytest.approx(np.abs(first.weights - second.weights).sum() / 2)


@given(first=st.integers(0, 1000), second=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_every_axis_alone_is_the_distance_of_its_draws(first: int, second: int) -> None:
    one, other = crafted(COARSE, first), crafted(OTHER, second)
    found = compare_distributions(one, other)
    draws, others = drawn(one, 60_000), drawn(other, 60_000, seed=1)
    for name, distance in found.axes.items():
        expected = wasserstein_distance(draws[name], others[name])
        assert distance == pytest.approx(expected, abs=0.03 * WIDTHS[name])
    # Along any one axis nothing needs to move farther than in all of them together.
    longest = max(distance / WIDTHS[name] for name, distance in found.axes.items())
    assert longest <= found.wasserstein + found.wasserstein_error + 1e-9


def test_none_is_a_place_of_its_own() -> None:
    none, best = np.array([0, 0, 0, 1.0]), np.array([0, 0, 1.0, 0])
    found = compare_distributions(CraftedDistribution(QUALITY, none), CraftedDistribution(QUALITY, best))
    assert found.total_variation == 1
    assert found.axes["jpeg_quality"] == pytest.approx(110 - 80)
    assert found.wasserstein == pytest.approx(1.5, abs=1e-9)
    # A space without the axis compresses nothing.
    without = CraftedDistribution(DegradationSpace((Axis("blur_sigma", 0, 1, 1),)), np.ones(1))
    both = DegradationSpace((Axis("blur_sigma", 0, 1, 1), *QUALITY.axes))
    assert compare_distributions(without, CraftedDistribution(both, none)).total_variation == 0
    assert compare_distributions(without, CraftedDistribution(both, best)).axes["jpeg_quality"] == pytest.approx(30)
    assert NO_JPEG not in Boxes.of(CraftedDistribution(both, none)).sides["jpeg_quality"]


def test_moments_are_those_of_the_draws() -> None:
    one, other = crafted(COARSE, 3), crafted(OTHER, 4)
    names = ["blur_sigma", "noise_level"]
    values = [np.stack([drawn(each, 400_000)[name] / WIDTHS[name] for name in names], axis=1) for each in (one, other)]
    means, covariances = [each.mean(axis=0) for each in values], [np.cov(each.T) for each in values]
    root = sqrtm(covariances[0] @ covariances[1]).real
    squared = np.square(means[0] - means[1]).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert compare_distributions(one, other).frechet == pytest.approx(squared**0.5, abs=0.01)


def test_total_variation_counts_what_draws_on_a_grid_do() -> None:
    one, other = crafted(COARSE, 5), crafted(OTHER, 6)
    draws, others = drawn(one, 400_000), drawn(other, 400_000, seed=1)
    edges = [np.arange(0, 4.01, 1), np.array([-1e-9, 1e-9, 5, 10, 15, 20, 25, 35])]
    counts = [np.histogram2d(each["blur_sigma"], each["noise_level"], edges)[0] / 400_000 for each in (draws, others)]
    expected = np.abs(counts[0] - counts[1]).sum() / 2
    assert compare_distributions(one, other).total_variation == pytest.approx(expected, abs=0.01)


def test_a_distribution_is_itself_however_fine_its_space_and_distances_are_symmetric() -> None:
    one = crafted(COARSE, 7)
    fine = DegradationSpace((Axis("noise_level", 0, 20, 4), Axis("blur_sigma", 0, 4, 8)))
    weights = np.zeros(fine.n_bins)
    for index, weight in enumerate(one.weights):
        weights += weight * fine.overlap(COARSE.bounds(index))
    same = compare_distributions(one, CraftedDistribution(fine, weights))
    assert same.total_variation == pytest.approx(0, abs=1e-9)
    assert same.wasserstein == pytest.approx(0, abs=1e-6)
    assert same.frechet == pytest.approx(0, abs=1e-6)
    other = crafted(OTHER, 8)
    there, back = compare_distributions(one, other), compare_distributions(other, one)
    assert there.wasserstein == pytest.approx(back.wasserstein)
    assert (there.total_variation, there.frechet) == (pytest.approx(back.total_variation), pytest.approx(back.frechet))


def test_wrong_boxes_and_spaces_too_fine_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    one = crafted(COARSE, 0)
    for box in ({"rain": (0.0, 1.0)}, {"blur_sigma": (2.0, 1.0)}, {}):
        with pytest.raises(DegcraftError):
            compare_distributions(one, box)
    never = compare_distributions({"jpeg_quality": (NO_JPEG, NO_JPEG)}, {"jpeg_quality": (90.0, 90.0)})
    assert never.axes["jpeg_quality"] == pytest.approx(20)
    monkeypatch.setattr("degcraft.matching.distribution_distance.MOST_PAIRS", 3)
    with pytest.raises(DegcraftError, match="at most 3 pairs of cells can be compared"):
        compare_distributions(one, crafted(OTHER, 1))


def test_a_box_is_compared_as_it_is_and_not_by_the_bins_it_meets() -> None:
    bins = CraftedDistribution(PAPER_SPACE, PAPER_SPACE.overlap(TEST_SETTINGS[1]))
    # Setting 1 is half of its one bin in quality.
    assert compare_distributions(bins, TEST_SETTINGS[1]).total_variation == pytest.approx(0.5)
    exact = compare_distributions(TEST_SETTINGS[1], TEST_SETTINGS[2])
    assert exact.axes["noise_level"] == pytest.approx(15)
    assert exact.farthest == "noise_level"
