"""The clean side: soft, noisy and compressed images are named, and a reduction that is advised makes them sharp."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from degcraft.errors import DegcraftError
from degcraft.features import load_degnet
from degcraft.images import read_rgb8, reduced_files
from degcraft.inspection import inspect_clean
from tests.damage import DAMAGES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    image = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    noise = np.random.default_rng(0).normal(0, 12, image.shape)
    soft = cv2.GaussianBlur(cv2.resize(image, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC), (0, 0), 1.5)
    for name, one in (("sharp", image), ("soft", soft), ("noisy", np.clip(image + noise, 0, 255).round().astype("u1"))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), one)
    cv2.imwrite(str(tmp_path / "squeezed.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 40])
    return tmp_path


def test_what_is_not_clean_is_named(folder: Path) -> None:
    files = sorted(folder.iterdir())
    found = inspect_clean(files, load_degnet())
    named = {word: [path.name for path in paths] for word, paths in found.named().items()}
    assert "soft.png" in named["soft"]
    assert named["noisy"] == ["noisy.png"]
    assert named["compressed"] == ["squeezed.jpg"]
    assert not any("sharp.png" in names for names in named.values())
    said = list(found.sentences())
    assert said[0].startswith("clean images: 4: blur sigma")
    assert any(line.startswith("clean images that are noisy: 1 of 4 (noisy.png)") for line in said)


def test_the_reduction_that_is_advised_makes_them_sharp(folder: Path, tmp_path: Path) -> None:
    files = [folder / "soft.png"]
    before = inspect_clean(files, load_degnet())
    assert before.reduction >= 2
    assert f"--clean reduce:{before.reduction}" in list(before.sentences())[-1]
    copies = reduced_files(files, before.reduction, tmp_path / "cache")
    assert read_rgb8(copies[0]).shape[1] == read_rgb8(files[0]).shape[1] // before.reduction
    after = inspect_clean(copies, load_degnet())
    assert after.reduction == 1
    assert not after.named()


def test_copies_are_made_once_and_anew_when_they_or_the_original_change(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = [folder / "sharp.png"]
    (first,) = reduced_files(files, 2, tmp_path / "cache")
    stamp = first.stat().st_mtime_ns
    (again,) = reduced_files(files, 2, tmp_path / "cache")
    assert (again, again.stat().st_mtime_ns) == (first, stamp)
    whole = first.read_bytes()
    for damage in DAMAGES.values():
        first.write_bytes(damage(whole))
        assert reduced_files(files, 2, tmp_path / "cache") == [first]
        assert first.read_bytes() == whole
    assert caplog.messages == [f"{first}: is damaged; made anew"] * len(DAMAGES)
    files[0].write_bytes((folder / "noisy.png").read_bytes())
    (other,) = reduced_files(files, 2, tmp_path / "cache")
    assert other != first
    assert reduced_files(files, 1, tmp_path / "cache") == files
    with pytest.raises(DegcraftError, match="reduce must be a whole number from 1 to 8, but got 9"):
        reduced_files(files, 9, tmp_path / "cache")


def test_a_reduction_is_antialiased_bicubic(folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    (copy,) = reduced_files([folder / "sharp.png"], 2, tmp_path / "cache")
    with Image.open(folder / "sharp.png") as image:
        expected = np.asarray(image.resize((256, 256), Image.Resampling.BICUBIC), dtype=int)
    apart = np.abs(read_rgb8(copy).transpose(1, 2, 0).astype(int) - expected)
    # Pillow rounds to 8 bits between its two passes.
    assert apart.mean() < 0.4
    assert apart.max() <= 4
