"""Divides a space into blocks whose mixture is described as the references are."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from degcraft.matching.descriptions import BlockMeans, Floats
from degcraft.matching.simplex import least_squares


@dataclass(frozen=True, eq=False)
class Part:
    """A block, and what its bins look like."""

    cells: NDArray[np.intp]
    """(axes, 2): first and last."""
    means: BlockMeans

    @cached_property
    def _along(self) -> list[Floats]:
        return self.means.along(self.cells)

    @cached_property
    def mean(self) -> Floats:
        """(d,)."""
        return np.asarray(self._along[0].mean(axis=0))

    @cached_property
    def cuts(self) -> tuple[NDArray[np.intp], Floats, Floats]:
        """Every way of dividing it in two: (c, 2) axis and cell, (c,) the first half's share of the bins, and (c, d)
        from the second half's mean to the first's.
        """
        places, shares, ways = [], [], []
        for axis, profile in enumerate(self._along):
            count = len(profile)
            below, cut = profile.cumsum(axis=0)[:-1], np.arange(1, count)
            places.append(np.stack([np.full(count - 1, axis), self.cells[axis, 0] + cut], axis=1))
            shares.append(cut / count)
            ways.append(below / cut[:, None] - (profile.sum(axis=0) - below) / (count - cut)[:, None])
        return np.concatenate(places), np.concatenate(shares), np.concatenate(ways)

    @cached_property
    def crossings(self) -> tuple[NDArray[np.intp], Floats, Floats]:
        """Ways of dividing it in four, along the middles of two axes: (c, 2) the axes, (c,) the least quarter's share
        of the bins, and (c, d) what moving from the quarters of one diagonal to those of the other changes.
        """
        wide = [axis for axis, (first, last) in enumerate(self.cells) if last - first > 1]
        pairs, shares, ways = [], [], []
        for first, second in combinations(wide, 2):
            held = self.means.across(self.cells, first, second)
            row, column = held.shape[0] // 2, held.shape[1] // 2
            low, high = (half.mean(axis=0) for half in (held[:row], held[row:]))
            pairs.append((first, second))
            shares.append(row * column / (held.shape[0] * held.shape[1]))
            ways.append((low - high)[:column].mean(axis=0) - (low - high)[column:].mean(axis=0))
        shape = (len(pairs), len(self.mean))
        return np.array(pairs, dtype=np.intp).reshape(-1, 2), np.array(shares), np.array(ways).reshape(shape)

    def divided(self, axis: int, cut: int) -> tuple["Part", "Part"]:
        """The cells of an axis below a cut, and the others."""
        below, above = self.cells.copy(), self.cells.copy()
        below[axis, 1] = above[axis, 0] = cut
        return Part(below, self.means), Part(above, self.means)


def whole(shape: tuple[int, ...], means: BlockMeans) -> Part:
    """The space as one block, by its cells per axis."""
    return Part(np.array([(0, count) for count in shape]), means)


def grow(root: Part, target: Floats) -> Iterator[tuple[list[Part], Floats]]:
    """The parts and their weights, with one more part each time or three, until nothing can be divided to any use.

    Args:
        root: Where to begin.
        target: (d,) what the mixture's mean is to be.
    """
    parts, weights = [root], np.ones(1)
    while True:
        yield parts, weights
        missing = target - weights @ np.stack([part.mean for part in parts])
        found = [_best(part, float(weight), missing) for part, weight in zip(parts, weights, strict=True)]
        place = int(np.argmax([gain for gain, _ in found]))
        if found[place][0] < 1e-9:
            return
        parts = [*parts[:place], *found[place][1], *parts[place + 1 :]]
        weights = mixed(np.stack([part.mean for part in parts], axis=1), target)


def _best(part: Part, weight: float, missing: Floats) -> tuple[float, list[Part]]:
    """The halves or quarters of a part that its weight is best moved between, and what that gains."""
    if weight <= 0:
        return 0.0, []
    (cuts, share, way), (pairs, least, across) = part.cuts, part.crossings
    gains = _gains(way, -weight * share, weight * (1 - share), missing)
    crossed = _gains(across, -weight * least, weight * least, missing)
    if crossed.max(initial=0.0) > gains.max(initial=0.0):
        first, second = pairs[int(crossed.argmax())].tolist()
        halves = part.divided(first, int(part.cells[first].sum()) // 2)
        middle = int(part.cells[second].sum()) // 2
        return float(crossed.max()), [quarter for half in halves for quarter in half.divided(second, middle)]
    if not len(gains):
        return 0.0, []
    return float(gains.max()), list(part.divided(*cuts[int(gains.argmax())].tolist()))


def _gains(way: Floats, least: Floats, most: Floats, missing: Floats) -> Floats:
    """(c,) by how much going each of (c, d) ways, as far as is best between two ends, brings ½ ‖missing‖² down."""
    length, along = np.square(way).sum(axis=1), way @ missing
    moved = np.clip(along / np.maximum(length, 1e-12), least, most)
    return np.asarray(moved * along - 0.5 * moved**2 * length)


def mixed(means: Floats, target: Floats) -> Floats:
    """(K,) argmin ‖M w − target‖² over the simplex, M (d, K)."""
    if means.shape[0] > means.shape[1]:
        basis, means = qr(means, mode="economic")
        target = basis.T @ target
    return least_squares(means, target)


def distance(parts: list[Part], weights: Floats, target: Floats) -> float:
    """‖Σ w_k mean_k − target‖²."""
    return float(np.square(weights @ np.stack([part.mean for part in parts]) - target).sum())
