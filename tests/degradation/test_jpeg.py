"""The batched JPEG against libjpeg by two routes, and the library's own round trip."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from degcraft.degradation import NO_JPEG, Chroma, jpeg_cv2, jpeg_torch
from degcraft.degradation.jpeg_batched import quantisation_steps

QUALITIES = (1, 10, 25, 30, 49, 50, 51, 70, 75, 90, 95, 100)
SIZES = ((72, 72), (32, 32), (33, 47), (17, 16), (16, 18), (5, 3), (1, 1), (2, 2), (8, 201), (40, 24))
CHROMAS: tuple[Chroma, ...] = ("4:2:0", "4:4:4")


def content(kind: str, size: tuple[int, int]) -> torch.Tensor:
    """(1,3,h,w) float32 in [0,1] with whole 8-bit levels."""
    height, width = size
    rng = np.random.default_rng(height * 1000 + width)
    if kind == "photo":
        array = data.coffee()[100 : 100 + height, 200 : 200 + width]
    elif kind == "noise":
        array = rng.integers(0, 256, (height, width, 3))
    elif kind == "saturated":
        array = 255 * rng.integers(0, 2, (height, width, 3))
    else:
        array = np.broadcast_to(np.array([200, 100, 50]), (height, width, 3))
    return torch.from_numpy(np.array(array)).permute(2, 0, 1)[None].float() / 255


def pillow(image: torch.Tensor, quality: int, chroma: Chroma) -> torch.Tensor:
    """What Pillow's libjpeg makes of (1,3,h,w), as 8-bit levels."""
    pixels = (image[0] * 255).round().byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling={"4:4:4": 0, "4:2:0": 2}[chroma])
    decoded = np.asarray(Image.open(io.BytesIO(file.getvalue()))).copy()
    return torch.from_numpy(decoded).permute(2, 0, 1)[None].float()


@pytest.mark.parametrize("chroma", CHROMAS)
@pytest.mark.parametrize("kind", ["photo", "noise", "saturated", "flat"])
def test_the_batched_jpeg_is_within_a_level_of_libjpeg(kind: str, chroma: Chroma) -> None:
    qualities = torch.tensor(QUALITIES, dtype=torch.float32)
    for size in SIZES:
        batch = content(kind, size).expand(len(qualities), -1, -1, -1)
        difference = 255 * (jpeg_torch(batch, qualities, chroma) - jpeg_cv2(batch, qualities, chroma)).abs()
        assert difference.mean(dim=(1, 2, 3)).max() <= 1, f"{kind} {size}"


@pytest.mark.parametrize("chroma", CHROMAS)
@pytest.mark.parametrize("size", SIZES)
def test_on_photographs_the_batched_jpeg_is_pillows_libjpeg_to_the_bit(size: tuple[int, int], chroma: Chroma) -> None:
    image = content("photo", size)
    for quality in (10, 30, 50, 77, 95, 100):
        decoded = 255 * jpeg_torch(image, torch.tensor([float(quality)]), chroma)
        assert torch.equal(decoded.round(), pillow(image, quality, chroma)), quality


@pytest.mark.parametrize("chroma", CHROMAS)
def test_the_library_round_trip_is_pillows(chroma: Chroma) -> None:
    image = content("photo", (48, 56))
    for quality in QUALITIES:
        decoded = 255 * jpeg_cv2(image, torch.tensor([float(quality)]), chroma)
        assert torch.equal(decoded.round(), pillow(image, quality, chroma)), quality


@pytest.mark.parametrize("quality", QUALITIES)
def test_quantisation_tables_are_those_of_a_file(quality: int) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
    # Pillow gives the tables row-major.
    written = Image.open(io.BytesIO(file.getvalue())).quantization  # type: ignore[attr-defined]
    luma, chroma = quantisation_steps(torch.tensor([float(quality)]))
    assert luma[0].int().tolist() == written[0]
    assert chroma[0].int().tolist() == written[1]


@pytest.mark.parametrize("compress", [jpeg_cv2, jpeg_torch])
def test_images_without_jpeg_pass_unchanged_among_others(compress) -> None:  # type: ignore[no-untyped-def]
    images = torch.rand(4, 3, 20, 28, generator=torch.Generator().manual_seed(0))
    before = images.clone()
    result = compress(images, torch.tensor([NO_JPEG, 40.0, NO_JPEG, 90.0]))
    assert torch.equal(images, before)
    assert torch.equal(result[[0, 2]], images[[0, 2]])
    for index, quality in ((1, 40.0), (3, 90.0)):
        assert not torch.equal(result[index], images[index])
        assert torch.equal(result[index], compress(images[index : index + 1], torch.tensor([quality]))[0])
    assert torch.equal(compress(images, torch.full((4,), NO_JPEG)), images)


@pytest.mark.parametrize("compress", [jpeg_cv2, jpeg_torch])
def test_quality_is_rounded_to_a_whole_number_half_up(compress) -> None:  # type: ignore[no-untyped-def]
    image = content("photo", (24, 24))

    def at(quality: float) -> torch.Tensor:
        return compress(image, torch.tensor([quality]))

    assert torch.equal(at(50.5), at(51.0))
    assert torch.equal(at(52.49), at(52.0))
    assert not torch.equal(at(51.0), at(52.0))


def test_values_outside_the_range_are_clipped_first() -> None:
    wild = content("photo", (16, 16)) * 3 - 1
    quality = torch.tensor([60.0])
    for compress in (jpeg_cv2, jpeg_torch):
        assert torch.equal(compress(wild, quality), compress(wild.clamp(0, 1), quality))


def test_the_library_gives_the_same_in_one_thread_as_in_several() -> None:
    images = torch.cat([content("photo", (128, 128)), content("noise", (128, 128))] * 4)
    qualities = torch.linspace(20, 90, 8)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = jpeg_cv2(images, qualities)
        torch.set_num_threads(3)
        together = jpeg_cv2(images, qualities)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(alone, together)
