"""Files deeper than 8 bits keep their precision and are divided by their own white."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from degcraft.errors import DegcraftError
from degcraft.images import ImageError, read_image, read_rgb8

Shows = Callable[..., None]

DEEP = np.random.default_rng(2).integers(0, 65536, (20, 31, 3), np.uint16)
BYTES = (DEEP[..., 0] >> 8).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bits_keep_their_precision(tmp_path: Path, assert_shows: Shows, suffix: str) -> None:
    grey, colour, alpha = (tmp_path / f"{name}{suffix}" for name in ("grey", "colour", "alpha"))
    cv2.imwrite(str(grey), DEEP[..., 0])
    cv2.imwrite(str(colour), DEEP[..., ::-1])
    cv2.imwrite(str(alpha), np.dstack([DEEP[..., ::-1], DEEP[..., 0]]))
    assert_shows(grey, DEEP[..., 0], white=65535)
    assert_shows(colour, DEEP, white=65535)
    assert_shows(alpha, DEEP, DEEP[..., 0], white=65535)
    np.testing.assert_array_equal(read_rgb8(colour), np.round(DEEP / 65535.0 * 255).astype(np.uint8).transpose(2, 0, 1))


def test_sixteen_bit_transparent_colours(tmp_path: Path, assert_shows: Shows) -> None:
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
        assert_shows(tmp_path / name, pixels, 65535 * opaque, white=65535)


def tiff(pixels: bytes, width: int, height: int, bits: int, photometric: int) -> bytes:
    """A little-endian, uncompressed, one-strip grey TIFF (TIFF 6.0, sections 2 and 3)."""
    entries = [
        (256, 3, width), (257, 3, height), (258, 3, bits), (259, 3, 1), (262, 3, photometric),
        (273, 4, 8 + 2 + 12 * 9 + 4), (277, 3, 1), (278, 3, height), (279, 4, len(pixels)),
    ]  # fmt: skip
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", 0) + pixels


def test_tiff_with_twelve_bits_and_with_white_as_zero(tmp_path: Path, assert_shows: Shows) -> None:
    twelve = DEEP[:, :30, 0] >> 4
    pairs = twelve.reshape(-1, 2)
    packed = np.stack([pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], axis=1)
    (tmp_path / "12.tif").write_bytes(tiff(packed.astype(np.uint8).tobytes(), 30, 20, 12, 1))
    assert_shows(tmp_path / "12.tif", twelve, white=4095)

    deep = np.ascontiguousarray(DEEP[..., 0]).astype("<u2")
    (tmp_path / "white.tif").write_bytes(tiff(deep.tobytes(), 31, 20, 16, 0))
    assert_shows(tmp_path / "white.tif", 65535 - DEEP[..., 0], white=65535)
    (tmp_path / "white8.tif").write_bytes(tiff(BYTES.tobytes(), 31, 20, 8, 0))
    assert_shows(tmp_path / "white8.tif", 255 - BYTES)


def test_float_tiff_must_lie_in_the_unit_range(tmp_path: Path, assert_shows: Shows) -> None:
    unit = (DEEP[..., 0] / 65535).astype(np.float32)
    Image.fromarray(unit).save(tmp_path / "f.tiff")
    assert_shows(tmp_path / "f.tiff", unit, white=1)
    for name, value in (("high", 2.0), ("nan", np.nan)):
        unit[0, 0] = value
        Image.fromarray(unit).save(tmp_path / f"{name}.tiff")
        with pytest.raises(DegcraftError, match=r"\[0, 1\]"):
            read_image(tmp_path / f"{name}.tiff")
    Image.fromarray(DEEP[..., 0].astype(np.int32)).save(tmp_path / "i.tiff")
    with pytest.raises(DegcraftError, match="no stated white"):
        read_image(tmp_path / "i.tiff")


def test_sixteen_bit_colours_are_turned_upright_too(tmp_path: Path, assert_shows: Shows) -> None:
    path = tmp_path / "a.tiff"
    cv2.imwrite(str(path), DEEP[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    content = bytearray(path.read_bytes())
    # PlanarConfiguration (284) states its default, so its entry can make room for Orientation (274).
    place = content.find(struct.pack("<HHI", 284, 3, 1))
    assert place > 0
    content[place : place + 12] = struct.pack("<HHIHH", 274, 3, 1, 6, 0)
    path.write_bytes(content)
    assert_shows(path, np.rot90(DEEP, -1), white=65535)


def test_sixteen_bit_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), DEEP)
    path.write_bytes(path.read_bytes()[:-700])
    with pytest.raises(ImageError, match="truncated"):
        read_image(path)
