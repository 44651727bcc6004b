"""The places of an image that tell most of its degradation."""

import cv2
import numpy as np
from numpy.typing import NDArray

from degcraft.images.blocks import BLOCK, find_block_grid

SIDE = 72
"""Side of a patch in pixels, nine JPEG blocks."""
_GRID = 16
"""Patches start at multiples of this from the first block: twice the side of a block, for halved chroma."""
_CANDIDATES = 400
"""Places looked at; a large photograph has more than anyone needs."""
_MOST_SHARED = 0.5
"""Share of its area that a patch may have in common with one chosen before it."""


def choose_patches(image: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Cut the patches with the best evidence, best first, never resized.

    They begin where blocks of JPEG begin, also in a picture that was cut after it was compressed (`find_block_grid`).

    Blur and JPEG show where there is structure, and noise where there is none, so the most and the least structured
    places are taken in turn. Clipped blacks and whites tell of neither and come last.

    Args:
        image: (3, H, W), sides of at least 8.
        count: patches wanted; a small image has fewer that differ enough.

    Returns:
        (k, 3, h, w), 1 <= k <= count; h and w are `SIDE`, or as many whole blocks as the image has.
    """
    top, left = find_block_grid(image)
    image = image[:, top:, left:]
    height, width = (min(SIDE, side // BLOCK * BLOCK) for side in image.shape[1:])
    rows, columns = _starts(image.shape[1], height), _starts(image.shape[2], width)
    # The longer way is thinned first, so that what is left is spread over the whole image.
    while len(rows) * len(columns) > _CANDIDATES:
        if len(rows) >= len(columns):
            rows = rows[::2]
        else:
            columns = columns[::2]
    places = [(y, x) for y in rows for x in columns]
    judged = np.array([_judge(image[:, y : y + height, x : x + width]) for y, x in places])
    structure, clipped = judged.T
    queues = [iter(np.lexsort((sign * structure, clipped)).tolist()) for sign in (-1, 1)]
    chosen: list[tuple[int, int]] = []
    while len(chosen) < count and queues:
        queue = queues.pop(0)
        place = next((places[index] for index in queue if _apart(places[index], chosen, height, width)), None)
        if place is not None:
            chosen.append(place)
            queues.append(queue)
    return np.stack([image[:, y : y + height, x : x + width] for y, x in chosen])


def _starts(length: int, side: int) -> list[int]:
    return list(range(0, length - side + 1, _GRID))


def _judge(patch: NDArray[np.uint8]) -> tuple[float, bool]:
    """How structured a patch is, and whether much of it is clipped."""
    grey = cv2.cvtColor(patch.transpose(1, 2, 0), cv2.COLOR_RGB2GRAY)
    # At a quarter of the size noise has gone and edges have not.
    small = cv2.resize(grey, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    clipped = float(np.mean((grey <= 2) | (grey >= 253)))
    return float(small.std()), clipped > 0.25


def _apart(place: tuple[int, int], chosen: list[tuple[int, int]], height: int, width: int) -> bool:
    """Whether a patch here shares no more than it may with any chosen one."""
    y, x = place
    shares = (max(0, height - abs(y - v)) * max(0, width - abs(x - u)) for v, u in chosen)
    return all(share <= _MOST_SHARED * height * width for share in shares)
