"""The reservoir of clean images that training crops are drawn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.images.folder import in_threads
from degcraft.images.pixels import hash_hashes, hash_pixels
from degcraft.images.reading import image_size, read_rgb8


class HrPool:
    """Clean images held in memory as 8-bit pixels, and random crops of them.

    The arrays are only read, so a pool can be rebuilt from them (`HrPool(pool.arrays)`) around memory that is
    shared between processes.
    """

    def __init__(self, arrays: Sequence[np.ndarray], note: str = "") -> None:
        """
        Args:
            arrays: at least one uint8 (3, H, W); they may be read-only.
            note: what was left out when the files were read, '' if nothing.

        Raises:
            DegcraftError: no arrays, or one of another type or shape.
        """
        if not arrays:
            raise DegcraftError("a pool of training images needs at least 1 image, but got none")
        for index, array in enumerate(arrays):
            if array.dtype != np.uint8 or array.ndim != 3 or array.shape[0] != 3 or 0 in array.shape:
                raise DegcraftError(
                    f"training image {index} must be uint8 (3, H, W), but is {array.dtype} {array.shape}"
                )
        self.arrays = list(arrays)
        self.note = note
        self._cumulative_area = np.cumsum([a.shape[1] * a.shape[2] for a in self.arrays])

    @classmethod
    def from_files(
        cls, files: Sequence[str | Path], *, min_side: int, memory_limit: int = 4 << 30, seed: int = 0
    ) -> HrPool:
        """Read image files; beyond `memory_limit` bytes keep a random window of each instead of all of it.

        The windows have the same share of every image's area and its shape, but no side under `min_side`;
        where even those would not fit, a random part of the files is left out. `note` says what was done.

        Args:
            files: each at least `min_side` high and wide.
            min_side: the largest crop that will be asked for.
            memory_limit: bytes of 8-bit pixels, 4 GiB by default.
            seed: of the windows.

        Raises:
            DegcraftError: no files, an unreadable or too small file, nothing but flat colours, or a limit under one
                smallest window.
        """
        paths = [Path(file) for file in files]
        sizes = [image_size(path) for path in paths]
        for path, (height, width) in zip(paths, sizes, strict=True):
            if min(height, width) < min_side:
                raise DegcraftError(f"{path}: must be at least {min_side}x{min_side} pixels, but is {width}x{height}")
        kept, windows, note = _plan_windows(sizes, min_side, memory_limit, np.random.default_rng(seed))

        def read(index: int) -> np.ndarray:
            y, x, height, width = windows[index]
            image = read_rgb8(paths[index])
            if image.shape[1:] == (height, width):
                return image
            return image[:, y : y + height, x : x + width].copy()

        pool = cls(in_threads(read, kept), note)
        if all((array == array[:, :1, :1]).all() for array in pool.arrays):
            raise DegcraftError(f"{paths[0]}: images must show something to learn from, but all are of one flat colour")
        return pool

    def __len__(self) -> int:
        return len(self.arrays)

    @property
    def nbytes(self) -> int:
        """Bytes of pixels held."""
        return sum(array.nbytes for array in self.arrays)

    @cached_property
    def content_hash(self) -> str:
        """Of the pixels held and their order."""
        return hash_hashes([hash_pixels(array) for array in self.arrays])

    def crop_batch(
        self, batch: int, size: int, generator: torch.Generator, *, poses: bool = True, grid: int = 1
    ) -> Tensor:
        """Draw crops, each flipped and transposed at random: all eight poses are equally likely.

        An image is drawn with a probability proportional to its area, with replacement, and a place in it
        uniformly.

        Args:
            batch: number of crops.
            size: their side in pixels, no more than the smallest image's.
            generator: where the draws come from, on any device.
            poses: whether to turn them at all; what has a direction of its own is lost by it.
            grid: rows and columns that crops begin at are multiples of it.

        Returns:
            (batch, 3, size, size) float32 in [0, 1] on the CPU.

        Raises:
            DegcraftError: an image is smaller than `size`.
        """
        smallest = min(min(array.shape[1:]) for array in self.arrays)
        if size > smallest:
            raise DegcraftError(f"crops of {size}x{size} need images of that side, but one has {smallest}")
        device = generator.device
        draws = torch.rand(batch, 3, generator=generator, device=device, dtype=torch.float64).cpu().numpy()
        turned = torch.randint(8, (batch,), generator=generator, device=device).tolist()
        targets = draws[:, 0] * self._cumulative_area[-1]
        images = np.searchsorted(self._cumulative_area, targets, side="right")
        crops = np.empty((batch, 3, size, size), np.uint8)
        for crop, index, (_, v, u), pose in zip(crops, images, draws, turned if poses else [0] * batch, strict=True):
            image = self.arrays[index]
            y = int(v * ((image.shape[1] - size) // grid + 1)) * grid
            x = int(u * ((image.shape[2] - size) // grid + 1)) * grid
            window = image[:, y : y + size, x : x + size]
            if pose & 1:
                window = window[:, ::-1]
            if pose & 2:
                window = window[:, :, ::-1]
            if pose & 4:
                window = window.transpose(0, 2, 1)
            crop[...] = window
        return torch.from_numpy(crops).float().div_(255)


def _plan_windows(
    sizes: list[tuple[int, int]], min_side: int, memory_limit: int, random: np.random.Generator
) -> tuple[list[int], list[tuple[int, int, int, int]], str]:
    """Which images to read, a window (y, x, height, width) of each of all images, and the note on it."""
    total = sum(3 * height * width for height, width in sizes)
    kept = list(range(len(sizes)))
    if total <= memory_limit:
        return kept, [(0, 0, height, width) for height, width in sizes], ""

    smallest = 3 * min_side * min_side
    if memory_limit < smallest:
        raise DegcraftError(
            f"the memory limit of the training images must hold one crop of {min_side}x{min_side} "
            f"({smallest} bytes), but is {memory_limit} bytes"
        )
    if len(kept) * smallest > memory_limit:
        kept = sorted(int(i) for i in random.permutation(len(sizes))[: memory_limit // smallest])

    def shrunk(scale: float) -> list[tuple[int, int]]:
        return [(max(min_side, int(h * scale)), max(min_side, int(w * scale))) for h, w in sizes]

    def needed(scale: float) -> int:
        return sum(3 * height * width for height, width in (shrunk(scale)[i] for i in kept))

    # Sides held at min_side make the need a clipped function of the scale, so it is bisected.
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if needed(middle) <= memory_limit else (low, middle)
    windows = [
        (int(random.integers(0, h - wh + 1)), int(random.integers(0, w - ww + 1)), wh, ww)
        for (h, w), (wh, ww) in zip(sizes, shrunk(low), strict=True)
    ]
    held = needed(low)
    note = (
        f"{total / 2**20:.0f} MiB of training images exceed the limit of {memory_limit / 2**20:.0f} MiB: "
        f"kept a random window of each ({math.floor(100 * held / total)}% of the pixels)"
    )
    if len(kept) < len(sizes):
        note += f" of {len(kept)} of the {len(sizes)} files"
    return kept, windows, note
