"""Stretched blurs and discs, against scipy and against points drawn from what they stand for."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage import data

from degcraft.degradation import Degradation, degrade, gaussian_taps
from degcraft.degradation.blur import stretched_gaussian
from degcraft.degradation.defocus import disc_kernel
from degcraft.degradation.resampling import blur_whole


def photo() -> torch.Tensor:
    """(1, 3, 90, 70)."""
    return torch.from_numpy(data.astronaut()[60:150, 120:190].copy()).permute(2, 0, 1)[None].float() / 255


def moments(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance over (x, y)."""
    reach = kernel.shape[0] // 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    places = np.stack([x.ravel(), y.ravel()])
    mean = places @ kernel.ravel()
    return mean, (places - mean[:, None]) * kernel.ravel() @ (places - mean[:, None]).T


@pytest.mark.parametrize(("sigma", "ratio", "angle"), [(2.0, 0.5, 0.0), (2.5, 0.4, 30.0), (3.0, 0.6, 115.0)])
def test_a_stretched_blur_has_the_widths_and_the_angle_it_says(sigma: float, ratio: float, angle: float) -> None:
    kernel = stretched_gaussian(*(torch.tensor([value]) for value in (sigma, ratio, angle)))[0].double().numpy()
    mean, covariance = moments(kernel)
    np.testing.assert_allclose(mean, 0, atol=1e-5)
    values, vectors = np.linalg.eigh(covariance)
    assert values.mean() == pytest.approx(sigma**2, rel=0.01)
    assert math.sqrt(values[0] / values[1]) == pytest.approx(ratio, rel=0.01)
    x, y = vectors[:, 1]
    # Downwards is the positive y of an image.
    assert abs((math.degrees(math.atan2(y, x)) - angle + 90) % 180 - 90) < 0.5


def test_a_round_one_is_the_product_of_its_taps() -> None:
    sigma = torch.tensor([1.7])
    taps = gaussian_taps(sigma)[0]
    torch.testing.assert_close(
        stretched_gaussian(sigma, torch.ones(1), torch.tensor([40.0]))[0], torch.outer(taps, taps), atol=1e-6, rtol=0
    )
    hr = torch.cat([photo()] * 2)
    sigma = torch.tensor([1.7, 0.6])
    round_one = Degradation({"blur_sigma": sigma, "blur_ratio": torch.ones(2)})
    both = [
        degrade(hr, one, 2, torch.Generator(), quantise=False)
        for one in (Degradation({"blur_sigma": sigma}), round_one)
    ]
    torch.testing.assert_close(*both, atol=1e-5, rtol=0)


@pytest.mark.parametrize("radius", [0.0, 0.7, 2.0, 5.3])
def test_a_disc_is_even_and_as_wide_as_it_says(radius: float) -> None:
    kernel = disc_kernel({"defocus_radius": torch.tensor([radius])})[0].double().numpy()
    _, covariance = moments(kernel)
    if radius >= 1 or radius == 0:
        # A disc's variance, and a pixel's own where the disc covers more than one of them.
        expected = radius**2 / 4 + (1 / 12 if radius else 0)
        np.testing.assert_allclose(np.diag(covariance), expected, rtol=0.1, atol=1e-6)
    inner = kernel[kernel > 0.99 * kernel.max()]
    assert radius < 1 or len(inner) > 0.5 * math.pi * (radius - 1) ** 2
    points = np.random.default_rng(0).uniform(-radius, radius, (400_000, 2))
    points = points[np.hypot(*points.T) <= radius].round().astype(int) if radius else np.zeros((1, 2), int)
    drawn = np.zeros_like(kernel)
    np.add.at(drawn, tuple((points + kernel.shape[0] // 2).T), 1 / len(points))
    np.testing.assert_allclose(kernel, drawn, atol=0.006)


def test_any_kernel_blurs_as_scipy_does() -> None:
    image = photo()
    kernels = torch.rand(1, 9, 9, generator=torch.Generator().manual_seed(0))
    kernels = kernels + kernels.flip(1, 2)
    kernels /= kernels.sum()
    expected = [ndimage.convolve(plane, kernels[0].numpy(), mode="reflect") for plane in image[0].numpy()]
    torch.testing.assert_close(blur_whole(image, kernels)[0], torch.from_numpy(np.stack(expected)), atol=1e-5, rtol=0)


def test_a_kernel_wider_than_the_image_goes_around_it_more_than_once() -> None:
    image = photo()[..., :9, :7].contiguous()
    kernel = stretched_gaussian(torch.tensor([6.0]), torch.tensor([0.8]), torch.tensor([20.0]))
    expected = [ndimage.convolve(plane, kernel[0].numpy(), mode="reflect") for plane in image[0].numpy()]
    torch.testing.assert_close(blur_whole(image, kernel)[0], torch.from_numpy(np.stack(expected)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("scale", [1, 4])
def test_a_kernel_stretched_along_the_rows_is_the_whole_one_that_is_not_turned(scale: int) -> None:
    values = {"blur_sigma": torch.tensor([2.0, 0.0, 4.0]), "blur_ratio": torch.tensor([0.4, 0.5, 1.0])}
    images = photo()[..., :88, :68].expand(3, -1, -1, -1)
    lying, turned = (
        degrade(images, Degradation(one), scale, torch.Generator(), quantise=False)
        for one in (values, values | {"blur_angle": torch.zeros(3)})
    )
    torch.testing.assert_close(lying, turned, atol=2e-4, rtol=0)
    torch.testing.assert_close(
        lying[1], degrade(images[:1], Degradation({}), scale, torch.Generator(), quantise=False)[0]
    )
