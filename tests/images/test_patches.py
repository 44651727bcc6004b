"""Patches are exact cuts, spread evenly, and overlap only when they must."""

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from degcraft.errors import DegcraftError
from degcraft.images import cut_patches


def save(path: Path, height: int, width: int) -> Path:
    """An image whose every pixel tells its place: red is y, green is x; blue is left dark."""
    y, x = np.mgrid[:height, :width].astype(np.uint8)
    Image.fromarray(np.dstack([y, x, np.zeros_like(x)])).save(path)
    return path


def corners(pixels: torch.Tensor) -> list[tuple[int, int]]:
    return [(int(p[0, 0, 0]), int(p[1, 0, 0])) for p in pixels]


def largest_overlap(spots: list[tuple[int, int]], size: int) -> float:
    """The largest share of a patch that another one of the same image covers."""
    shares = [
        max(0, size - abs(a[0] - b[0])) * max(0, size - abs(a[1] - b[1])) / size**2
        for i, a in enumerate(spots)
        for b in spots[:i]
    ]
    return max(shares, default=0.0)


def test_patches_are_exact_cuts(tmp_path: Path) -> None:
    patches = cut_patches([save(tmp_path / "a.png", 100, 170)], size=24, count=20, seed=0)
    assert patches.pixels.dtype == torch.uint8
    assert patches.pixels.shape == (20, 3, 24, 24)
    assert patches.files == (str(tmp_path / "a.png"),) * 20
    assert len(patches) == 20
    for patch, (y, x) in zip(patches.pixels, corners(patches.pixels), strict=True):
        assert torch.equal(patch[0], torch.arange(y, y + 24).byte()[:, None].expand(24, 24))
        assert torch.equal(patch[1], torch.arange(x, x + 24).byte()[None].expand(24, 24))
    images = patches.images()
    assert images.dtype == torch.float32
    assert torch.equal(images * 255, patches.pixels.float())


