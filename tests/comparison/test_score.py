"""The figures of a comparison mean what they say."""

from itertools import chain, combinations

import numpy as np
import pytest

from degcraft.comparison import score_weights
from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, Axis, DegradationSpace
from degcraft.errors import DegcraftError

SMALL = DegradationSpace((Axis("noise_level", 0, 50, 6),))


def test_the_truth_itself_scores_best() -> None:
    truth = PAPER_SPACE.overlap(TEST_SETTINGS[3])
    score = score_weights(PAPER_SPACE, truth, truth)
    assert (score.top_hits, score.true_bins) == (4, 4)
    assert (score.on_true_bins, score.total_variation, score.effective_bins) == pytest.approx((1, 0, 4))


def test_uniform_weights_hit_nothing() -> None:
    score = score_weights(PAPER_SPACE, PAPER_SPACE.uniform_weights(), PAPER_SPACE.overlap(TEST_SETTINGS[3]))
    assert score.top_hits == 0
    assert (score.on_true_bins, score.total_variation) == pytest.approx((4 / 75, 1 - 4 / 75))
    assert score.effective_bins == pytest.approx(75)


def test_one_true_bin_found_of_two() -> None:
    score = score_weights(SMALL, [0, 0.6, 0, 0.3, 0.1, 0], [0, 0.5, 0.5, 0, 0, 0])
    assert score.top_hits == 1
    assert score.true_bins == 2
    assert (score.on_true_bins, score.total_variation) == pytest.approx((0.6, 0.5))
    assert score.effective_bins == pytest.approx(np.exp(-(0.6 * np.log(0.6) + 0.3 * np.log(0.3) + 0.1 * np.log(0.1))))


def test_total_variation_is_the_largest_difference_of_any_set_of_bins() -> None:
    rng = np.random.default_rng(0)
    weights, truth = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(6))
    sets = chain.from_iterable(combinations(range(6), size) for size in range(7))
    largest = max(abs(weights[list(chosen)].sum() - truth[list(chosen)].sum()) for chosen in sets)
    assert score_weights(SMALL, weights, truth).total_variation == pytest.approx(largest)


def test_both_are_normalised() -> None:
    assert score_weights(SMALL, [2, 2, 0, 0, 0, 0], [0, 8, 0, 0, 0, 0]).on_true_bins == pytest.approx(0.5)


def test_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DegcraftError, match="weights"):
        score_weights(SMALL, np.ones(5), np.ones(6))
