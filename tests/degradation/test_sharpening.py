"""Unsharp masking against scipy."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage import data

from degcraft.degradation import Degradation, degrade


@pytest.mark.parametrize("amount", [0.5, 2.0])
def test_sharpening_is_the_unsharp_mask(amount: float) -> None:
    image = torch.from_numpy(data.astronaut()[60:150, 120:190].copy()).permute(2, 0, 1)[None].float() / 255
    found = degrade(image, Degradation({"sharpening": torch.tensor([amount])}), 1, torch.Generator(), quantise=False)
    soft = ndimage.gaussian_filter(image[0].double().numpy(), (0, 1, 1), mode="reflect")
    expected = (image[0].numpy() + amount * (image[0].numpy() - soft)).clip(0, 1)
    np.testing.assert_allclose(found[0].numpy(), expected, atol=1e-5)
