"""Each step of the pipelines against another implementation of it, on images of sizes of their own."""

import math

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage, special
from skimage import data

from degcraft.degradation import NO_JPEG
from degcraft.sources.bsrgan import _middles
from degcraft.sources.kernels import SIDE, bell_kernels, sinc_kernels
from degcraft.sources.noises import with_correlated, with_gaussian, with_photons
from degcraft.sources.ragged import RESIZINGS, Ragged, applied, blurred, resized, through_jpeg

SIZES = ((40, 56), (33, 47), (64, 21))
OPENCV = {"area": cv2.INTER_AREA, "bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}
PYTORCH = {"average": "area", "bilinear": "bilinear", "bicubic": "bicubic"}


def ragged(fill: float = 7.0) -> Ragged:
    """Crops of a photograph; what lies beyond an image is poison."""
    photo = torch.from_numpy(data.astronaut().copy()).permute(2, 0, 1).float() / 255
    pixels = torch.full((len(SIZES), 3, 64, 56), fill)
    for at, (height, width) in enumerate(SIZES):
        pixels[at, :, :height, :width] = photo[:, 90 + 20 * at : 90 + 20 * at + height, 180 : 180 + width]
    heights, widths = torch.tensor(SIZES).T
    return Ragged(pixels, heights, widths)


def own(images: Ragged, at: int) -> np.ndarray:
    """(h,w,3) of one image."""
    return images.pixels[at, :, : images.heights[at], : images.widths[at]].permute(1, 2, 0).numpy()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def even(*shape: int, level: float = 0.5) -> Ragged:
    return Ragged.of(torch.full(shape, level))


@pytest.mark.parametrize("kind", OPENCV)
@pytest.mark.parametrize("wanted", [(30, 41), (17, 9), (64, 90), (55, 20)], ids=str)
def test_resizing_is_opencvs(kind: str, wanted: tuple[int, int]) -> None:
    images = ragged()
    heights, widths = (torch.tensor([side, side - 3, side + 5]) for side in wanted)
    found = resized(images, heights, widths, torch.full((3,), RESIZINGS.index(kind)))
    for at in range(3):
        expected = cv2.resize(own(images, at), (int(widths[at]), int(heights[at])), interpolation=OPENCV[kind])
        if kind == "area" and (heights[at] > images.heights[at]) != (widths[at] > images.widths[at]):
            continue  # OpenCV takes another way where one side grows and the other shrinks
        assert np.abs(own(found, at) - expected).max() < 2e-4
    assert torch.equal(found.heights, heights)


@pytest.mark.parametrize("kind", PYTORCH)
@pytest.mark.parametrize("wanted", [(30, 41), (17, 9), (64, 90), (33, 47)], ids=str)
def test_resizing_is_pytorchs(kind: str, wanted: tuple[int, int]) -> None:
    images = ragged()
    heights, widths = (torch.tensor([side, side - 3, side + 5]) for side in wanted)
    found = resized(images, heights, widths, torch.full((3,), RESIZINGS.index(kind)))
    for at in range(3):
        whole = torch.from_numpy(own(images, at)).permute(2, 0, 1)[None]
        expected = F.interpolate(whole, (int(heights[at]), int(widths[at])), mode=PYTORCH[kind])[0]
        assert np.abs(own(found, at) - expected.permute(1, 2, 0).numpy()).max() < 2e-4


def test_each_image_has_a_kind_of_its_own() -> None:
    images = ragged()
    sizes = torch.tensor([20, 20, 20])
    found = resized(images, sizes, sizes, torch.arange(3))
    for at, kind in enumerate(OPENCV):
        expected = cv2.resize(own(images, at), (20, 20), interpolation=OPENCV[kind])
        assert np.abs(own(found, at) - expected).max() < 2e-4


def test_blurring_is_scipys() -> None:
    images = ragged(0.0)
    kernels = bell_kernels(
        torch.tensor([1.0, 2.5, 0.0]), torch.tensor([3.0, 0.7, 0.0]), torch.tensor([0.3, 1.2, 0.0]), torch.ones(3),
        torch.zeros(3, dtype=torch.bool), torch.tensor([21, 13, 7]),
    )  # fmt: skip
    found = blurred(images, kernels)
    for at in range(3):
        expected = ndimage.convolve(own(images, at), kernels[at, :, :, None].numpy(), mode="reflect")
        assert np.abs(own(found, at) - expected).max() < 1e-5
    assert np.abs(own(found, 2) - own(images, 2)).max() < 1e-5, "a width of 0 does nothing"


def test_round_kernels_are_opencvs() -> None:
    sigma, side = torch.tensor([0.4, 1.3, 2.8]), torch.tensor([7, 15, 25])
    none = torch.zeros(3, dtype=torch.bool)
    kernels = bell_kernels(sigma, sigma, torch.tensor([0.0, 1.0, 2.0]), torch.ones(3), none, side)
    for at in range(3):
        line = cv2.getGaussianKernel(int(side[at]), float(sigma[at]))
        margin = (SIDE - int(side[at])) // 2
        assert np.abs(kernels[at].numpy() - np.pad(line @ line.T, margin)).max() < 1e-6


@pytest.mark.parametrize("plateau", [False, True])
def test_other_kernels_are_what_their_formula_says(plateau: bool) -> None:
    along, across, angle, beta = 1.7, 0.6, 0.8, 1.6
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    inverse = np.linalg.inv(turn @ np.diag([along**2, across**2]) @ turn.T)
    x, y = np.meshgrid(np.arange(-5, 6), np.arange(-5, 6))
    at = np.stack([x, y], axis=-1)
    q = np.einsum("hwi,ij,hwj->hw", at, inverse, at)
    expected = 1 / (q**beta + 1) if plateau else np.exp(-0.5 * q**beta)
    numbers = (torch.tensor([value]) for value in (along, across, angle, beta))
    found = bell_kernels(*numbers, torch.tensor([plateau]), torch.tensor([11]))[0]
    assert np.abs(found.numpy() - np.pad(expected / expected.sum(), 7)).max() < 1e-6


def test_the_sinc_kernel_is_a_low_pass() -> None:
    cutoff, side = 1.4, 21
    x, y = np.meshgrid(np.arange(-10, 11), np.arange(-10, 11))
    radius = np.hypot(x, y)
    with np.errstate(invalid="ignore"):
        expected = cutoff * special.j1(cutoff * radius) / (2 * np.pi * radius)
    expected[10, 10] = cutoff**2 / (4 * np.pi)
    found = sinc_kernels(torch.tensor([cutoff]), torch.tensor([side]))[0].numpy()
    assert np.abs(found - np.pad(expected / expected.sum(), 2)).max() < 1e-6
    spectrum = np.abs(np.fft.fft2(found, (256, 256)))
    frequency = 2 * np.pi * np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    assert spectrum[frequency > cutoff + 0.4].max() < 0.15
    assert spectrum[frequency < cutoff - 0.4].min() > 0.8


def test_jpeg_is_that_of_the_file() -> None:
    images = ragged()
    qualities = torch.tensor([40.0, 90.0, NO_JPEG])
    found = through_jpeg(images, qualities)
    for at, quality in ((0, 40), (1, 90)):
        file = np.round(own(images, at) * 255).astype(np.uint8)
        read = cv2.imdecode(cv2.imencode(".jpg", file[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)[..., ::-1]
        alone = through_jpeg(
            Ragged.of(torch.from_numpy(own(images, at)).permute(2, 0, 1)[None]), qualities[at : at + 1]
        )
        assert np.abs(own(alone, 0) * 255 - read).max() < 0.5
        # libjpeg fills the last blocks of colour with rows that it has halved already, a canvas with rows before that.
        apart = np.abs(own(found, at) * 255 - read)
        assert apart[:-16].max() < 0.5
        assert apart.mean() < 0.5
    assert np.array_equal(own(found, 2), own(images, 2))


def test_gaussian_noise_is_coloured_or_grey() -> None:
    found = with_gaussian(even(2, 3, 200, 200), torch.tensor([10.0, 20.0]), torch.tensor([False, True]), seeded())
    noise = (found.pixels - 0.5) * 255
    assert noise.std(dim=(1, 2, 3)).tolist() == pytest.approx([10, 20], rel=0.02)
    assert torch.equal(noise[1, 0], noise[1, 1])
    assert abs(np.corrcoef(noise[0].flatten(1).numpy())[0, 1]) < 0.02


@pytest.mark.parametrize("grey", [False, True])
def test_photons_are_numpys(grey: bool) -> None:
    random = np.random.default_rng(0)
    levels = torch.arange(256).repeat_interleave(40 * 3).view(1, 256, 40, 3).permute(0, 3, 1, 2) / 255
    images = Ragged.of(levels.float())
    found = with_photons(images, torch.tensor([0.7]), torch.tensor([grey]), seeded()).pixels - images.pixels
    expected = (random.poisson(levels.numpy() * 256) / 256 - levels.numpy()) * 0.7
    for part in (slice(60, 100), slice(140, 180)):  # where nothing is clipped
        ours, theirs = found[:, :, part].numpy(), expected[:, :, part]
        assert ours.std() == pytest.approx(theirs.std(), rel=0.05)
        assert ours.mean() == pytest.approx(0, abs=4 * theirs.std() / math.sqrt(1600))
    assert torch.allclose(found[:, 0, 60:180], found[:, 1, 60:180], atol=1e-6) == grey


def test_few_levels_have_few_photons() -> None:
    """As many as an image has levels, to the next power of 2: what lies beyond an image is not counted."""
    canvas = torch.rand(1, 3, 60, 60, generator=seeded())
    canvas[:, :, :50, :50] = torch.tensor([0.2, 0.4, 0.6])[:, None, None]
    images = Ragged(canvas, torch.tensor([50]), torch.tensor([50]))
    found = with_photons(images, torch.tensor([0.2]), torch.tensor([False]), seeded()).pixels[:, :, :50, :50]
    steps = (found - canvas[:, :, :50, :50]) / 0.2 + canvas[:, :, :50, :50]
    assert torch.allclose(steps * 4, (steps * 4).round(), atol=1e-4)


def test_correlated_noise_has_its_covariance() -> None:
    wanted = np.array([[4.0, 2.0, 0.5], [2.0, 3.0, 1.0], [0.5, 1.0, 2.0]]) * 1e-4
    found = with_correlated(even(1, 3, 300, 300), torch.from_numpy(wanted)[None].float(), seeded())
    assert np.abs(np.cov(found.pixels[0].flatten(1).numpy()) - wanted).max() < 1e-5


def test_the_blur_of_the_nearest_reduction_is_centred() -> None:
    images = ragged(0.0)
    scale, sigma = torch.tensor([4, 2, 4]), torch.tensor([1.5, 0.7, 2.0])
    down = _middles(images.heights, scale, sigma, 64)
    across = _middles(images.widths, scale, sigma, 56)
    found = applied(down, images.pixels, across)
    for at in range(3):
        step, fine = int(scale[at]), 5
        whole = own(images, at)
        height, width = (side // step * step for side in whole.shape[:2])
        smooth = ndimage.gaussian_filter(whole, (float(sigma[at]), float(sigma[at]), 0), mode="nearest", truncate=8)
        middles = [np.arange(side // step) * step + (step - 1) / 2 for side in (height, width)]
        grid = np.stack(np.meshgrid(*middles, indexing="ij"))
        expected = np.stack(
            [ndimage.map_coordinates(smooth[..., c], grid, order=fine, mode="nearest") for c in range(3)], axis=-1
        )
        got = found[at, :, : height // step, : width // step].permute(1, 2, 0).numpy()
        assert np.abs(got - expected)[1:-1, 1:-1].max() < 0.01


def test_others_take_their_places() -> None:
    images, larger = ragged(0.0), Ragged.of(torch.ones(1, 3, 80, 10))
    found = images.with_others(torch.tensor([1]), larger)
    assert found.pixels.shape == (3, 3, 80, 56)
    assert found.heights.tolist() == [40, 80, 64]
    assert np.array_equal(own(found, 0), own(images, 0))
    assert own(found, 1).shape == (80, 10, 3)
    assert own(found, 1).min() == 1
