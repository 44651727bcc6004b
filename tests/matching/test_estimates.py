"""Each reference's own estimate: quantiles from the mild side, and the weights that they make."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from degcraft.degradation import Axis, CraftedDistribution, DegradationSpace, ListedSource
from degcraft.errors import DegcraftError
from degcraft.features import EXTRACTORS, AxisPosterior
from degcraft.matching import Measurement, craft, make_weighting
from degcraft.matching.estimates import mild_degradations, mild_values, reference_beliefs

GRID = np.arange(0, 10.01, 0.1)


def belief(*means: float, spread: float = 1.0) -> AxisPosterior:
    rows = np.stack([stats.norm.pdf(GRID, mean, spread) for mean in means])
    return AxisPosterior(GRID, rows / rows.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("quantile", [0.1, 0.25, 0.5, 0.9])
def test_quantiles_are_those_of_the_distribution(quantile: float) -> None:
    found = mild_values("blur_sigma", belief(4.0, 6.0), quantile)
    np.testing.assert_allclose(found, stats.norm.ppf(quantile, [4, 6], 1), atol=0.02)


def test_mild_is_a_high_quality_and_none_beyond_it() -> None:
    qualities = AxisPosterior(np.array([10.0, 50.0, 90.0, math.inf]), np.array([[0.1, 0.2, 0.4, 0.3]] * 2))
    assert mild_values("jpeg_quality", qualities, 0.25).tolist() == [math.inf] * 2
    # The upper quality at which 0.1 + 0.2 + 0.2 lie below: the middle of the cell of 90, which reaches from 70 to 90.
    np.testing.assert_allclose(mild_values("jpeg_quality", qualities, 0.5), 80)


def test_the_cell_of_none_is_none() -> None:
    shares = AxisPosterior(np.array([0.0, 0.25, 0.5]), np.array([[0.8, 0.1, 0.1], [0.0, 0.5, 0.5]]))
    assert mild_values("noise_common", shares, 0.5)[0] == 0
    assert mild_values("noise_common", shares, 0.5)[1] == pytest.approx(0.375)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measurement:
    """60 references whose believed blur and noise go together: half have little of both, half much."""
    means = np.repeat([[0.5, 2.0], [3.5, 18.0]], 30, axis=0)

    def posterior(features: np.ndarray, scale: int) -> dict[str, AxisPosterior]:
        values = features.astype(np.float64)
        return {
            "blur_sigma": belief(*values[:, 0], spread=0.05),
            "noise_level": AxisPosterior(2 * GRID, belief(*values[:, 1] / 2, spread=0.1).probabilities),
        }

    spec = dataclasses.replace(EXTRACTORS["squeezenet"], posterior=posterior)
    monkeypatch.setitem(EXTRACTORS, "squeezenet", spec)
    space = DegradationSpace((Axis("blur_sigma", 0, 4, 4), Axis("noise_level", 0, 20, 2, none=True)))
    return Measurement(
        space=space,
        features=np.zeros((12, 4, 2), dtype=np.float16),
        parameters=np.zeros((12, 4, 2), dtype=np.float32),
        references=means.astype(np.float16),
        hr_groups=np.arange(4),
        reference_groups=np.arange(60) // 2,
        extractor="squeezenet",
        layer="fire6",
        extractor_identity="0",
        seed=0,
        scale=4,
        hr_hash="hr",
        reference_hash="references",
    )


def test_what_goes_together_stays_together(measured: Measurement) -> None:
    weights = make_weighting(measured, "estimates").weights().reshape(4, 3)
    assert weights[0, 1] == pytest.approx(0.5)
    assert weights[3, 2] == pytest.approx(0.5)


def test_draws_are_of_other_files(measured: Measurement) -> None:
    method = make_weighting(measured, {"name": "estimates", "quantile": 0.5})
    draws = method.draws(200, seed=0)
    np.testing.assert_allclose(draws.sum(axis=1), 1)
    # 30 files drawn with replacement: a binomial share.
    assert draws[:, 1].std() == pytest.approx((0.25 / 30) ** 0.5, rel=0.2)
    np.testing.assert_array_equal(draws, method.draws(200, seed=0))


def test_features_without_a_posterior_have_no_estimates(measured: Measurement) -> None:
    with pytest.raises(DegcraftError, match="estimates of blur_sigma need an extractor with a posterior"):
        make_weighting(dataclasses.replace(measured, extractor="alexnet"), "estimates")


def test_training_draws_from_the_estimates_themselves(measured: Measurement, tmp_path: Path) -> None:
    crafted = craft(measured, {"name": "estimates", "quantile": 0.5}, intervals=False)
    source = crafted.source()
    assert isinstance(source, ListedSource)
    for name, belief in reference_beliefs(measured).items():
        np.testing.assert_allclose(source.parameters[name].numpy(), mild_values(name, belief, 0.5), rtol=1e-6)
    crafted.save(tmp_path / "crafted.json")
    again = CraftedDistribution.load(tmp_path / "crafted.json").source()
    assert isinstance(again, ListedSource)
    assert again.describe() == source.describe()


def test_half_of_the_blur_can_be_the_optics_own() -> None:
    found = {"blur_sigma": belief(2.0, 4.0), "noise_level": belief(3.0, 5.0)}
    whole, half = (mild_degradations(found, 0.5, blur=blur).parameters for blur in (1.0, 0.5))
    np.testing.assert_allclose(half["blur_sigma"], whole["blur_sigma"] / 2)
    np.testing.assert_allclose(half["noise_level"], whole["noise_level"])


@pytest.mark.parametrize("columns", [[1.0], {"blur_sigma": 1.0}, {"blur_sigma": ["1"]}, {"blur_sigma": [True]}])
def test_a_list_that_is_none_is_refused(columns: object) -> None:
    with pytest.raises(DegcraftError, match="must map every axis to its values"):
        ListedSource.of(columns)
