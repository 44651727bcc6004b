"""Chooses the files that stand for a whole pile: nearest to it in Fréchet distance, and not all of one kind.

arXiv 2305.18107 crafts from about 100 references. Which hundred of a larger pile matters: drawn at random they stand
for the pile no better than any hundred do. Here files are exchanged one for one, greedily, as long as the distance
(eq. 3, squared) between the chosen files' patches and all patches falls.

With the pile's covariance Σ = R Rᵀ factored once, the trace of the root in the distance to a set of covariance S is the
sum of the roots of the eigenvalues of C = Rᵀ S R. Taking a file out or in changes C by products of its own few rows,
so that a candidate costs one r × r symmetric eigenvalue problem, r at most the number of features (84 of degnet: under
a millisecond). Most candidates do not cost even that: the sum of roots is concave in C, so its tangent at the
present set bounds from below what any exchange can reach, and a candidate whose bound is no better than the best
one found is passed over. The exchange that is made is the best there is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degcraft.errors import DegcraftError

NEIGHBOURS = 5
"""Chosen files that a candidate is compared with: its nearest."""
APART = 0.5
"""Share of the usual distance to the nearest files of the pile that must lie, on average, between a chosen file and
its nearest chosen ones."""
DRAWS = 25
"""Random sets that a choice is compared with."""
PASSES = 20
"""Rounds over the chosen files at most; a few are usually enough."""
_AT_ONCE = 8
_TINY = 1e-10
_LIFT = 0.01

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Selection:
    """Files that stand for a pile."""

    chosen: tuple[int, ...]
    """Rising places in what was chosen from."""
    distance: float
    """Squared Fréchet distance of the chosen files' patches to those of all files."""
    drawn: tuple[float, ...]
    """The same of sets of as many files, drawn at random; none where all files are chosen."""
    crowded: int
    """How many of the chosen do not keep their distance from others, for want of files that do."""


