"""Finding the grid of a compression in an image that was cut after it."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from degcraft.images import read_rgb8
from degcraft.images.blocks import LEAST_SIDE, find_block_grid


@pytest.fixture(scope="module")
def photographs_whole() -> list[np.ndarray]:
    import skimage.data

    base = Path(skimage.data.__file__).parent
    return [read_rgb8(base / name)[:, :250, :230] for name in ("astronaut.png", "coffee.png", "chelsea.png", "ihc.png")]


def compressed(image: np.ndarray, quality: int, sampling: int = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420) -> np.ndarray:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    _, file = cv2.imencode(".jpg", np.ascontiguousarray(image.transpose(1, 2, 0)[..., ::-1]), options)
    return np.ascontiguousarray(cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1].transpose(2, 0, 1))


@pytest.mark.parametrize("quality", [20, 50, 75, 90])
def test_the_grid_of_a_cut_image_is_found(photographs_whole: list[np.ndarray], quality: int) -> None:
    for number, image in enumerate(photographs_whole):
        y, x = 3 * number % 8, (5 * number + 1) % 8
        cut = compressed(image, quality)[:, y:, x:]
        assert find_block_grid(cut) == (-y % 8, -x % 8)


def test_full_chroma_and_grey_images_too(photographs_whole: list[np.ndarray]) -> None:
    image = photographs_whole[0]
    full = compressed(image, 70, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    grey = compressed(np.repeat(image[:1], 3, axis=0), 70)
    for one in (full, grey):
        assert find_block_grid(one[:, 6:, 1:]) == (2, 7)


def test_of_two_compressions_the_last_is_found(photographs_whole: list[np.ndarray]) -> None:
    twice = compressed(np.ascontiguousarray(compressed(photographs_whole[1], 80)[:, 5:, 2:]), 60)
    assert find_block_grid(twice[:, 1:, 4:]) == (7, 4)


def test_an_image_without_a_grid_begins_at_its_corner(photographs_whole: list[np.ndarray]) -> None:
    random = np.random.default_rng(0)
    for image in photographs_whole:
        pixels = image[:, 3:, 5:].transpose(1, 2, 0)
        smaller = cv2.resize(pixels, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
        noisy = np.clip(pixels + random.normal(0, 8, pixels.shape), 0, 255).astype(np.uint8)
        for one in (smaller, noisy):
            assert find_block_grid(np.ascontiguousarray(one.transpose(2, 0, 1))) == (0, 0)


def test_a_picture_that_was_compressed_before_it_became_a_png(photographs_whole: list[np.ndarray]) -> None:
    # scikit-image's cat was; its coffee was not.
    coffee, cat = (image[:, 3:, 5:] for image in photographs_whole[1:3])
    assert find_block_grid(cat) == (5, 3)
    assert find_block_grid(coffee) == (0, 0)


def test_flat_and_small_images_have_none(photographs_whole: list[np.ndarray]) -> None:
    assert find_block_grid(np.full((3, 200, 200), 77, np.uint8)) == (0, 0)
    small = compressed(photographs_whole[0], 50)[:, 3:, 3:][:, : LEAST_SIDE - 1, :120]
    assert find_block_grid(small) == (0, 0)


def test_a_large_image_is_looked_at_in_places(photographs_whole: list[np.ndarray]) -> None:
    tiled = np.tile(photographs_whole[0], (1, 16, 16))
    cut = compressed(tiled, 70)[:, 5:, 3:]
    start = time.process_time()
    assert find_block_grid(cut) == (3, 5)
    assert time.process_time() - start < 1
