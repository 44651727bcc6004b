"""What may stand behind a learned degradation: JPEG, which kernels and noise cannot say."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from degcraft.degradation import NO_JPEG, CraftedDistribution, Degradation, check_box, degrade
from degcraft.errors import DegcraftError
from degcraft.knobs import is_number

AXIS = "jpeg_quality"
_MOST_RANGES = 1000


@dataclass(frozen=True)
class Compression:
    """JPEG of a quality that is drawn for each image: a range by its weight, then uniformly inside it.

    Raises:
        DegcraftError: no range, one outside 1 to 100, or weights that are negative or all zero.
    """

    ranges: tuple[tuple[float, float, float], ...]
    """(lowest quality, highest quality, weight); both qualities infinite where images are not compressed."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.ranges) <= _MOST_RANGES:
            raise DegcraftError(f"compression must have 1 to {_MOST_RANGES} ranges, but got {len(self.ranges)}")
        for low, high, weight in self.ranges:
            check_box({AXIS: (low, high)})
            if not is_number(weight) or weight < 0:
                raise DegcraftError(f"compression: weights must be numbers of at least 0, but got {weight!r}")
        if not sum(weight for *_, weight in self.ranges) > 0:
            raise DegcraftError("compression: weights must not all be zero")

    @classmethod
    def fixed(cls, quality: float) -> "Compression":
        """All images alike."""
        return cls(((quality, quality, 1.0),))

    @classmethod
    def of_crafted(cls, crafted: CraftedDistribution) -> "Compression":
        """The qualities of a crafted distribution, whatever their blur and noise.

        Raises:
            DegcraftError: its space has no such axis.
        """
        names = [axis.name for axis in crafted.space.axes]
        if AXIS not in names:
            raise DegcraftError(f"compression needs a distribution with the axis {AXIS}, but it has {', '.join(names)}")
        place = names.index(AXIS)
        others = tuple(index for index in range(len(names)) if index != place)
        shares = crafted.weights.reshape(crafted.space.shape).sum(axis=others)
        cells = crafted.space.axes[place].cells
        return cls(tuple((low, high, float(share)) for (low, high), share in zip(cells, shares, strict=True)))

    @classmethod
    def parse(cls, text: str) -> "Compression":
        """A libjpeg quality, or the file of a crafted distribution.

        Raises:
            DegcraftError: no such quality, or a file that is none.
        """
        return cls.fixed(int(text)) if text.isdecimal() else cls.of_crafted(CraftedDistribution.load(text))

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """(count,) qualities on the generator's device."""
        low, high, weight = torch.tensor(self.ranges, dtype=torch.float64, device=generator.device).unbind(1)
        chosen = torch.multinomial(weight, count, replacement=True, generator=generator)
        inside = torch.rand(count, generator=generator, device=generator.device, dtype=torch.float64)
        low, high = low[chosen], high[chosen]
        return torch.where(low == high, low, low + (high - low) * inside).float()

    def to_list(self) -> list[list[float | None]]:
        """For JSON, where no compression is null."""
        return [[None if end == NO_JPEG else end for end in one] for one in self.ranges]

    @classmethod
    def from_list(cls, ranges: Any) -> "Compression":
        """What `to_list` wrote.

        Raises:
            DegcraftError: anything else.
        """
        if not isinstance(ranges, Sequence) or isinstance(ranges, str | Mapping):
            raise DegcraftError(f"compression must be a list of ranges, but got {ranges!r}")
        read = []
        for one in ranges:
            if not isinstance(one, Sequence) or len(one) != 3 or not all(end is None or is_number(end) for end in one):
                raise DegcraftError(f"compression: a range must be two qualities and a weight, but got {one!r}")
            low, high, weight = (math.inf if end is None else float(end) for end in one)
            read.append((low, high, weight))
        return cls(tuple(read))


def compressed(images: Tensor, quality: Tensor) -> Tensor:
    """(B,3,h,w) of 8-bit values in [0,1] as they come out of JPEG files, (B,) qualities; gradients are cut off."""
    return degrade(images.detach(), Degradation({AXIS: quality}), 1, torch.Generator())
