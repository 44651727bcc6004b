"""Equation 2 as a whole."""

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from degcraft.degradation import NO_JPEG, PAPER_SPACE, Degradation, degrade, jpeg_cv2
from degcraft.errors import DegcraftError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photos(count: int = 4, size: int = 96) -> torch.Tensor:
    """(count,3,size,size) crops of a photograph."""
    image = torch.from_numpy(data.astronaut().copy()).permute(2, 0, 1).float() / 255
    return torch.stack([image[:, 40 * i : 40 * i + size, 30 * i : 30 * i + size] for i in range(count)])


def nothing(count: int) -> Degradation:
    return Degradation(
        {
            "blur_sigma": torch.zeros(count),
            "noise_level": torch.zeros(count),
            "jpeg_quality": torch.full((count,), NO_JPEG),
        }
    )


def test_the_identity_gives_any_image_back_exactly() -> None:
    hr = torch.rand(2, 3, 31, 45, generator=generator())
    assert torch.equal(degrade(hr, nothing(2), 1, generator()), hr)
    assert torch.equal(degrade(hr, Degradation(), 1, generator()), hr)


def test_each_axis_at_its_identity_changes_nothing() -> None:
    hr = photos()
    full = {"blur_sigma": 1.4, "noise_level": 12.0, "jpeg_quality": 60.0}
    for name in full:
        values = {key: torch.full((4,), value) for key, value in full.items() if key != name}
        without = degrade(hr, Degradation(values), 4, generator())
        at_identity = degrade(hr, Degradation({**values, name: nothing(4).get(name)}), 4, generator())
        if name == "noise_level":
            assert torch.equal(without, at_identity)
        else:
            # The identity of one image must not depend on what else is in the batch.
            torch.testing.assert_close(without, at_identity, atol=0, rtol=0)


