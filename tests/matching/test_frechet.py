"""The Fréchet distance against the definition by covariances and scipy's matrix square root."""

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from degcraft.errors import DegcraftError
from degcraft.matching import frechet_distance, frechet_distances

Array = NDArray[np.float64]


def by_definition(a: Array, b: Array) -> float:
    """Equation 3 as it stands, (Σ₁^½ Σ₂ Σ₁^½)^½ with scipy's sqrtm for both roots."""
    first, second = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    half = scipy.linalg.sqrtm(first)
    root = scipy.linalg.sqrtm(half @ second @ half)
    means = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    return float(means + np.trace(first) + np.trace(second) - 2 * np.trace(root).real)


def by_eigenvalues(a: Array, b: Array) -> float:
    """The same for covariances without full rank, where sqrtm loses digits: roots by scipy's eigh."""
    first, second = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    values, vectors = scipy.linalg.eigh(first)
    half = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    root = np.sqrt(scipy.linalg.eigvalsh(half @ second @ half).clip(0)).sum()
    means = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    return float(means + np.trace(first) + np.trace(second) - 2 * root)


def features(count: int, c: int, seed: int, *, shift: float = 0.0, decay: float = 0.0) -> Array:
    rng = np.random.default_rng(seed)
    mix = rng.standard_normal((c, c)) * np.arange(1, c + 1.0) ** -decay
    return rng.standard_normal((count, c)) @ mix + shift


@pytest.mark.parametrize(
    ("n", "m", "c"),
    [(100, 100, 64), (100, 60, 32), (60, 100, 32), (200, 300, 5), (100, 70, 1), (80, 80, 79), (9, 8, 7)],
)
def test_agrees_with_the_definition(n: int, m: int, c: int) -> None:
    a, b = features(n, c, 0), features(m, c, 1, shift=0.3)
    assert frechet_distance(a, b) == pytest.approx(by_definition(a, b), rel=1e-6)


@pytest.mark.parametrize(
    ("n", "m", "c"), [(20, 20, 50), (20, 35, 50), (35, 20, 50), (50, 20, 40), (2, 2, 10), (10, 40, 40)]
)
@pytest.mark.parametrize("decay", [0.0, 2.0])
def test_agrees_with_the_definition_when_covariances_lack_rank(n: int, m: int, c: int, decay: float) -> None:
    a, b = features(n, c, 0, decay=decay), features(m, c, 1, shift=0.3, decay=decay)
    assert frechet_distance(a, b) == pytest.approx(by_eigenvalues(a, b), rel=1e-6)


def test_agrees_with_scipys_root_of_the_rank_deficient_product() -> None:
    a, b = features(30, 64, 0), features(25, 64, 1)
    # sqrtm of singular matrices is itself good to about the root of the machine precision.
    assert frechet_distance(a, b) == pytest.approx(by_definition(a, b), rel=1e-6)


def test_constant_features_add_only_their_means() -> None:
    a, b = features(30, 4, 0), features(40, 4, 1)
    both = frechet_distance(np.c_[a, np.full(30, 2.0)], np.c_[b, np.full(40, 5.0)])
    assert both == pytest.approx(frechet_distance(a, b) + 9.0, rel=1e-9)
    assert frechet_distance(np.full((5, 3), 2.0), np.full((7, 3), 4.0)) == pytest.approx(12.0)
    assert frechet_distance(np.zeros((5, 3)), b[:, :3]) == pytest.approx(
        float(b[:, :3].var(axis=0, ddof=1).sum() + np.square(b[:, :3].mean(axis=0)).sum())
    )


def test_one_feature_is_the_difference_of_means_and_deviations() -> None:
    a, b = features(50, 1, 0), features(80, 1, 1, shift=2.0)
    expected = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(2, 30),
    m=st.integers(2, 30),
    c=st.integers(1, 40),
    seed=st.integers(0, 2**31),
    scale=st.floats(0.01, 100),
)
def test_is_a_squared_distance_whatever_the_shapes(n: int, m: int, c: int, seed: int, scale: float) -> None:
    a, b = features(n, c, seed), features(m, c, seed + 1, shift=0.5)
    distance, size = frechet_distance(a, b), float(a.var() + b.var()) * c
    assert distance >= 0
    assert frechet_distance(b, a) == pytest.approx(distance, rel=1e-6, abs=1e-9 * size)
    assert frechet_distance(scale * a, scale * b) == pytest.approx(
        scale**2 * distance, rel=1e-6, abs=1e-9 * scale**2 * size
    )
    assert frechet_distance(a, a[::-1].copy()) == pytest.approx(0, abs=1e-9 * size)
    assert frechet_distance(a + 100, b + 100) == pytest.approx(distance, rel=1e-6, abs=1e-7 * size)
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((c, c)))[0]
    assert frechet_distance(a @ rotation, b @ rotation) == pytest.approx(distance, rel=1e-6, abs=1e-9 * size)


@pytest.mark.parametrize("c", [8, 300])
def test_all_bins_at_once_are_the_bins_one_by_one(c: int) -> None:
    bins = np.stack([features(40, c, seed, shift=seed / 10) for seed in range(7)]).astype(np.float32)
    reference = features(30, c, 99)
    expected = [frechet_distance(one, reference) for one in bins]
    given_as = [
        frechet_distances(bins, reference),
        frechet_distances(torch.from_numpy(bins), torch.from_numpy(reference)),
        frechet_distances(list(bins), reference),
        frechet_distances((one for one in bins), reference),
    ]
    for distances in given_as:
        assert distances.dtype == np.float64
        np.testing.assert_allclose(distances, expected, rtol=1e-9)


def test_bins_larger_than_one_batch_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    bins, reference = np.stack([features(20, 6, seed) for seed in range(9)]), features(20, 6, 99)
    whole = frechet_distances(bins, reference)
    monkeypatch.setattr("degcraft.matching.frechet._BYTES_AT_ONCE", 2 * 8 * 20 * 6)
    np.testing.assert_allclose(frechet_distances(bins, reference), whole, rtol=1e-12)


def test_bins_may_differ_in_their_number_of_images() -> None:
    bins = [features(count, 12, count) for count in (5, 30, 12)]
    reference = features(20, 12, 99)
    np.testing.assert_allclose(frechet_distances(bins, reference), [by_eigenvalues(one, reference) for one in bins])
    assert frechet_distances([], reference).shape == (0,)


def test_bad_features_are_refused() -> None:
    good = features(5, 3, 0)
    with pytest.raises(DegcraftError, match=r"of at least 2 images, but got \(1, 3\)"):
        frechet_distance(good[:1], good)
    with pytest.raises(DegcraftError, match="reference features must be"):
        frechet_distance(good, good[:, 0])
    with pytest.raises(DegcraftError, match="equally many features, but got 3 and 2"):
        frechet_distance(good, good[:, :2])
    with pytest.raises(DegcraftError, match=r"bins must be \(bins, images, features\), but got \(5, 3\)"):
        frechet_distances(good, good)
    broken = good.copy()
    broken[2, 1] = np.nan
    with pytest.raises(DegcraftError, match="bin features must be finite, but 1 are not"):
        frechet_distance(broken, good)
