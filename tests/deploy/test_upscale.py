"""`POST /v1/upscale`: what is sent comes back restored, with all that belongs to it."""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import requests
from PIL import ExifTags, Image, ImageCms

from degcraft.cli import main
from deploy.model.restorer import Restorer


def encoded(image: Image.Image, into: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, into, **options)
    return stream.getvalue()


def opened(response: requests.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    return Image.open(io.BytesIO(response.content))


def upscale(server: str, body: bytes, query: str = "", **options: Any) -> requests.Response:
    return requests.post(f"{server}/v1/upscale{query}", data=body, timeout=60, **options)


def test_the_body_is_restored_as_the_network_restores_it(
    server: str, png: bytes, photograph: np.ndarray, restorer: Restorer
) -> None:
    response = upscale(server, png)
    expected = restorer.restore_tiled(photograph, lambda done, total: None)
    np.testing.assert_array_equal(np.asarray(opened(response)), expected)
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-model"] == "tiny.safetensors"
    assert response.headers["x-scale"] == "2"
    stages = [part.split(";")[0] for part in response.headers["server-timing"].split(", ")]
    assert stages == ["receive", "decode", "restore", "encode", "network"]


def test_a_form_file_is_the_same_as_the_body(server: str, png: bytes) -> None:
    fields = {"note": (None, "before the file"), "whatever": ("name ü.png", png), "second": ("two.png", b"ignored")}
    form = requests.post(f"{server}/v1/upscale", files=fields, timeout=60)
    assert form.status_code == 200, form.text
    assert form.content == upscale(server, png).content


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "image/tiff", ""])
def test_what_the_client_calls_the_body_does_not_matter(server: str, png: bytes, kind: str) -> None:
    assert upscale(server, png, headers={"Content-Type": kind}).status_code == 200


@pytest.mark.parametrize(
    ("query", "accept", "into"),
    [
        ("", "*/*", "PNG"),
        ("", "image/avif,image/webp,image/*;q=0.8", "WEBP"),
        ("", "image/jpeg", "JPEG"),
        ("", "text/html;q=1, image/jpeg;q=0.4, image/*;q=0.2", "JPEG"),
        ("", "image/*, image/png;q=0", "JPEG"),
        ("?format=webp", "image/png", "WEBP"),
        ("?format=jpeg&quality=30", "*/*", "JPEG"),
    ],
)
def test_the_format_is_the_clients_choice(server: str, png: bytes, query: str, accept: str, into: str) -> None:
    response = upscale(server, png, query, headers={"Accept": accept})
    assert opened(response).format == into
    assert response.headers["content-type"] == f"image/{into.lower()}"


def test_quality_is_of_jpeg_and_webp(server: str, png: bytes) -> None:
    for into in ("jpeg", "webp"):
        low, high = (len(upscale(server, png, f"?format={into}&quality={quality}").content) for quality in (10, 95))
        assert 2 * low < high
    lossless = np.asarray(opened(upscale(server, png, "?format=webp&quality=100")))
    np.testing.assert_array_equal(lossless, np.asarray(opened(upscale(server, png))))


@pytest.mark.parametrize("into", ["png", "jpeg", "webp"])
def test_profile_and_metadata_are_kept_and_the_orientation_is_applied(
    server: str, photograph: np.ndarray, into: str
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # to be turned a quarter clockwise
    exif[ExifTags.Base.Make] = "Camera"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] = 0.5
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageWidth] = 100
    wide = Image.fromarray(photograph[:64, :96])
    sent = encoded(wide, "PNG", exif=exif, icc_profile=profile)

    received = opened(upscale(server, sent, f"?format={into}"))
    assert received.size == (128, 192)
    assert received.info["icc_profile"] == profile
    kept = received.getexif()
    assert ExifTags.Base.Orientation not in kept
    assert kept[ExifTags.Base.Make] == "Camera"
    details = kept.get_ifd(ExifTags.IFD.Exif)
    assert details[ExifTags.Base.ExposureTime] == 0.5
    assert ExifTags.Base.ExifImageWidth not in details
    upright = opened(upscale(server, encoded(wide.transpose(Image.Transpose.ROTATE_270), "PNG"), "?format=png"))
    if into == "png":
        np.testing.assert_array_equal(np.asarray(received), np.asarray(upright))


