"""Divides a space into blocks whose mixture is described as the references are."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from degcraft.matching.simplex import least_squares

FEWEST = 30
"""Crops that a block holds: the mean of fewer says little."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Part:
    """A block and the crops that were degraded by one of its bins."""

    cells: NDArray[np.intp]
    """(axes, 2): first and last."""
    held: NDArray[np.intp]
    """(k, axes) cells of its crops."""
    crops: Floats
    """(k, d) their descriptions."""

    @cached_property
    def mean(self) -> Floats:
        """(d,)."""
        return np.asarray(self.crops.mean(axis=0))

    @cached_property
    def halves(self) -> list[tuple["Part", "Part"]]:
        """Every way of dividing it in two along an axis that leaves enough crops on either side."""
        found = []
        for axis, (first, last) in enumerate(self.cells):
            for cut in range(first + 1, last):
                below = self.held[:, axis] < cut
                if min(below.sum(), (~below).sum()) >= FEWEST:
                    found.append((self._within(axis, first, cut, below), self._within(axis, cut, last, ~below)))
        return found

    def _within(self, axis: int, first: int, last: int, members: NDArray[np.bool_]) -> "Part":
        cells = self.cells.copy()
        cells[axis] = first, last
        return Part(cells, self.held[members], self.crops[members])


def whole(shape: tuple[int, ...], held: NDArray[np.intp], crops: Floats) -> Part:
    """The space as one block.

    Args:
        shape: Cells per axis.
        held: (k, axes) cells of the crops.
        crops: (k, d) their descriptions.
    """
    return Part(np.array([(0, count) for count in shape]), held, crops)


def grow(root: Part, target: Floats) -> Iterator[tuple[list[Part], Floats]]:
    """The parts and their weights, with one more part each time, until nothing can be divided to any use.

    Args:
        root: Where to begin.
        target: (d,) what the mixture's mean is to be.
    """
    parts, weights = [root], np.ones(1)
    while True:
        yield parts, weights
        missing = target - weights @ np.stack([part.mean for part in parts])
        best, gain = None, 0.0
        for place, (part, weight) in enumerate(zip(parts, weights, strict=True)):
            if weight <= 0:
                continue
            for halves in part.halves:
                if (found := _gain(part, halves, float(weight), missing)) > gain:
                    best, gain = (place, halves), found
        if best is None or gain < 1e-9:
            return
        parts = [*parts[: best[0]], *best[1], *parts[best[0] + 1 :]]
        weights = fitted(parts, target)


def _gain(part: Part, halves: tuple[Part, Part], weight: float, missing: Floats) -> float:
    """By how much moving weight from one half of a part to the other brings ½ ‖missing‖² down."""
    share = len(halves[0].crops) / len(part.crops)
    way = halves[0].mean - halves[1].mean
    length, along = float(way @ way), float(missing @ way)
    if length <= 0:
        return 0.0
    moved = np.clip(along / length, -weight * share, weight * (1 - share))
    return float(moved * along - 0.5 * moved**2 * length)


def fitted(parts: list[Part], target: Floats) -> Floats:
    """(K,) the weights whose mixture of the parts' means is nearest to the target."""
    return mixed([part.mean for part in parts], target)


def mixed(means: list[Floats], target: Floats) -> Floats:
    """(K,) argmin ‖Σ w_k mean_k − target‖² over the simplex."""
    matrix = np.stack(means, axis=1)
    if matrix.shape[0] > matrix.shape[1]:
        basis, matrix = qr(matrix, mode="economic")
        target = basis.T @ target
    return least_squares(matrix, target)


def distance(parts: list[Part], weights: Floats, target: Floats) -> float:
    """‖Σ w_k mean_k − target‖²."""
    return float(np.square(weights @ np.stack([part.mean for part in parts]) - target).sum())
