"""Inspections whose figures are known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from degcraft.inspection import ImageEstimate, Inspection
from degcraft.inspection.distribution import read_estimate

GRIDS = {
    "blur_sigma": np.arange(0, 10.1, 0.25),
    "noise_level": np.arange(0.0, 81.0),
    "jpeg_quality": np.append(np.arange(10.0, 101, 5), np.inf),
}
WIDTHS = {"blur_sigma": 0.2, "noise_level": 0.5, "jpeg_quality": 3.0}

Rows = list[tuple[float, float, float]]


def peak(axis: str, value: float) -> np.ndarray:
    """A bell around a value, or all of it on no compression."""
    grid = GRIDS[axis]
    if np.isinf(value):
        return np.isinf(grid).astype(float)
    raw = np.exp(-0.5 * ((grid - value) / WIDTHS[axis]) ** 2)
    return raw / raw.sum()


@pytest.fixture
def inspection() -> Callable[[Rows], Inspection]:
    """Makes an inspection of images with the given blur, noise and quality."""

    def make(rows: Rows) -> Inspection:
        images = []
        for number, row in enumerate(rows):
            beliefs = {axis: peak(axis, value) for axis, value in zip(GRIDS, row, strict=True)}
            images.append(
                ImageEstimate(
                    path=Path(f"photos/{number:02d}.png"),
                    width=90,
                    height=60,
                    axes={axis: read_estimate(one, GRIDS[axis]) for axis, one in beliefs.items()},
                    probabilities=beliefs,
                    patches=1,
                    closeup=np.zeros((56, 72, 3), np.uint8),
                    thumbnail=np.zeros((60, 90, 3), np.uint8),
                )
            )
        return Inspection(tuple(images), (), GRIDS)

    return make
