"""Clean crops that are used several times before they give way to new ones."""

import torch
from torch import Tensor

from degcraft.features.training.content import CleanContent
from degcraft.randomness import generator_of


class Reservoir:
    """Clean crops in memory, a few of which are replaced at each draw.

    Cropping, rescaling and drawing clean content costs more than degrading it, and one crop under many
    degradations is what a network needs to see that tells the degradation from the content. What is held at a
    step depends on the seed and the step alone, so that a training can go on after a stop, in any process.

    Args:
        content: Where new crops come from.
        side: Their side in pixels.
        capacity: How many are held; a multiple of `renewed`.
        renewed: How many are replaced per step.
        seed: Of all that is drawn.
    """

    def __init__(self, content: CleanContent, *, side: int, capacity: int, renewed: int, seed: int) -> None:
        self._content = content
        self._side = side
        self._renewed = renewed
        self._slots = capacity // renewed
        self._seed = seed
        self._crops = torch.empty(self._slots, renewed, 3, side, side, dtype=torch.uint8)
        self._held = [-1] * self._slots

    def batch(self, step: int, count: int) -> Tensor:
        """The crops of one step: (count, 3, side, side) float32 in [0, 1], none twice where there are enough."""
        for portion in range(step, step + self._slots):
            self._hold(portion)
        generator = generator_of(f"degcraft reservoir {self._seed} {step}")
        chosen = torch.randperm(self._slots * self._renewed, generator=generator)[:count]
        return self._crops.flatten(0, 1)[chosen].float().div_(255)

    def _hold(self, portion: int) -> None:
        slot = portion % self._slots
        if self._held[slot] == portion:
            return
        generator = generator_of(f"degcraft content {self._seed} {portion}")
        crops = self._content.batch(self._renewed, self._side, generator)
        self._crops[slot] = crops.mul(255).round().to(torch.uint8)
        self._held[slot] = portion
