"""What degnet and dasr are trained on before it is degraded: clean photographs and dead leaves, mixed."""

import itertools
import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from degcraft.encoders.dead_leaves import Pixels, draw_dead_leaves
from degcraft.errors import DegcraftError
from degcraft.images.pool import HrPool

RESCALING = (0.6, 1.7)
"""Photographs are enlarged or reduced by up to this, so that how sharp a camera draws tells nothing."""
_GROUP = 4
"""Photographs that are rescaled together, by one factor."""


class CleanContent:
    """Endless clean images: crops of photographs, a share of them rescaled, and dead leaves.

    Dead leaves are drawn into a reservoir larger than the crops. Every crop of it has a place, a pose, an
    order of the channels and a tone curve of its own, and after every `uses` crops one image is drawn anew, so
    that drawing costs little. Image number k of the reservoir follows from `seed` and k alone: `state_dict` is
    one number, and a resumed run goes on with the very images it would have seen.
    """

    def __init__(
        self,
        pool: HrPool | None,
        *,
        leaves_share: float = 0.3,
        rescale: float = 0.5,
        reservoir: int = 64,
        reservoir_side: int = 512,
        uses: int = 100,
        seed: int = 0,
    ) -> None:
        """
        Args:
            pool: the photographs, or None for dead leaves alone.
            leaves_share: share of dead leaves in a batch, 0 to 1; without a pool it is 1.
            rescale: share of the photographs that are rescaled, 0 to 1.
            reservoir: dead-leaves images held.
            reservoir_side: their side, the largest that can be asked for.
            uses: crops that are cut before the oldest image of the reservoir is replaced.
            seed: of the dead leaves.

        Raises:
            DegcraftError: a share outside 0 to 1, or an empty reservoir.
        """
        for name, share in (("leaves_share", leaves_share), ("rescale", rescale)):
            if not 0 <= share <= 1:
                raise DegcraftError(f"{name} must lie in [0, 1], but got {share}")
        for name, number, least in (
            ("reservoir", reservoir, 1),
            ("reservoir_side", reservoir_side, 16),
            ("uses", uses, 1),
        ):
            if number < least:
                raise DegcraftError(f"{name} must be at least {least}, but got {number}")
        self.pool = pool
        self.leaves_share = 1.0 if pool is None else leaves_share
        self.rescale = rescale
        self._capacity = reservoir
        self._side = reservoir_side
        self._uses = uses
        self._seed = seed
        self._cut = 0
        self._drawn: dict[int, tuple[int, Pixels]] = {}

    def batch(self, count: int, side: int, generator: torch.Generator) -> Tensor:
        """Draw images in random order.

        Args:
            count: how many.
            side: their height and width in pixels, at most the smallest photograph's and `reservoir_side`.
            generator: of everything but the drawing of the dead leaves.

        Returns:
            (count,3,side,side) float32 in [0,1] on the CPU.

        Raises:
            DegcraftError: a count below 1, or a side that the photographs or the reservoir cannot give.
        """
        if count < 1:
            raise DegcraftError(f"a batch of clean images must hold at least 1, but got {count}")
        leaves = self._share(self.leaves_share, count, generator)
        order = torch.randperm(count, generator=generator, device=generator.device).cpu()
        images = torch.empty(count, 3, side, side)
        self._put_leaves(images, order[:leaves].tolist(), generator)
        self._put_photographs(images, order[leaves:], generator)
        return images

    def state_dict(self) -> dict[str, Any]:
        """Where the reservoir stands: plain numbers."""
        return {"cut": self._cut, "seed": self._seed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from where `state_dict` was taken, in an object made with the same arguments."""
        self._cut, self._seed = int(state["cut"]), int(state["seed"])
        self._drawn.clear()

    @staticmethod
    def _share(share: float, count: int, generator: torch.Generator) -> int:
        """share · count, rounded up or down at random so that it is right on average."""
        return math.floor(
            share * count + torch.rand((), generator=generator, device=generator.device).item() * 0.999999
        )

    def _put_photographs(self, images: Tensor, places: Tensor, generator: torch.Generator) -> None:
        """Fills those places of the batch (B,3,side,side)."""
        if self.pool is None or not len(places):
            return
        side = images.shape[2]
        smallest = min(min(array.shape[1:]) for array in self.pool.arrays)
        if side > smallest:
            raise DegcraftError(f"side must be at most the smallest photograph's {smallest}, but got {side}")
        rescaled = self._share(self.rescale, len(places), generator)
        if rescaled < len(places):
            images[places[rescaled:]] = self.pool.crop_batch(len(places) - rescaled, side, generator)
        for group in places[:rescaled].split(_GROUP):
            # Uniform in the logarithm: halving is as likely as doubling.
            low, high = (math.log(bound) for bound in RESCALING)
            factor = math.exp(low + (high - low) * torch.rand((), generator=generator, device=generator.device).item())
            window = min(round(side / factor), smallest)
            crops = self.pool.crop_batch(len(group), window, generator)
            # Whole levels are resized several times faster than floats, and are all that the files held.
            levels = crops.mul_(255).round_().to(torch.uint8).contiguous(memory_format=torch.channels_last)
            resized = F.interpolate(levels, size=(side, side), mode="bicubic", antialias=True)
            images[group] = resized.to(torch.float32, memory_format=torch.contiguous_format).div_(255)

    def _put_leaves(self, images: Tensor, places: list[int], generator: torch.Generator) -> None:
        """Fills those places of the batch (B,3,side,side)."""
        side = images.shape[2]
        if places and side > self._side:
            raise DegcraftError(f"side must be at most the reservoir's {self._side}, but got {side}")
        # One draw each: reservoir image, y, x, pose, order of the channels, gamma, contrast.
        draws = torch.rand(len(places), 7, generator=generator, device=generator.device, dtype=torch.float64).tolist()
        for place, (pick, v, u, pose, order, gamma, contrast) in zip(places, draws, strict=True):
            image = self._reservoir_image(int(pick * self._capacity))
            y, x = (int(start * (self._side - side + 1)) for start in (v, u))
            window = _posed(image[:, y : y + side, x : x + side], int(pose * 8))
            images[place] = torch.from_numpy(_recoloured(window, int(order * 6), gamma, contrast))
            self._cut += 1

    def _reservoir_image(self, slot: int) -> Pixels:
        """The image in a slot: (3, side, side) uint8, drawn when it is first needed.

        Slot s holds the newest image whose number is s modulo the capacity; the numbers in the reservoir are
        `renewed` … `renewed + capacity - 1`.
        """
        renewed = self._cut // self._uses
        number = renewed + (slot - renewed) % self._capacity
        held = self._drawn.get(slot)
        if held is None or held[0] != number:
            random = np.random.default_rng((self._seed, number))
            held = number, np.ascontiguousarray(draw_dead_leaves(self._side, random).transpose(2, 0, 1))
            self._drawn[slot] = held
        return held[1]


def _posed(window: Pixels, pose: int) -> Pixels:
    """One of the eight flips and turns."""
    if pose & 1:
        window = window[:, ::-1]
    if pose & 2:
        window = window[:, :, ::-1]
    return window.transpose(0, 2, 1) if pose & 4 else window


_ORDERS = [list(order) for order in itertools.permutations(range(3))]
_LEVELS = np.linspace(0, 1, 256)


def _recoloured(window: Pixels, order: int, gamma: float, contrast: float) -> NDArray[np.float32]:
    """(3,h,w) float32 in [0,1], whole levels: channels in another order under another tone curve.

    `gamma` and `contrast`, both in [0,1), stand for a gamma of 0.6 to 1.7 and for 40 to 100 % of the range.
    """
    curve = _LEVELS ** (0.6 * (1.7 / 0.6) ** gamma) * (0.4 + 0.6 * contrast)
    levels = (np.rint(curve * 255) / 255).astype(np.float32)
    return np.take(levels, window[_ORDERS[order]])
