"""What a trainer draws its low-resolution images from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degcraft.degradation.blocks import Blocks
from degcraft.degradation.degrading import degrade
from degcraft.degradation.operators import find_parameter
from degcraft.degradation.parameters import Degradation
from degcraft.degradation.sampling import sample_box
from degcraft.degradation.space import Box, DegradationSpace, check_box, check_weights
from degcraft.errors import DegcraftError


@runtime_checkable
class DegradationSource(Protocol):
    """Anything that makes low-resolution images from clean ones."""

    def degrade(self, hr: Tensor, scale: int, generator: torch.Generator) -> tuple[Tensor, Degradation | None]:
        """(B,3,H,W) float32 in [0,1] → (B,3,H/scale,W/scale) on the same device, and what was done to each
        image.

        The second part is None for a source whose degradation has no parameters.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """What the source is, as plain JSON, for logs and provenance."""
        ...


@dataclass(frozen=True, eq=False)
class SpaceSource:
    """Blocks of bins drawn by weight, degradations drawn uniformly inside one of their bins.

    Raises:
        DegcraftError: weights that do not fit the blocks, see `check_weights`.
    """

    space: DegradationSpace
    weights: NDArray[np.float64]
    """(K,), normalised to sum to 1."""
    blocks: Blocks | None = None
    """K of them; the bins of the space, row-major, if None."""

    def __post_init__(self) -> None:
        count = self.space.n_bins if self.blocks is None else len(self.blocks)
        object.__setattr__(self, "weights", check_weights(self.weights, count))

    def draw(self, n: int, generator: torch.Generator) -> Degradation:
        """What is done to each of n images, on the generator's device."""
        return (self.blocks or self.space.each_bin).sample(self.weights, n, generator)

    def degrade(self, hr: Tensor, scale: int, generator: torch.Generator) -> tuple[Tensor, Degradation]:
        """See `DegradationSource.degrade`; there always is a second part."""
        degradation = self.draw(len(hr), generator)
        return degrade(hr, degradation, scale, generator), degradation

    def describe(self) -> dict[str, Any]:
        """See `DegradationSource.describe`."""
        return {
            "kind": "space",
            "axes": self.space.to_list(),
            "weights": self.weights.tolist(),
            **({} if self.blocks is None else {"blocks": self.blocks.cells.tolist()}),
        }


@dataclass(frozen=True)
class BoxSource:
    """Degradations drawn uniformly from a box; a side of zero width fixes its parameter.

    Raises:
        DegcraftError: an invalid box, see `check_box`.
    """

    box: Box

    def __post_init__(self) -> None:
        check_box(self.box)

    def degrade(self, hr: Tensor, scale: int, generator: torch.Generator) -> tuple[Tensor, Degradation]:
        """See `DegradationSource.degrade`; there always is a second part."""
        degradation = sample_box(self.box, len(hr), generator)
        return degrade(hr, degradation, scale, generator), degradation

    def describe(self) -> dict[str, Any]:
        """See `DegradationSource.describe`."""
        return {
            "kind": "box",
            "box": {name: list(bounds) for name, bounds in self.box.items()},
        }


@dataclass(frozen=True, eq=False)
class ListedSource:
    """Degradations drawn from a list: what is done together on one image stays together.

    A batch that is no longer than the list holds no row twice.

    Raises:
        DegcraftError: no row, or an invalid degradation.
    """

    parameters: Mapping[str, Tensor]
    """Axis name → (k,) values."""

    def __post_init__(self) -> None:
        if not len(Degradation(self.parameters)):
            raise DegcraftError("a list of degradations must have at least one row, but got none")

    @classmethod
    def of(cls, columns: Any) -> Self:
        """The list that `describe` says the parameters of.

        Raises:
            DegcraftError: not a mapping of axis names to lists of numbers and nulls, or an invalid list.
        """
        numbers = isinstance(columns, Mapping) and all(
            isinstance(column, list)
            and all(
                value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in column
            )
            for column in columns.values()
        )
        if not numbers:
            raise DegcraftError("a list of degradations must map every axis to its values, null where it does nothing")
        identities = {name: find_parameter(name).identity for name in columns}
        return cls({
            name: torch.tensor([identities[name] if value is None else float(value) for value in column])
            for name, column in columns.items()
        })  # fmt: skip

    def draw(self, n: int, generator: torch.Generator) -> Degradation:
        """What is done to each of n images, on the generator's device."""
        listed = Degradation(self.parameters).to(generator.device)
        turns = -(-n // len(listed))
        rows = [torch.randperm(len(listed), generator=generator, device=generator.device) for _ in range(turns)]
        return listed[torch.cat([*rows, torch.empty(0, dtype=torch.long)])[:n]]

    def degrade(self, hr: Tensor, scale: int, generator: torch.Generator) -> tuple[Tensor, Degradation]:
        """See `DegradationSource.degrade`; there always is a second part."""
        degradation = self.draw(len(hr), generator)
        return degrade(hr, degradation, scale, generator), degradation

    def describe(self) -> dict[str, Any]:
        """See `DegradationSource.describe`; an axis that is not applied to an image is null there."""
        columns = {
            name: [None if value == find_parameter(name).identity else value for value in values.tolist()]
            for name, values in self.parameters.items()
        }
        return {"kind": "list", "parameters": columns}
