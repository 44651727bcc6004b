"""What degnet is trained on before it is degraded: clean photographs and dead leaves, mixed."""

import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.features.training.dead_leaves import Pixels, draw_dead_leaves
from degcraft.features.training.defocus import out_of_focus
from degcraft.images.pool import HrPool

RESCALING = (0.6, 1.7)
"""Photographs are enlarged or reduced by up to this, so that how sharp a camera draws tells nothing."""
_GROUP = 4
"""Photographs that are rescaled together, by one factor."""


class CleanContent:
    """Endless clean images: crops of photographs, a share of them rescaled, and dead leaves; some out of focus.

    The dead leaves are crops of a stock of larger images, each of which is drawn when it is first needed and
    kept. Every crop has a place, a pose, an order of the channels and a tone curve of its own, so a few hundred
    images never look alike and drawing them costs little. Nothing is remembered that matters: what a batch
    holds follows from the arguments and the generator alone.
    """

    def __init__(
        self,
        pool: HrPool | None,
        *,
        leaves_share: float = 0.3,
        rescale: float = 0.5,
        defocus: float = 0.3,
        stock: int = 160,
        stock_side: int = 512,
        seed: int = 0,
    ) -> None:
        """
        Args:
            pool: the photographs, or None for dead leaves alone.
            leaves_share: share of dead leaves in a batch, 0 to 1; without a pool it is 1.
            rescale: share of the photographs that are rescaled, 0 to 1.
            defocus: share of a batch that is wholly or in part out of focus, 0 to 1.
            stock: dead-leaves images there are.
            stock_side: their side, the largest that can be asked for; three bytes per pixel are kept.
            seed: of the dead leaves.

        Raises:
            DegcraftError: a share outside 0 to 1, an empty stock, or a negative seed.
        """
        for name, share in (("leaves_share", leaves_share), ("rescale", rescale), ("defocus", defocus)):
            if not 0 <= share <= 1:
                raise DegcraftError(f"{name} must lie in [0, 1], but got {share}")
        for name, number, least in (("stock", stock, 1), ("stock_side", stock_side, 16), ("seed", seed, 0)):
            if number < least:
                raise DegcraftError(f"{name} must be at least {least}, but got {number}")
        self.pool = pool
        self.leaves_share = 1.0 if pool is None else leaves_share
        self.rescale = rescale
        self.defocus = defocus
        self._stock = stock
        self._stock_side = stock_side
        self._seed = seed
        self._drawn: dict[int, Pixels] = {}

    def batch(self, count: int, side: int, generator: torch.Generator) -> Tensor:
        """Draw images in random order.

        Args:
            count: how many.
            side: their height and width in pixels, at most the smallest photograph's and `stock_side`.
            generator: of all that is drawn, on any device.

        Returns:
            (count,3,side,side) float32 in [0,1] on the CPU.

        Raises:
            DegcraftError: a count below 1, or a side that the photographs or the stock cannot give.
        """
        if count < 1:
            raise DegcraftError(f"a batch of clean images must hold at least 1, but got {count}")
        leaves = self._share(self.leaves_share, count, generator)
        order = torch.randperm(count, generator=generator, device=generator.device).cpu()
        images = torch.empty(count, 3, side, side)
        self._put_leaves(images, order[:leaves].tolist(), generator)
        self._put_photographs(images, order[leaves:], generator)
        # The order is random already.
        if self.defocus and (blurred := self._share(self.defocus, count, generator)):
            images[:blurred] = out_of_focus(images[:blurred], generator)
        return images

    @staticmethod
    def _share(share: float, count: int, generator: torch.Generator) -> int:
        """share · count, rounded up or down at random so that it is right on average."""
        return math.floor(share * count + torch.rand((), generator=generator, device=generator.device).item())

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
        if places and side > self._stock_side:
            raise DegcraftError(f"side must be at most the stock's {self._stock_side}, but got {side}")
        # One draw each: image of the stock, y, x, pose, order of the channels, gamma, contrast.
        draws = torch.rand(len(places), 7, generator=generator, device=generator.device, dtype=torch.float64).tolist()
        for place, (pick, v, u, pose, order, gamma, contrast) in zip(places, draws, strict=True):
            image = self._leaves(int(pick * self._stock))
            y, x = (int(start * (self._stock_side - side + 1)) for start in (v, u))
            window = _posed(image[:, y : y + side, x : x + side], int(pose * 8))
            images[place] = torch.from_numpy(_recoloured(window, int(order * 6), gamma, contrast))

    def _leaves(self, number: int) -> Pixels:
        """One image of the stock: (3, side, side) uint8."""
        if number not in self._drawn:
            random = np.random.default_rng((self._seed, number))
            self._drawn[number] = np.ascontiguousarray(draw_dead_leaves(self._stock_side, random).transpose(2, 0, 1))
        return self._drawn[number]


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
