"""The two-sample test: what chance gives, what a difference gives, and that files stay together."""

import numpy as np
import pytest
from scipy.stats import norm

from degcraft.errors import DegcraftError
from degcraft.matching import two_sample_test


def sets(shift: float, *, n: int = 200, c: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    first, second = random.standard_normal((n, c)), random.standard_normal((n, c))
    second[:, 0] += shift
    return first, second


def test_equal_distributions_stay_below_chance_about_as_often_as_it_says() -> None:
    own = np.arange(60)
    found = [two_sample_test(*sets(0, n=60, seed=seed), own, own, seed=seed, shuffles=20) for seed in range(25)]
    assert np.mean([one.accuracy for one in found]) == pytest.approx(0.5, abs=0.03)
    assert np.mean([one.differs for one in found]) < 0.2


def test_two_gaussians_are_told_apart_as_well_as_they_can_be() -> None:
    """The best accuracy for means d apart in units of the deviation is Φ(d / 2)."""
    own = np.arange(400)
    found = two_sample_test(*sets(2.0, n=400), own, own)
    assert found.accuracy == pytest.approx(norm.cdf(1.0), abs=0.03)
    assert found.differs
    assert found.chance < 0.6


def test_the_telling_images_are_those_that_differ_most() -> None:
    first, second = sets(0.0)
    second[:20, 0] += 9
    found = two_sample_test(first, second, np.arange(200), np.arange(200), shuffles=0)
    assert set(np.argsort(-found.telling)[:15]) <= set(range(20))
    assert np.isnan(found.chance)


def test_what_files_have_in_common_is_no_difference_of_the_sets() -> None:
    random = np.random.default_rng(0)
    files = np.arange(10).repeat(20)
    first, second = (random.standard_normal((10, 30)).repeat(20, axis=0) * 3 for _ in range(2))
    first, second = (part + 0.1 * random.standard_normal(part.shape) for part in (first, second))
    by_file = two_sample_test(first, second, files, files)
    assert by_file.accuracy < 0.8
    alone = np.arange(200)
    assert two_sample_test(first, second, alone, alone, shuffles=5).accuracy > 0.95


def test_several_draws_are_averaged_and_a_seed_repeats() -> None:
    first, second = sets(1.0)
    own = np.arange(200)
    once = two_sample_test(first, second, own, own, seed=3, shuffles=4)
    assert two_sample_test(first, second, own, own, seed=3, shuffles=4).accuracy == once.accuracy
    thrice = two_sample_test(np.stack([first] * 3), second, own, own, seed=3, shuffles=4)
    assert thrice.accuracy == pytest.approx(once.accuracy, abs=0.02)


def test_one_file_is_judged_by_its_images() -> None:
    first, second = sets(6.0, n=20)
    assert two_sample_test(first, second, np.zeros(20, int), np.zeros(20, int), shuffles=2).accuracy > 0.9


def test_sets_that_do_not_fit_are_refused() -> None:
    first, second = sets(0, n=6)
    with pytest.raises(DegcraftError, match="must have the same features"):
        two_sample_test(first, second[:, :2], np.arange(6), np.arange(6))
    with pytest.raises(DegcraftError, match="at least 2 images, but got 6 and 1"):
        two_sample_test(first, second[:1], np.arange(6), np.arange(1))
