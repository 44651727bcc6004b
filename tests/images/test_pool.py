"""Training crops come from everywhere, in every pose, out of bounded memory."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from degcraft.errors import DegcraftError
from degcraft.images import HrPool, write_image


def placed(height: int, width: int, index: int = 0) -> np.ndarray:
    """An image whose every pixel tells its y, its x and its image."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y, x, np.full_like(x, index)]).astype(np.uint8)


def files_of(folder: Path, sizes: list[tuple[int, int]]) -> list[Path]:
    files = []
    for index, (height, width) in enumerate(sizes):
        files.append(folder / f"{index}.png")
        Image.fromarray(placed(height, width, index).transpose(1, 2, 0)).save(files[-1])
    return files


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_all_eight_poses_and_all_places_occur_and_nothing_else() -> None:
    pool = HrPool([placed(9, 11)])
    crops = pool.crop_batch(4000, 8, generator())
    assert crops.dtype == torch.float32
    assert crops.shape == (4000, 3, 8, 8)
    expected = {}
    for y in range(2):
        for x in range(4):
            window = placed(9, 11)[:, y : y + 8, x : x + 8]
            for turns in range(4):
                for mirrored in (False, True):
                    pose = np.rot90(window[..., ::-1] if mirrored else window, turns, (1, 2))
                    expected[np.ascontiguousarray(pose).tobytes()] = 0
    for crop in (crops * 255).round().byte().numpy():
        expected[crop.tobytes()] += 1
    assert len(expected) == 64
    counts = np.array(list(expected.values()))
    # Chi-squared with 63 degrees of freedom: below 120 but for one time in 50,000.
    assert ((counts - 62.5) ** 2 / 62.5).sum() < 120


def test_images_are_drawn_by_their_area() -> None:
    pool = HrPool([placed(10, 10, 0), placed(30, 10, 1), placed(20, 30, 2)])
    drawn = (pool.crop_batch(6000, 8, generator())[:, 2, 0, 0] * 255).round()
    shares = torch.bincount(drawn.int(), minlength=3) / 6000
    torch.testing.assert_close(shares, torch.tensor([0.1, 0.3, 0.6]), atol=0.03, rtol=0)


def test_the_generator_alone_decides() -> None:
    pool = HrPool([placed(40, 50, i) for i in range(3)])
    torch.manual_seed(0)
    first = pool.crop_batch(8, 16, generator(5))
    torch.manual_seed(1)
    assert torch.equal(pool.crop_batch(8, 16, generator(5)), first)
    assert not torch.equal(pool.crop_batch(8, 16, generator(6)), first)


def test_files_are_held_whole_below_the_limit(tmp_path: Path) -> None:
    files = files_of(tmp_path, [(40, 50), (60, 33)])
    pool = HrPool.from_files(files, min_side=32)
    assert pool.note == ""
    assert len(pool) == 2
    assert pool.nbytes == 3 * (40 * 50 + 60 * 33)
    np.testing.assert_array_equal(pool.arrays[1], placed(60, 33, 1))


def test_above_the_limit_windows_are_held_and_it_is_said(tmp_path: Path) -> None:
    files = files_of(tmp_path, [(200, 100), (100, 200), (40, 40)])
    limit = 3 * (200 * 100 * 2 + 40 * 40) // 2
    pool = HrPool.from_files(files, min_side=32, memory_limit=limit, seed=4)
    assert 0.95 * limit < pool.nbytes <= limit
    assert "kept a random window of each (" in pool.note
    assert "% of the pixels)" in pool.note
    for index, array in enumerate(pool.arrays):
        y, x = int(array[0, 0, 0]), int(array[1, 0, 0])
        height, width = array.shape[1:]
        assert min(height, width) >= 32
        np.testing.assert_array_equal(array, placed(200, 200, index)[:, y : y + height, x : x + width])
        assert array.base is None or array.base.nbytes == array.nbytes
    assert pool.arrays[0].shape[1] > 1.8 * pool.arrays[0].shape[2]
    again = HrPool.from_files(files, min_side=32, memory_limit=limit, seed=4)
    other = HrPool.from_files(files, min_side=32, memory_limit=limit, seed=5)
    assert again.content_hash == pool.content_hash != other.content_hash


def test_where_not_even_the_smallest_windows_fit_files_are_left_out(tmp_path: Path) -> None:
    files = files_of(tmp_path, [(50, 50)] * 6)
    pool = HrPool.from_files(files, min_side=32, memory_limit=3 * 32 * 32 * 4 + 100)
    assert len(pool) == 4
    assert pool.nbytes <= 3 * 32 * 32 * 4 + 100
    assert "of 4 of the 6 files" in pool.note
    with pytest.raises(DegcraftError, match="must hold one crop of 32x32"):
        HrPool.from_files(files, min_side=32, memory_limit=1000)


def test_a_pool_travels_and_works_on_read_only_memory() -> None:
    arrays = [placed(20, 30), placed(30, 20)]
    for array in arrays:
        array.setflags(write=False)
    pool = HrPool(arrays)
    there = pickle.loads(pickle.dumps(pool))
    assert torch.equal(there.crop_batch(6, 12, generator()), pool.crop_batch(6, 12, generator()))
    assert there.content_hash == pool.content_hash == HrPool(pool.arrays).content_hash
    assert pool.content_hash != HrPool(arrays[::-1]).content_hash


def test_bad_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(DegcraftError, match="at least 1 image"):
        HrPool([])
    with pytest.raises(DegcraftError, match=r"image 1 must be uint8 \(3, H, W\), but is float32"):
        HrPool([placed(9, 9), placed(9, 9).astype(np.float32)])
    with pytest.raises(DegcraftError, match="crops of 12x12"):
        HrPool([placed(20, 30), placed(20, 11)]).crop_batch(1, 12, generator())
    with pytest.raises(DegcraftError, match=r"0\.png: must be at least 32x32 pixels, but is 31x40"):
        HrPool.from_files(files_of(tmp_path, [(40, 31)]), min_side=32)
    for number, level in enumerate((0.0, 0.5)):
        write_image(tmp_path / "flat" / f"{number}.png", torch.full((3, 40, 40), level))
    with pytest.raises(DegcraftError, match=r"0\.png: images must show something to learn from"):
        HrPool.from_files(sorted((tmp_path / "flat").iterdir()), min_side=32)
