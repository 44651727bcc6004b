"""Every kind of file reads as a viewer shows it."""

import io
import pickle
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageOps
from skimage import data

from degcraft.errors import DegcraftError
from degcraft.images import ImageError, image_size, read_image, read_rgb8

RGB = np.random.default_rng(0).integers(0, 256, (20, 31, 3), np.uint8)
ALPHA = np.random.default_rng(1).integers(0, 256, (20, 31), np.uint8)
DEEP = np.random.default_rng(2).integers(0, 65536, (20, 31, 3), np.uint16)


def expected(array: np.ndarray, white: int = 255) -> torch.Tensor:
    """(H, W, 3) or (H, W) integers as (3, H, W) in [0, 1], by plain float64 arithmetic."""
    if array.ndim == 2:
        array = np.stack([array] * 3, axis=2)
    return torch.from_numpy((array.astype(np.float64) / white).transpose(2, 0, 1))


def assert_shows(path: Path, rgb: torch.Tensor, alpha: torch.Tensor | None = None, atol: float = 1e-6) -> None:
    image = read_image(path)
    assert image.path == path
    assert image.rgb.dtype == torch.float32
    torch.testing.assert_close(image.rgb.double(), rgb, atol=atol, rtol=0)
    if alpha is None:
        assert image.alpha is None
    else:
        assert image.alpha is not None
        torch.testing.assert_close(image.alpha.double(), alpha, atol=atol, rtol=0)
    assert image_size(path) == tuple(rgb.shape[1:])


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".bmp", ".webp", ".TIF"])
def test_colour(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(RGB).save(path, lossless=True)
    assert_shows(path, expected(RGB))
    np.testing.assert_array_equal(read_rgb8(path), RGB.transpose(2, 0, 1))


def test_jpeg_agrees_with_opencv(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(data.astronaut()).save(path, quality=80, subsampling=0)
    reference = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    difference = (read_image(path).rgb.double() - expected(reference)).abs() * 255
    assert difference.mean() < 0.5
    assert difference.max() <= 3


def test_grey_alpha_palette_and_bilevel(tmp_path: Path) -> None:
    grey = RGB[..., 0]
    alpha = expected(ALPHA)[:1]
    Image.fromarray(grey).save(tmp_path / "l.png")
    assert_shows(tmp_path / "l.png", expected(grey))
    Image.merge("LA", [Image.fromarray(grey), Image.fromarray(ALPHA)]).save(tmp_path / "la.png")
    assert_shows(tmp_path / "la.png", expected(grey), alpha)
    Image.fromarray(np.dstack([RGB, ALPHA])).save(tmp_path / "rgba.png")
    assert_shows(tmp_path / "rgba.png", expected(RGB), alpha)

    indices = RGB[..., 0] % 3
    colours = np.array([[10, 20, 30], [200, 100, 0], [0, 0, 255]], np.uint8)
    palette = Image.fromarray(indices).copy()
    palette.putpalette(colours.tobytes())
    palette.save(tmp_path / "p.png")
    assert_shows(tmp_path / "p.png", expected(colours[indices]))
    palette.save(tmp_path / "pt.png", transparency=bytes([0, 128, 255]))
    assert_shows(
        tmp_path / "pt.png",
        expected(colours[indices]),
        expected(np.array([0, 128, 255], np.uint8)[indices])[:1],
    )

    bits = grey > 127
    Image.fromarray(bits).save(tmp_path / "1.tiff")
    assert_shows(tmp_path / "1.tiff", expected(bits.astype(np.uint8), white=1))


def test_a_transparent_colour_becomes_alpha(tmp_path: Path) -> None:
    array = RGB.copy()
    array[3:5, 7] = (1, 2, 3)
    Image.fromarray(array).save(tmp_path / "key.png", transparency=(1, 2, 3))
    assert_shows(
        tmp_path / "key.png",
        expected(array),
        1.0 - torch.from_numpy((array == (1, 2, 3)).all(2)).double()[None],
    )


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bits_keep_their_precision(tmp_path: Path, suffix: str) -> None:
    grey, colour, alpha = (tmp_path / f"{name}{suffix}" for name in ("grey", "colour", "alpha"))
    cv2.imwrite(str(grey), DEEP[..., 0])
    cv2.imwrite(str(colour), DEEP[..., ::-1])
    cv2.imwrite(str(alpha), np.dstack([DEEP[..., ::-1], DEEP[..., 0]]))
    assert_shows(grey, expected(DEEP[..., 0], 65535))
    assert_shows(colour, expected(DEEP, 65535))
    assert_shows(alpha, expected(DEEP, 65535), expected(DEEP[..., 0], 65535)[:1])
    np.testing.assert_array_equal(read_rgb8(colour), np.round(DEEP / 65535.0 * 255).astype(np.uint8).transpose(2, 0, 1))


def test_sixteen_bit_transparent_colours(tmp_path: Path) -> None:
    """PNG's tRNS chunk, written by hand: no library here writes it with 16 bits."""

    def png(colour_type: int, pixels: np.ndarray, key: bytes) -> bytes:
        def chunk(kind: bytes, body: bytes) -> bytes:
            return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

        height, width = pixels.shape[:2]
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
        header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
        return (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", header)
            + chunk(b"tRNS", key)
            + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b"")
        )

    for name, colour_type, pixels in (("g.png", 0, DEEP[..., 0]), ("c.png", 2, DEEP)):
        (tmp_path / name).write_bytes(png(colour_type, pixels, np.asarray(pixels[0, 0]).byteswap().tobytes()))
        same = pixels == pixels[0, 0]
        opaque = ~(same if same.ndim == 2 else same.all(axis=2))
        assert_shows(tmp_path / name, expected(pixels, 65535), torch.from_numpy(opaque).double()[None])


def tiff(pixels: bytes, width: int, height: int, bits: int, photometric: int) -> bytes:
    """A little-endian, uncompressed, one-strip grey TIFF (TIFF 6.0, sections 2 and 3)."""
    entries = [
        (256, 3, width), (257, 3, height), (258, 3, bits), (259, 3, 1), (262, 3, photometric),
        (273, 4, 8 + 2 + 12 * 9 + 4), (277, 3, 1), (278, 3, height), (279, 4, len(pixels)),
    ]  # fmt: skip
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", 0) + pixels


def test_tiff_with_twelve_bits_and_with_white_as_zero(tmp_path: Path) -> None:
    twelve = DEEP[:, :30, 0] >> 4
    pairs = twelve.reshape(-1, 2)
    packed = np.stack([pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], axis=1)
    (tmp_path / "12.tif").write_bytes(tiff(packed.astype(np.uint8).tobytes(), 30, 20, 12, 1))
    assert_shows(tmp_path / "12.tif", expected(twelve, 4095))

    deep = np.ascontiguousarray(DEEP[..., 0]).astype("<u2")
    (tmp_path / "white.tif").write_bytes(tiff(deep.tobytes(), 31, 20, 16, 0))
    assert_shows(tmp_path / "white.tif", expected(65535 - DEEP[..., 0], 65535))
    (tmp_path / "white8.tif").write_bytes(tiff(np.ascontiguousarray(RGB[..., 0]).tobytes(), 31, 20, 8, 0))
    assert_shows(tmp_path / "white8.tif", expected(255 - RGB[..., 0]))


def test_float_tiff_must_lie_in_the_unit_range(tmp_path: Path) -> None:
    unit = (DEEP[..., 0] / 65535).astype(np.float32)
    Image.fromarray(unit).save(tmp_path / "f.tiff")
    assert_shows(tmp_path / "f.tiff", expected(unit, 1))
    for name, value in (("high", 2.0), ("nan", np.nan)):
        unit[0, 0] = value
        Image.fromarray(unit).save(tmp_path / f"{name}.tiff")
        with pytest.raises(DegcraftError, match=r"\[0, 1\]"):
            read_image(tmp_path / f"{name}.tiff")
    Image.fromarray(DEEP[..., 0].astype(np.int32)).save(tmp_path / "i.tiff")
    with pytest.raises(DegcraftError, match="no stated white"):
        read_image(tmp_path / "i.tiff")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff", ".webp"])
def test_exif_orientation(tmp_path: Path, orientation: int, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(RGB).save(path, exif=exif, lossless=True)
    with Image.open(path) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    assert upright.shape[0] == (20 if orientation < 5 else 31)
    assert_shows(path, expected(upright))


def test_sixteen_bit_colours_are_turned_upright_too(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    cv2.imwrite(str(path), DEEP[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    content = bytearray(path.read_bytes())
    # PlanarConfiguration (284) states its default, so its entry can make room for Orientation (274).
    place = content.find(struct.pack("<HHI", 284, 3, 1))
    assert place > 0
    content[place : place + 12] = struct.pack("<HHIHH", 274, 3, 1, 6, 0)
    path.write_bytes(content)
    assert_shows(path, expected(np.rot90(DEEP, -1), 65535))


def test_cmyk(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    ink = Image.new("CMYK", (24, 16), (0, 255, 255, 0))
    ink.save(path, quality=100)
    red = read_image(path).rgb[:, 8, 12]
    torch.testing.assert_close(red, torch.tensor([1.0, 0.0, 0.0]), atol=0.02, rtol=0)
    # A profile that is none leaves the plain formula.
    ink.save(path, quality=100, icc_profile=b"no profile")
    torch.testing.assert_close(read_image(path).rgb[:, 8, 12], red)


def test_an_rgb_profile_is_not_applied(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    Image.fromarray(RGB).save(tmp_path / "a.png", icc_profile=profile)
    assert_shows(tmp_path / "a.png", expected(RGB))


def test_the_first_of_several_frames_is_read(tmp_path: Path) -> None:
    frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    for name in ("a.webp", "a.tiff"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], lossless=True)
        assert_shows(tmp_path / name, expected(RGB))


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


def test_sixteen_bit_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), DEEP)
    path.write_bytes(path.read_bytes()[:-700])
    with pytest.raises(ImageError, match="truncated"):
        read_image(path)


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder.png").mkdir()
    Image.fromarray(RGB).save(tmp_path / "a.gif")
    (tmp_path / "a.gif").rename(tmp_path / "gif.png")
    for name in ("text.png", "empty.jpg", "folder.png", "gif.png"):
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
