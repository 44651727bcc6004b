"""Every kind of file reads as a viewer shows it."""

import io
import os
import pickle
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageOps
from skimage import data

from degcraft.images import ImageError, image_size, read_image, read_rgb8

Shows = Callable[..., None]

RGB = np.random.default_rng(0).integers(0, 256, (20, 31, 3), np.uint8)
ALPHA = np.random.default_rng(1).integers(0, 256, (20, 31), np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".bmp", ".webp", ".TIF"])
def test_colour(tmp_path: Path, assert_shows: Shows, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(RGB).save(path, lossless=True)
    assert_shows(path, RGB)
    np.testing.assert_array_equal(read_rgb8(path), RGB.transpose(2, 0, 1))


def test_jpeg_agrees_with_opencv(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(data.astronaut()).save(path, quality=80, subsampling=0)
    reference = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB).astype(np.float64)
    difference = np.abs(read_image(path).rgb.numpy() * 255.0 - reference.transpose(2, 0, 1))
    assert difference.mean() < 0.5
    assert difference.max() <= 3


def test_grey_alpha_palette_and_bilevel(tmp_path: Path, assert_shows: Shows) -> None:
    grey = RGB[..., 0]
    Image.fromarray(grey).save(tmp_path / "l.png")
    assert_shows(tmp_path / "l.png", grey)
    Image.merge("LA", [Image.fromarray(grey), Image.fromarray(ALPHA)]).save(tmp_path / "la.png")
    assert_shows(tmp_path / "la.png", grey, ALPHA)
    Image.fromarray(np.dstack([RGB, ALPHA])).save(tmp_path / "rgba.png")
    assert_shows(tmp_path / "rgba.png", RGB, ALPHA)

    indices = RGB[..., 0] % 3
    colours = np.array([[10, 20, 30], [200, 100, 0], [0, 0, 255]], np.uint8)
    palette = Image.fromarray(indices).copy()
    palette.putpalette(colours.tobytes())
    palette.save(tmp_path / "p.png")
    assert_shows(tmp_path / "p.png", colours[indices])
    palette.save(tmp_path / "pt.png", transparency=bytes([0, 128, 255]))
    assert_shows(
        tmp_path / "pt.png",
        colours[indices],
        np.array([0, 128, 255], np.uint8)[indices],
    )

    bits = grey > 127
    Image.fromarray(bits).save(tmp_path / "1.tiff")
    assert_shows(tmp_path / "1.tiff", bits.astype(np.uint8), white=1)


def test_a_transparent_colour_becomes_alpha(tmp_path: Path, assert_shows: Shows) -> None:
    array = RGB.copy()
    array[3:5, 7] = (1, 2, 3)
    Image.fromarray(array).save(tmp_path / "key.png", transparency=(1, 2, 3))
    assert_shows(tmp_path / "key.png", array, 255 * (array != (1, 2, 3)).any(axis=2))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff", ".webp"])
def test_exif_orientation(tmp_path: Path, assert_shows: Shows, orientation: int, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(RGB).save(path, exif=exif, lossless=True)
    with Image.open(path) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    assert upright.shape[0] == (20 if orientation < 5 else 31)
    assert_shows(path, upright)


def cmyk_profile() -> bytes:
    """A printer profile (ICC.1:2001, lut8Type) on whose paper black shows, and cyan as a grey of L* 50.2."""

    def fixed(*values: float) -> bytes:
        return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))

    ramp = bytes(range(256))
    # Two grid points an axis; cyan varies slowest and black fastest. 8-bit Lab has its neutral at 128.
    black = bytes([0, 128, 128])
    grid = (bytes([255, 128, 128]) + black) * 4 + (bytes([128, 128, 128]) + black) * 4
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + ramp * 4 + grid + ramp * 3
    size = 128 + 4 + 12 + len(table)
    header = struct.pack(">I4sI4s4s4s12x4s28x", size, b"", 0x02400000, b"prtr", b"CMYK", b"Lab ", b"acsp")
    header += fixed(0.9642, 1, 0.8249)
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, len(table))
    return header.ljust(128, b"\0") + tags + table


