"""The same on another device, without waiting for it."""

import pytest
import torch
from skimage import data

from degcraft.degradation import (
    NO_JPEG,
    PAPER_SPACE,
    Degradation,
    blur_and_reduce,
    degrade,
    gaussian_taps,
    jpeg_cv2,
    jpeg_torch,
)
from degcraft.degradation.noise import add_noise

on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def photos(size: int = 128) -> torch.Tensor:
    """(16,3,size,size) crops of a photograph."""
    image = torch.from_numpy(data.astronaut().copy()).permute(2, 0, 1).float() / 255
    return torch.stack([image[:, 20 * i : 20 * i + size, 15 * i : 15 * i + size] for i in range(16)])


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


@pytest.mark.parametrize("chroma", ["4:2:0", "4:4:4"])
def test_no_value_is_ever_read_and_no_shape_depends_on_one(chroma: str) -> None:
    # Tensors on the meta device have no values: reading one back, or a mask as an index, raises.
    images = torch.empty(5, 3, 132, 76, device="meta")
    value = torch.empty(5, device="meta")
    lr = blur_and_reduce(images, gaussian_taps(value), 4)
    shaped = dict.fromkeys(("noise_level", "noise_signal", "noise_common"), value)
    lr = add_noise(lr, shaped, generator())
    assert jpeg_torch(lr, value, chroma).shape == (5, 3, 33, 19)  # type: ignore[arg-type]
    with pytest.raises((RuntimeError, NotImplementedError)):
        value.max().item()


@on_cuda
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_degrading_on_the_gpu_agrees_with_the_cpu(scale: int) -> None:
    hr = photos()
    degradation = PAPER_SPACE.each_bin.sample(PAPER_SPACE.uniform_weights(), 16, generator())
    for chosen in (degradation, degradation.to("cuda")):
        here = degrade(hr, degradation, scale, generator())
        there = degrade(hr.cuda(), chosen, scale, generator()).cpu()
        # A sum that falls just on the other side of a rounding step may move one JPEG coefficient.
        assert (here - there).abs().mean() * 255 < 0.05


@on_cuda
@pytest.mark.parametrize("chroma", ["4:2:0", "4:4:4"])
def test_the_jpeg_of_the_gpu_is_libjpegs_to_the_bit(chroma: str) -> None:
    images = photos(77)
    quality = torch.linspace(10, 100, 16)
    quality[5] = NO_JPEG
    expected = jpeg_cv2(images, quality, chroma)  # type: ignore[arg-type]
    assert torch.equal(jpeg_torch(images.cuda(), quality.cuda(), chroma).cpu(), expected)  # type: ignore[arg-type]


@on_cuda
def test_nothing_waits_for_the_gpu() -> None:
    hr = photos().cuda()
    degradation = PAPER_SPACE.each_bin.sample(PAPER_SPACE.uniform_weights(), 16, generator()).to("cuda")
    on_gpu = torch.Generator("cuda").manual_seed(0)
    degrade(hr, degradation, 4, on_gpu)
    torch.cuda.set_sync_debug_mode("error")
    try:
        lr = degrade(hr, degradation, 4, on_gpu)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert lr.is_cuda


@on_cuda
def test_the_identity_is_exact_there_too() -> None:
    hr = torch.rand(2, 3, 40, 24, generator=generator()).cuda()
    nothing = Degradation({"blur_sigma": torch.zeros(2), "jpeg_quality": torch.full((2,), NO_JPEG)})
    assert torch.equal(degrade(hr, nothing, 1, generator()), hr)
