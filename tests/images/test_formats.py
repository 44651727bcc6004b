"""What is written keeps what the file before it held, whatever that was."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms

from degcraft.images import BY_SUFFIX, FORMATS, Carried, FormatError, encode, read_carried, read_image, write_image

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif() -> Image.Exif:
    told = Image.Exif()
    told[ExifTags.Base.Orientation] = 6
    told[ExifTags.Base.Make] = "Camera"
    return told


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("into", [".png", ".jpg", ".webp", ".tif"])
def test_profile_and_metadata_pass_through_every_format(tmp_path: Path, suffix: str, into: str) -> None:
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{into}"
    Image.new("RGB", (20, 30), (200, 100, 50)).save(source, icc_profile=SRGB, exif=exif())
    image = read_image(source)
    write_image(target, image.rgb, carried=read_carried(source))
    with Image.open(target) as written:
        assert written.info["icc_profile"] == SRGB
        assert written.getexif()[ExifTags.Base.Make] == "Camera"
        assert ExifTags.Base.Orientation not in written.getexif() or written.getexif()[ExifTags.Base.Orientation] == 1
    assert read_image(target).rgb.shape == image.rgb.shape == (3, 20, 30)


@settings(max_examples=60, deadline=None)
@given(
    bits=st.sampled_from([8, 16]),
    grey=st.booleans(),
    transparent=st.booleans(),
    name=st.sampled_from(sorted(FORMATS)),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    seed=st.integers(0, 99),
)
def test_pixels_come_back_as_deep_and_as_grey_as_they_went(
    tmp_path_factory: pytest.TempPathFactory,
    bits: int,
    grey: bool,
    transparent: bool,
    name: str,
    size: tuple[int, int],
    seed: int,
) -> None:
    into, white = FORMATS[name], 2**bits - 1
    kind = np.uint8 if bits == 8 else np.uint16
    drawn = np.random.default_rng(seed)
    layers = 1 if grey else 3
    pixels = np.broadcast_to(drawn.integers(0, white, (*size, layers)), (*size, 3)).astype(kind)
    alpha = drawn.integers(0, white, size).astype(kind) if transparent else None
    carried = Carried(SRGB if not grey else None, None, grey, bits)
    if transparent and not into.holds_alpha:
        with pytest.raises(FormatError, match="transparent"):
            encode(pixels, alpha, carried, into)
        return
    file = tmp_path_factory.mktemp("one") / f"a{into.suffixes[0]}"
    file.write_bytes(encode(pixels, alpha, carried, into, quality=100))
    found = read_image(file)
    step = 1 / white if into.holds_deep else 1 / 255
    assert name == "jpeg" or np.abs(found.rgb.permute(1, 2, 0).numpy() - pixels / white).max() <= step / 2 + 1e-6
    assert (found.alpha is not None) == transparent
    if alpha is not None and found.alpha is not None:
        assert np.abs(found.alpha[0].numpy() - alpha / white).max() <= step / 2 + 1e-6
    if grey:
        assert torch.equal(found.rgb[0], found.rgb[1])
        assert torch.equal(found.rgb[1], found.rgb[2])
    again = read_carried(file)
    assert again.bits == (bits if into.holds_deep else 8)
    assert again.icc_profile == (carried.icc_profile if name != "bmp" else None)


def test_an_alpha_that_hides_nothing_forbids_no_format() -> None:
    pixels, opaque = np.zeros((4, 4, 3), np.uint8), np.full((2, 2), 255, np.uint8)
    for into in FORMATS.values():
        with Image.open(io.BytesIO(encode(pixels, opaque, Carried(), into))) as image:
            assert image.size == (4, 4)


def test_a_side_beyond_what_a_format_holds_is_refused_by_name() -> None:
    with pytest.raises(FormatError, match="16383 pixels, but the restored image is 16384x1") as refused:
        encode(np.zeros((1, 16_384, 3), np.uint8), None, Carried(), FORMATS["webp"])
    assert refused.value.code == "too_large_for_format"


def test_16_bit_grey_stays_16_bit_grey(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 600).round().astype(np.uint16).reshape(20, 30)
    for suffix in (".png", ".tif"):
        Image.fromarray(ramp).save(tmp_path / f"a{suffix}")
        image = read_image(tmp_path / f"a{suffix}")
        write_image(tmp_path / f"b{suffix}", image.rgb, carried=read_carried(tmp_path / f"a{suffix}"))
        with Image.open(tmp_path / f"b{suffix}") as written:
            assert written.mode.startswith("I;16")
            np.testing.assert_array_equal(np.asarray(written), ramp)


def test_every_suffix_has_one_format() -> None:
    assert len(BY_SUFFIX) == sum(len(one.suffixes) for one in FORMATS.values())
