"""Where JPEG's blocks begin in an image that was cut or saved anew after it was compressed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

BLOCK = 8
"""Side of a block of JPEG in pixels."""
LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue in JPEG's Y (ITU-R BT.601)."""
COSINES = dct(np.eye(BLOCK), axis=0, norm="ortho").astype(np.float32)
"""The orthonormal discrete cosine transform (type II) of a block's side, frequencies down."""
LEAST_SIDE = 80
"""Shorter images have too few blocks to tell."""

_WINDOW = 128
"""Side of the four places of a large image that are looked at."""
_ZERO = 0.6
"""A coefficient below this was rounded to zero; the 8 bits of the pixels leave an error of some 0.2."""
_FIRST_DIAGONAL = 4
"""Coefficients from this diagonal on: finer ones than those that hold most of a picture."""
_STANDS_OUT = 7.0
"""Robust deviations by which the best of the 64 grids stands out where there is one; without, it is under 4."""


def find_block_grid(image: NDArray[np.uint8]) -> tuple[int, int]:
    """Offset of the blocks that an image was compressed in, found by the zeros of their cosine transform.

    On the grid of the compression many fine coefficients of the luma were rounded to exactly zero; on the 63 others
    none were. So the share of zeros stands out on one grid (Z. Fan & R. de Queiroz, "Identification of bitmap
    compression history", 2003, look for the same grid by differences across its lines). It is gone after resizing, with
    noise that was added later, and above a quality of about 95.

    Args:
        image: (3, H, W).

    Returns:
        (y, x) of the first block that lies inside, 0 to 7 each; (0, 0) also where there is no grid to be seen or a side
        is under `LEAST_SIDE`.
    """
    if min(image.shape[1:]) < LEAST_SIDE:
        return 0, 0
    zeros = np.sum([_zeros(window) for window in _windows(image)], axis=0).ravel()
    median = np.median(zeros)
    deviation = 1.4826 * np.median(np.abs(zeros - median))
    best = int(zeros.argmax())
    if zeros[best] - median <= _STANDS_OUT * deviation:
        return 0, 0
    return best // BLOCK, best % BLOCK


def _windows(image: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Luma of the whole image, or of four places spread over a large one; all keep the image's grid."""
    places = [
        sorted({(side - _WINDOW) * part // 3 // BLOCK * BLOCK for part in (1, 2)}) if side > 2 * _WINDOW else [0]
        for side in image.shape[1:]
    ]
    height, width = (_WINDOW if side > 2 * _WINDOW else side for side in image.shape[1:])
    colours = (image[:, y : y + height, x : x + width].astype(np.float32) for y in places[0] for x in places[1])
    return [np.einsum("c,chw->hw", np.array(LUMA, np.float32), window) for window in colours]


def _zeros(luma: NDArray[np.float32]) -> NDArray[np.float64]:
    """(8, 8) share of the fine coefficients that are zero on each grid."""
    down, across = np.indices((BLOCK, BLOCK))
    fine = down + across >= _FIRST_DIAGONAL
    shares = np.empty((BLOCK, BLOCK))
    for x in range(BLOCK):
        columns = (luma.shape[1] - x) // BLOCK
        rows = luma[:, x : x + columns * BLOCK].reshape(len(luma), columns, BLOCK) @ COSINES.T
        for y in range(BLOCK):
            lines = (len(luma) - y) // BLOCK
            blocks = rows[y : y + lines * BLOCK].reshape(lines, BLOCK, columns, BLOCK)
            # (line, coefficient down, column, coefficient across)
            coefficients = np.einsum("vr,lrcu->lcvu", COSINES, blocks, optimize=True)
            shares[y, x] = np.mean(np.abs(coefficients[:, :, fine]) < _ZERO)
    return shares
