"""Bodies that no honest client sends, drawn by Hypothesis: damaged, absurd, mislabelled, or made to explode."""

import io
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image

_RNG = np.random.default_rng(0)
_PHOTO = Image.fromarray(_RNG.integers(0, 256, (24, 32, 3)).astype(np.uint8))
_OTHER = Image.fromarray(_RNG.integers(0, 256, (24, 32, 3)).astype(np.uint8))


@dataclass(frozen=True)
class Hostile:
    """A request."""

    kind: str
    body: bytes = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""


def _saved(image: Image.Image, into: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, into, **options)
    return stream.getvalue()


WHOLE = {
    "png": _saved(_PHOTO, "PNG"),
    "jpeg": _saved(_PHOTO, "JPEG"),
    "progressive": _saved(_PHOTO, "JPEG", progressive=True),
    "webp": _saved(_PHOTO, "WEBP"),
    "16 bits": _saved(Image.fromarray(np.asarray(_PHOTO.convert("L")).astype(np.uint16) * 257), "PNG"),
    "cmyk": _saved(_PHOTO.convert("CMYK"), "JPEG"),
    "palette": _saved(_PHOTO.quantize(7), "PNG", transparency=2),
    "apng": _saved(_PHOTO, "PNG", save_all=True, append_images=[_OTHER]),
    "animated webp": _saved(_PHOTO, "WEBP", save_all=True, append_images=[_OTHER]),
    "gif": _saved(_PHOTO, "GIF"),
    "tiff": _saved(_PHOTO, "TIFF"),
    "bmp": _saved(_PHOTO, "BMP"),
    "one pixel": _saved(_PHOTO.crop((0, 0, 1, 1)), "PNG"),
    "one row": _saved(_PHOTO.crop((0, 0, 32, 1)), "WEBP", lossless=True),
}


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_bomb(width: int, height: int, depth: int = 8, colour: int = 2, data: bytes = b"") -> bytes:
    """A PNG that promises any size in few bytes."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data or zlib.compress(bytes(65536), 9))
        + chunk(b"IEND", b"")
    )  # fmt: skip


def jpeg_bomb(width: int, height: int) -> bytes:
    """A JPEG whose header promises another size than its data has."""
    body = WHOLE["jpeg"]
    place = body.index(b"\xff\xc0") + 5
    return body[:place] + struct.pack(">HH", height, width) + body[place + 4 :]


def webp_bomb(width: int, height: int) -> bytes:
    """An extended WebP of any size with the data of a small one."""
    small = WHOLE["webp"][12:]
    sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    content = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + sizes + small
    return b"RIFF" + struct.pack("<I", len(content)) + content


def endless_scans(count: int) -> bytes:
    """A progressive JPEG with `count` scans more than it has, each a pass over the image."""
    body = WHOLE["progressive"]
    start, end = body.rindex(b"\xff\xda"), body.rindex(b"\xff\xd9")
    return body[:end] + body[start:end] * count + body[end:]


def form(content: bytes, boundary: str = "b", name: str = "image", filename: str | None = "x.png") -> bytes:
    """A form with one part."""
    file = "" if filename is None else f'; filename="{filename}"'
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + f"\r\n--{boundary}--\r\n".encode()


_any_whole = st.sampled_from(sorted(WHOLE.items()))
_size = st.integers(1, 2**16 - 1) | st.integers(1, 2**31 - 1)
_FORM = {"Content-Type": "multipart/form-data; boundary=b"}


@st.composite
def _damaged(draw: st.DrawFn) -> Hostile:
    kind, body = draw(_any_whole)
    changed = bytearray(body)
    for place, value in draw(st.lists(st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255)), max_size=30)):
        changed[place] = value
    end = draw(st.integers(0, len(body)) | st.just(len(body)))
    return Hostile(f"damaged {kind}", bytes(changed[:end]) + draw(st.binary(max_size=30)))


@st.composite
def _bombs(draw: st.DrawFn) -> Hostile:
    kind = draw(st.sampled_from(["png", "jpeg", "webp", "scans", "profile", "text", "deep"]))
    width, height = draw(_size), draw(_size)
    bomb = {
        "png": lambda: png_bomb(width, height, draw(st.sampled_from([1, 8, 16])), draw(st.integers(0, 7))),
        "jpeg": lambda: jpeg_bomb(width % 65536, height % 65536),
        "webp": lambda: webp_bomb(min(width, 2**24), min(height, 2**24)),
        "scans": lambda: endless_scans(draw(st.integers(1, 3000))),
        "profile": lambda: _with_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(20_000_000), 9)),
        "text": lambda: _with_chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(20_000_000), 9)),
        "deep": lambda: png_bomb(width % 300 + 1, height % 300 + 1, 16, 6, zlib.compress(bytes(10_000_000), 9)),
    }
    return Hostile(f"bomb {kind}", bomb[kind]())


def _with_chunk(kind: bytes, content: bytes) -> bytes:
    body = WHOLE["png"]
    return body[:33] + chunk(kind, content) + body[33:]


@st.composite
def _forms(draw: st.DrawFn) -> Hostile:
    _, content = draw(_any_whole)
    kind = draw(st.sampled_from(["odd", "no file", "cut", "many", "no boundary", "binary"]))
    body = form(content)
    if kind == "odd":
        name = draw(st.text(st.characters(codec="utf-8", exclude_characters='"\r\n'), max_size=40))
        return Hostile("form odd", form(content, name=name, filename=name), _FORM)
    if kind == "no file":
        return Hostile("form without file", form(content, filename=None), _FORM)
    if kind == "cut":
        return Hostile("form cut", body[: draw(st.integers(0, len(body)))], _FORM)
    if kind == "many":
        return Hostile("form of many parts", form(b"x", filename=None)[:-7] * 40 + body, _FORM)
    if kind == "no boundary":
        return Hostile("form without boundary", body, {"Content-Type": "multipart/form-data"})
    return Hostile("form of noise", draw(st.binary(max_size=300)), _FORM)


@st.composite
def _headers(draw: st.DrawFn) -> Hostile:
    kind, body = draw(_any_whole)
    text = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
    headers = {
        "Accept": draw(text | st.just("image/png;q=nan") | st.just("," * 500)),
        "Content-Type": draw(text | st.just("multipart/form-data; boundary=" + "b" * 500)),
        "X-Long": "x" * draw(st.sampled_from([0, 1000, 30_000])),
    }
    return Hostile(f"headers of {kind}", body, headers)


@st.composite
def _queries(draw: st.DrawFn) -> Hostile:
    _, body = draw(_any_whole)
    value = st.sampled_from(["png", "webp", "jpeg", "gif", "", "%00", "-1", "101", "1e9", "x" * 3000])
    return Hostile("query", body, query=f"?format={draw(value)}&quality={draw(value)}")


hostile_requests: st.SearchStrategy[Hostile] = st.one_of(
    st.binary(max_size=2000).map(lambda body: Hostile("noise", body)),
    _any_whole.map(lambda item: Hostile(*item)),
    _damaged(),
    _bombs(),
    _forms(),
    _headers(),
    _queries(),
)
"""Any of them."""
