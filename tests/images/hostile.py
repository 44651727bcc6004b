"""Image files that no honest folder holds, each of a kind and drawn from a seed: damaged, absurd, or mislabelled."""

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data
import tifffile
from PIL import Image, ImageCms

Random = np.random.Generator
File = tuple[str, bytes]
"""Suffix and content."""

SIDE = 96
_PHOTOGRAPH = skimage.data.astronaut()


def hostile_files(folder: Path, count: int, seed: int) -> dict[Path, str]:
    """Write so many files into a folder, the kinds in turn; gives the kind of each."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    kinds = list(KINDS.items())
    made = {}
    for index in range(count):
        kind, make = kinds[index % len(kinds)]
        suffix, content = make(random)
        path = folder / f"{index:04d}{suffix}"
        path.write_bytes(content)
        made[path] = kind
    return made


def _photograph(random: Random, height: int = SIDE, width: int = SIDE) -> Image.Image:
    top, left = (int(random.integers(0, have - SIDE)) for have in _PHOTOGRAPH.shape[:2])
    crop = Image.fromarray(_PHOTOGRAPH[top : top + SIDE, left : left + SIDE])
    return crop if (height, width) == (SIDE, SIDE) else crop.resize((width, height))


def _saved(image: Image.Image, into: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, into, **options)
    return stream.getvalue()


def _tiff(values: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, **options)
    return stream.getvalue()


def _deep_png(random: Random) -> bytes:
    deep = np.asarray(_photograph(random), np.uint16) * 257
    return cv2.imencode(".png", deep)[1].tobytes()


_FORMATS: dict[str, Callable[[Random], bytes]] = {
    ".png": lambda random: _saved(_photograph(random), "PNG"),
    ".jpg": lambda random: _saved(_photograph(random), "JPEG", progressive=bool(random.integers(2))),
    ".webp": lambda random: _saved(_photograph(random), "WEBP", lossless=bool(random.integers(2))),
    ".tif": lambda random: _saved(_photograph(random), "TIFF", compression=random.choice(["raw", "tiff_lzw"])),
    ".bmp": lambda random: _saved(_photograph(random), "BMP"),
    ".gif": lambda random: _saved(_photograph(random), "GIF"),
    ".heic": lambda random: _saved(_photograph(random), "HEIF"),
    ".avif": lambda random: _saved(_photograph(random), "AVIF", speed=10),
}


def _any(random: Random) -> File:
    suffix = str(random.choice(list(_FORMATS)))
    return suffix, _FORMATS[suffix](random)


def _cut(random: Random) -> File:
    suffix, content = _any(random)
    return suffix, content[: int(random.integers(len(content)))]


def _altered(places: Callable[[int], int], most: int) -> Callable[[Random], File]:
    """Some bits flipped among the first `places` of so many bytes."""

    def make(random: Random) -> File:
        suffix, content = _any(random)
        changed = bytearray(content)
        for place in random.integers(places(len(content)), size=random.integers(1, most)):
            changed[place] ^= 1 << int(random.integers(8))
        return suffix, bytes(changed)

    return make


def _middle_lost(random: Random) -> File:
    suffix, content = _any(random)
    first, last = sorted(int(place) for place in random.integers(len(content), size=2))
    return suffix, content[:first] + random.bytes(last - first) + content[last:]


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _sized(suffix: str, content: bytes, width: int, height: int) -> bytes:
    """The same data under a header of another size, with whatever sums belong to it."""
    changed = bytearray(content)
    if suffix == ".png":
        changed[16:24] = struct.pack(">II", width, height)
        changed[29:33] = struct.pack(">I", zlib.crc32(changed[12:29]))
    elif suffix == ".jpg":
        frame = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2"))
        changed[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    elif suffix == ".bmp":
        changed[18:26] = struct.pack("<ii", width, height)
    elif suffix == ".gif":
        changed[6:10] = struct.pack("<HH", width, height)
    return bytes(changed)


def _wrong_size(least: int, most: int) -> Callable[[Random], File]:
    def make(random: Random) -> File:
        suffix = str(random.choice([".png", ".jpg", ".bmp", ".gif"]))
        width, height = (int(side) for side in random.integers(least, most, size=2))
        return suffix, _sized(suffix, _FORMATS[suffix](random), width, height)

    return make


def _thin(longest: int) -> Callable[[Random], File]:
    def make(random: Random) -> File:
        sides = [int(random.integers(1, 4)), int(random.integers(1, longest))]
        random.shuffle(sides)
        suffix = str(random.choice([".png", ".jpg", ".webp", ".tif", ".bmp", ".gif"]))
        into = {".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:].upper())
        return suffix, _saved(_photograph(random, *sides), into)

    return make


def _deep(random: Random) -> File:
    grey = np.asarray(_photograph(random).convert("L"), np.uint16) * 257
    return [
        lambda: (".png", _deep_png(random)),
        lambda: (".png", _saved(Image.fromarray(grey), "PNG")),
        lambda: (".tif", _tiff(grey)),
        lambda: (".tif", _tiff(np.asarray(_photograph(random), np.uint16) * 257, photometric="rgb")),
        lambda: (".tif", _tiff(grey.astype(np.int32))),
        lambda: (".tif", _tiff(grey.astype(np.int16))),
        lambda: (".tif", _tiff(grey[None].repeat(5, 0))),
    ][random.integers(7)]()


def _mode(random: Random) -> File:
    mode = str(random.choice(["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "YCbCr", "LAB"]))
    image = _photograph(random)
    if mode == "P":
        transparency = {"transparency": int(random.integers(256))} if random.integers(2) else {}
        return ".png", _saved(image.quantize(int(random.integers(2, 256))), "PNG", **transparency)
    if mode == "LAB":
        image = ImageCms.profileToProfile(
            image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    else:
        image = image.convert("LA").convert("PA") if mode == "PA" else image.convert(mode)
    return ".tif", _saved(image if mode != "PA" else image.convert("RGBA"), "TIFF")


def _cmyk(random: Random) -> File:
    profile = random.bytes(int(random.integers(400))) if random.integers(2) else None
    kept = {"icc_profile": profile} if profile else {}
    return ".jpg", _saved(_photograph(random).convert("CMYK"), "JPEG", **kept)


def _animated(random: Random) -> File:
    suffix = str(random.choice([".gif", ".webp", ".png", ".tif"]))
    into = {".tif": "TIFF"}.get(suffix, suffix[1:].upper())
    rest = [_photograph(random) for _ in range(int(random.integers(1, 6)))]
    return suffix, _saved(_photograph(random), into, save_all=True, append_images=rest)


def _turned(random: Random) -> File:
    exif = Image.Exif()
    exif[0x0112] = int(random.choice([*range(10), 65535]))
    suffix = str(random.choice([".jpg", ".png", ".webp", ".tif"]))
    into = {".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:].upper())
    return suffix, _saved(_photograph(random, 64, SIDE), into, exif=exif)


def _damaged_metadata(random: Random) -> File:
    suffix = str(random.choice([".jpg", ".png", ".webp", ".tif"]))
    into = {".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:].upper())
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for place in random.integers(len(profile), size=random.integers(1, 60)):
        profile[place] = random.integers(256)
    kept: dict[str, Any] = {"icc_profile": bytes(profile[: random.integers(1, len(profile))])}
    if suffix != ".tif" and random.integers(2):
        kept["exif"] = b"Exif\0\0II*\0" + random.bytes(int(random.integers(300)))
    return suffix, _saved(_photograph(random), into, **kept)


def _float(random: Random) -> File:
    values = np.asarray(_photograph(random), np.float32) / 255
    values = values if random.integers(2) else values[..., 0]
    worst = random.choice([np.nan, np.inf, -np.inf, -1.0, 1e30, 0.5])
    values[random.random(values.shape) < random.choice([0.001, 0.5, 1.0])] = worst
    with np.errstate(over="ignore"):
        values = values.astype(random.choice(["f2", "f4", "f4", "f8"]))
    return ".tif", _tiff(values, photometric="rgb" if values.ndim == 3 else "minisblack")


def _swollen(random: Random) -> File:
    """A small picture with a chunk that unpacks to 20 MB."""
    kind, head = [(b"iCCP", b"x\0\0"), (b"zTXt", b"x\0\0"), (b"iTXt", b"x\0\1\0\0\0")][random.integers(3)]
    content = _FORMATS[".png"](random)
    return ".png", content[:33] + chunk(kind, head + _swollen_bytes()) + content[33:]


@cache
def _swollen_bytes() -> bytes:
    return zlib.compress(bytes(20_000_000), 9)


def _text(random: Random) -> File:
    text = str(random.choice(["", "<svg xmlns='http://www.w3.org/2000/svg'/>", "P3 2 2 255 0 0 0", "GIF89a", "BM"]))
    return str(random.choice(list(_FORMATS))), text.encode() + b"hello " * int(random.integers(50))


def _mislabelled(random: Random) -> File:
    return str(random.choice(list(_FORMATS))), _any(random)[1]


KINDS: dict[str, Callable[[Random], File]] = {
    "whole": _any,
    "cut": _cut,
    "bits flipped": _altered(lambda length: length, 40),
    "header damaged": _altered(lambda length: min(length, 200), 8),
    "middle lost": _middle_lost,
    "wrong size": _wrong_size(0, 300),
    "huge size": _wrong_size(30_000, 2**16),
    "one to three pixels wide": _thin(300),
    "very long": _thin(16_384),
    "16 bits, integers, pages": _deep,
    "palette, grey, alpha, Lab": _mode,
    "CMYK": _cmyk,
    "animated": _animated,
    "turned by EXIF": _turned,
    "profile or EXIF damaged": _damaged_metadata,
    "float TIFF": _float,
    "swollen metadata": _swollen,
    "HEIC": lambda random: (".heic", _FORMATS[".heic"](random)),
    "AVIF": lambda random: (".avif", _FORMATS[".avif"](random)),
    "text": _text,
    "noise": lambda random: (str(random.choice(list(_FORMATS))), random.bytes(int(random.integers(2000)))),
    "empty": lambda random: (str(random.choice(list(_FORMATS))), b""),
    "mislabelled": _mislabelled,
}
"""How a file of each kind is made."""
