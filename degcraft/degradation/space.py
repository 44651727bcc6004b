"""The space of degradations, cut into bins (section 3.2 of the paper)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from degcraft.degradation.operators import find_operator
from degcraft.degradation.parameters import Degradation
from degcraft.errors import DegcraftError

Box = Mapping[str, tuple[float, float]]
"""Axis name → (low, high)."""


@dataclass(frozen=True)
class Axis:
    """One degradation parameter with its range, cut into equal bins.

    Raises:
        DegcraftError: unknown name, low >= high, a bound outside the operator's legal range, fewer than one
            bin.
    """

    name: str
    low: float
    high: float
    bins: int

    def __post_init__(self) -> None:
        operator = find_operator(self.name)
        if not self.low < self.high:
            raise DegcraftError(f"axis {self.name}: low must be below high, but got [{self.low}, {self.high}]")
        if self.low < operator.low or self.high > operator.high:
            raise DegcraftError(
                f"axis {self.name}: the range must lie in [{operator.low:g}, {operator.high:g}], "
                f"but got [{self.low}, {self.high}]"
            )
        if isinstance(self.bins, bool) or not isinstance(self.bins, int) or self.bins < 1:
            raise DegcraftError(f"axis {self.name}: bins must be a whole number of at least 1, but got {self.bins}")

    @property
    def edges(self) -> tuple[float, ...]:
        """The bins + 1 boundaries, from low to high."""
        return tuple(np.linspace(self.low, self.high, self.bins + 1).tolist())


@dataclass(frozen=True)
class DegradationSpace:
    """The product of axes. Bins are numbered row-major: the last axis runs fastest.

    Raises:
        DegcraftError: no axis, or two axes of one name.
    """

    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", tuple(self.axes))
        names = [axis.name for axis in self.axes]
        if not names:
            raise DegcraftError("axes: a degradation space needs at least one axis, but got none")
        if len(set(names)) < len(names):
            raise DegcraftError(f"axes: every name may appear once, but got {', '.join(names)}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Bins per axis."""
        return tuple(axis.bins for axis in self.axes)

    @property
    def n_bins(self) -> int:
        """Bins in all."""
        return math.prod(self.shape)

    def bounds(self, index: int) -> dict[str, tuple[float, float]]:
        """The box of one bin: axis name → (low, high).

        Raises:
            DegcraftError: the index is not in 0 … n_bins - 1.
        """
        if not 0 <= index < self.n_bins:
            raise DegcraftError(f"bin index must lie in 0 … {self.n_bins - 1}, but got {index}")
        cells = np.unravel_index(index, self.shape)
        return {
            axis.name: (axis.edges[int(cell)], axis.edges[int(cell) + 1])
            for axis, cell in zip(self.axes, cells, strict=True)
        }

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
            cell = bins % axis.bins
            bins = bins // axis.bins
            step = (axis.high - axis.low) / axis.bins
            parameters[axis.name] = (axis.low + (cell + inside) * step).float().clamp(axis.low, axis.high)
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
            edges = np.asarray(axis.edges)
            if low == high:
                share = np.zeros(axis.bins)
                if axis.low <= low <= axis.high:
                    share[min(int(np.searchsorted(edges, low, side="right")) - 1, axis.bins - 1)] = 1.0
            else:
                share = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None)
            if share.sum() == 0:
                raise DegcraftError(
                    f"box must meet the space on axis {axis.name} [{axis.low:g}, {axis.high:g}], "
                    f"but got [{low:g}, {high:g}]"
                )
            shares = np.outer(shares, share / share.sum()).ravel()
        return shares / shares.sum()

    def to_list(self) -> list[dict[str, Any]]:
        """The axes for JSON: [{"name", "low", "high", "bins"}, …], in order."""
        return [asdict(axis) for axis in self.axes]

    @staticmethod
    def from_list(axes: Sequence[Mapping[str, Any]]) -> "DegradationSpace":
        """The space that `to_list` wrote.

        Raises:
            DegcraftError: not a list of mappings with exactly name, low, high and bins, or an invalid axis.
        """
        if not isinstance(axes, Sequence) or isinstance(axes, str):
            raise DegcraftError(f"axes must be a list of axes, but got {type(axes).__name__}")
        return DegradationSpace(tuple(_read_axis(axis) for axis in axes))


def _read_axis(axis: Any) -> Axis:
    fields = ("name", "low", "high", "bins")
    if not isinstance(axis, Mapping) or set(axis) != set(fields):
        raise DegcraftError(f"axes: every axis must have exactly the fields {', '.join(fields)}, but got {axis!r}")
    for bound in ("low", "high"):
        if isinstance(axis[bound], bool) or not isinstance(axis[bound], int | float):
            raise DegcraftError(f"axes: {bound} of {axis['name']!r} must be a number, but got {axis[bound]!r}")
    return Axis(axis["name"], float(axis["low"]), float(axis["high"]), axis["bins"])


def check_box(box: Box) -> None:
    """Refuses a box with an unknown name, low > high, or a bound outside the operator's legal range.

    Raises:
        DegcraftError: naming the side.
    """
    if not box:
        raise DegcraftError("box must have at least one side, but got none")
    for name, (low, high) in box.items():
        operator = find_operator(name)
        if not operator.low <= low <= high <= operator.high:
            raise DegcraftError(
                f"box side {name} must be low <= high inside [{operator.low:g}, {operator.high:g}], "
                f"but got [{low}, {high}]"
            )


def sample_box(box: Box, n: int, generator: torch.Generator) -> Degradation:
    """n degradations drawn uniformly from a box, on the generator's device.

    Raises:
        DegcraftError: see `check_box`.
    """
    check_box(box)
    uniform = torch.rand(len(box), n, generator=generator, device=generator.device, dtype=torch.float64)
    return Degradation(
        {
            name: (low + (high - low) * inside).float().clamp(low, high)
            for (name, (low, high)), inside in zip(box.items(), uniform, strict=True)
        }
    )


PAPER_SPACE = DegradationSpace(
    (
        Axis("blur_sigma", 0.0, 5.0, 5),
        Axis("noise_level", 0.0, 50.0, 5),
        Axis("jpeg_quality", 30.0, 90.0, 3),
    )
)
"""The paper's space: 75 bins, row-major over (sigma, noise, quality)."""
