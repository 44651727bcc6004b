"""The network behind the `degnet` features: what an image's degradation is, as a distribution per axis.

Everything it reads is local: a few convolutions at half the image's resolution and below, beside the histogram
of the blocks that JPEG works in. Each axis attends to the places that tell of it, an edge for the blur, a flat spot
for the noise, and gives a probability for every cell of a grid of values.
"""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from degcraft.features.block_histogram import BLOCK, LENGTH, block_histogram
from degcraft.features.degnet_grids import GRIDS

_HEADS = 4


class DegNet(nn.Module):
    """Distributions over the degradation of each image.

    Args:
        axes: Of `GRIDS`, those that it tells.
        channels: Of the four stages of convolutions, at 1/2, 1/4, 1/4 and 1/8 of the image's sides.
        block_features: Read from the histogram of JPEG's blocks.
        hidden: Features per axis from which its distribution is read.
    """

    minimum_side = 16
    """Shortest image side in pixels: two blocks."""

    def __init__(
        self,
        axes: Sequence[str] = tuple(GRIDS),
        channels: tuple[int, int, int, int] = (32, 64, 96, 128),
        block_features: int = 128,
        hidden: int = 64,
    ) -> None:
        super().__init__()
        self.axes = tuple(axes)
        first, second, third, last = channels
        self.body = nn.Sequential(
            nn.PixelUnshuffle(2),
            *_convolution(12, first),
            *_convolution(first, second, stride=2),
            *_convolution(second, third),
            *_convolution(third, last, stride=2),
            *_convolution(last, last),
        )
        self.blocks = nn.Sequential(
            nn.Linear(LENGTH, block_features),
            nn.BatchNorm1d(block_features),
            nn.ReLU(),
            nn.Linear(block_features, block_features),
            nn.ReLU(),
        )
        self.attention = nn.ModuleDict({axis: nn.Conv2d(last, _HEADS, 1) for axis in axes})
        width = last * (_HEADS + 2) + block_features
        self.read = nn.ModuleDict(
            {axis: nn.Sequential(nn.Linear(width, 128), nn.ReLU(), nn.Linear(128, hidden), nn.ReLU()) for axis in axes}
        )
        self.decide = nn.ModuleDict({axis: nn.Linear(hidden, len(GRIDS[axis])) for axis in axes})

    @property
    def grids(self) -> dict[str, Tensor]:
        """The values that the cells of each axis stand for, float32 (cells,)."""
        return {axis: torch.tensor(GRIDS[axis]) for axis in self.axes}

    def train(self, mode: bool = True) -> Self:
        """See `torch.nn.Module.train`; statistics of a part whose weights are held fixed stay as they are."""
        super().train(mode)
        for part in (self.body, self.blocks):
            if not any(weights.requires_grad for weights in part.parameters()):
                part.eval()
        return self

    def forward(self, lr: Tensor) -> dict[str, Tensor]:
        """Logits per axis.

        Args:
            lr: (B, 3, h, w) float in [0, 1], h and w at least `minimum_side`. What a side has beyond a multiple
                of 8 is left out, and blocks are taken to begin in the upper left corner.

        Returns:
            (B, cells) for each axis of `grids`.
        """
        height, width = (side // BLOCK * BLOCK for side in lr.shape[2:])
        images = lr[:, :, :height, :width]
        blocks = self.blocks(block_histogram(images))
        places = self.body((images - 0.5) * 4)
        attentions = {axis: self.attention[axis](places).flatten(2).softmax(dim=2) for axis in self.axes}
        places = places.flatten(2)
        spread = (places.var(dim=2, correction=0) + 1e-4).sqrt()
        overall = torch.cat([places.mean(dim=2), spread, blocks], dim=1)
        logits = {}
        for axis, attention in attentions.items():
            attended = torch.einsum("bkp,bcp->bkc", attention, places).flatten(1)
            logits[axis] = self.decide[axis](self.read[axis](torch.cat([attended, overall], dim=1)))
        return logits

    @torch.no_grad()
    def posteriors(self, lr: Tensor) -> dict[str, Tensor]:
        """Probabilities of the cells per axis, each (B, cells) and summing to 1; arguments as for `forward`."""
        return {axis: logits.softmax(dim=1) for axis, logits in self(lr).items()}


def _convolution(inputs: int, outputs: int, *, stride: int = 1) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
