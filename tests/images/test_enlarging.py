"""Bicubic enlargement is Pillow's."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from degcraft.errors import DegcraftError
from degcraft.images import bicubic_enlarge, read_image

BASE = Path(skimage.data.__file__).parent


@pytest.mark.parametrize("name", ["coffee.png", "chelsea.png", "ihc.png"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_is_pillows(name: str, scale: int) -> None:
    # Away from black and white, because Pillow clips 8-bit images between its two passes.
    lr = ((read_image(BASE / name).rgb[:, 50:98, 60:130] * 0.6 + 0.2) * 255).round() / 255
    size = (lr.shape[2] * scale, lr.shape[1] * scale)
    pixels = Image.fromarray((lr * 255).byte().permute(1, 2, 0).numpy())
    pillow = np.asarray(pixels.resize(size, Image.Resampling.BICUBIC)).astype(float)
    enlarged = bicubic_enlarge(lr, scale)
    assert np.abs((enlarged * 255).round().permute(1, 2, 0).numpy() - pillow).max() <= 1
    for channel, own in zip(lr, enlarged, strict=True):
        exact = np.asarray(Image.fromarray(channel.numpy(), mode="F").resize(size, Image.Resampling.BICUBIC))
        np.testing.assert_allclose(own, exact, atol=1e-5)


def test_a_batch_is_enlarged_image_by_image_and_clipped() -> None:
    batch = torch.rand(2, 3, 9, 7, generator=torch.Generator().manual_seed(0)).round()
    enlarged = bicubic_enlarge(batch, 3)
    assert enlarged.shape == (2, 3, 27, 21)
    assert (float(enlarged.min()), float(enlarged.max())) == (0, 1)
    torch.testing.assert_close(enlarged[1], bicubic_enlarge(batch[1], 3))
    torch.testing.assert_close(bicubic_enlarge(batch, 1), batch)


def test_bad_input_is_named() -> None:
    with pytest.raises(DegcraftError, match=r"\(C, h, w\) or \(B, C, h, w\), but is \(4, 4\)"):
        bicubic_enlarge(torch.zeros(4, 4), 2)
    with pytest.raises(DegcraftError, match="at least 1, but is 0"):
        bicubic_enlarge(torch.zeros(3, 4, 4), 0)
