"""PSNR and SSIM are scikit-image's, on RGB and on luma, with and without a border."""

import math

import cv2
import numpy as np
import pytest
import torch
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from degcraft.errors import DegcraftError
from degcraft.metrics import psnr, rgb_to_y, ssim


def photo(kind: str, noise: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A photograph and a worse version of it, both (3, H, W) in [0, 1]."""
    hr = torch.from_numpy(getattr(data, kind)()[40:160, 30:201]).permute(2, 0, 1).float() / 255
    blurred = cv2.GaussianBlur(hr.permute(1, 2, 0).numpy(), (0, 0), 1.2)
    random = torch.Generator().manual_seed(seed)
    sr = torch.from_numpy(blurred).permute(2, 0, 1) + noise * torch.randn(hr.shape, generator=random)
    return sr.clamp(0, 1), hr


def reference_y(image: torch.Tensor) -> np.ndarray:
    """BT.601 in float64 by its definition: 219 steps of luma above 16, red 0.299, green 0.587, blue 0.114."""
    red, green, blue = image.double().numpy()
    return (16 + 219 * (0.299 * red + 0.587 * green + 0.114 * blue)) / 255


@pytest.mark.parametrize("kind", ["astronaut", "coffee", "chelsea"])
@pytest.mark.parametrize("noise", [0.0, 0.08])
@pytest.mark.parametrize("border", [0, 4])
def test_agreement_with_scikit_image(kind: str, noise: float, border: int) -> None:
    sr, hr = photo(kind, noise)
    inner = slice(border, -border or None)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    x, y = (t.double().numpy()[:, inner, inner] for t in (sr, hr))
    assert psnr(sr, hr, border=border) == pytest.approx(peak_signal_noise_ratio(y, x, data_range=1), abs=1e-9)
    assert ssim(sr, hr, border=border) == pytest.approx(
        structural_similarity(y, x, channel_axis=0, **options), abs=1e-9
    )
    x, y = (reference_y(t)[inner, inner] for t in (sr, hr))
    # The published luma weights are rounded to three decimals of an 8-bit step.
    assert psnr(sr, hr, border=border, channel="y") == pytest.approx(
        peak_signal_noise_ratio(y, x, data_range=1), abs=1e-4
    )
    assert ssim(sr, hr, border=border, channel="y") == pytest.approx(structural_similarity(y, x, **options), abs=1e-5)


def test_luma_agrees_with_its_definition_and_spans_the_studio_range() -> None:
    _, hr = photo("astronaut", 0)
    np.testing.assert_allclose(rgb_to_y(hr.double())[0].numpy(), reference_y(hr), atol=3e-6)
    ends = rgb_to_y(torch.tensor([0.0, 1.0], dtype=torch.float64).expand(3, 1, 2)) * 255
    torch.testing.assert_close(ends, torch.tensor([[[16.0, 235.0]]], dtype=torch.float64))


def test_equal_images() -> None:
    _, hr = photo("astronaut", 0)
    assert psnr(hr, hr) == math.inf
    assert ssim(hr, hr) == pytest.approx(1, abs=1e-12)


def test_a_batch_has_the_mean_of_its_images() -> None:
    pairs = [photo("astronaut", 0.02), photo("coffee", 0.1)]
    sr, hr = (torch.stack(images) for images in zip(*pairs, strict=True))
    for metric in (psnr, ssim):
        assert metric(sr, hr) == pytest.approx(sum(metric(*pair) for pair in pairs) / 2)


def test_what_lies_in_the_border_does_not_count() -> None:
    sr, hr = photo("astronaut", 0.02)
    spoilt = torch.zeros_like(sr)
    spoilt[:, 3:-3, 3:-3] = sr[:, 3:-3, 3:-3]
    for metric in (psnr, ssim):
        assert metric(spoilt, hr, border=3) == metric(sr, hr, border=3)
        assert metric(spoilt, hr, border=2) < metric(sr, hr, border=2)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_bad_input_is_named(metric) -> None:  # type: ignore[no-untyped-def]
    image = torch.rand(3, 20, 30)
    with pytest.raises(DegcraftError, match=r"\(3, 20, 30\) and \(3, 20, 29\)"):
        metric(image, image[..., 1:])
    with pytest.raises(DegcraftError, match=r"\(20, 30\)"):
        metric(image[0], image[0])
    with pytest.raises(DegcraftError, match="border"):
        metric(image, image, border=-1)
    with pytest.raises(DegcraftError, match="keeps 10x0"):
        metric(image, image, border=10)
    with pytest.raises(DegcraftError, match="'rgb' or 'y'"):
        metric(image, image, channel="grey")
    with pytest.raises(DegcraftError, match="at least 11 pixels a side"):
        ssim(image, image, border=5)
