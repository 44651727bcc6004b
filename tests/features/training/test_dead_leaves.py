"""Procedural clean images: reproducible, clean, and of the statistics of natural images."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from degcraft.features.training.dead_leaves import draw_dead_leaves

COUNT, SIDE = 200, 192


def dead_leaves(count: int, side: int, seed: int) -> Tensor:
    drawn = [draw_dead_leaves(side, np.random.default_rng((seed, index))) for index in range(count)]
    return torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2).float() / 255


@pytest.fixture(scope="module")
def leaves() -> Tensor:
    return dead_leaves(COUNT, SIDE, 5)


def spectrum_slope(images: Tensor) -> float:
    """The exponent of the mean power spectrum over spatial frequency, from 4 cycles per side to 0.35 per pixel."""
    side = images.shape[-1]
    grey = images.mean(1) - images.mean((1, 2, 3))[:, None, None]
    window = torch.hann_window(side, periodic=False)
    power = torch.fft.fft2(grey * window[:, None] * window).abs().square().mean(0)
    frequency = torch.fft.fftfreq(side)
    radius = torch.sqrt(frequency[:, None] ** 2 + frequency**2)
    edges = np.geomspace(4 / side, 0.35, 12)
    rings = [(radius >= low) & (radius < high) for low, high in pairwise(edges)]
    at = [float(radius[ring].mean().log()) for ring in rings]
    return float(np.polyfit(at, [float(power[ring].mean().log()) for ring in rings], 1)[0])


def photographs() -> Tensor:
    crops = []
    for image in (data.astronaut(), data.coffee(), data.chelsea(), data.rocket()):
        for y, x in ((20, 30), (90, 200)):
            crops.append(torch.from_numpy(image[y : y + SIDE, x : x + SIDE].copy()).permute(2, 0, 1).float() / 255)
    return torch.stack(crops)


def test_a_generator_decides_an_image() -> None:
    first, again, other = (draw_dead_leaves(64, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (first.shape, first.dtype) == ((64, 64, 3), np.uint8)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_global_generators_are_left_alone() -> None:
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[index] # noqa: NPY002
    dead_leaves(2, 64, 0)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]  # type: ignore[index] # noqa: NPY002


def test_power_spectrum_is_that_of_natural_images(leaves: Tensor) -> None:
    slope = spectrum_slope(leaves)
    assert -3.0 < slope < -2.0
    assert slope == pytest.approx(spectrum_slope(photographs()), abs=0.6)


def test_spectrum_measure_knows_what_it_measures() -> None:
    noise = torch.randn(8, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    assert spectrum_slope(noise) == pytest.approx(0, abs=0.1)
    # Summed along both sides, white noise falls off by f^-2 along each.
    assert spectrum_slope(noise.cumsum(2).cumsum(3)) < -1.5


def test_log_intensities_spread_like_those_of_photographs(leaves: Tensor) -> None:
    def spread(images: Tensor) -> float:
        return float(torch.log(images.mean(1).clamp_min(1 / 255)).std())

    assert spread(leaves) == pytest.approx(spread(photographs()), rel=0.5)
    assert 0.3 < float(leaves.mean()) < 0.7


def test_there_are_sharp_edges_soft_edges_and_large_flat_areas(leaves: Tensor) -> None:
    steps = (leaves[..., 1:] - leaves[..., :-1]).abs().amax(1)
    assert (steps.amax((1, 2)) > 0.2).float().mean() > 0.8  # nearly every image has a sharp edge
    blocks = leaves.unfold(2, 24, 24).unfold(3, 24, 24).flatten(4)
    flat = (blocks.std(-1) < 2 / 255).all(1).float().mean((1, 2))
    assert (flat > 0.3).float().mean() > 0.04  # some, about a tenth, are mostly sky
    assert (flat < 0.05).float().mean() > 0.3  # many are full
    # Slopes between flat and sharp: shading and blurred edges.
    assert ((steps > 2 / 255) & (steps < 10 / 255)).float().mean() > 0.05


def test_edges_carry_no_stairs(leaves: Tensor) -> None:
    """Across a sharp edge there is a pixel that belongs partly to either side, as it never is without antialiasing."""

    def share_between(images: Tensor) -> float:
        grey = images.mean(1)
        left, middle, right = grey[..., :-2], grey[..., 1:-1], grey[..., 2:]
        inside = ((middle - left) / (right - left))[(right - left).abs() > 0.2]
        return float(((inside > 0.1) & (inside < 0.9)).float().mean())

    assert share_between(leaves) > 0.3
    assert share_between((leaves > 0.5).float().amax(1, keepdim=True)) == 0


def test_small_images() -> None:
    assert dead_leaves(30, 16, 0).std() > 0