def test_identity_images_among_degraded_ones_stay_exact() -> None:
    hr = torch.rand(3, 3, 40, 40, generator=generator())
    mixed = Degradation(
        {
            "blur_sigma": torch.tensor([0.0, 2.0, 0.0]),
            "noise_level": torch.tensor([0.0, 20.0, 0.0]),
            "jpeg_quality": torch.tensor([NO_JPEG, 50.0, NO_JPEG]),
        }
    )
    result = degrade(hr, mixed, 1, generator())
    assert torch.equal(result[[0, 2]], hr[[0, 2]])
    assert (result[1] - hr[1]).abs().mean() > 0.02


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_every_scale_gives_8_bit_images_in_range(scale: int) -> None:
    hr = photos()
    degradation = PAPER_SPACE.each_bin.sample(PAPER_SPACE.uniform_weights(), 4, generator(scale))
    lr = degrade(hr, degradation, scale, generator())
    assert lr.shape == (4, 3, 96 // scale, 96 // scale)
    assert lr.dtype == torch.float32
    assert torch.equal(lr, (lr * 255).round() / 255)
    assert lr.min() >= 0
    assert lr.max() <= 1


def test_it_is_the_equation_written_out_with_opencv() -> None:
    hr = photos(1, size=256)
    before_jpeg = {"blur_sigma": torch.tensor([2.2]), "noise_level": torch.tensor([18.0])}
    uncompressed = degrade(hr, Degradation(before_jpeg), 4, generator(7))
    quality = torch.tensor([55.0])
    lr = degrade(hr, Degradation({**before_jpeg, "jpeg_quality": quality}), 4, generator(7))

    image = hr[0].permute(1, 2, 0).numpy()
    line = cv2.getGaussianKernel(19, 2.2, cv2.CV_32F)
    blurred = cv2.filter2D(image, -1, line @ line.T, borderType=cv2.BORDER_REFLECT)
    small = torch.nn.functional.interpolate(
        torch.from_numpy(blurred).permute(2, 0, 1)[None],
        scale_factor=0.25,
        mode="bicubic",
        antialias=True,
        align_corners=False,
    )
    noisy = small + torch.randn(small.shape, generator=generator(7)) * (18 / 255)
    # PyTorch cuts the bicubic kernel at the border where this mirrors the image.
    off = ((uncompressed - noisy.clamp(0, 1).mul(255).round() / 255) * 255).abs()[..., 8:-8, 8:-8]
    assert off.max() < 1.5
    assert off.mean() < 0.001
    # From the same levels on: a level that rounds to the other side may move a whole block of JPEG.
    assert torch.equal(lr, jpeg_cv2(uncompressed, quality))
    assert (lr - jpeg_cv2(noisy, quality)).abs().mean() * 255 < 1


def test_noise_has_the_level_it_is_asked_for() -> None:
    hr = torch.full((3, 3, 256, 256), 0.5)
    levels = torch.tensor([0.0, 5.0, 30.0])
    lr = degrade(hr, Degradation({"noise_level": levels}), 1, generator(), quantise=False)
    noise = (lr - 0.5) * 255
    for index, level in enumerate(levels):
        # 196,608 samples: the deviation is known to 0.16 percent (one standard error).
        assert noise[index].std().item() == pytest.approx(level.item(), rel=0.01)
    flat = noise[2].flatten(1)
    assert torch.corrcoef(flat).fill_diagonal_(0).abs().max() < 0.02


def test_the_noise_of_an_image_does_not_depend_on_the_others_levels() -> None:
    hr = photos(2)
    first = degrade(hr, Degradation({"noise_level": torch.tensor([0.0, 20.0])}), 4, generator())
    second = degrade(hr, Degradation({"noise_level": torch.tensor([40.0, 20.0])}), 4, generator())
    assert torch.equal(first[1], second[1])


def test_same_generator_same_result_and_nothing_global() -> None:
    hr, before = photos(), torch.get_rng_state()
    degradation = PAPER_SPACE.sample_bin(40, 4, generator(1))
    first, again, other = (degrade(hr, degradation, 4, generator(seed)) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.get_rng_state())


def test_the_clean_images_are_left_alone() -> None:
    hr = photos()
    before = hr.clone()
    degrade(hr, PAPER_SPACE.sample_bin(70, 4, generator()), 1, generator())
    degrade(hr, Degradation({"noise_level": torch.full((4,), 9.0)}), 1, generator())
    assert torch.equal(hr, before)


def test_without_quantising_float_levels_survive() -> None:
    lr = degrade(photos(), Degradation({"blur_sigma": torch.full((4,), 1.0)}), 4, generator(), quantise=False)
    assert ((lr * 255).round() / 255 - lr).abs().max() > 1e-3


def test_full_colour_resolution_is_an_option() -> None:
    rng = np.random.default_rng(0)
    hr = torch.from_numpy(rng.integers(0, 256, (1, 3, 48, 48))).float() / 255
    quality, codes = torch.tensor([95.0]), (torch.zeros(1), torch.ones(1))
    ways = [Degradation({"jpeg_quality": quality, "jpeg_chroma": code}) for code in codes]
    errors = [(degrade(hr, way, 1, generator()) - hr).abs().mean().item() for way in ways]
    assert errors[1] < errors[0] / 3


def test_an_autocast_region_changes_nothing() -> None:
    hr = photos()
    degradation = PAPER_SPACE.sample_bin(40, 4, generator(1))
    plain = degrade(hr, degradation, 4, generator())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(degrade(hr, degradation, 4, generator()), plain)


def test_an_empty_batch_stays_empty() -> None:
    assert degrade(torch.empty(0, 3, 32, 16), Degradation(), 4, generator()).shape == (0, 3, 8, 4)


@pytest.mark.parametrize(
    ("hr", "count", "scale", "complaint"),
    [
        (torch.zeros(2, 3, 30, 32), 2, 4, "multiples of scale 4, but got 30x32"),
        (torch.zeros(2, 1, 32, 32), 2, 4, r"float32 \(B,3,H,W\)"),
        (torch.zeros(3, 32, 32), 2, 4, r"float32 \(B,3,H,W\)"),
        (torch.zeros(2, 3, 32, 32, dtype=torch.float64), 2, 4, "float64"),
        (torch.zeros(2, 3, 32, 32), 2, 0, "scale must be a whole number"),
        (torch.zeros(2, 3, 32, 32), 2, 1.5, "scale must be a whole number"),
        (torch.zeros(2, 3, 32, 32), 3, 4, "2 images, but has 3"),
    ],
)
def test_what_does_not_fit_is_refused(hr: torch.Tensor, count: int, scale: int, complaint: str) -> None:
    with pytest.raises(DegcraftError, match=complaint):
        degrade(hr, nothing(count), scale, generator())
