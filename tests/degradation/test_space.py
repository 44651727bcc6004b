"""Axes, bins, and what is drawn from them."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, Axis, DegradationSpace, sample_box
from degcraft.errors import DegcraftError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_papers_space_has_75_bins_with_quality_running_fastest() -> None:
    assert PAPER_SPACE.shape == (5, 5, 3)
    assert PAPER_SPACE.n_bins == 75
    assert PAPER_SPACE.bounds(0) == {
        "blur_sigma": (0.0, 1.0),
        "noise_level": (0.0, 10.0),
        "jpeg_quality": (30.0, 50.0),
    }
    assert PAPER_SPACE.bounds(1)["jpeg_quality"] == (50.0, 70.0)
    assert PAPER_SPACE.bounds(3)["noise_level"] == (10.0, 20.0)
    assert PAPER_SPACE.bounds(15)["blur_sigma"] == (1.0, 2.0)


def test_edges_are_evenly_spaced_and_end_at_the_range() -> None:
    assert Axis("noise_level", 2.0, 8.0, 3).edges == (2.0, 4.0, 6.0, 8.0)


@given(index=st.integers(0, 74), seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_a_bin_is_sampled_inside_its_bounds(index: int, seed: int) -> None:
    drawn = PAPER_SPACE.sample_bin(index, 16, generator(seed))
    assert len(drawn) == 16
    for name, (low, high) in PAPER_SPACE.bounds(index).items():
        values = drawn.get(name)
        assert values is not None
        assert values.min() >= low
        assert values.max() <= high


def test_a_bin_is_sampled_uniformly() -> None:
    values = PAPER_SPACE.sample_bin(74, 20_000, generator()).get("blur_sigma")
    counts, _ = np.histogram(values.numpy(), bins=10, range=(4, 5))
    # A count of 2000 has a standard deviation of 42.
    assert np.abs(counts - 2000).max() < 5 * 42


def test_bins_are_drawn_by_weight_and_never_at_weight_zero() -> None:
    space = DegradationSpace((Axis("blur_sigma", 0, 4, 4), Axis("noise_level", 0, 30, 3)))
    weights = np.array([0, 1, 0, 5, 0, 0, 2, 0, 0, 0, 2, 0], dtype=float)
    drawn = space.each_bin.sample(weights, 20_000, generator())
    cells = (drawn.get("blur_sigma").long() * 3 + (drawn.get("noise_level") / 10).long()).numpy()
    frequencies = np.bincount(cells, minlength=12) / len(cells)
    assert frequencies[weights == 0].sum() == 0
    np.testing.assert_allclose(frequencies, weights / 10, atol=0.02)


def test_the_same_seed_draws_the_same() -> None:
    weights = PAPER_SPACE.uniform_weights()
    first, again, other = (PAPER_SPACE.each_bin.sample(weights, 8, generator(seed)).rows() for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_no_global_generator_is_touched() -> None:
    before = torch.get_rng_state()
    PAPER_SPACE.each_bin.sample(PAPER_SPACE.uniform_weights(), 8, generator())
    PAPER_SPACE.sample_bin(3, 8, generator())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(("number", "bins"), [(1, 1), (2, 4), (3, 4), (4, 8)])
def test_the_settings_of_table_1_lie_in_so_many_bins(number: int, bins: int) -> None:
    share = PAPER_SPACE.overlap(TEST_SETTINGS[number])
    assert share.sum() == pytest.approx(1)
    assert np.flatnonzero(share).size == bins
    assert share.max() == pytest.approx(1 / bins)


def test_overlap_is_the_share_of_samples_from_the_box() -> None:
    box = {"blur_sigma": (0.5, 3.25), "noise_level": (12.0, 20.0), "jpeg_quality": (45.0, 90.0)}
    share = PAPER_SPACE.overlap(box)
    drawn = sample_box(box, 50_000, generator())
    cells = [(drawn.get("blur_sigma")).long(), (drawn.get("noise_level") / 10).long()]
    cells.append(((drawn.get("jpeg_quality") - 30) / 20).long().clamp(max=2))
    found = np.bincount((cells[0] * 15 + cells[1] * 3 + cells[2]).numpy(), minlength=75) / 50_000
    np.testing.assert_allclose(share, found, atol=0.01)


@pytest.mark.parametrize(("value", "cell"), [(0.0, 0), (0.5, 0), (1.0, 1), (4.99, 4), (5.0, 4)])
def test_a_side_without_width_lies_in_one_bin(value: float, cell: int) -> None:
    space = DegradationSpace((Axis("blur_sigma", 0, 5, 5),))
    share = space.overlap({"blur_sigma": (value, value)})
    assert share[cell] == 1
    assert share.sum() == 1


def test_overlap_ignores_sides_that_are_no_axis_of_the_space() -> None:
    space = DegradationSpace((Axis("noise_level", 0, 50, 5),))
    assert space.overlap(TEST_SETTINGS[2]).tolist() == [0, 0.5, 0.5, 0, 0]


def test_a_space_survives_json() -> None:
    space = DegradationSpace((Axis("jpeg_quality", 10, 95, 4), Axis("blur_sigma", 0.2, 3, 2)))
    assert DegradationSpace.from_list(json.loads(json.dumps(space.to_list()))) == space


@pytest.mark.parametrize(
    ("axis", "complaint"),
    [
        (("sharpness", 0.0, 1.0, 2), "sharpness"),
        (("blur_sigma", 2.0, 2.0, 2), "low must be below high"),
        (("blur_sigma", -1.0, 2.0, 2), r"must lie in \[0, 16\]"),
        (("jpeg_quality", 30.0, 101.0, 2), r"must lie in \[1, 100\]"),
        (("noise_level", 0.0, float("nan"), 2), "low must be below high"),
        (("noise_level", 0.0, 50.0, 0), "bins must be a whole number"),
        (("noise_level", 0.0, 50.0, 2.5), "bins must be a whole number"),
    ],
)
def test_an_impossible_axis_is_refused(axis: tuple, complaint: str) -> None:
    with pytest.raises(DegcraftError, match=complaint):
        Axis(*axis)


def test_axes_must_be_there_and_differ() -> None:
    axis = Axis("blur_sigma", 0, 5, 5)
    with pytest.raises(DegcraftError, match="once"):
        DegradationSpace((axis, axis))
    with pytest.raises(DegcraftError, match="at least one axis"):
        DegradationSpace(())


@pytest.mark.parametrize(
    ("axes", "complaint"),
    [
        ("blur_sigma", "list of axes"),
        ([{"name": "blur_sigma", "low": 0, "high": 1}], "must have the fields"),
        ([{"name": "blur_sigma", "low": "0", "high": 1, "bins": 2}], "low of 'blur_sigma' must be a number"),
        ([{"name": ["blur_sigma"], "low": 0, "high": 1, "bins": 2}], "axis name"),
    ],
)
def test_malformed_axes_are_refused(axes: object, complaint: str) -> None:
    with pytest.raises(DegcraftError, match=complaint):
        DegradationSpace.from_list(axes)  # type: ignore[arg-type]


@pytest.mark.parametrize("weights", [np.ones(74), np.zeros(75), -np.ones(75), np.full(75, np.nan)])
def test_impossible_weights_are_refused(weights: np.ndarray) -> None:
    with pytest.raises(DegcraftError, match="weights must"):
        PAPER_SPACE.check_weights(weights)


@pytest.mark.parametrize("index", [-1, 75])
def test_a_bin_that_is_not_there_is_refused(index: int) -> None:
    with pytest.raises(DegcraftError, match=f"got {index}"):
        PAPER_SPACE.bounds(index)


@pytest.mark.parametrize(
    ("box", "complaint"),
    [
        ({}, "at least one side"),
        ({"blur": (0, 1)}, "axis name"),
        ({"blur_sigma": (2, 1)}, "low <= high"),
        ({"blur_sigma": (0, 1)}, "noise_level is missing"),
        ({**TEST_SETTINGS[1], "blur_sigma": (6, 7)}, "meet the space"),
        ({**TEST_SETTINGS[1], "blur_sigma": (6, 6)}, "meet the space"),
    ],
)
def test_an_impossible_box_is_refused(box: dict, complaint: str) -> None:
    with pytest.raises(DegcraftError, match=complaint):
        PAPER_SPACE.overlap(box)
