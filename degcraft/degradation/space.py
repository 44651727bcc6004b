"""The space of degradations, cut into bins (section 3.2 of the paper)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from degcraft.degradation.axis import Axis
from degcraft.degradation.operators import check_together, find_parameter
from degcraft.degradation.parameters import Degradation
from degcraft.errors import DegcraftError

Box = Mapping[str, tuple[float, float]]
"""Axis name → (low, high)."""


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
        return sample_box(self.bounds(index), n, generator)

    def sample(self, weights: ArrayLike, n: int, generator: torch.Generator) -> Degradation:
        """n degradations: a bin by weight, then uniformly inside it, on the generator's device.

        Args:
            weights: (n_bins,) not negative; they need not sum to 1.
            n: how many.
            generator: the only source of randomness.

        Raises:
            DegcraftError: weights of the wrong length, negative, not finite, or all zero.
        """
        return self.sample_checked(self.check_weights(weights), n, generator)

    def sample_checked(self, weights: NDArray[np.float64], n: int, generator: torch.Generator) -> Degradation:
        """`sample` for weights that `check_weights` returned."""
        device = generator.device
        uniform = torch.rand(len(self.axes) + 1, n, generator=generator, device=device, dtype=torch.float64)
        cumulative = torch.from_numpy(np.cumsum(weights)).to(device, non_blocking=True)
        # Bins of weight zero are never drawn: right=True steps over them, and the clamp ends at the last used
        # bin.
        bins = torch.searchsorted(cumulative, uniform[0] * cumulative[-1], right=True)
        bins = bins.clamp(max=int(np.flatnonzero(weights)[-1]))
        parameters = {}
        for axis, inside in zip(reversed(self.axes), uniform[1:], strict=True):
            low, high = torch.tensor(axis.cells, dtype=torch.float64, device=device)[bins % len(axis.cells)].unbind(1)
            bins = bins // len(axis.cells)
            parameters[axis.name] = _between(low, high, inside)
        return Degradation({axis.name: parameters[axis.name] for axis in self.axes})

    def check_weights(self, weights: ArrayLike) -> NDArray[np.float64]:
        """The weights as a float64 vector that sums to 1.

        Raises:
            DegcraftError: weights of the wrong length, negative, not finite, or all zero.
        """
        vector = np.asarray(weights, dtype=np.float64)
        if vector.shape != (self.n_bins,):
            raise DegcraftError(f"weights must have the shape ({self.n_bins},), but got {vector.shape}")
        if not np.isfinite(vector).all() or (vector < 0).any():
            worst = vector[~np.isfinite(vector) | (vector < 0)][0]
            raise DegcraftError(f"weights must be finite and not negative, but got {worst}")
        total = vector.sum()
        if total <= 0:
            raise DegcraftError("weights must not all be zero, but got a sum of 0")
        return vector / total

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
            share = _share(axis, low, high)
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
    def from_list(axes: Sequence[Mapping[str, Any]]) -> "DegradationSpace":
        """The space that `to_list` wrote.

        Raises:
            DegcraftError: not a list, or what `Axis.from_dict` refuses.
        """
        if not isinstance(axes, Sequence) or isinstance(axes, str):
            raise DegcraftError(f"axes must be a list of axes, but got {type(axes).__name__}")
        return DegradationSpace(tuple(Axis.from_dict(axis) for axis in axes))


def _share(axis: Axis, low: float, high: float) -> NDArray[np.float64]:
    """How much of [low, high] lies in each cell, not normalised."""
    if axis.choices:
        return np.array([low <= code <= high for code, _ in axis.cells], dtype=np.float64)
    edges, share = np.asarray(axis.edges), np.zeros(len(axis.cells))
    ranged = np.arange(len(axis.cells)) != axis.none_cell
    if low < high:
        share[ranged] = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None)
    elif axis.none_cell is not None and low == axis.cells[axis.none_cell][0]:
        share[axis.none_cell] = 1.0
    elif axis.low <= low <= axis.high:
        cell = min(int(np.searchsorted(edges, low, side="right")) - 1, axis.bins - 1)
        share[np.flatnonzero(ranged)[cell]] = 1.0
    return share


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


def sample_box(box: Box, n: int, generator: torch.Generator) -> Degradation:
    """n degradations drawn uniformly from a box, on the generator's device.

    Raises:
        DegcraftError: see `check_box`.
    """
    check_box(box)
    uniform = torch.rand(len(box), n, generator=generator, device=generator.device, dtype=torch.float64)
    return Degradation(
        {
            name: _between(torch.full_like(inside, low), torch.full_like(inside, high), inside)
            for (name, (low, high)), inside in zip(box.items(), uniform, strict=True)
        }
    )


def _between(low: torch.Tensor, high: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """float32 values from low to high; exactly low where both are equal, be it infinite."""
    drawn = torch.where(low == high, low, low + (high - low) * inside)
    return drawn.float().clamp(low.float(), high.float())


PAPER_SPACE = DegradationSpace(
    (
        Axis("blur_sigma", 0.0, 5.0, 5),
        Axis("noise_level", 0.0, 50.0, 5),
        Axis("jpeg_quality", 30.0, 90.0, 3),
    )
)
"""The paper's space: 75 bins, row-major over (sigma, noise, quality)."""
