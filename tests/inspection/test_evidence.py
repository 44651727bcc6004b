"""Which patches of an image are looked at."""

import time

import cv2
import numpy as np
import pytest

from degcraft.inspection.evidence import SIDE, choose_patches


def place_of(patch: np.ndarray, image: np.ndarray) -> tuple[int, int]:
    """Where a patch of a noise image was cut."""
    height, width = patch.shape[1:]
    for y in range(image.shape[1] - height + 1):
        for x in range(image.shape[2] - width + 1):
            if image[0, y, x] == patch[0, 0, 0] and (image[:, y : y + height, x : x + width] == patch).all():
                return y, x
    raise AssertionError("the patch is not of this image")


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(20, 230, (3, 150, 200), dtype=np.uint8)


def test_patches_lie_on_the_grid_of_jpeg_and_share_at_most_half(noise: np.ndarray) -> None:
    places = [place_of(patch, noise) for patch in choose_patches(noise, 12)]
    assert len(places) > 3
    assert all(y % 16 == 0 and x % 16 == 0 for y, x in places)
    for number, (y, x) in enumerate(places):
        for v, u in places[:number]:
            shared = max(0, SIDE - abs(y - v)) * max(0, SIDE - abs(x - u))
            assert shared <= SIDE**2 / 2


def test_the_grid_of_a_compression_is_kept() -> None:
    clean = np.random.default_rng(0).integers(0, 256, (10, 14, 3), dtype=np.uint8)
    clean = cv2.resize(clean, (200, 150), interpolation=cv2.INTER_CUBIC)
    _, file = cv2.imencode(".jpg", clean, [cv2.IMWRITE_JPEG_QUALITY, 60])
    cut = np.ascontiguousarray(cv2.imdecode(file, cv2.IMREAD_COLOR)[3:, 6:].transpose(2, 0, 1))
    places = [place_of(patch, cut) for patch in choose_patches(cut, 12)]
    assert {(y % 16, x % 16) for y, x in places} == {(5, 2)}


def test_the_most_and_the_least_structured_come_in_turn() -> None:
    image = np.full((3, 72, 72 * 6), 128, np.uint8)
    stripes = (np.arange(SIDE) // 8 % 2 * 2 - 1)[None, None]
    for number, height in enumerate((60, 0, 100, 20, 40, 80)):
        image[:, :, SIDE * number : SIDE * (number + 1)] += (stripes * height).astype(np.uint8)
    patches = choose_patches(image, 3)
    spread = [int(patch.max()) - int(patch.min()) for patch in patches]
    assert spread[0] == 200
    assert spread[1] <= 60
    assert spread[2] > 100


def test_clipped_places_come_last() -> None:
    image = np.random.default_rng(0).integers(90, 110, (3, 72, 288), dtype=np.uint8)
    image[:, :, :144] = np.where(np.random.default_rng(1).random((72, 144)) < 0.5, 0, 255)
    shares = [float(((patch == 0) | (patch == 255)).mean()) for patch in choose_patches(image, 4)]
    assert max(shares[:2]) <= 0.25
    assert shares[2] == 1 or shares[3] == 1


@pytest.mark.parametrize(
    ("size", "expected"), [((8, 8), (8, 8)), ((17, 300), (16, 72)), ((71, 40), (64, 40)), ((72, 72), (72, 72))]
)
def test_a_small_image_gives_smaller_patches(size: tuple[int, int], expected: tuple[int, int]) -> None:
    patches = choose_patches(np.zeros((3, *size), np.uint8), 12)
    assert patches.shape[1:] == (3, *expected)
    assert 1 <= len(patches) <= 12


def test_a_large_image_takes_no_longer() -> None:
    image = np.random.default_rng(0).integers(0, 255, (3, 4000, 6000), dtype=np.uint8)
    start = time.process_time()
    assert choose_patches(image, 12).shape == (12, 3, SIDE, SIDE)
    assert time.process_time() - start < 2
