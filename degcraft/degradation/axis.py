"""One named parameter of the space, cut into cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from degcraft.degradation.operators import find_operator
from degcraft.errors import DegcraftError

_REQUIRED, _OPTIONAL = ("name", "low", "high", "bins"), ("none", "cuts")


@dataclass(frozen=True)
class Axis:
    """One degradation parameter with its range, cut into bins, and perhaps images without it as one more.

    Raises:
        DegcraftError: unknown name, low >= high, a bound outside the operator's legal range, fewer than one
            bin, or cuts that do not rise from low to high.
    """

    name: str
    low: float
    high: float
    bins: int
    """Parts that the range is cut into."""
    none: bool = False
    """Whether one more cell holds the images that this is not done to: no noise, no JPEG."""
    cuts: tuple[float, ...] = ()
    """Where the range is cut, bins - 1 values; equally wide bins if empty."""

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
        object.__setattr__(self, "cuts", tuple(self.cuts))
        edges = (self.low, *self.cuts, self.high)
        if self.cuts and (len(edges) != self.bins + 1 or not all(np.diff(edges) > 0)):
            raise DegcraftError(
                f"axis {self.name}: cuts must be {self.bins - 1} rising values between {self.low:g} and "
                f"{self.high:g}, but got {list(self.cuts)}"
            )

    @classmethod
    def of_edges(cls, name: str, edges: Sequence[float], *, none: bool = False) -> Self:
        """An axis with a bin from each of two or more rising edges to the next."""
        if len(edges) < 2:
            raise DegcraftError(f"axis {name}: edges must be at least 2 rising values, but got {list(edges)}")
        return cls(name, edges[0], edges[-1], len(edges) - 1, none=none, cuts=tuple(edges[1:-1]))

    @cached_property
    def edges(self) -> tuple[float, ...]:
        """The bins + 1 boundaries, from low to high."""
        if self.cuts:
            return (self.low, *self.cuts, self.high)
        return tuple(np.linspace(self.low, self.high, self.bins + 1).tolist())

    @cached_property
    def cells(self) -> tuple[tuple[float, float], ...]:
        """(low, high) of every cell, mild or severe first as the values rise; that of none is (identity, identity) and
        stands where its value does: no noise before the least noise, no JPEG after the best quality.
        """
        found = list(zip(self.edges[:-1], self.edges[1:], strict=True))
        if self.none:
            identity = find_operator(self.name).identity
            found.insert(len(found) if identity >= self.high else 0, (identity, identity))
        return tuple(found)

    @property
    def none_cell(self) -> int | None:
        """Number of the cell of images without this degradation; None if there is no such cell."""
        if not self.none:
            return None
        return len(self.cells) - 1 if find_operator(self.name).identity >= self.high else 0

    def words(self, cell: int) -> str:
        """A cell for people: `30 to 50`, or `none`."""
        low, high = self.cells[cell]
        return "none" if cell == self.none_cell else f"{low:g} to {high:g}"

    def __str__(self) -> str:
        """As `parse` takes it."""
        kinds = f"{self.low:g}:{self.high:g}:{self.bins}" if not self.cuts else ",".join(f"{e:g}" for e in self.edges)
        return f"{self.name}:{kinds}" + (":none" if self.none else "")

    @classmethod
    def parse(cls, text: str) -> Self:
        """An axis out of NAME:LOW:HIGH:BINS or NAME:EDGE,EDGE,…, with :none behind it or not.

        Raises:
            DegcraftError: of another form, or not a valid axis.
        """
        name, *rest = text.split(":")
        none = rest[-1:] == ["none"]
        rest = rest[:-1] if none else rest
        try:
            if len(rest) == 1:
                edges = [float(edge) for edge in rest[0].split(",")]
            else:
                low, high, bins = float(rest[0]), float(rest[1]), int(rest[2])
                edges = []
                if len(rest) > 3:
                    raise ValueError
        except (ValueError, IndexError):
            raise DegcraftError(
                f"must be NAME:LOW:HIGH:BINS such as blur_sigma:0:3:6, or NAME:EDGE,EDGE,… for unequal bins, "
                f"with :none behind it or not, but got {text!r}"
            ) from None
        return cls.of_edges(name, edges, none=none) if edges else cls(name, low, high, bins, none)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: {"name", "low", "high", "bins"}, and "none" and "cuts" where they are not the default."""
        plain: dict[str, Any] = {"name": self.name, "low": self.low, "high": self.high, "bins": self.bins}
        return plain | ({"none": True} if self.none else {}) | ({"cuts": list(self.cuts)} if self.cuts else {})

    @classmethod
    def from_dict(cls, axis: Any) -> Self:
        """The axis that `to_dict` wrote.

        Raises:
            DegcraftError: no mapping with these fields, or an invalid axis.
        """
        if not isinstance(axis, Mapping) or not set(_REQUIRED) <= set(axis) <= {*_REQUIRED, *_OPTIONAL}:
            raise DegcraftError(
                f"axes: every axis must have the fields {', '.join(_REQUIRED)}, and may have "
                f"{' and '.join(_OPTIONAL)}, but got {axis!r}"
            )
        none, cuts = axis.get("none", False), axis.get("cuts", ())
        if not isinstance(none, bool) or not isinstance(cuts, Sequence) or isinstance(cuts, str):
            raise DegcraftError(f"axes: none must be true or false and cuts a list of numbers, but got {axis!r}")
        for name, value in (("low", axis["low"]), ("high", axis["high"]), *(("cuts", cut) for cut in cuts)):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise DegcraftError(f"axes: {name} of {axis['name']!r} must be a number, but got {value!r}")
        low, high = float(axis["low"]), float(axis["high"])
        return cls(axis["name"], low, high, axis["bins"], none, tuple(float(cut) for cut in cuts))
