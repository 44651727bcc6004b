"""What of a folder is used, what is skipped and why, and how files are split."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from degcraft.errors import DegcraftError
from degcraft.images import list_images, scan_folder, split_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three good images, one of them in a sub-folder, among much else."""
    root = tmp_path / "images"
    (root / "sub").mkdir(parents=True)
    (root / ".hidden").mkdir()
    photo = Image.fromarray(data.astronaut()[:128, :160])
    photo.save(root / "b.png")
    photo.rotate(180).save(root / "sub" / "a.JPG")
    photo.convert("L").save(root / "z.webp", lossless=True)
    photo.save(root / "copy.bmp")
    photo.crop((0, 0, 100, 31)).save(root / "tiny.png")
    (root / "cut.png").write_bytes((root / "b.png").read_bytes()[:4000])
    (root / "text.png").write_text("no image")
    photo.save(root / ".hidden" / "x.png")
    photo.save(root / ".hidden.png")
    (root / "notes.txt").touch()
    return root


def test_usable_files_are_found_in_order_and_the_others_named(folder: Path) -> None:
    found = scan_folder(folder, min_side=32)
    assert found.root == folder
    assert [f.relative_to(folder).as_posix() for f in found.files] == ["b.png", "sub/a.JPG", "z.webp"]
    assert {s.path.name: s.reason for s in found.skipped} == {
        "copy.bmp": "same pixels as b.png",
        "cut.png": "truncated",
        "text.png": "not a readable image (PNG, JPEG, WebP, TIFF, BMP, GIF, HEIC or AVIF)",
        "tiny.png": "100x31 pixels, smaller than 32",
    }
    assert found.listing.other_files == 1
    assert found.summary() == (
        "3 images; 4 skipped: copy.bmp (same pixels as b.png), cut.png (truncated), text.png (not a readable "
        "image (PNG, JPEG, WebP, TIFF, BMP, GIF, HEIC or AVIF)), tiny.png (100x31 pixels, smaller than 32); "
        "1 other file ignored"
    )
    assert "cut.png (truncated), and 2 more" in found.summary(limit=2)


def test_a_deep_or_a_grey_copy_is_a_duplicate(tmp_path: Path) -> None:
    grey = data.astronaut()[:40, :40, 0]
    Image.fromarray(grey).save(tmp_path / "a.png")
    Image.fromarray(np.dstack([grey] * 3)).save(tmp_path / "b.png")
    cv2.imwrite(str(tmp_path / "c.png"), grey.astype(np.uint16) * 257)
    Image.fromarray(grey.T).save(tmp_path / "d.png")
    assert [f.name for f in scan_folder(tmp_path).files] == ["a.png", "d.png"]


def test_the_content_hash_follows_pixels_and_order_only(folder: Path, tmp_path: Path) -> None:
    before = scan_folder(folder, min_side=32)
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    assert scan_folder(moved, min_side=32).content_hash == before.content_hash
    with Image.open(moved / "b.png") as image:
        image.save(moved / "b.tiff")
    (moved / "b.png").unlink()
    (moved / "copy.bmp").unlink()
    assert scan_folder(moved, min_side=32).content_hash == before.content_hash
    (moved / "b.tiff").rename(moved / "zz.tiff")
    assert scan_folder(moved, min_side=32).content_hash != before.content_hash
    (moved / "zz.tiff").rename(moved / "b.tiff")
    with Image.open(moved / "b.tiff") as image:
        image.putpixel((0, 0), (1, 2, 3))
        image.save(moved / "b.png")
    (moved / "b.tiff").unlink()
    assert scan_folder(moved, min_side=32).content_hash != before.content_hash


def test_a_folder_without_usable_images_is_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match="no such folder"):
        scan_folder(tmp_path / "absent")
    with pytest.raises(DegcraftError, match="must be a folder"):
        scan_folder(folder / "b.png")
    with pytest.raises(DegcraftError, match=r"at least one usable image.*0 images; 7 skipped: b.png \(160x128"):
        scan_folder(folder, min_side=1000)


def test_listing_opens_nothing(folder: Path) -> None:
    files, others, *_ = list_images(folder)
    names = [f.name for f in files]
    assert names == ["b.png", "copy.bmp", "cut.png", "a.JPG", "text.png", "tiny.png", "z.webp"]
    assert others == 1


NAMES = st.lists(st.from_regex(r"[a-z0-9]{1,8}\.png", fullmatch=True), min_size=2, max_size=30, unique=True)


@given(NAMES, st.floats(0.01, 0.99), st.integers(0, 1000))
def test_a_split_is_complete_and_neither_part_empty(names: list[str], held_out: float, seed: int) -> None:
    files = [Path("folder", name) for name in names]
    fit, held = split_files(files, held_out, seed)
    assert fit
    assert held
    assert [f for f in files if f in fit] == fit
    assert [f for f in files if f in held] == held
    assert sorted(fit + held) == sorted(files)
    assert split_files([Path("moved", f.name) for f in files], held_out, seed)[1] == [
        Path("moved", f.name) for f in held
    ]


def test_a_split_has_its_share_and_hardly_changes_when_a_file_is_added() -> None:
    files = [Path(f"frame_{i:04d}.png") for i in range(400)]
    _, held = split_files(files, 0.3, 0)
    assert len(held) == 120
    assert len(split_files(files[:20], 0.3, 0)[1]) == 6
    more = set(split_files([*files, Path("another.png")], 0.3, 0)[1])
    assert len(more ^ set(held)) <= 2
    assert set(split_files(files, 0.3, 1)[1]) != set(held)
    # Neighbouring names are not split alike.
    assert 40 < sum((files[i] in held) != (files[i + 1] in held) for i in range(0, 400, 2)) < 130


def test_a_split_needs_two_files_and_a_share() -> None:
    with pytest.raises(DegcraftError, match="at least 2 files, but got 1"):
        split_files([Path("a.png")], 0.5, 0)
    for share in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(DegcraftError, match="between 0 and 1"):
            split_files([Path("a.png"), Path("b.png")], share, 0)
