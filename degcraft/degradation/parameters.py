"""The parameters of a batch of degradations: one number per image and axis."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from degcraft.degradation.operators import find_parameter
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

NO_JPEG = math.inf
"""The JPEG quality that means that an image is not compressed at all."""


@dataclass(frozen=True)
class Degradation:
    """What is done to each image of a batch; a parameter that is absent is at its identity.

    Raises:
        DegcraftError: an unknown axis, tensors that are not one-dimensional or differ in length, or a value
            outside the axis' legal range (checked for tensors on the CPU only: elsewhere it would stall the
            device).
    """

    parameters: Mapping[str, Tensor] = field(default_factory=dict)
    """Axis name → (B,) float tensor, in the unit of the axis. JPEG quality may be `NO_JPEG`."""

    def __post_init__(self) -> None:
        lengths = set()
        for name, values in self.parameters.items():
            known = find_parameter(name)
            if values.ndim != 1:
                raise DegcraftError(f"parameter {name} must have the shape (B,), but got {tuple(values.shape)}")
            lengths.add(len(values))
            if values.device.type != "cpu" or not len(values):
                continue
            legal = ((values >= known.low) & (values <= known.high)) | (values == known.identity)
            if known.choices:
                legal &= values == values.floor()
            if not bool(legal.all()):
                worst = float(values[~legal][0])
                raise DegcraftError(f"parameter {name} must lie in [{known.low:g}, {known.high:g}], but got {worst:g}")
        if len(lengths) > 1:
            raise DegcraftError(f"parameters of one batch must have one length, but got {sorted(lengths)}")

    def __len__(self) -> int:
        """Images in the batch; 0 when there are no parameters, which fits a batch of any size."""
        return next((len(values) for values in self.parameters.values()), 0)

    def get(self, name: str) -> Tensor | None:
        """The (B,) values of an axis, or None where the axis is absent."""
        return self.parameters.get(name)

    def to(self, device: torch.device | str) -> Degradation:
        """The same degradation with its tensors on `device`."""
        moved = {name: values.to(device, non_blocking=True) for name, values in self.parameters.items()}
        return Degradation(moved)

    def __getitem__(self, part: slice | Tensor) -> Degradation:
        """The degradation of some of the images: a slice, or a tensor of indices or booleans."""
        return Degradation({name: values[part] for name, values in self.parameters.items()})

    def rows(self) -> list[dict[str, float]]:
        """One mapping of axis name → value per image, for tables and CSV files."""
        columns = {name: values.tolist() for name, values in self.parameters.items()}
        return [{name: column[i] for name, column in columns.items()} for i in range(len(self))]
