"""Reductions against Pillow's and OpenCV's, away from the borders (which they renormalise and we mirror)."""

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from degcraft.degradation import Degradation, degrade
from degcraft.degradation.operators import REDUCTIONS

PILLOW = {
    "bicubic": Image.Resampling.BICUBIC,
    "area": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}


def reduced(image: torch.Tensor, kinds: list[int], scale: int) -> torch.Tensor:
    values = {"reduction": torch.tensor(kinds, dtype=torch.float32)}
    return degrade(image, Degradation(values), scale, torch.Generator(), quantise=False)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("kind", REDUCTIONS)
def test_a_reduction_is_pillows(kind: str, scale: int) -> None:
    plane = data.camera()[:240, 100:340].astype(np.float32) / 255
    size = (240 // scale, 240 // scale)
    expected = np.asarray(Image.fromarray(plane).resize(size, PILLOW[kind])).clip(0, 1)
    images = torch.from_numpy(plane)[None, None].repeat(1, 3, 1, 1)
    ours = reduced(images, [REDUCTIONS.index(kind)], scale)[0, 1].numpy()
    np.testing.assert_allclose(ours[4:-4, 4:-4], expected[4:-4, 4:-4], atol=2e-5)
    if kind == "area":
        np.testing.assert_allclose(ours, cv2.resize(plane, size, interpolation=cv2.INTER_AREA), atol=2e-5)


def test_each_image_is_reduced_by_its_own_kind() -> None:
    image = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    together = reduced(image.repeat(5, 1, 1, 1), [4, 3, 2, 1, 0], 4)
    for place, kind in enumerate([4, 3, 2, 1, 0]):
        torch.testing.assert_close(together[place], reduced(image, [kind], 4)[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(together[4], degrade(image, Degradation({}), 4, torch.Generator(), quantise=False)[0])


def test_a_blur_goes_before_whatever_reduces() -> None:
    image = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    blur = {"blur_sigma": torch.tensor([1.3])}
    soft = degrade(image, Degradation(blur), 1, torch.Generator(), quantise=False)
    both = degrade(image, Degradation({**blur, "reduction": torch.tensor([1.0])}), 4, torch.Generator(), quantise=False)
    torch.testing.assert_close(both, reduced(soft, [1], 4), atol=1e-5, rtol=0)
