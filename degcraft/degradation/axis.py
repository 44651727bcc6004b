"""One named parameter of the space, cut into cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from degcraft.degradation.operators import find_parameter
from degcraft.degradation.parameter import Parameter
from degcraft.errors import DegcraftError

_MOST_BINS = 1000
"""Of an axis: finer than anything tells apart, and few enough to be held."""
_REQUIRED, _OPTIONAL = ("name", "low", "high", "bins"), ("none", "cuts")
_OF_CHOICES = ("name", "choices")


@dataclass(frozen=True)
class Axis:
    """One degradation parameter: its range cut into bins, perhaps with images without it as one more, or choices.

    Raises:
        DegcraftError: unknown name, low >= high, a bound outside the parameter's legal range, fewer than one bin, cuts
            that do not rise from low to high, or a range of what is a choice.
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
    choices: tuple[str, ...] = ()
    """Of a parameter that is a choice: which, each with a cell of its own; see `of_choices`."""

    def __post_init__(self) -> None:
        known = self.parameter
        object.__setattr__(self, "cuts", tuple(self.cuts))
        object.__setattr__(self, "choices", tuple(self.choices))
        if known.choices:
            codes = [known.parse(one) for one in self.choices]
            if not codes or len(set(codes)) < len(codes) or (self.low, self.high) != (min(codes), max(codes)):
                raise DegcraftError(
                    f"axis {self.name}: must be a list of different choices out of {', '.join(known.choices)}, "
                    f"but got {', '.join(self.choices) or 'a range'}"
                )
            return
        if self.choices:
            raise DegcraftError(f"axis {self.name}: is a range of numbers, but got choices {', '.join(self.choices)}")
        if not self.low < self.high:
            raise DegcraftError(f"axis {self.name}: low must be below high, but got [{self.low}, {self.high}]")
        if self.low < known.low or self.high > known.high:
            raise DegcraftError(
                f"axis {self.name}: the range must lie in [{known.low:g}, {known.high:g}], "
                f"but got [{self.low}, {self.high}]"
            )
        if isinstance(self.bins, bool) or not isinstance(self.bins, int) or not 1 <= self.bins <= _MOST_BINS:
            raise DegcraftError(
                f"axis {self.name}: bins must be a whole number from 1 to {_MOST_BINS}, but got {self.bins}"
            )
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

    @classmethod
    def of_choices(cls, name: str, choices: Sequence[str]) -> Self:
        """An axis with a cell for each of these choices."""
        known = find_parameter(name)
        codes = [known.parse(one) for one in choices] if known.choices else []
        return cls(name, min(codes, default=0.0), max(codes, default=0.0), len(choices), choices=tuple(choices))

    @property
    def parameter(self) -> Parameter:
        """What the axis is of.

        Raises:
            DegcraftError: there is none of that name.
        """
        return find_parameter(self.name)

    @cached_property
    def edges(self) -> tuple[float, ...]:
        """The bins + 1 boundaries of the range, from low to high; of choices there are none."""
        if self.choices:
            return ()
        if self.cuts:
            return (self.low, *self.cuts, self.high)
        return tuple(np.linspace(self.low, self.high, self.bins + 1).tolist())

    @cached_property
    def cells(self) -> tuple[tuple[float, float], ...]:
        """(low, high) of every cell, mild or severe first as the values rise; that of none is (identity, identity) and
        stands where its value does: no noise before the least noise, no JPEG after the best quality. That of a choice
        is its number twice.
        """
        if self.choices:
            return tuple((code, code) for code in (self.parameter.parse(one) for one in self.choices))
        found = list(zip(self.edges[:-1], self.edges[1:], strict=True))
        if self.none:
            identity = self.parameter.identity
            found.insert(len(found) if identity >= self.high else 0, (identity, identity))
        return tuple(found)

    @property
    def none_cell(self) -> int | None:
        """Number of the cell of images without this degradation; None if there is no such cell."""
        if not self.none:
            return None
        return len(self.cells) - 1 if self.parameter.identity >= self.high else 0

    def cells_of(self, values: NDArray[np.floating]) -> NDArray[np.intp]:
        """The number of the cell of each value of the axis, in the same shape; on an edge the upper one."""
        if self.choices:
            codes = np.array([code for code, _ in self.cells])
            return np.asarray(np.abs(values[..., None] - codes).argmin(axis=-1), dtype=np.intp)
        found = np.searchsorted(np.asarray(self.edges[1:-1], dtype=values.dtype), values, side="right")
        if (none := self.none_cell) is not None:
            found = np.where(values == self.parameter.identity, none, found + (none == 0))
        return np.asarray(found, dtype=np.intp)

    def share(self, low: float, high: float) -> NDArray[np.float64]:
        """(cells,) how much of [low, high] lies in each cell, not normalised; a single value lies in one."""
        if self.choices:
            return np.array([low <= code <= high for code, _ in self.cells], dtype=np.float64)
        edges, share = np.asarray(self.edges), np.zeros(len(self.cells))
        ranged = np.arange(len(self.cells)) != self.none_cell
        if low < high:
            share[ranged] = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None)
        elif self.none_cell is not None and low == self.cells[self.none_cell][0]:
            share[self.none_cell] = 1.0
        elif self.low <= low <= self.high:
            cell = min(int(np.searchsorted(edges, low, side="right")) - 1, self.bins - 1)
            share[np.flatnonzero(ranged)[cell]] = 1.0
        return share

    def words(self, cell: int) -> str:
        """A cell for people: `30 to 50`, `none`, `lanczos`."""
        if self.choices:
            return self.choices[cell]
        low, high = self.cells[cell]
        return "none" if cell == self.none_cell else f"{low:g} to {high:g}"

    def span(self, first: int, last: int) -> str:
        """The cells from a first up to before a last, for people: `10 to 30 or none`, `area or lanczos`."""
        if self.choices:
            return " or ".join(self.choices[first:last])
        held = [cell for cell in range(first, last) if cell != self.none_cell]
        parts = [f"{self.cells[held[0]][0]:g} to {self.cells[held[-1]][1]:g}"] if held else []
        return " or ".join([*parts, *["none"] * (len(held) < last - first)])

    def __str__(self) -> str:
        """As `parse` takes it."""
        if self.choices:
            return f"{self.name}:{','.join(self.choices)}"
        kinds = f"{self.low:g}:{self.high:g}:{self.bins}" if not self.cuts else ",".join(f"{e:g}" for e in self.edges)
        return f"{self.name}:{kinds}" + (":none" if self.none else "")

    @classmethod
    def parse(cls, text: str) -> Self:
        """An axis out of NAME:LOW:HIGH:BINS or NAME:EDGE,EDGE,…, with :none behind it or not, or NAME:CHOICE,CHOICE,…

        Raises:
            DegcraftError: of another form, or not a valid axis.
        """
        name, *rest = text.split(":")
        if rest and find_parameter(name).choices:
            # A choice may have the colon in its own name: 4:2:0.
            return cls.of_choices(name, ":".join(rest).split(","))
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
        """For JSON: {"name", "low", "high", "bins"}, and "none" and "cuts" where they are not the default, or
        {"name", "choices"}.
        """
        if self.choices:
            return {"name": self.name, "choices": list(self.choices)}
        plain: dict[str, Any] = {"name": self.name, "low": self.low, "high": self.high, "bins": self.bins}
        return plain | ({"none": True} if self.none else {}) | ({"cuts": list(self.cuts)} if self.cuts else {})

    @classmethod
    def from_dict(cls, axis: Any) -> Self:
        """The axis that `to_dict` wrote.

        Raises:
            DegcraftError: no mapping with these fields, or an invalid axis.
        """
        if isinstance(axis, Mapping) and set(axis) == set(_OF_CHOICES):
            choices = axis["choices"]
            if not isinstance(choices, Sequence) or not all(isinstance(one, str) for one in choices):
                raise DegcraftError(f"axes: choices of {axis['name']!r} must be a list of names, but got {choices!r}")
            return cls.of_choices(axis["name"], list(choices))
        if not isinstance(axis, Mapping) or not set(_REQUIRED) <= set(axis) <= {*_REQUIRED, *_OPTIONAL}:
            raise DegcraftError(
                f"axes: every axis must have the fields {', '.join(_REQUIRED)}, and may have "
                f"{' and '.join(_OPTIONAL)}, or have {' and '.join(_OF_CHOICES)}, but got {axis!r}"
            )
        none, cuts = axis.get("none", False), axis.get("cuts", ())
        if not isinstance(none, bool) or not isinstance(cuts, Sequence) or isinstance(cuts, str):
            raise DegcraftError(f"axes: none must be true or false and cuts a list of numbers, but got {axis!r}")
        for name, value in (("low", axis["low"]), ("high", axis["high"]), *(("cuts", cut) for cut in cuts)):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise DegcraftError(f"axes: {name} of {axis['name']!r} must be a number, but got {value!r}")
        low, high = float(axis["low"]), float(axis["high"])
        return cls(axis["name"], low, high, axis["bins"], none, tuple(float(cut) for cut in cuts))
