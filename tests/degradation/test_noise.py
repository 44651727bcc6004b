"""What noise is like, measured on much of it."""

import numpy as np
import pytest
import torch

from degcraft.degradation import Degradation, degrade


def noise(light: float = 0.5, side: int = 256, **values: float) -> np.ndarray:
    """(3, side, side) what is added to an even image, in 8-bit units."""
    image = torch.full((1, 3, side, side), light)
    parameters = {name: torch.tensor([value]) for name, value in values.items()}
    found = degrade(image, Degradation(parameters), 1, torch.Generator().manual_seed(1), quantise=False)
    return 255 * (found - light)[0].double().numpy()


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_white_noise_is_of_its_level_and_of_every_pixel_alone() -> None:
    found = noise(noise_level=10.0)
    assert found.std() == pytest.approx(10, rel=0.01)
    assert abs(correlation(found[0], found[1])) < 0.02
    assert abs(correlation(found[:, :-1], found[:, 1:])) < 0.02


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_noise_in_common_is_the_correlation_of_the_channels(share: float) -> None:
    found = noise(noise_level=10.0, noise_common=share)
    assert found.std() == pytest.approx(10, rel=0.01)
    assert correlation(found[0], found[2]) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("share", [0.4, 1.0])
@pytest.mark.parametrize("light", [0.2, 0.5, 0.7])
def test_noise_of_the_light_grows_with_it(share: float, light: float) -> None:
    expected = 10 * np.sqrt(1 - share + share * 2 * light)
    assert noise(light, noise_level=10.0, noise_signal=share).std() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("grain", [0.6, 1.5])
def test_grains_correlate_as_a_gaussian_does_and_keep_the_level(grain: float) -> None:
    found = noise(side=512, noise_level=10.0, noise_grain=grain)
    assert found.std() == pytest.approx(10, rel=0.02)
    # The autocorrelation of a Gaussian is one of √2 the width; that of its samples as their own sums give it.
    taps = np.exp(-0.5 * (np.arange(-8, 9) / grain) ** 2) * (np.abs(np.arange(-8, 9)) <= int(4 * grain + 0.5))
    expected = (taps[1:] * taps[:-1]).sum() / (taps**2).sum()
    assert correlation(found[:, :-1], found[:, 1:]) == pytest.approx(expected, abs=0.02)
    assert abs(correlation(found[0], found[1])) < 0.03
