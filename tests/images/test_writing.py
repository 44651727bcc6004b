"""Images are written whole, in the format of their suffix."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data

from degcraft.errors import DegcraftError
from degcraft.images import read_image, write_image

RGB = torch.rand(3, 24, 33, generator=torch.Generator().manual_seed(0)).mul(255).round() / 255
ALPHA = torch.rand(1, 24, 33, generator=torch.Generator().manual_seed(1)).mul(255).round() / 255


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".bmp", ".webp", ".PNG"])
def test_lossless_formats_give_the_same_pixels_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / "folder" / f"a{suffix}"
    write_image(path, RGB, quality=100)
    assert torch.equal(read_image(path).rgb, RGB)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp"])
def test_alpha_is_kept_with_the_colours_under_it(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"a{suffix}", RGB, ALPHA * (ALPHA > 0.5), quality=100)
    image = read_image(tmp_path / f"a{suffix}")
    assert torch.equal(image.rgb, RGB)
    assert image.alpha is not None
    assert torch.equal(image.alpha, ALPHA * (ALPHA > 0.5))


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_quality_governs_lossy_formats(tmp_path: Path, suffix: str) -> None:
    photo = torch.from_numpy(data.astronaut()).permute(2, 0, 1)[:, :200, :200] / 255
    errors = []
    for quality in (30, 95):
        path = tmp_path / f"{quality}{suffix}"
        write_image(path, photo, quality=quality)
        errors.append((read_image(path).rgb - photo).abs().mean())
    assert errors[1] < errors[0] / 2


def test_values_are_clipped_and_rounded(tmp_path: Path) -> None:
    rgb = torch.tensor([-0.5, 1.5, 100.4 / 255, 100.6 / 255]).expand(3, 1, 4)
    write_image(tmp_path / "a.png", rgb)
    with Image.open(tmp_path / "a.png") as image:
        assert [image.getpixel((x, 0)) for x in range(4)] == [(v,) * 3 for v in (0, 255, 100, 101)]


def test_bad_input_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cases = [
        (tmp_path / "a.gif", RGB, None, 95, "suffix"),
        (path, RGB[:1], None, 95, r"\(3, H, W\)"),
        (path, RGB, RGB, 95, r"\(1, H, W\)"),
        (path, RGB / 0, None, 95, "NaN"),
        (path, RGB, None, 0, "quality"),
        (tmp_path / "a.jpg", RGB, ALPHA, 95, "transparent"),
    ]
    for place, rgb, alpha, quality, words in cases:
        with pytest.raises(DegcraftError, match=words):
            write_image(place, rgb, alpha, quality)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DegcraftError, match="cannot be written"):
        write_image(tmp_path / "file" / "a.png", RGB)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    write_image(path, RGB)
    before = path.read_bytes()

    def half(self: Path, content: bytes) -> None:
        self.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(DegcraftError, match="No space left"):
        write_image(path, 1 - RGB)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