def test_cmyk(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    ink = Image.new("CMYK", (24, 16), (0, 255, 255, 0))
    ink.save(path, quality=100)
    red = read_image(path).rgb[:, 8, 12]
    torch.testing.assert_close(red, torch.tensor([1.0, 0.0, 0.0]), atol=0.02, rtol=0)
    # A profile that is none leaves the plain formula.
    ink.save(path, quality=100, icc_profile=b"no profile")
    torch.testing.assert_close(read_image(path).rgb[:, 8, 12], red)


def test_the_profile_of_a_cmyk_file_is_applied(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    for ink, luminance in (((0, 255, 255, 0), 1.0), ((255, 255, 0, 0), ((50.2 + 16) / 116) ** 3)):
        Image.new("CMYK", (24, 16), ink).save(path, quality=100, icc_profile=cmyk_profile())
        grey = 1.055 * luminance ** (1 / 2.4) - 0.055  # sRGB's curve, IEC 61966-2-1
        torch.testing.assert_close(read_image(path).rgb[:, 8, 12], torch.full((3,), grey), atol=0.02, rtol=0)


def test_an_rgb_profile_is_not_applied(tmp_path: Path, assert_shows: Shows) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    Image.fromarray(RGB).save(tmp_path / "a.png", icc_profile=profile)
    assert_shows(tmp_path / "a.png", RGB)


def test_the_first_of_several_frames_is_read(tmp_path: Path, assert_shows: Shows) -> None:
    frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    for name in ("a.webp", "a.tiff"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], lossless=True)
        assert_shows(tmp_path / name, RGB)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff", ".bmp"])
def test_truncated_files_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(data.astronaut()[:200, :200]).save(path)
    content = path.read_bytes()
    for share in (0.5, 0.9):
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(ImageError) as caught:
            read_image(path)
        assert str(path) in str(caught.value)
        assert str(path) not in caught.value.reason


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder.png").mkdir()
    Image.fromarray(RGB).save(tmp_path / "a.ppm")
    (tmp_path / "a.ppm").rename(tmp_path / "ppm.png")
    for name in ("text.png", "empty.jpg", "folder.png", "ppm.png"):
        with pytest.raises(ImageError, match=name):
            read_image(tmp_path / name)
    with pytest.raises(ImageError, match="no such file"):
        read_image(tmp_path / "absent.png")


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("1", (8, 8)).save(buffer, "PNG")
    content = bytearray(buffer.getvalue())
    content[16:24] = struct.pack(">II", 50_000, 50_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path = tmp_path / "bomb.png"
    path.write_bytes(content)
    for read in (read_image, image_size):
        with pytest.raises(ImageError, match="pixels"):
            read(path)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
def test_damaged_bytes_raise_the_projects_error_or_read(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    refused = 0
    for suffix in (".png", ".jpg", ".webp", ".tiff", ".bmp"):
        path = tmp_path / f"a{suffix}"
        Image.fromarray(RGB).save(path)
        content = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(40):
            damaged = content.copy()
            damaged[random.integers(0, min(200, len(content)), 6)] = random.integers(0, 256, 6)
            path.write_bytes(damaged.tobytes())
            try:
                assert read_image(path).rgb.shape[0] == 3
            except ImageError:
                refused += 1
    assert refused > 40


def test_the_error_travels_between_processes(tmp_path: Path) -> None:
    error = pickle.loads(pickle.dumps(ImageError(tmp_path / "a.png", "truncated")))
    assert (error.path, error.reason) == (tmp_path / "a.png", "truncated")


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("patch", [bytes(600), b"\xff\xd9" * 20])
def test_a_jpeg_damaged_in_the_middle_is_refused(tmp_path: Path, patch: bytes, progressive: bool) -> None:
    path = tmp_path / "a.jpg"
    noisy = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    Image.fromarray(noisy).save(path, quality=85, progressive=progressive)
    whole = path.read_bytes()
    assert read_rgb8(path).shape == (3, 96, 128)
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + patch + whole[middle + len(patch) :])
    with pytest.raises(ImageError, match="damaged inside"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".gif", ".heic", ".avif"])
def test_what_telephones_and_the_web_write_is_read(tmp_path: Path, suffix: str) -> None:
    y, x = np.mgrid[:64, :80]
    smooth = np.stack([x * 3, y * 3, x + y], axis=2).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / f"a{suffix}", quality=95)
    found = read_rgb8(tmp_path / f"a{suffix}")
    assert np.abs(found.transpose(1, 2, 0).astype(int) - smooth).mean() < 12
    assert image_size(tmp_path / f"a{suffix}") == (64, 80)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ImageError, match="no regular file"):
        read_image(tmp_path / "a.png")
