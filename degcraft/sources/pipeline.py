"""What published pipelines have in common: numbers drawn per image, and a chain of steps that change its size."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from degcraft.degradation.degrading import check_clean
from degcraft.sources.drawing import Drawn, part_of
from degcraft.sources.ragged import Ragged, parts_of


class Pipeline(ABC):
    """A degradation source that draws, and then applies. Its knobs are its attributes."""

    name: ClassVar[str]

    def __init__(self, **knobs: Any) -> None:
        self.knobs: Mapping[str, Any] = knobs

    @abstractmethod
    def draw(self, n: int, scale: int, generator: torch.Generator) -> Drawn:
        """What is to be done to n images; what does not concern an image is drawn all the same."""

    @abstractmethod
    def apply(self, images: Ragged, drawn: Drawn, scale: int, generator: torch.Generator) -> Ragged:
        """Images, each at its size over the scale, not yet rounded to 8 bits."""

    @torch.no_grad()
    def degrade(self, hr: Tensor, scale: int, generator: torch.Generator) -> tuple[Tensor, None]:
        """See `DegradationSource.degrade`; what is done has no parameters that are axes.

        Raises:
            DegcraftError: what `degrade` refuses of clean images.
        """
        check_clean(hr, scale)
        lr = hr.new_empty(len(hr), 3, hr.shape[2] // scale, hr.shape[3] // scale)
        drawn = self.draw(len(hr), scale, generator)
        # Under autocast the products would run in 16 bits, which is coarser than the images' own steps.
        with torch.autocast(hr.device.type, enabled=False):
            for part in parts_of(len(hr), hr.device):
                made = self.apply(Ragged.of(hr[part]), part_of(drawn, part), scale, generator).pixels
                lr[part] = made[:, :, : lr.shape[2], : lr.shape[3]]
        return lr.mul_(255).round_().clamp_(0, 255).div_(255), None

    def describe(self) -> dict[str, Any]:
        """See `DegradationSource.describe`."""
        return {"kind": self.name, **self.knobs}
