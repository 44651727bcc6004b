"""From files to estimates, with a network whose beliefs are known, and with the one that comes with the package."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from degcraft.degradation import Degradation, degrade
from degcraft.features import load_degnet
from degcraft.images import read_image, write_image
from degcraft.inspection import inspect_files, summarise
from degcraft.inspection.calibration import Trust
from degcraft.inspection.estimate import PATCHES, THUMBNAIL

CELLS = 256


class Brightness:
    """Believes that the blur is an image's mean brightness (0 to 255), and knows nothing of the noise."""

    minimum_side = 16
    grids = {"blur_sigma": torch.arange(CELLS).float(), "noise_level": torch.tensor([0.0, 100.0])}  # noqa: RUF012

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []

    def posteriors(self, lr: Tensor) -> dict[str, Tensor]:
        self.batches.append(tuple(lr.shape))
        middle = 255 * lr.mean(dim=(1, 2, 3))
        logits = -0.5 * (self.grids["blur_sigma"] - middle[:, None]) ** 2
        return {"blur_sigma": logits.softmax(1), "noise_level": torch.full((len(lr), 2), 0.5)}


TRUST = {"blur_sigma": Trust(1, 1), "noise_level": Trust(1, 1)}


def grey(path: Path, level: int, size: tuple[int, int]) -> Path:
    image = torch.full((3, *size), level / 255)
    image[:, 0, 0] += 1 / 255  # of one flat colour it would be skipped
    write_image(path, image)
    return path


def test_every_image_gets_its_own_estimate(tmp_path: Path) -> None:
    sizes = [(72, 72), (90, 40), (72, 72), (300, 200)]
    files = [grey(tmp_path / f"{n}.png", 40 * n + 20, size) for n, size in enumerate(sizes)]
    network = Brightness()
    steps: list[tuple[int, int]] = []
    found = inspect_files(files, network, trust=TRUST, progress=lambda *step: steps.append(step))  # type: ignore[arg-type]
    assert [image.path for image in found.images] == files
    assert [image.axes["blur_sigma"].value for image in found.images] == pytest.approx([20, 60, 100, 140], abs=0.1)
    assert [(image.height, image.width) for image in found.images] == sizes
    assert found.images[0].patches == 1
    assert found.images[3].patches <= PATCHES
    assert sorted(batch[2:] for batch in network.batches) == [(72, 40), (72, 72)]
    assert steps == [(4, 4)]
    assert not found.skipped


def test_a_flat_image_is_skipped_and_named(tmp_path: Path) -> None:
    write_image(tmp_path / "black.png", torch.zeros(3, 72, 72))
    found = inspect_files([tmp_path / "black.png"], Brightness(), trust=TRUST)  # type: ignore[arg-type]
    assert not found.images
    assert [one.reason for one in found.skipped] == ["one flat colour, on which nothing can be seen"]


def test_a_half_of_a_patch_is_half_as_sure(tmp_path: Path) -> None:
    files = [grey(tmp_path / "whole.png", 99, (72, 72)), grey(tmp_path / "half.png", 99, (72, 36))]
    found = inspect_files(files, Brightness(), trust=TRUST)  # type: ignore[arg-type]
    whole, half = (image.axes["blur_sigma"] for image in found.images)
    # 36 pixels are four whole blocks of 8: 32.
    assert (half.high - half.low) / (whole.high - whole.low) == pytest.approx((72 / 32) ** 0.5, rel=0.03)


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    good = grey(tmp_path / "good.png", 50, (40, 40))
    small = grey(tmp_path / "small.png", 50, (15, 400))
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(b"nothing of a picture")
    found = inspect_files([damaged, good, small, tmp_path / "gone.png"], Brightness(), trust=TRUST)  # type: ignore[arg-type]
    assert [image.path for image in found.images] == [good]
    assert [(one.path.name, one.reason) for one in found.skipped] == [
        ("damaged.jpg", "not a readable image (PNG, JPEG, WebP, TIFF, BMP, GIF, HEIC or AVIF)"),
        ("small.png", "400x15 pixels, smaller than 16"),
        ("gone.png", "no such file"),
    ]


def test_pictures_are_kept_small(tmp_path: Path) -> None:
    (image,) = inspect_files([grey(tmp_path / "wide.png", 50, (100, 1000))], Brightness(), trust=TRUST).images  # type: ignore[arg-type]
    assert image.thumbnail.shape == (13, THUMBNAIL, 3)
    assert image.closeup.shape == (72, 72, 3)
    assert image.thumbnail.dtype == image.closeup.dtype == np.uint8


def test_a_grey_file_is_an_image_too(tmp_path: Path) -> None:
    from PIL import Image

    image = Image.new("L", (80, 80), 77)
    image.putpixel((0, 0), 78)
    image.save(tmp_path / "grey.png")
    (image,) = inspect_files([tmp_path / "grey.png"], Brightness(), trust=TRUST).images  # type: ignore[arg-type]
    assert image.axes["blur_sigma"].value == pytest.approx(77, abs=0.1)


def degraded(photographs: Path, folder: Path, blur: float, noise: float, quality: float) -> list[Path]:
    """The photographs degraded at their own size: blur in pixels of the image."""
    values = {"blur_sigma": blur, "noise_level": noise, "jpeg_quality": quality}
    files: list[Path] = []
    for file in sorted(photographs.rglob("*-0.png")):
        hr = read_image(file).rgb[None]
        degradation = Degradation({axis: torch.tensor([value]) for axis, value in values.items()})
        lr = degrade(hr, degradation, 1, torch.Generator().manual_seed(len(files)))
        files.append(folder / f"{file.parent.name}-{file.name}")
        write_image(files[-1], lr[0])
    return files


def test_strong_and_slight_degradations_are_told_apart(photographs: Path, tmp_path: Path) -> None:
    network = load_degnet()
    slight = summarise(inspect_files(degraded(photographs, tmp_path / "slight", 0.2, 2, 88), network)).axes
    strong = summarise(inspect_files(degraded(photographs, tmp_path / "strong", 1.2, 30, 88), network)).axes
    packed = summarise(inspect_files(degraded(photographs, tmp_path / "packed", 0.2, 2, 32), network)).axes
    blurred = summarise(inspect_files(degraded(photographs, tmp_path / "blurred", 1.2, 2, 88), network)).axes
    assert strong["noise_level"].value > 3 * slight["noise_level"].value
    assert packed["jpeg_quality"].value < slight["jpeg_quality"].value
    assert blurred["blur_sigma"].value > slight["blur_sigma"].value
