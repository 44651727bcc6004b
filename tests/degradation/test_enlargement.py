"""Enlargement against Pillow."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from degcraft.degradation import Degradation, degrade

PHOTOGRAPH = data.astronaut()[60:150, 120:191]


@pytest.mark.parametrize("factor", [1.2, 2.0, 3.7, 8.0])
def test_it_is_pillow_s_bicubic_there_and_back(factor: float) -> None:
    image = torch.from_numpy(PHOTOGRAPH.copy()).permute(2, 0, 1)[None].float() / 255
    # Beside another of another factor: each image has its own.
    values = Degradation({"enlarged": torch.tensor([factor, 1.0])})
    found = degrade(image.repeat(2, 1, 1, 1), values, 1, torch.Generator(), quantise=False)
    height, width = PHOTOGRAPH.shape[:2]
    for channel in range(3):
        plane = Image.fromarray(PHOTOGRAPH[..., channel].astype(np.float32) / 255, "F")
        small = plane.resize((round(width / factor), round(height / factor)), Image.Resampling.BICUBIC)
        expected = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)).clip(0, 1)
        np.testing.assert_allclose(found[0, channel].numpy(), expected, atol=2e-5)
    assert torch.equal(found[1], image[0])


def test_it_acts_after_the_reduction_and_before_the_noise() -> None:
    image = torch.full((1, 3, 32, 32), 0.5)
    values = Degradation({"enlarged": torch.tensor([4.0]), "noise_level": torch.tensor([20.0])})
    noise = degrade(image, values, 2, torch.Generator().manual_seed(0), quantise=False)[0] - 0.5
    assert noise.shape == (3, 16, 16)
    neighbours = float(torch.corrcoef(torch.stack([noise[..., 1:].flatten(), noise[..., :-1].flatten()]))[0, 1])
    assert abs(neighbours) < 0.15
