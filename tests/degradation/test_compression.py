"""WebP against Pillow, an earlier JPEG against cropping by hand, and video by the quantiser's own law."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from degcraft.degradation import NO_JPEG, Degradation, degrade, jpeg_cv2


def photo(height: int = 96, width: int = 80) -> torch.Tensor:
    """(1, 3, height, width), whole levels."""
    return torch.from_numpy(data.astronaut()[60 : 60 + height, 120 : 120 + width].copy()).permute(2, 0, 1)[None] / 255


def done(image: torch.Tensor, name: str, value: float, seed: int = 0) -> torch.Tensor:
    values = {name: torch.full((len(image),), value)}
    return degrade(image, Degradation(values), 1, torch.Generator().manual_seed(seed))


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(-10 * torch.log10((a - b).square().mean()))


@pytest.mark.parametrize("quality", [20, 75])
def test_webp_is_libwebps(quality: int) -> None:
    image, file = photo(), io.BytesIO()
    Image.fromarray((image[0] * 255).round().byte().permute(1, 2, 0).numpy()).save(file, "WEBP", quality=quality)
    expected = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1)[None] / 255
    found = done(image, "webp_quality", quality)
    # Two builds of one encoder may differ in single coefficients.
    assert psnr(found, expected) > 45 > psnr(found, image) + 5


def test_an_earlier_jpeg_has_its_blocks_elsewhere() -> None:
    image = photo()
    found = done(image, "earlier_jpeg_quality", 30)
    candidates = {}
    padded = torch.nn.functional.pad(image, (8, 8, 8, 8), mode="replicate")
    for down in range(8):
        for across in range(8):
            window = padded[..., 8 - down : 16 - down + 96, 8 - across : 16 - across + 80].contiguous()
            whole = jpeg_cv2(window, torch.tensor([30.0]))
            candidates[down, across] = psnr(whole[..., down : down + 96, across : across + 80], found)
    best = max(candidates, key=lambda at: candidates[at])
    assert best != (0, 0)
    assert candidates[best] == float("inf")
    other = {tuple(done(image, "earlier_jpeg_quality", 30, seed=seed).flatten()[:400].tolist()) for seed in range(4)}
    assert len(other) > 1


def test_chroma_is_a_choice() -> None:
    images = photo().repeat(3, 1, 1, 1)
    values = {"jpeg_quality": torch.tensor([60.0, 60.0, NO_JPEG]), "jpeg_chroma": torch.tensor([0.0, 1.0, 1.0])}
    found = degrade(images, Degradation(values), 1, torch.Generator())
    quality = torch.tensor([60.0])
    assert torch.equal(found[0:1], jpeg_cv2(images[:1], quality, "4:2:0"))
    assert torch.equal(found[1:2], jpeg_cv2(images[:1], quality, "4:4:4"))
    assert torch.equal(found[2:], images[2:])


@pytest.mark.parametrize(("name", "doubling", "coarse"), [("h264_quantiser", 6, 34), ("mpeg2_quantiser", None, 16)])
def test_a_frame_of_video_errs_as_its_quantiser_says(name: str, doubling: int | None, coarse: int) -> None:
    image = photo()

    def luma_error(quantiser: float) -> float:
        apart = (done(image, name, quantiser) - image)[0] * 255
        return float((apart * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0).square().mean().sqrt())

    # H.264 doubles its step every 6, MPEG-2's is proportional; an error grows slower than the step once it is coarse.
    finer = coarse - doubling if doubling else coarse / 2
    assert 1.2 < luma_error(coarse) / luma_error(finer) < 2.1
    assert luma_error(1) < 3


@pytest.mark.parametrize("name", ["h264_quantiser", "mpeg2_quantiser", "webp_quality", "earlier_jpeg_quality"])
def test_odd_sides_and_several_images_come_back_as_they_were(name: str) -> None:
    images = torch.cat([photo(75, 49), photo(75, 49).flip(3)])
    found = done(images, name, 25)
    assert found.shape == images.shape
    assert psnr(found, images) > 24
    assert torch.equal(found, done(images, name, 25))
