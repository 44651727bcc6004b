"""Blur and reduction against SciPy, Pillow and PyTorch."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data

from degcraft.degradation import MAX_SIGMA, blur_and_reduce, gaussian_taps


@pytest.fixture(scope="module")
def photo() -> torch.Tensor:
    """(1,3,144,120) in [0,1]."""
    crop = data.astronaut()[40:184, 160:280]
    return torch.from_numpy(crop.copy()).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize("sigma", [0.0, 0.2, 0.9, 2.3, 5.0, MAX_SIGMA])
def test_blur_is_scipys_gaussian_filter(photo: torch.Tensor, sigma: float) -> None:
    blurred = blur_and_reduce(photo, gaussian_taps(torch.tensor([sigma])), 1)
    expected = photo[0].double().numpy()
    if sigma:
        expected = gaussian_filter(expected, (0, sigma, sigma), mode="reflect", truncate=4)
    np.testing.assert_allclose(blurred[0].numpy(), expected, atol=2e-6)


def test_each_image_is_blurred_by_its_own_sigma(photo: torch.Tensor) -> None:
    sigmas = torch.tensor([3.0, 0.0, 1.2, 4.4, 0.4, 2.0, 5.0])
    batch = blur_and_reduce(photo.expand(7, -1, -1, -1), gaussian_taps(sigmas), 4)
    for index, sigma in enumerate(sigmas):
        alone = blur_and_reduce(photo, gaussian_taps(sigma[None]), 4)
        torch.testing.assert_close(batch[index], alone[0], atol=1e-6, rtol=0)


def test_an_image_smaller_than_the_kernel_is_mirrored_again_and_again() -> None:
    small = torch.rand(1, 3, 6, 9, generator=torch.Generator().manual_seed(0))
    blurred = blur_and_reduce(small, gaussian_taps(torch.tensor([4.7])), 1)
    expected = gaussian_filter(small[0].double().numpy(), (0, 4.7, 4.7), mode="reflect")
    np.testing.assert_allclose(blurred[0].numpy(), expected, atol=2e-6)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_reduction_is_torchs_antialiased_bicubic_away_from_the_border(photo: torch.Tensor, scale: int) -> None:
    reduced = blur_and_reduce(photo, None, scale)
    expected = torch.nn.functional.interpolate(
        photo, scale_factor=1 / scale, mode="bicubic", antialias=True, align_corners=False
    )
    assert reduced.shape == expected.shape
    # The border differs on purpose: mirrored here, cut off and renormalised there.
    torch.testing.assert_close(reduced[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], atol=2e-6, rtol=0)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_reduction_is_pillows_on_a_mirrored_image(photo: torch.Tensor, scale: int) -> None:
    plane = photo[0, 1].numpy()
    mirrored = np.pad(plane, 12, mode="symmetric")
    size = (mirrored.shape[1] // scale, mirrored.shape[0] // scale)
    expected = np.asarray(Image.fromarray(mirrored).resize(size, Image.Resampling.BICUBIC))
    cut = 12 // scale
    reduced = blur_and_reduce(photo, None, scale)[0, 1].numpy()
    np.testing.assert_allclose(reduced, expected[cut:-cut, cut:-cut], atol=2e-6)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_one_matrix_equals_blurring_and_then_reducing(photo: torch.Tensor, scale: int) -> None:
    taps = gaussian_taps(torch.tensor([2.6]))
    in_two_steps = blur_and_reduce(blur_and_reduce(photo, taps, 1), None, scale)
    torch.testing.assert_close(blur_and_reduce(photo, taps, scale), in_two_steps, atol=2e-6, rtol=0)


def test_bands_of_a_tall_image_join_without_a_seam() -> None:
    tall = torch.rand(2, 3, 336, 24, generator=torch.Generator().manual_seed(1))
    taps = gaussian_taps(torch.tensor([1.5, 5.0]))
    reduced = blur_and_reduce(tall, taps, 4)
    for index, sigma in enumerate((1.5, 5.0)):
        blurred = gaussian_filter(tall[index].double().numpy(), (0, sigma, sigma), mode="reflect")
        expected = blur_and_reduce(torch.from_numpy(blurred).float()[None], None, 4)[0]
        torch.testing.assert_close(reduced[index], expected, atol=3e-6, rtol=0)


def test_a_flat_image_stays_flat() -> None:
    flat = torch.full((1, 3, 32, 48), 0.7)
    reduced = blur_and_reduce(flat, gaussian_taps(torch.tensor([3.3])), 4)
    torch.testing.assert_close(reduced, torch.full((1, 3, 8, 12), 0.7), atol=1e-6, rtol=0)


def test_no_blur_at_scale_one_gives_a_copy(photo: torch.Tensor) -> None:
    copy = blur_and_reduce(photo, None, 1)
    assert torch.equal(copy, photo)
    assert copy.data_ptr() != photo.data_ptr()
