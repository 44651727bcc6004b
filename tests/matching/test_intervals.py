"""Half-sampling intervals on Gaussian features, whose true distance is known in closed form."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from numpy.typing import NDArray
from scipy import stats

from degcraft.errors import DegcraftError
from degcraft.matching import frechet_distance, half_distances
from degcraft.matching.intervals import SPLITS

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    low: float
    high: float
    excess: float


def resample_interval(a: Array, b: Array, *, distance: float | None = None, seed: int = 0, **more: Any) -> Interval:
    """What half-sampling says of one distance, at 95 %: `half_distances` as its own words have it."""
    halves = half_distances(a, b, seed=seed, **more)
    distance = frechet_distance(a, b) if distance is None else distance
    error = np.sqrt(np.mean((halves[:, 0] - halves[:, 1]) ** 2)) / 2
    reach = float(stats.t.ppf(0.975, SPLITS)) * error
    return Interval(max(0.0, distance - reach), distance + reach, float(halves.mean()) - distance)


class Gaussians:
    """Two Gaussians in c dimensions whose spectrum falls as rank^-decay."""

    def __init__(self, c: int, *, decay: float, shift: float = 0.3, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.deviations = np.arange(1, c + 1.0) ** (-decay / 2)
        rotation = scipy.linalg.expm(0.1 * np.triu(rng.standard_normal((c, c)) / c**0.5, 1).T)
        rotation = np.linalg.qr(rotation)[0]
        self.mix = (rotation * self.deviations * 1.5**0.5).T
        self.mean = np.zeros(c)
        self.mean[0] = shift

    @property
    def distance(self) -> float:
        first, second = np.diag(self.deviations**2), self.mix.T @ self.mix
        half = np.diag(self.deviations)
        root = np.sqrt(scipy.linalg.eigvalsh(half @ second @ half).clip(0)).sum()
        return float(self.mean @ self.mean + np.trace(first) + np.trace(second) - 2 * root)

    def draw(self, n: int, m: int, rng: np.random.Generator) -> tuple[Array, Array]:
        c = len(self.mean)
        return (
            rng.standard_normal((n, c)) * self.deviations,
            rng.standard_normal((m, c)) @ self.mix + self.mean,
        )


def repeat(world: Gaussians, n: int, m: int, times: int) -> Array:
    """(times, 4): distance, low, high, excess of independent draws."""
    rng = np.random.default_rng(1)
    rows = []
    for index in range(times):
        a, b = world.draw(n, m, rng)
        distance = frechet_distance(a, b)
        interval = resample_interval(a, b, distance=distance, seed=index)
        rows.append((distance, interval.low, interval.high, interval.excess))
    return np.array(rows)


def coverage(rows: Array, truth: float, *, without_excess: bool) -> float:
    low, high = rows[:, 1], rows[:, 2]
    if without_excess:
        low, high = low - rows[:, 3], high - rows[:, 3]
    return float(((low <= truth) & (truth <= high)).mean())


@pytest.mark.parametrize(("n", "m"), [(100, 100), (100, 60)])
def test_interval_less_its_excess_covers_the_true_distance(n: int, m: int) -> None:
    world = Gaussians(8, decay=0.0)
    rows = repeat(world, n, m, 120)
    # The distance itself is far too large, or the test would say nothing about the correction.
    assert rows[:, 0].mean() > 1.8 * world.distance
    assert coverage(rows, world.distance, without_excess=True) >= 0.89
    assert (rows[:, 0] - rows[:, 3]).mean() == pytest.approx(world.distance, rel=0.2)


@pytest.mark.parametrize(("c", "decay", "m"), [(4, 0.0, 100), (64, 1.0, 60), (256, 1.0, 100), (256, 3.0, 60)], ids=str)
def test_interval_covers_the_mean_distance_of_as_many_images(c: int, decay: float, m: int) -> None:
    rows = repeat(Gaussians(c, decay=decay), 100, m, 100)
    assert coverage(rows, rows[:, 0].mean(), without_excess=False) >= 0.86
    # Nor is it so wide that covering is no merit.
    reach = (rows[:, 2] - rows[:, 1]).mean() / 2
    assert 1.4 < reach / rows[:, 0].std() < 3.2


def test_few_images_leave_a_part_of_the_excess_but_never_invent_one() -> None:
    world = Gaussians(256, decay=1.0)
    rows = repeat(world, 60, 60, 15)
    corrected = (rows[:, 0] - rows[:, 3]).mean()
    assert world.distance < corrected < 0.8 * rows[:, 0].mean()


def test_a_bootstrap_would_have_missed() -> None:
    world, rng = Gaussians(64, decay=0.0), np.random.default_rng(3)
    rows = repeat(world, 50, 50, 20)
    a, b = world.draw(50, 50, rng)
    drawn_twice = [frechet_distance(a[rng.integers(0, 50, 50)], b[rng.integers(0, 50, 50)]) for _ in range(60)]
    assert np.percentile(drawn_twice, 2.5) > rows[:, 0].mean()
    interval = resample_interval(a, b)
    assert interval.low < rows[:, 0].mean() < interval.high


def test_interval_holds_its_distance_and_narrows_with_the_root_of_the_images() -> None:
    world = Gaussians(4, decay=0.0, shift=1.0)
    widths = []
    for n in (100, 1600):
        rows = repeat(world, n, n, 12)
        assert (rows[:, 1] <= rows[:, 0]).all()
        assert (rows[:, 0] <= rows[:, 2]).all()
        widths.append((rows[:, 2] - rows[:, 1]).mean())
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.25)


def test_same_seed_same_interval_and_another_seed_another() -> None:
    a, b = Gaussians(12, decay=0.0).draw(31, 24, np.random.default_rng(0))
    assert resample_interval(a, b, seed=5) == resample_interval(a.astype(np.float64), b, seed=5)
    assert resample_interval(a, b, seed=5) != resample_interval(a, b, seed=6)


def test_features_in_more_dimensions_than_images_give_the_same_interval() -> None:
    a, b = Gaussians(10, decay=1.0).draw(30, 26, np.random.default_rng(0))
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((500, 10)))[0].T
    low_dimensional, embedded = resample_interval(a, b), resample_interval(a @ rotation, b @ rotation)
    assert embedded.low == pytest.approx(low_dimensional.low, rel=1e-9)
    assert embedded.high == pytest.approx(low_dimensional.high, rel=1e-9)
    assert embedded.excess == pytest.approx(low_dimensional.excess, rel=1e-9)


def test_many_images_are_resampled_in_pieces_of_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = Gaussians(6, decay=0.0).draw(40, 40, np.random.default_rng(0))
    whole = resample_interval(a, b)
    monkeypatch.setattr("degcraft.matching.intervals._BYTES_AT_ONCE", 1)
    in_pieces = resample_interval(a, b)
    assert in_pieces.low == pytest.approx(whole.low, rel=1e-9)
    assert in_pieces.high == pytest.approx(whole.high, rel=1e-9)


def test_bad_arguments_are_refused() -> None:
    good = np.random.default_rng(0).standard_normal((6, 3))
    with pytest.raises(DegcraftError, match=r"at least 4 images on both sides, but got \(6, 3\) and \(3, 3\)"):
        resample_interval(good, good[:3])
    with pytest.raises(DegcraftError, match="equally many features, but got 3 and 2"):
        resample_interval(good, good[:, :2])
    with pytest.raises(DegcraftError, match="splits must be at least 2, but got 1"):
        resample_interval(good, good, splits=1)


def grouped(random: np.random.Generator, groups: int, size: int, c: int = 6) -> tuple[Array, NDArray[np.intp]]:
    """Images that are alike within groups: most of their variance is between them."""
    shared = random.standard_normal((groups, c)).repeat(size, axis=0)
    return shared + 0.5 * random.standard_normal((groups * size, c)), np.arange(groups).repeat(size)


def test_groups_widen_the_interval_to_what_other_groups_would_give() -> None:
    random, rows = np.random.default_rng(0), []
    for index in range(60):
        (a, of_a), (b, of_b) = (grouped(random, 12, 8) for _ in range(2))
        distance = frechet_distance(a, b)
        alone = resample_interval(a, b, distance=distance, seed=index)
        together = resample_interval(a, b, distance=distance, seed=index, groups=of_a, reference_groups=of_b)
        rows.append((distance, alone.low, alone.high, 0.0, together.low, together.high))
    values = np.array(rows)
    mean = values[:, 0].mean()
    assert coverage(values, mean, without_excess=False) < 0.8
    assert coverage(values[:, [0, 4, 5, 3]], mean, without_excess=False) >= 0.9


def test_sets_that_lack_some_groups_are_cut_like_the_whole() -> None:
    random = np.random.default_rng(0)
    a, b = random.standard_normal((40, 4)), random.standard_normal((40, 4))
    kept = np.delete(np.arange(40), [3, 17])
    whole = half_distances(a, b)
    some, unnamed = half_distances(a[kept], b, groups=kept), half_distances(a[kept], b)
    errors, close, far = (part[:, 0] - part[:, 1] for part in (whole, some, unnamed))
    assert np.corrcoef(errors, close)[0, 1] > 0.7
    assert abs(np.corrcoef(errors, far)[0, 1]) < 0.7


def test_bad_groups_are_refused() -> None:
    good = np.random.default_rng(0).standard_normal((6, 3))
    with pytest.raises(DegcraftError, match=r"one number for each of the 6 images, but got \(5,\)"):
        resample_interval(good, good, groups=np.arange(5))
