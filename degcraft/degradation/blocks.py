"""Parts of a space: blocks of neighbouring bins, a single bin being the least."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from degcraft.degradation.parameters import Degradation
from degcraft.errors import DegcraftError
from degcraft.later import Later

if TYPE_CHECKING:
    import torch

    from degcraft.degradation.space import DegradationSpace

Cells = NDArray[np.intp]

_sample_blocks = Later("degcraft.degradation.sampling:sample_blocks")


@dataclass(frozen=True, eq=False)
class Blocks:
    """Blocks whose bins are all alike: of each axis, the cells from a first up to before a last.

    Raises:
        DegcraftError: cells that are no part of the space.
    """

    space: DegradationSpace
    cells: Cells
    """(K, axes, 2): first and last."""

    def __post_init__(self) -> None:
        cells = np.asarray(self.cells)
        shape = np.asarray(self.space.shape)
        legal = cells.ndim == 3 and cells.shape[1:] == (len(shape), 2) and np.issubdtype(cells.dtype, np.integer)
        if not legal or not len(cells) or not ((cells[..., 0] >= 0) & (cells[..., 0] < cells[..., 1])).all():
            raise DegcraftError("blocks must be a list of [first, last) cells of every axis, first below last")
        if (beyond := cells[..., 1] > shape).any():
            block, axis = np.argwhere(beyond)[0]
            raise DegcraftError(
                f"blocks: axis {self.space.axes[axis].name} has {shape[axis]} cells, but block {block} reaches to "
                f"{cells[block, axis, 1]}"
            )
        object.__setattr__(self, "cells", cells.astype(np.intp))

    @classmethod
    def whole(cls, space: DegradationSpace) -> Blocks:
        """The space as one block."""
        return cls(space, np.array([[(0, count) for count in space.shape]]))

    @classmethod
    def around(cls, space: DegradationSpace, box: Mapping[str, tuple[float, float]]) -> Blocks:
        """The one block of all bins that a box reaches into; a box that names every axis."""
        reached = [np.flatnonzero(axis.share(*box[axis.name])) for axis in space.axes]
        return cls(space, np.array([[(held[0], held[-1] + 1) for held in reached]]))

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def bins(self) -> NDArray[np.float64]:
        """(K,) bins in each."""
        return np.diff(self.cells, axis=2)[..., 0].astype(np.float64).prod(axis=1)

    def holding(self, cells: Cells) -> NDArray[np.bool_]:
        """(K, …) which bins, (…, axes) cell by cell, lie in which block."""
        low, high = (self.cells[(..., end)].reshape(len(self), *[1] * (cells.ndim - 1), -1) for end in (0, 1))
        return np.asarray(((cells >= low) & (cells < high)).all(axis=-1))

    def marginal(self, weights: NDArray[np.float64], *axes: int) -> NDArray[np.float64]:
        """Mass per cell of an axis, or of each pair of cells of two axes: (cells, …), by weights (K,)."""
        shares = [self._shares(axis) for axis in axes]
        if len(shares) == 1:
            return np.asarray(weights @ shares[0])
        return np.einsum("k,ki,kj->ij", weights, *shares)

    def spread(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_bins,) what weights (K,) of the blocks give every bin of the space."""
        shares = weights / self.bins
        return np.asarray(shares @ self.holding(self.space.each_bin.cells[..., 0]))

    def _shares(self, axis: int) -> NDArray[np.float64]:
        first, last = self.cells[:, axis].T[..., None]
        places = np.arange(self.space.shape[axis])
        return ((places >= first) & (places < last)) / (last - first)

    def sample(self, weights: NDArray[np.float64], n: int, generator: torch.Generator) -> Degradation:
        """n degradations: a block by weight, one of its bins, then uniformly inside it, on the generator's device.

        Args:
            weights: (K,) not negative, finite, not all zero.
            n: How many.
            generator: The only source of randomness.
        """
        return _sample_blocks(self, weights, n, generator)

    def words(self, index: int) -> str:
        """A block for people: what it holds of every axis that it does not hold whole."""
        parts = []
        for axis, (first, last), count in zip(self.space.axes, self.cells[index], self.space.shape, strict=True):
            if last - first < count:
                parts.append(f"{axis.parameter.label} {axis.span(int(first), int(last))}")
        return ", ".join(parts) or "everything"