def select_files(
    features: Sequence[NDArray[np.floating]],
    count: int,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Selection:
    """Choose the `count` files whose patches are nearest to all files' patches.

    Starts from files in a random order, and exchanges each in turn for the best other one until no exchange helps. A
    file may come in if its mean feature lies, on average, at least `APART` times as far from its `NEIGHBOURS` nearest
    chosen ones as files of the pile usually lie from as many.

    Args:
        features: per file (k, c) of its k ≥ 1 patches; 2 patches in all at least.
        count: files wanted, from 1 to as many as there are.
        seed: of the start and the draws.
        progress: told (chosen files looked at, at most).

    Raises:
        DegcraftError: a count or features outside of these, or features that are not finite.
    """
    if not 1 <= count <= len(features):
        raise DegcraftError(f"count must be from 1 to the {len(features)} files there are, but is {count}")
    if count == len(features):
        return Selection(tuple(range(count)), 0.0, (), 0)
    pile = _Pile(features)
    random = np.random.default_rng(seed)
    draws = [random.permutation(len(features))[:count] for _ in range(DRAWS)]
    drawn = tuple(pile.distance(draw) for draw in draws)
    means = np.stack([np.asarray(rows, dtype=np.float64).mean(axis=0) for rows in features])
    spacing = _Spacing(means)
    chosen, forced = spacing.start(random.permutation(len(features)), count)
    _exchange(pile, spacing, chosen, random, progress)
    final, crowded = np.flatnonzero(chosen), int((chosen & forced).sum())
    return Selection(tuple(final.tolist()), pile.distance(final), drawn, crowded)


def _exchange(
    pile: _Pile,
    spacing: _Spacing,
    chosen: NDArray[np.bool_],
    random: np.random.Generator,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Exchange files in `chosen`, in place, until a whole round changes nothing."""
    total, done = PASSES * int(chosen.sum()), 0
    for _ in range(PASSES):
        changed = False
        for place in random.permutation(np.flatnonzero(chosen)):
            chosen[place] = False
            allowed = np.flatnonzero(~chosen & spacing.allows(chosen, place))
            best = pile.best_addition(np.flatnonzero(chosen), int(place), allowed)
            chosen[best] = True
            changed |= best != place
            done += 1
            if progress is not None:
                progress(done, total)
        if not changed:
            break
    if progress is not None:
        progress(total, total)


class _Spacing:
    """Keeps chosen files apart."""

    def __init__(self, means: Floats) -> None:
        squares = (means**2).sum(axis=1)
        self._apart = np.sqrt(np.maximum(squares[:, None] + squares - 2 * means @ means.T, 0))
        np.fill_diagonal(self._apart, np.inf)
        self.least = APART * float(np.median(self._nearest(np.ones(len(means), dtype=bool)))) if len(means) > 1 else 0.0

    def _nearest(self, chosen: NDArray[np.bool_], places: NDArray[np.intp] | slice = slice(None)) -> Floats:
        """(files,) or (places,) mean distance to the `NEIGHBOURS` nearest chosen others; infinite where none are."""
        apart = self._apart[places][:, chosen]
        k = min(NEIGHBOURS, int(chosen.sum()), len(chosen) - 1)
        if k < 1:
            return np.full(len(apart), np.inf)
        return np.asarray(np.partition(apart, k - 1, axis=1)[:, :k].mean(axis=1))

    def allows(self, chosen: NDArray[np.bool_], without: int) -> NDArray[np.bool_]:
        """(files,) which keep their distance from the chosen ones, not counting one of these."""
        others = chosen.copy()
        others[without] = False
        return np.asarray(self._nearest(others) >= self.least)

    def start(self, order: NDArray[np.intp], count: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(files,) chosen: as many of this order as keep their distance; (files,) chosen all the same, for want of
        more, the least crowded first."""
        chosen = np.zeros(len(order), dtype=bool)
        for place in order:
            if chosen.sum() < count and self._nearest(chosen, np.array([place]))[0] >= self.least:
                chosen[place] = True
        apart = chosen.copy()
        while chosen.sum() < count:
            chosen[int(np.where(chosen, -np.inf, self._nearest(chosen)).argmax())] = True
        return chosen, chosen & ~apart


class _Pile:
    """What is needed of every file to know the distance of any set of them to all."""

    def __init__(self, features: Sequence[NDArray[np.floating]]) -> None:
        rows = [np.asarray(one, dtype=np.float64) for one in features]
        widths = {one.shape[1:] for one in rows}
        if len(widths) != 1 or rows[0].ndim != 2 or not all(map(len, rows)) or sum(map(len, rows)) < 2:
            raise DegcraftError("features must be (patches, features) of each file, equally many, and 2 patches in all")
        if not all(np.isfinite(one).all() for one in rows):
            raise DegcraftError("features must be finite, but some are not")
        whole = np.concatenate(rows)
        # About their mean, sums of squares lose no digits, and the pile's own mean is 0.
        mean = whole.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(whole, rowvar=False).reshape(whole.shape[1], -1))
        kept = values > _TINY * max(values[-1], _TINY)
        root = vectors[:, kept] * np.sqrt(values[kept])
        self._trace = float(values[kept].sum())
        # C of the pile itself.
        self._own = values[kept] ** 2
        centred = [one - mean for one in rows]
        self._counts = np.array([len(one) for one in rows])
        self._sums = np.stack([one.sum(axis=0) for one in centred])
        self._squares = np.array([(one**2).sum() for one in centred])
        self._rotated = self._sums @ root
        seen = [one @ root for one in centred]
        self._products = np.stack([one.T @ one for one in seen])

    def distance(self, places: NDArray[np.intp]) -> float:
        """Squared Fréchet distance of these files' rows to all rows."""
        return float(self._with(places, np.empty(0, dtype=np.intp)).min())

    def best_addition(self, places: NDArray[np.intp], present: int, candidates: NDArray[np.intp]) -> int:
        """The file that, beside those at `places`, gives the least distance; `present` unless another is better."""
        best, least = present, self.distance(np.append(places, present))
        # Two tangents bound better than one: twice as many candidates are passed over.
        tangents = (np.append(places, present), places)
        bounds = np.max([self._bounds(at, places, candidates) for at in tangents if len(at)], axis=0)
        order = np.argsort(bounds)
        for start in range(0, len(order), _AT_ONCE):
            some = order[start : start + _AT_ONCE]
            if bounds[some[0]] >= least - _TINY * self._trace:
                break
            found = self._with(places, candidates[some])
            if found.min() < least - _TINY * self._trace:
                best, least = int(candidates[some[found.argmin()]]), float(found.min())
        return best

    def _totals(self, places: NDArray[np.intp], added: NDArray[np.intp]) -> tuple[Floats, Floats, Floats, Floats]:
        """Rows (m,), their squared mean and their trace (m,), and rotated sums (m, r), of `places` with each added."""
        one = len(added) == 0
        extra = (np.zeros(1), np.zeros((1, self._sums.shape[1])), np.zeros(1), np.zeros((1, self._rotated.shape[1])))
        if not one:
            extra = (self._counts[added], self._sums[added], self._squares[added], self._rotated[added])
        n = self._counts[places].sum() + extra[0]
        sums = self._sums[places].sum(axis=0) + extra[1]
        length = (sums**2).sum(axis=1)
        # A single row has no spread.
        trace = (self._squares[places].sum() + extra[2] - length / n) / np.maximum(n - 1, 1)
        return n, length / n**2, trace, self._rotated[places].sum(axis=0) + extra[3]

    def _with(self, places: NDArray[np.intp], added: NDArray[np.intp]) -> Floats:
        """(m,) distances of the files at `places` with each of those added; (1,) without any."""
        n, means, traces, rotated = self._totals(places, added)
        products = self._products[places].sum(axis=0) + (self._products[added] if len(added) else 0.0)
        products = products - rotated[:, :, None] * rotated[:, None] / n[:, None, None]
        eigenvalues = np.linalg.eigvalsh(products / np.maximum(n - 1, 1)[:, None, None])
        roots = np.sqrt(np.maximum(eigenvalues, 0)).sum(axis=1)
        return np.maximum(means + self._trace + traces - 2 * roots, 0)

    def _bounds(self, present: NDArray[np.intp], places: NDArray[np.intp], candidates: NDArray[np.intp]) -> Floats:
        """(m,) lower bounds of `_with`, by the tangent at the files at `present`."""
        at, _, _, sums = self._totals(present, np.empty(0, dtype=np.intp))
        middle = self._products[present].sum(axis=0) - np.outer(sums[0], sums[0]) / at[0]
        # The tangent at any positive matrix is a bound, so a singular one may be lifted, here towards the pile's own.
        values, vectors = np.linalg.eigh(middle / max(at[0] - 1, 1) + _LIFT * np.diag(self._own))
        values = np.maximum(values, 1e-15 * values[-1])
        slope = vectors / (2 * np.sqrt(values)) @ vectors.T
        n, means, traces, rotated = self._totals(places, candidates)
        inner = (self._products.reshape(len(self._counts), -1) @ slope.ravel())[candidates]
        inner += (slope * self._products[places].sum(axis=0)).sum()
        inner -= ((rotated @ slope) * rotated).sum(axis=1) / n
        # At the point of contact the tangent is the sum of the roots, half of which is the slope times the point.
        roots = inner / np.maximum(n - 1, 1) + np.sqrt(values).sum() / 2
        return np.asarray(means + self._trace + traces - 2 * roots)
