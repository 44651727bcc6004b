"""Clean content: photographs, rescaled photographs and dead leaves in their shares."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from degcraft.errors import DegcraftError
from degcraft.features.training import CleanContent
from degcraft.images.pool import HrPool

SMALL = {"stock": 6, "stock_side": 80}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def reds(count: int = 2, side: int = 160) -> HrPool:
    """Photographs that nothing else looks like: red only."""
    image = np.zeros((3, side, side), np.uint8)
    image[0] = 200
    return HrPool([image] * count)


def is_red(images: torch.Tensor) -> torch.Tensor:
    return (images[:, 1:].amax((1, 2, 3)) == 0) & ((images[:, 0] - 200 / 255).abs().amax((1, 2)) < 1e-6)


def waves(frequency: float, side: int = 240) -> HrPool:
    """Rings of a known number of cycles per pixel, the same along every direction."""
    y, x = np.mgrid[:side, :side] - side / 2
    rings = 128 + 100 * np.sin(2 * np.pi * frequency * np.hypot(y, x))
    return HrPool([np.repeat(rings[None].round().astype(np.uint8), 3, 0)])


def main_frequency(image: torch.Tensor) -> float:
    """Cycles per pixel of the strongest ring in the spectrum of (3,h,w)."""
    grey = image.mean(0) - image.mean()
    power = torch.fft.fft2(grey).abs().square()
    axis = torch.fft.fftfreq(len(grey))
    radius = torch.sqrt(axis[:, None] ** 2 + axis**2)
    rings = torch.bucketize(radius, torch.arange(0, 0.5, 0.01))
    total = torch.zeros(60).index_add_(0, rings.flatten(), power.flatten())
    return (int(total.argmax()) - 0.5) * 0.01


def test_shape_range_and_reproducibility() -> None:
    content = CleanContent(reds(), **SMALL)
    first = content.batch(8, 64, seeded(1))
    assert first.shape == (8, 3, 64, 64)
    assert first.dtype == torch.float32
    assert first.min() >= 0
    assert first.max() <= 1
    content.batch(5, 32, seeded(9))  # what was drawn before does not matter
    assert torch.equal(content.batch(8, 64, seeded(1)), first)
    assert torch.equal(CleanContent(reds(), **SMALL).batch(8, 64, seeded(1)), first)
    assert not torch.equal(content.batch(8, 64, seeded(2)), first)
    assert not torch.equal(CleanContent(reds(), **SMALL, seed=1).batch(8, 64, seeded(1)), first)


def test_dead_leaves_come_in_their_share_and_anywhere_in_the_batch() -> None:
    content = CleanContent(reds(), leaves_share=0.3, **SMALL)
    generator = seeded()
    leaves = torch.stack([~is_red(content.batch(5, 32, generator)) for _ in range(60)])
    assert leaves.float().mean() == pytest.approx(0.3, abs=0.04)
    assert int(leaves.sum(1).min()) >= 1  # 1.5 of 5: one or two
    assert int(leaves.sum(1).max()) <= 2
    assert leaves.float().mean(0).min() > 0.1


@pytest.mark.parametrize(("share", "red"), [(0.0, True), (1.0, False)])
def test_only_photographs_or_only_leaves(share: float, red: bool) -> None:
    assert bool((is_red(CleanContent(reds(), leaves_share=share, **SMALL).batch(6, 48, seeded())) == red).all())


def test_without_photographs_there_are_leaves_alone() -> None:
    images = CleanContent(None, leaves_share=0.0, **SMALL).batch(8, 64, seeded())
    assert (images.std((1, 2, 3)) > 0).all()
    assert len({image.numpy().tobytes() for image in images}) == 8


def test_unscaled_photographs_are_exact_crops() -> None:
    random = np.random.default_rng(0)
    source: NDArray[np.uint8] = random.integers(0, 256, (3, 40, 44), dtype=np.uint8)
    crops = CleanContent(HrPool([source]), leaves_share=0, rescale=0, defocus=0).batch(6, 32, seeded())
    poses = [torch.from_numpy(source.copy()).float().div(255).rot90(k, (1, 2)) for k in range(4)]
    poses += [pose.flip(2) for pose in poses]
    for crop in crops:
        windows = [pose.unfold(1, 32, 1).unfold(2, 32, 1).permute(1, 2, 0, 3, 4) for pose in poses]
        assert any(bool((window == crop).all((2, 3, 4)).any()) for window in windows)


def test_rescaling_changes_frequencies_by_the_range_of_factors() -> None:
    content = CleanContent(waves(0.12), leaves_share=0, rescale=1, defocus=0)
    generator = seeded()
    found = [main_frequency(image) for _ in range(60) for image in content.batch(4, 96, generator)]
    assert 0.12 / 1.7 - 0.015 < min(found) < 0.085
    assert 0.17 < max(found) < 0.12 / 0.6 + 0.015
    unscaled = CleanContent(waves(0.12), leaves_share=0, rescale=0, defocus=0)
    still = [main_frequency(image) for image in unscaled.batch(8, 96, seeded())]
    assert max(abs(frequency - 0.12) for frequency in still) < 0.015


def test_reduced_photographs_are_antialiased() -> None:
    """Cycles too fine for the smaller image vanish instead of folding back."""
    content = CleanContent(waves(0.45), leaves_share=0, rescale=1, defocus=0)
    generator = seeded(2)
    images = torch.cat([content.batch(4, 96, generator) for _ in range(12)])
    contrast = images.std((1, 2, 3))
    reduced = contrast < 0.08
    assert reduced.any()
    assert (contrast > 0.2).any()


def test_small_photographs_can_fill_a_batch_of_their_own_size() -> None:
    images = CleanContent(waves(0.1, side=64), leaves_share=0, rescale=1).batch(6, 64, seeded())
    assert images.shape == (6, 3, 64, 64)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"leaves_share": 1.2}, "leaves_share"),
        ({"rescale": -0.1}, "rescale"),
        ({"stock": 0}, "stock"),
        ({"stock_side": 8}, "stock_side"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, float], field: str) -> None:
    with pytest.raises(DegcraftError, match=field):
        CleanContent(None, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [CleanContent(reds(side=60), leaves_share=0), CleanContent(None, **SMALL)])
def test_sides_that_cannot_be_had_are_refused(content: CleanContent) -> None:
    with pytest.raises(DegcraftError, match="side must be at most"):
        content.batch(2, 96, seeded())


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(DegcraftError, match="at least 1"):
        CleanContent(None, **SMALL).batch(0, 32, seeded())