@pytest.mark.parametrize("seed", range(5))
def test_patches_of_an_image_lie_apart_while_they_can(tmp_path: Path, seed: int) -> None:
    file = save(tmp_path / "a.png", 100, 170)
    full = (100 // 24) * (170 // 24)
    spots = corners(cut_patches([file], size=24, count=full, seed=seed).pixels)
    assert len(set(spots)) == full
    assert largest_overlap(spots, 24) == 0


@pytest.mark.parametrize("size", [24, 25])
def test_beyond_that_they_overlap_by_half_at_most(tmp_path: Path, size: int) -> None:
    patches = cut_patches([save(tmp_path / "a.png", 100, 170)], size=size, count=10_000, seed=3)
    spots = corners(patches.pixels)
    step = (size + 1) // 2
    assert len(patches) == len(spots) == ((100 - size) // step + 1) * ((170 - size) // step + 1)
    assert 0 < largest_overlap(spots, size) <= 0.5


def test_files_share_the_count_evenly(tmp_path: Path) -> None:
    files = [save(tmp_path / f"{i}.png", 120, 120) for i in range(7)]
    shares = Counter(cut_patches(files, size=20, count=100, seed=0).files)
    assert sorted(shares.values()) == [14] * 5 + [15] * 2
    few = Counter(cut_patches(files, size=20, count=3, seed=0).files)
    assert list(few.values()) == [1, 1, 1]
    assert {tuple(sorted(set(cut_patches(files, size=20, count=3, seed=s).files))) for s in range(8)} != {
        tuple(sorted(few))
    }


def test_small_files_give_what_they_have_before_any_overlap(tmp_path: Path) -> None:
    small, large = save(tmp_path / "a.png", 30, 45), save(tmp_path / "b.png", 200, 200)
    patches = cut_patches([small, large], size=20, count=60, seed=0)
    assert Counter(patches.files) == {str(small): 2, str(large): 58}
    assert largest_overlap(corners(patches.pixels[2:]), 20) == 0
    assert Counter(cut_patches([small, large], size=20, count=105, seed=0).files)[str(small)] > 2


def test_the_same_seed_gives_the_same_patches(tmp_path: Path) -> None:
    files = [save(tmp_path / f"{i}.png", 90, 80) for i in range(3)]
    first = cut_patches(files, size=16, count=10, seed=1)
    again = cut_patches(files, size=16, count=10, seed=1)
    other = cut_patches(files, size=16, count=10, seed=2)
    assert torch.equal(first.pixels, again.pixels)
    assert first.content_hash == again.content_hash
    assert first.content_hash != other.content_hash


def test_every_place_can_be_cut(tmp_path: Path) -> None:
    file = save(tmp_path / "a.png", 21, 22)
    seen = {corners(cut_patches([file], size=20, count=1, seed=s).pixels)[0] for s in range(100)}
    assert seen == {(y, x) for y in range(2) for x in range(3)}


def test_bad_input_is_named(tmp_path: Path) -> None:
    file = save(tmp_path / "a.png", 30, 19)
    with pytest.raises(DegcraftError, match=r"a\.png: must be at least 20x20 pixels, but is 19x30"):
        cut_patches([file], size=20, count=1, seed=0)
    with pytest.raises(DegcraftError, match="count 0"):
        cut_patches([file], size=5, count=0, seed=0)
    with pytest.raises(DegcraftError, match="0 files"):
        cut_patches([], size=5, count=1, seed=0)
    with pytest.raises(DegcraftError, match="no such file"):
        cut_patches([tmp_path / "absent.png"], size=5, count=1, seed=0)


@pytest.mark.parametrize("count", [3, 8, 40])
def test_patches_on_the_grid_of_jpeg_begin_where_its_blocks_do(tmp_path: Path, count: int) -> None:
    file = save(tmp_path / "a.png", 130, 200)
    found: set[tuple[int, int]] = set()
    for seed in range(5):
        spots = corners(cut_patches([file], size=40, count=count, seed=seed, on_jpeg_blocks=True).pixels)
        assert all(y % 16 == 0 and x % 16 == 0 for y, x in spots)
        # 48 is the next multiple of 16 above 40: so many such patches lie apart.
        apart = (1 + (130 - 40) // 48) * (1 + (200 - 40) // 48)
        assert largest_overlap(spots, 40) == 0 if count <= apart else largest_overlap(spots, 40) <= 0.5
        assert len(spots) == min(count, (1 + (130 - 40) // 32) * (1 + (200 - 40) // 32))
        found |= set(spots)
    assert len(found) > len(spots)


def test_patches_begin_where_blocks_do_in_an_image_that_was_cut(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(skimage.data.coffee()).save(stream, "JPEG", quality=50)
    whole = np.asarray(Image.open(stream))
    for name, top, left in (("whole", 0, 0), ("cut", 3, 5)):
        Image.fromarray(whole[top:200, left:300]).save(tmp_path / f"{name}.png")
    cut = cut_patches([tmp_path / "cut.png"], size=64, count=4, seed=0, on_jpeg_blocks=True)
    pixels = np.asarray(Image.open(tmp_path / "cut.png")).transpose(2, 0, 1)
    found = [
        (y, x)
        for patch in cut.pixels.numpy()
        for y in range(200 - 3 - 63)
        for x in range(300 - 5 - 63)
        if (pixels[:, y, x] == patch[:, 0, 0]).all() and (pixels[:, y : y + 64, x : x + 64] == patch).all()
    ]
    assert len(found) == 4
    assert {(y + 3) % 8 for y, _ in found} == {0}
    assert {(x + 5) % 8 for _, x in found} == {0}
    # Where nothing fits beside what was cut off, the file's own corner is taken.
    small = cut_patches([tmp_path / "cut.png"], size=197, count=1, seed=0, on_jpeg_blocks=True)
    assert small.pixels.shape == (1, 3, 197, 197)
