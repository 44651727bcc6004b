"""The space of degradations, cut into bins (section 3.2 of the paper)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from degcraft.degradation.axis import Axis
from degcraft.degradation.blocks import Blocks
from degcraft.degradation.operators import check_together, find_parameter
from degcraft.degradation.parameters import Degradation
from degcraft.errors import DegcraftError
from degcraft.later import Later

if TYPE_CHECKING:
    import torch

Box = Mapping[str, tuple[float, float]]
"""Axis name → (low, high)."""

MOST_BINS = 600
"""Bins of a space that are measured one by one."""
ROUNDS = 75
"""Times that every clean crop is degraded where there are more: as many as the paper's space has bins."""
PART = 25
"""Images that share one draw of the noise, so it must not follow the batch of an extractor."""

_sample_box = Later("degcraft.degradation.sampling:sample_box")
_sobol = Later("degcraft.degradation.sampling:sobol")


@dataclass(frozen=True)
class DegradationSpace:
    """The product of axes. Bins are numbered row-major: the last axis runs fastest.

    Raises:
        DegcraftError: no axis, two axes of one name, or axes that contradict one another.
    """

    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", tuple(self.axes))
        names = [axis.name for axis in self.axes]
        if not names:
            raise DegcraftError("axes: a degradation space needs at least one axis, but got none")
        if len(set(names)) < len(names):
            raise DegcraftError(f"axes: every name may appear once, but got {', '.join(names)}")
        check_together(names)

    @property
    def shape(self) -> tuple[int, ...]:
        """Cells per axis."""
        return tuple(len(axis.cells) for axis in self.axes)

    @property
    def n_bins(self) -> int:
        """Bins in all."""
        return math.prod(self.shape)

    def bounds(self, index: int) -> dict[str, tuple[float, float]]:
        """The box of one bin: axis name → (low, high); both the operator's identity where it is not applied.

        Raises:
            DegcraftError: the index is not in 0 … n_bins - 1.
        """
        if not 0 <= index < self.n_bins:
            raise DegcraftError(f"bin index must lie in 0 … {self.n_bins - 1}, but got {index}")
        cells = np.unravel_index(index, self.shape)
        return {axis.name: axis.cells[int(cell)] for axis, cell in zip(self.axes, cells, strict=True)}

    def sample_bin(self, index: int, n: int, generator: torch.Generator) -> Degradation:
        """n degradations drawn uniformly from one bin, on the generator's device."""
        return _sample_box(self.bounds(index), n, generator)

    @cached_property
    def each_bin(self) -> Blocks:
        """Every bin as a block of its own, row-major."""
        first = np.stack(np.unravel_index(np.arange(self.n_bins), self.shape), axis=1)
        return Blocks(self, np.stack([first, first + 1], axis=2))

    @property
    def is_sampled(self) -> bool:
        """Whether there are too many bins to measure each: crops are degraded by draws from the whole space instead."""
        return self.n_bins > MOST_BINS

    @property
    def groups(self) -> int:
        """How often every clean crop is degraded for a measurement: by each bin, or `ROUNDS` times."""
        return ROUNDS if self.is_sampled else self.n_bins

    def group(self, index: int, n: int, seed: int, generator: torch.Generator) -> Iterator[Degradation]:
        """What the n clean crops are degraded by for the measurement, in parts of `PART`: n draws from a bin, or some
        of a low-discrepancy sequence over the whole space (Sobol's, scrambled by the seed).

        Args:
            index: 0 … groups - 1.
            n: Clean crops.
            seed: Of the sequence.
            generator: Of the draws from a bin; asked a part at a time.
        """
        whole = _sobol(self, index, n, seed) if self.is_sampled else None
        for first in range(0, n, PART):
            count = min(PART, n - first)
            yield self.sample_bin(index, count, generator) if whole is None else whole[first : first + count]

    def cells_of(self, parameters: NDArray[np.floating]) -> NDArray[np.intp]:
        """(…, axes) the cell on each axis of (…, axes) values of this space, in the order of its axes."""
        return np.stack([axis.cells_of(parameters[..., place]) for place, axis in enumerate(self.axes)], axis=-1)

    def check_weights(self, weights: ArrayLike) -> NDArray[np.float64]:
        """See `check_weights`, of one for every bin."""
        return check_weights(weights, self.n_bins)

    def uniform_weights(self) -> NDArray[np.float64]:
        """(n_bins,) equal weights that sum to 1."""
        return np.full(self.n_bins, 1 / self.n_bins)

    def overlap(self, box: Box) -> NDArray[np.float64]:
        """The distribution over bins of a uniform box: (n_bins,), sums to 1.

        A side of zero width lies in one bin (the upper one when it falls on an inner edge). What lies outside
        the space is left out before normalising. Sides of the box that are no axis of this space are ignored,
        so the result is then the marginal.

        Raises:
            DegcraftError: an unknown name, low > high, an axis without a side, or a box outside the space.
        """
        check_box(box)
        shares = np.ones(1)
        for axis in self.axes:
            if axis.name not in box:
                raise DegcraftError(f"box must name every axis of the space, but {axis.name} is missing")
            low, high = box[axis.name]
            share = axis.share(low, high)
            if share.sum() == 0:
                raise DegcraftError(
                    f"box must meet the space on axis {axis.name} [{axis.low:g}, {axis.high:g}], "
                    f"but got [{low:g}, {high:g}]"
                )
            shares = np.outer(shares, share / share.sum()).ravel()
        return shares / shares.sum()

    def to_list(self) -> list[dict[str, Any]]:
        """The axes for JSON, in order, as `Axis.to_dict` gives each."""
        return [axis.to_dict() for axis in self.axes]

    @staticmethod
    def from_list(axes: Sequence[Mapping[str, Any]]) -> DegradationSpace:
        """The space that `to_list` wrote.

        Raises:
            DegcraftError: not a list, or what `Axis.from_dict` refuses.
        """
        if not isinstance(axes, Sequence) or isinstance(axes, str):
            raise DegcraftError(f"axes must be a list of axes, but got {type(axes).__name__}")
        return DegradationSpace(tuple(Axis.from_dict(axis) for axis in axes))