def test_alpha_is_kept_beside_the_colours(server: str, photograph: np.ndarray) -> None:
    image = Image.fromarray(photograph[:60, :60])
    plain = np.asarray(opened(upscale(server, encoded(image, "PNG"))))
    steps = np.zeros((60, 60), np.uint8)
    steps[:, 20:] = 128
    steps[:, 40:] = 255
    image.putalpha(Image.fromarray(steps))
    for into, options in (("PNG", {}), ("WEBP", {"lossless": True, "exact": True})):
        received = opened(upscale(server, encoded(image, into, **options)))
        assert received.mode == "RGBA"
        pixels = np.asarray(received)
        np.testing.assert_array_equal(pixels[..., :3], plain)
        assert [int(pixels[60, x, 3]) for x in (10, 60, 110)] == [0, 128, 255]


def test_an_alpha_that_hides_nothing_does_not_forbid_jpeg(server: str, photograph: np.ndarray) -> None:
    image = Image.fromarray(photograph[:60, :60])
    image.putalpha(255)
    assert opened(upscale(server, encoded(image, "PNG"), "?format=jpeg")).mode == "RGB"
    image.putalpha(254)
    refused = upscale(server, encoded(image, "PNG"), "?format=jpeg")
    assert (refused.status_code, refused.json()["code"]) == (422, "no_transparency")


def test_every_kind_of_colour_is_taken(server: str, photograph: np.ndarray) -> None:
    image = Image.fromarray(photograph[:40, :48])
    deep = (np.asarray(image.convert("L")).astype(np.uint16) * 257) + 40
    kinds = {
        "grey": encoded(image.convert("L"), "PNG"),
        "grey with alpha": encoded(image.convert("LA"), "PNG"),
        "palette": encoded(image.quantize(16), "PNG"),
        "two colours": encoded(image.convert("1"), "PNG"),
        "16 bits": encoded(Image.fromarray(deep), "PNG"),
        "CMYK": encoded(image.convert("CMYK"), "JPEG"),
        "grey JPEG": encoded(image.convert("L"), "JPEG"),
        "progressive": encoded(image, "JPEG", progressive=True),
        "lossless WebP": encoded(image, "WEBP", lossless=True),
    }
    for kind, body in kinds.items():
        assert opened(upscale(server, body)).size == (96, 80), kind


@pytest.mark.parametrize("side", [40, 90])
def test_16_bits_stay_16_as_upscale_writes_them(
    server: str, restorer: Restorer, tmp_path: Path, network_file: Path, side: int
) -> None:
    """At once and in tiles, grey and colours."""
    ramp = np.linspace(20_000, 20_600, 48 * side).round().astype(np.uint16).reshape(side, 48)
    deep = cv2.imencode(".png", np.dstack([ramp, ramp // 2, ramp]))[1].tobytes()
    for body in (encoded(Image.fromarray(ramp), "PNG"), deep):
        (tmp_path / "deep.png").write_bytes(body)
        words = [str(network_file), str(tmp_path / "deep.png"), "--output", str(tmp_path / "restored.png")]
        assert main(["upscale", *words, "--tile", "64", "--device", "cpu", "--overwrite"]) == 0
        answer = upscale(server, body)
        received = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
        written = cv2.imread(str(tmp_path / "restored.png"), cv2.IMREAD_UNCHANGED)
        assert received.dtype == written.dtype == np.uint16
        assert np.abs(received.astype(int) - written).max() <= 1
    assert opened(upscale(server, deep, "?format=jpeg")).mode == "RGB"


def test_a_grey_profile_is_kept_by_grey_and_not_put_on_colours(server: str, photograph: np.ndarray) -> None:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[16:20] = b"GRAY"
    grey = encoded(Image.fromarray(photograph[:32, :32]).convert("L"), "PNG", icc_profile=bytes(profile))
    received = opened(upscale(server, grey))
    assert (received.mode, received.info["icc_profile"]) == ("L", bytes(profile))
    assert "icc_profile" not in opened(upscale(server, grey, "?format=webp")).info
