"""Weights from a measurement: every method on mixtures that are known, and its solver against another."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import Bounds, approx_fprime, minimize

from degcraft.degradation import Axis, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.matching import WEIGHTINGS, Measurement, checked_weighting, craft, frechet_distance, make_weighting
from degcraft.matching.simplex import least_squares, minimise, with_entropy
from degcraft.matching.weightings.mixture import FrechetOfMixture

SPACE = DegradationSpace((Axis("blur_sigma", 0, 4, 4), Axis("noise_level", 0, 20, 2)))
TRUTH = np.array([0.0, 0.5, 0.0, 0.0, 0.2, 0.0, 0.0, 0.3])
MIDDLES = np.array([[blur + 0.5, 10 * noise + 5] for blur in range(4) for noise in range(2)], dtype=np.float32)
SIMPLEX = ({"type": "eq", "fun": lambda weights: weights.sum() - 1},)


def measured(truth: np.ndarray = TRUTH, *, crops: int = 60, references: int = 400, seed: int = 0) -> Measurement:
    """Bins that overlap, of an extractor without a posterior; each reference is of a bin drawn by the truth."""
    random = np.random.default_rng(seed)
    centres = np.array([[blur * 1.5, noise * 3.0, 0.0, 0.0] for blur in range(4) for noise in range(2)])
    features = centres[:, None] + random.normal(size=(8, crops, 4))
    drawn = random.choice(8, size=references, p=truth)
    return Measurement(
        space=SPACE,
        features=features.astype(np.float16),
        parameters=np.repeat(MIDDLES[:, None], crops, axis=1),
        references=(centres[drawn] + random.normal(size=(references, 4))).astype(np.float16),
        hr_groups=np.arange(crops) // 2,
        reference_groups=np.arange(references) // 4,
        extractor="squeezenet",
        layer="fire6",
        extractor_identity="0",
        seed=0,
        scale=4,
        hr_hash="hr",
        reference_hash="references",
    )


@pytest.mark.parametrize(("name", "most"), [("confusion", 0.12), ("em", 0.12), ("mixture", 0.3), ("mmd", 0.12)])
def test_a_known_mixture_is_found_where_eq4_cannot_say_it(name: str, most: float) -> None:
    measurement = measured()
    found = make_weighting(measurement, {"name": name, "width": 0}).weights()
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)
    assert np.abs(found - TRUTH).sum() / 2 < most
    assert np.abs(make_weighting(measurement, "eq4").weights() - TRUTH).sum() / 2 > most


@pytest.mark.parametrize("name", [name for name, spec in WEIGHTINGS.items() if "width" in spec.knobs])
def test_the_wider_the_nearer_to_uniform(name: str) -> None:
    measurement = measured()
    spread = [
        float(np.exp(-(w[w > 0] * np.log(w[w > 0])).sum()))
        for w in (make_weighting(measurement, {"name": name, "width": width}).weights() for width in (0, 1, 1000))
    ]
    assert spread[0] < spread[1] < spread[2]
    assert spread[2] > 7.5


@pytest.mark.parametrize("name", [name for name in WEIGHTINGS if name != "estimates"])  # needs a posterior
def test_draws_of_other_files_scatter_about_the_weights_and_repeat(name: str) -> None:
    method = make_weighting(measured(), name)
    draws = method.draws(10, seed=1)
    np.testing.assert_allclose(draws.sum(axis=1), 1)
    np.testing.assert_array_equal(draws, make_weighting(measured(), name).draws(10, seed=1))
    assert 0 < np.abs(draws - method.weights()).sum(axis=1).mean() / 2 < 0.5


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    covered = []
    for seed in range(12):
        crafted = craft(measured(references=100, seed=seed))
        assert crafted.low is not None
        assert crafted.high is not None
        covered.append((crafted.low <= TRUTH) & (crafted.high >= TRUTH))
    assert np.mean(covered) > 0.85


def test_the_misfit_grows_where_no_mixture_explains_the_references() -> None:
    inside = measured()
    outside = measured()
    outside.references[:, 2] += 3
    # The classifier of the bins is blind to what no bin differs in, but not to a place between none of them.
    outside.references[:, 0] -= 4
    misfits = [make_weighting(one, "confusion").misfit() for one in (inside, outside)]
    draws = [make_weighting(outside, "confusion").draws(20, 0, widened=widened) for widened in (False, True)]
    assert draws[1].std(axis=0).sum() > draws[0].std(axis=0).sum()
    assert misfits[0] is not None
    assert misfits[0] < 3
    assert misfits[1] > 2 * misfits[0]


def test_least_squares_agrees_with_slsqp() -> None:
    random = np.random.default_rng(0)
    for _ in range(5):
        matrix, target = random.normal(size=(7, 5)), random.normal(size=7)

        def loss(w: np.ndarray, matrix: np.ndarray = matrix, target: np.ndarray = target) -> float:
            return float(np.square(matrix @ w - target).sum())

        other = minimize(loss, np.full(5, 0.2), bounds=[(0, 1)] * 5, constraints=SIMPLEX, options={"ftol": 1e-14})
        assert loss(least_squares(matrix, target)) <= loss(other.x) + 1e-6


def test_with_entropy_agrees_with_slsqp() -> None:
    random = np.random.default_rng(1)
    matrix, target = random.normal(size=(7, 5)), random.normal(size=7)

    def loss(w: np.ndarray) -> float:
        return float(0.5 * np.square(matrix @ w - target).sum() + 0.7 * (w * np.log(w.clip(1e-12))).sum())

    other = minimize(loss, np.full(5, 0.2), bounds=[(1e-9, 1)] * 5, constraints=SIMPLEX, options={"ftol": 1e-14})
    found = with_entropy(matrix, target, 0.7, np.full(5, 0.2))
    np.testing.assert_allclose(found, other.x, atol=1e-4)


def mixture_loss() -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    measurement = measured(references=50)
    return FrechetOfMixture(measurement.features, measurement.references.astype(np.float64), np.full(50, 1 / 50))


def test_the_distance_of_one_bin_is_eq_3() -> None:
    measurement, loss = measured(references=50), mixture_loss()
    variance = loss.variance  # type: ignore[attr-defined]
    for index in range(8):
        expected = frechet_distance(measurement.features[index].astype(float), measurement.references.astype(float))
        assert loss(np.eye(8)[index])[0] * variance == pytest.approx(expected, rel=1e-4)


def test_the_gradient_of_the_mixture_agrees_with_finite_differences() -> None:
    loss = mixture_loss()
    for point in (np.full(8, 1 / 8), TRUTH):
        np.testing.assert_allclose(
            loss(point)[1], approx_fprime(point, lambda w: loss(w)[0], 1e-7), rtol=1e-3, atol=1e-4
        )


@pytest.mark.filterwarnings("ignore:delta_grad")
@pytest.mark.parametrize("width", [0.0, 0.05])
def test_the_mixture_is_the_one_that_an_interior_point_method_finds(width: float) -> None:
    loss = mixture_loss()

    def whole(w: np.ndarray) -> float:
        return loss(w)[0] + width * float((w * np.log(w.clip(1e-12))).sum())

    found = minimise(loss, width, np.full(8, 1 / 8))
    other = minimize(
        whole, np.full(8, 1 / 8), method="trust-constr", bounds=Bounds(1e-9, 1), constraints=SIMPLEX[0],
        options={"gtol": 1e-6, "maxiter": 1000},
    )  # fmt: skip
    assert whole(found) == pytest.approx(whole(other.x), abs=2e-3)
    assert whole(found) <= whole(other.x) + 1e-5


def test_one_mixture_is_found_from_anywhere_and_by_every_draw() -> None:
    """With the bins of a space, not of a toy: many are so alike that the distance hardly tells them apart."""
    random = np.random.default_rng(3)
    centres = np.stack(np.meshgrid(np.linspace(0, 3, 15), np.linspace(0, 2, 5)), -1).reshape(75, 2)
    bins = np.concatenate([centres, centres**2 / 3, np.zeros((75, 28))], 1)[:, None] + random.normal(size=(75, 60, 32))
    references = bins[[7, 33, 34]].reshape(-1, 32) + random.normal(size=(180, 32)) / 5
    loss = FrechetOfMixture(bins, references, np.full(180, 1 / 180))
    starts = [np.full(75, 1 / 75), np.eye(75)[0], random.dirichlet(np.ones(75))]
    values = [loss(minimise(loss, 0.0, start))[0] for start in starts]
    assert np.ptp(values) < 1e-4


def test_what_did_not_settle_is_not_handed_out() -> None:
    with pytest.raises(DegcraftError, match="did not settle"):
        minimise(lambda _: (0.0, np.arange(8.0)), 0.0, np.full(8, 1 / 8))  # a slope that leads nowhere


@pytest.mark.parametrize(
    ("weighting", "complaint"),
    [
        ("nearest", "weighting must be one of confusion, eq4, mixture, mmd, em, estimates, blocks, but got 'nearest'"),
        ({"name": "eq4", "width": 1}, "weighting eq4: no knob 'width'; it has alpha"),
        (
            {"name": "confusion", "width": -1},
            "weighting confusion: width must be a number at least 0 and at most 1000, but got -1",
        ),
    ],
)
def test_a_weighting_that_is_not_is_refused(weighting: object, complaint: str) -> None:
    with pytest.raises(DegcraftError, match=complaint):
        checked_weighting(weighting)  # type: ignore[arg-type]


def test_a_measurement_survives_its_file_and_damage_is_found(tmp_path: Path) -> None:
    file = tmp_path / "kept.npz"
    measured().save(file)
    loaded = Measurement.load(file)
    np.testing.assert_array_equal(loaded.features, measured().features)
    np.testing.assert_array_equal(loaded.distances, measured().distances)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(DegcraftError, match=r"kept\.npz"):
        Measurement.load(file)
    file.write_bytes(b"")
    with pytest.raises(DegcraftError, match=r"kept\.npz"):
        Measurement.load(file)
