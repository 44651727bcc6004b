"""Numbers per image, for pipelines."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

Drawn = Mapping[str, Tensor]
"""Name → a number per image (B,), or several (B, …), on the CPU."""


class Drawing:
    """Draws n numbers at a time, one per image, on the generator's device, and hands them out on the CPU.

    What is done to an image decides its size, which the CPU must know.
    """

    def __init__(self, n: int, generator: torch.Generator) -> None:
        self.n, self._generator = n, generator

    def uniform(self, low: float, high: float, *more: int) -> Tensor:
        """(n, *more) float32 from low to high."""
        drawn = torch.rand(self.n, *more, generator=self._generator, device=self._generator.device)
        return (low + (high - low) * drawn).cpu()

    def chance(self, probability: float) -> Tensor:
        """(n,) booleans, true with that probability."""
        return self.uniform(0, 1) < probability

    def whole(self, low: float, high: float) -> Tensor:
        """(n,) whole numbers, low and high among them."""
        return torch.floor(self.uniform(math.ceil(low), math.floor(high) + 1)).long().clamp_max(math.floor(high))

    def choice(self, shares: Sequence[float]) -> Tensor:
        """(n,) places in `shares`, as often as they say."""
        ends = torch.cumsum(torch.tensor(shares, dtype=torch.float64), 0)
        return torch.searchsorted(ends / ends[-1], self.uniform(0, 1).double(), right=True).clamp_max(len(shares) - 1)

    def one_of(self, values: Sequence[int]) -> Tensor:
        """(n,) of some whole numbers, each as often."""
        return torch.tensor(values)[self.whole(0, len(values) - 1)]

    def around_one(self, low: float, high: float) -> Tensor:
        """(n,) below 1 in half the cases, above it in the others, uniform in either; low <= 1 <= high."""
        return torch.where(self.chance(0.5), self.uniform(low, 1), self.uniform(1, high))

    def order(self, items: int) -> Tensor:
        """(n, items) permutations of 0 … items - 1."""
        return self.uniform(0, 1, items).argsort(dim=1)


def part_of(drawn: Drawn, part: slice) -> dict[str, Tensor]:
    """What was drawn for some of the images."""
    return {name: values[part] for name, values in drawn.items()}
