"""NIQE follows its paper: checked against the equations written down anew with scipy, and by how it ranks."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.optimize import brentq
from scipy.special import gamma
from skimage import data
from skimage.util import view_as_blocks

from degcraft.errors import DegcraftError
from degcraft.metrics import NiqeModel
from degcraft.metrics.natural_statistics import block_statistics

PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255


@pytest.fixture(scope="module")
def model() -> NiqeModel:
    return NiqeModel.fit(tensor(getattr(data, name)()) for name in PHOTOS)


def shape_for(ratio: float) -> float:
    """The shape of a generalised Gaussian whose squared mean deviation over variance is `ratio`."""
    return brentq(lambda a: gamma(2 / a) ** 2 / (gamma(1 / a) * gamma(3 / a)) - ratio, 0.2, 10)


def reference_statistics(image: np.ndarray, block: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """Equations 1 to 8 with loops, scipy's filter and Pillow's resize; image is (H, W, 3) in [0, 1]."""
    height, width = (side // block * block for side in image.shape[:2])
    weights = np.array([0.2989, 0.5870, 0.1140])
    grey = (image[:height, :width] @ weights).astype(np.float64) * 255
    half = Image.fromarray(grey.astype(np.float32)).resize((width // 2, height // 2), Image.Resampling.BICUBIC)
    rows, sharpness = [], None
    for values, side in ((grey, block), (np.asarray(half, np.float64), block // 2)):
        # A radius of 3 makes scipy's window the paper's 7 × 7.
        mean = gaussian_filter(values, 7 / 6, radius=3, mode="nearest")
        deviation = np.sqrt(np.abs(gaussian_filter(values**2, 7 / 6, radius=3, mode="nearest") - mean**2))
        blocks = view_as_blocks((values - mean) / (deviation + 1), (side, side)).reshape(-1, side, side)
        if sharpness is None:
            sharpness = view_as_blocks(deviation, (side, side)).mean(axis=(2, 3)).ravel()
        rows.append([reference_block(b) for b in blocks])
    assert sharpness is not None
    return np.concatenate(rows, axis=1), sharpness


def reference_block(block: np.ndarray) -> list[float]:
    shape = shape_for(np.mean(np.abs(block)) ** 2 / np.mean(block**2))
    row = [shape, np.sqrt(np.mean(block**2) * gamma(1 / shape) / gamma(3 / shape))]
    products = [
        block[:, :-1] * block[:, 1:],
        block[:-1] * block[1:],
        block[:-1, :-1] * block[1:, 1:],
        block[:-1, 1:] * block[1:, :-1],
    ]
    for product in products:
        left = np.sqrt(np.mean(product[product < 0] ** 2))
        right = np.sqrt(np.mean(product[product > 0] ** 2))
        g = left / right
        ratio = np.mean(np.abs(product)) ** 2 / np.mean(product**2)
        shape = shape_for(ratio * (g**3 + 1) * (g + 1) / (g**2 + 1) ** 2)
        spread = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
        mean = (right - left) * spread * gamma(2 / shape) / gamma(1 / shape)
        row += [shape, mean, left * spread, right * spread]
    return row


@pytest.mark.parametrize("name", ["astronaut", "chelsea"])
def test_statistics_are_those_of_the_equations(name: str) -> None:
    image = getattr(data, name)()
    ours, sharpness = block_statistics(tensor(image))
    theirs, their_sharpness = reference_statistics(image.astype(np.float64) / 255)
    assert ours.shape == ((image.shape[0] // 96) * (image.shape[1] // 96), 36)
    np.testing.assert_allclose(sharpness, their_sharpness, rtol=1e-4)
    np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-4)


def test_shapes_of_known_distributions_are_found() -> None:
    """Laplacian and Gaussian samples have the shapes 1 and 2, and unit scale parameters come back."""
    from degcraft.metrics.natural_statistics import _asymmetric_gaussian, _symmetric_gaussian

    random = np.random.default_rng(0)
    laplace = random.laplace(scale=1.0, size=(400, 400))
    normal = random.normal(scale=np.sqrt(0.5), size=(400, 400))
    shape, scale = _symmetric_gaussian(torch.from_numpy(np.stack([laplace, normal])))
    np.testing.assert_allclose(shape, [1, 2], rtol=0.03)
    np.testing.assert_allclose(scale, [1, 1], rtol=0.03)
    # An asymmetric Laplacian: the sides' weights are proportional to their scales.
    sides = np.where(random.random((400, 400)) < 0.25, -1.0, 3.0)
    skewed = torch.from_numpy(random.exponential(size=(400, 400)) * sides)[None]
    shape, mean, left, right = (float(value[0]) for value in _asymmetric_gaussian(skewed))
    np.testing.assert_allclose([shape, left, right], [1, 1, 3], rtol=0.05)
    np.testing.assert_allclose(mean, 2, rtol=0.05)


def test_score_is_the_distance_of_equation_10() -> None:
    # Single-block crops are all the sharpest of their image: enough of them for a regular covariance.
    crops = [
        getattr(data, name)()[y : y + 96, x : x + 96]
        for name in PHOTOS
        for y in range(0, 205, 96)
        for x in range(0, 305, 96)
    ]
    fitted = NiqeModel.fit(tensor(crop) for crop in crops)
    pristine = np.concatenate([reference_statistics(crop / 255)[0] for crop in crops])
    assert fitted.blocks == len(crops) == 48
    image = data.immunohistochemistry()
    rows, _ = reference_statistics(image / 255)
    offset = pristine.mean(axis=0) - rows.mean(axis=0)
    pooled = (np.cov(pristine.T) + np.cov(rows.T)) / 2
    expected = np.sqrt(offset @ np.linalg.solve(pooled, offset))
    assert fitted.score(tensor(image)) == pytest.approx(expected, rel=0.02)


def test_more_blur_and_more_noise_score_worse(model: NiqeModel) -> None:
    image = data.astronaut().astype(np.float64)
    random = np.random.default_rng(0)
    noise = random.normal(size=image.shape)
    blurred = [model.score(tensor(gaussian_filter(image, (s, s, 0)))) for s in (0, 1, 2, 3)]
    noisy = [model.score(tensor(np.clip(image + s * noise, 0, 255))) for s in (0, 10, 25, 50)]
    assert blurred == sorted(blurred)
    assert noisy == sorted(noisy)
    assert min(blurred[2], noisy[2]) > 2 * blurred[0]


def test_only_sharp_blocks_are_fitted(model: NiqeModel) -> None:
    image = data.astronaut().astype(np.float64)
    half_soft = image.copy()
    half_soft[:, 288:] = gaussian_filter(image, (6, 6, 0))[:, 288:]
    _, sharpness = block_statistics(tensor(half_soft))
    fitted = NiqeModel.fit([tensor(half_soft)])
    assert fitted.blocks == (sharpness > 0.75 * sharpness.max()).sum() < 15


def test_a_model_survives_its_file_and_a_pickle(model: NiqeModel, tmp_path: Path) -> None:
    path = tmp_path / "new" / "model.npz"
    model.save(path)
    image = tensor(data.coffee())
    assert NiqeModel.load(path).score(image) == model.score(image)
    assert NiqeModel.load(path).blocks == model.blocks
    assert pickle.loads(pickle.dumps(model)).score(image) == model.score(image)


def test_files_that_are_no_model_are_named(model: NiqeModel, tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match="no such file"):
        NiqeModel.load(tmp_path / "absent.npz")
    path = tmp_path / "a.npz"
    path.write_text("text")
    with pytest.raises(DegcraftError, match="not a NIQE model"):
        NiqeModel.load(path)
    np.savez(path, mean=np.zeros(36))
    with pytest.raises(DegcraftError, match="not a NIQE model"):
        NiqeModel.load(path)
    good = {"format": "degcraft-niqe/1", "mean": np.zeros(36), "covariance": np.eye(36), "blocks": 5}
    for change, words in (
        ({"format": "other"}, "format"),
        ({"mean": np.zeros(35)}, "mean of 36"),
        ({"covariance": np.full((36, 36), np.nan)}, "finite"),
        ({"mean": np.array([{}], dtype=object)}, "not a NIQE model"),
    ):
        np.savez(path, **(good | change))
        with pytest.raises(DegcraftError, match=words):
            NiqeModel.load(path)


def test_images_without_statistics(model: NiqeModel) -> None:
    assert np.isnan(model.score(torch.full((3, 200, 200), 0.5)))
    with pytest.raises(DegcraftError, match="at least 96x96 pixels, but got 95x200"):
        model.score(torch.rand(3, 200, 95))
    with pytest.raises(DegcraftError, match="one image"):
        model.score(torch.rand(1, 3, 200, 200))
    with pytest.raises(DegcraftError, match="at least 2 sharp blocks"):
        NiqeModel.fit([torch.rand(3, 95, 200), torch.rand(3, 100, 100)])


def test_flat_blocks_do_not_spoil_an_image(model: NiqeModel) -> None:
    image = tensor(data.astronaut())
    image[:, :96, :96] = 0.5
    assert np.isfinite(model.score(image))
