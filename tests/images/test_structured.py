"""Which images have something to see a degradation on."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from degcraft.errors import DegcraftError
from degcraft.images import cut_structured, most_structured, structure, write_image


def patches() -> torch.Tensor:
    """Six noise images, each smoothed more than the one before."""
    random = np.random.default_rng(0)
    smooth = [
        ndimage.gaussian_filter(random.random((3, 48, 48)), (0, s, s), mode="mirror") for s in (1, 1.5, 2, 3, 4, 6)
    ]
    return torch.from_numpy(np.stack(smooth)).float()


def test_structure_is_the_spread_of_a_difference_of_gaussians() -> None:
    images = patches()
    luma = np.einsum("nchw,c->nhw", images.double().numpy(), [0.299, 0.587, 0.114])
    expected = [
        np.std(ndimage.gaussian_filter(y, 1, mode="mirror") - ndimage.gaussian_filter(y, 2, mode="mirror"), ddof=1)
        for y in luma
    ]
    np.testing.assert_allclose(structure(images).numpy(), expected, rtol=1e-3)


def test_flat_images_have_none_and_small_ones_work() -> None:
    assert float(structure(torch.full((1, 3, 9, 9), 0.5))[0]) == pytest.approx(0, abs=1e-6)


def test_the_most_structured_are_chosen() -> None:
    images = patches()[[3, 0, 5, 1, 4, 2]]  # sharpest at 1, then 3, then 5
    assert most_structured(images, 3).tolist() == [False, True, False, True, False, True]


def scene(path: Path) -> Path:
    """Sharp noise above, flat grey below."""
    image = torch.full((3, 128, 128), 0.5)
    image[:, :64] = torch.rand(3, 64, 128, generator=torch.Generator().manual_seed(0))
    write_image(path, image)
    return path


@pytest.mark.parametrize("scale", [1, 2])
def test_flat_patches_are_dropped(tmp_path: Path, scale: int) -> None:
    file = scene(tmp_path / "a.png")
    patches = cut_structured([file], size=32, count=8, seed=0, scale=scale)
    assert len(patches) == len(patches.files) == 8
    assert all(float(patch.float().std()) > 5 for patch in patches.pixels)
    everything = cut_structured([file], size=32, count=16, seed=0, structured=1)
    assert len(everything) == 16
    assert any(float(patch.float().std()) < 1 for patch in everything.pixels)


def test_where_patches_are_few_some_are_kept_anyway(tmp_path: Path) -> None:
    file = scene(tmp_path / "a.png")
    assert len(cut_structured([file], size=64, count=50, seed=0)) == 8  # of 9 that overlap by half
    assert len(cut_structured([file], size=100, count=50, seed=0)) == 1


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5])
def test_shares_that_are_none_are_refused(tmp_path: Path, share: float) -> None:
    with pytest.raises(DegcraftError, match="must lie above 0 and at most at 1"):
        cut_structured([scene(tmp_path / "a.png")], size=32, count=2, seed=0, structured=share)


def test_flat_colours_alone_are_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "flat.png", torch.zeros(3, 64, 64))
    with pytest.raises(DegcraftError, match=r"flat\.png: images must show something .* one flat colour"):
        cut_structured([tmp_path / "flat.png"], size=32, count=8, seed=0)