def check_weights(weights: ArrayLike, count: int) -> NDArray[np.float64]:
    """The weights as a float64 vector that sums to 1.

    Raises:
        DegcraftError: weights of the wrong length, negative, not finite, all zero, or of no finite sum.
    """
    vector = np.asarray(weights, dtype=np.float64)
    if vector.shape != (count,):
        raise DegcraftError(f"weights must have the shape ({count},), but got {vector.shape}")
    if not np.isfinite(vector).all() or (vector < 0).any():
        worst = vector[~np.isfinite(vector) | (vector < 0)][0]
        raise DegcraftError(f"weights must be finite and not negative, but got {worst}")
    with np.errstate(over="ignore"):
        total = vector.sum()
    if not 0 < total < np.inf:
        raise DegcraftError(f"weights must have a finite sum above 0, but got {total:g}")
    return vector / total


def check_box(box: Box) -> None:
    """Refuses a box with an unknown name, low > high, or a bound outside the parameter's legal range; both bounds may
    be its identity, and both must be the same choice.

    Raises:
        DegcraftError: naming the side.
    """
    if not box:
        raise DegcraftError("box must have at least one side, but got none")
    for name, (low, high) in box.items():
        known = find_parameter(name)
        if not (low <= high and known.is_legal(low) and known.is_legal(high)) or (low < high and known.choices):
            raise DegcraftError(
                f"box side {name} must be low <= high inside [{known.low:g}, {known.high:g}], but got [{low}, {high}]"
            )
    check_together(box)


PAPER_SPACE = DegradationSpace(
    (
        Axis("blur_sigma", 0.0, 5.0, 5),
        Axis("noise_level", 0.0, 50.0, 5),
        Axis("jpeg_quality", 30.0, 90.0, 3),
    )
)
"""The paper's space: 75 bins, row-major over (sigma, noise, quality)."""
