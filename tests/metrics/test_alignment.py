"""Camera pairs: known shifts and brightness are found, reduced pairs stay as they are."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from degcraft.degradation import TEST_SETTINGS, BoxSource
from degcraft.errors import DegcraftError
from degcraft.images import bicubic_enlarge, read_image
from degcraft.metrics import Alignment, aligned_truth, describe_alignments, estimate_alignment, psnr

FINE = 4
"""Pixels per HR pixel at which scenes are shifted."""
BASE = Path(skimage.data.__file__).parent


def scene(name: str) -> np.ndarray:
    """(H, W, 3) in [0.05, 0.85]: gains up to 1.1 keep within the range."""
    image = read_image(BASE / name).rgb.permute(1, 2, 0).numpy()
    return np.ascontiguousarray(image * 0.8 + 0.05)


def reduced(image: np.ndarray, factor: int) -> np.ndarray:
    return cv2.resize(image, (image.shape[1] // factor, image.shape[0] // factor), interpolation=cv2.INTER_AREA)


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1).float().mul(255).round().clamp(0, 255) / 255


def camera_pair(
    dy: int, dx: int, *, gain: float = 1.0, noise: float = 0.0, scale: int = 2, name: str = "motorcycle_left.png"
) -> tuple[torch.Tensor, torch.Tensor]:
    """LR and HR of one scene; LR is shifted by dy / 4 and dx / 4 HR pixels by moving the fine scene by whole pixels."""
    fine = scene(name)
    side = 32
    height, width = ((length - 2 * side) // (FINE * scale) * (FINE * scale) for length in fine.shape[:2])
    hr = fine[side : side + height, side : side + width]
    low = fine[side - dy : side - dy + height, side - dx : side - dx + width]
    low = cv2.GaussianBlur(np.ascontiguousarray(low), (0, 0), 1.0 * FINE)
    lr = (reduced(low, FINE * scale) - 0.4) * gain + 0.4
    lr = lr + np.random.default_rng(0).normal(0, noise / 255, lr.shape)
    return tensor(lr), tensor(reduced(np.ascontiguousarray(hr), FINE))


def estimated(lr: torch.Tensor, hr: torch.Tensor, **options: float) -> Alignment:
    return estimate_alignment(bicubic_enlarge(lr, hr.shape[1] // lr.shape[1]), hr, **options)


@pytest.mark.parametrize(("dy", "dx"), [(1, 2), (-3, 1), (0, 6), (10, -14), (-16, 0)])
@pytest.mark.parametrize("scale", [2, 4])
def test_known_shifts_are_found(dy: int, dx: int, scale: int) -> None:
    found = estimated(*camera_pair(dy, dx, scale=scale), max_shift=5)
    assert (found.dy, found.dx) == pytest.approx((dy / FINE, dx / FINE), abs=0.02 if scale == 2 else 0.08)
    assert found.gain == pytest.approx(1, abs=0.015)


@pytest.mark.parametrize("gain", [0.9, 0.95, 1.05, 1.1])
def test_known_gains_are_found_and_bicubic_blur_is_none(gain: float) -> None:
    lr, hr = camera_pair(2, -3, gain=gain)
    found = estimated(lr, hr)
    assert found.gain == pytest.approx(gain, abs=0.006)
    truth, _ = aligned_truth(hr, found)
    expected = (hr - 0.4) * gain + 0.4
    assert (truth.mean(dim=(1, 2)) - expected.mean(dim=(1, 2))).abs().max() < 0.7 / 255


def test_noise_dilutes_neither() -> None:
    found = estimated(*camera_pair(6, -9, gain=0.9, noise=15))
    assert (found.dy, found.dx) == pytest.approx((1.5, -2.25), abs=0.15)
    assert found.gain == pytest.approx(0.9, abs=0.02)


def test_an_offset_per_channel_is_found() -> None:
    lr, hr = camera_pair(0, 0)
    lr = (lr + torch.tensor([4.0, 0.0, -3.0]).view(3, 1, 1) / 255).clamp(0, 1)
    found = estimated(lr, hr)
    assert [255 * own for own in found.offset] == pytest.approx([4, 0, -3], abs=0.5)
    assert (found.gain, found.shifts) == (1, False)


def test_scores_of_an_aligned_pair_are_those_of_the_pair_that_was_never_moved() -> None:
    """The best restorer there is, a lens that was in place, scores the same as it does on the unmoved pair."""
    lr, hr = camera_pair(5, -7, gain=0.92)
    still, _ = camera_pair(0, 0)
    truth, border = aligned_truth(hr, estimated(lr, hr))
    assert border == 2
    plain = psnr(bicubic_enlarge(lr, 2), hr, border=8)
    aligned = psnr(bicubic_enlarge(lr, 2), truth, border=8)
    # The same error, less the gain: contrast scales it.
    assert aligned == pytest.approx(psnr(bicubic_enlarge(still, 2), hr, border=8) - 20 * math.log10(0.92), abs=0.25)
    assert aligned > plain + 1


@pytest.mark.parametrize("setting", TEST_SETTINGS)
@pytest.mark.parametrize("scale", [2, 4])
def test_pairs_that_were_made_by_reducing_stay_exactly_as_they_are(setting: int, scale: int) -> None:
    for seed, name in enumerate(("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg")):
        hr = read_image(BASE / name).rgb[:, 60:252, 100:292]
        lr, _ = BoxSource(TEST_SETTINGS[setting]).degrade(hr[None], scale, torch.Generator().manual_seed(seed))
        found = estimated(lr[0], hr)
        assert not found.moves, f"{name}: {found}"
        truth, border = aligned_truth(hr, found)
        assert truth is hr
        assert border == 0


def test_a_shift_beyond_the_largest_is_not_guessed() -> None:
    lr, hr = camera_pair(30, 0)
    assert not estimated(lr, hr, max_shift=2).shifts


def test_what_cannot_be_told_is_left_alone() -> None:
    flat = torch.full((3, 96, 96), 0.5)
    noisy = (flat + 0.05 * torch.randn(flat.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    assert estimate_alignment(flat, flat) == Alignment()
    assert estimate_alignment(noisy, flat) == Alignment()
    assert estimate_alignment(torch.ones(3, 96, 96), torch.ones(3, 96, 96)) == Alignment()
    # A flat page that is darker has an offset; a gain would be a guess.
    darker = estimate_alignment(flat - 0.1, flat)
    assert darker.gain == 1
    assert darker.offset == pytest.approx((-0.1, -0.1, -0.1), abs=1e-6)
    small = torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(0))
    assert estimate_alignment(small, small.flip(1)) == Alignment()


def test_stripes_say_nothing_about_the_shift_along_them() -> None:
    wave = 0.5 + 0.3 * torch.sin(torch.arange(130) * 0.35 + torch.sin(torch.arange(130) * 0.05))
    stripes = wave.expand(3, 128, 130)
    found = estimate_alignment(stripes[..., :128], stripes[..., 2:])
    assert found.dy == pytest.approx(0, abs=1e-3)
    assert found.dx == pytest.approx(2, abs=0.02)


def test_the_line_on_a_set_counts_what_was_done() -> None:
    assert "none of 2 pairs" in describe_alignments([Alignment(), Alignment()])
    line = describe_alignments([Alignment(), Alignment(0.3, -0.4), Alignment(gain=0.9, offset=(0.1, 0.1, 0.1))])
    assert "2 of 3 pairs" in line
    assert "1 shifted, by up to 0.50 HR pixels, 1 in brightness, with gains of 0.90 to 1.00" in line


def test_bad_input_is_named() -> None:
    image = torch.rand(3, 64, 64)
    with pytest.raises(DegcraftError, match=r"\(3, 64, 64\) and \(3, 64, 60\)"):
        estimate_alignment(image, image[..., :60])
    with pytest.raises(DegcraftError, match="0 or more pixels, but is -1"):
        estimate_alignment(image, image, max_shift=-1)
    with pytest.raises(DegcraftError, match=r"must be \(3, H, W\), but is \(64, 64\)"):
        aligned_truth(image[0], Alignment(1, 1))
