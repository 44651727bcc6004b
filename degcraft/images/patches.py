"""Cutting square patches out of image files, never resizing them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from degcraft.errors import DegcraftError
from degcraft.images.blocks import find_block_grid
from degcraft.images.folder import in_threads
from degcraft.images.pixels import hash_pixels
from degcraft.images.reading import image_size, read_rgb8


@dataclass(frozen=True, eq=False)
class Patches:
    """Square patches and where they were cut."""

    pixels: Tensor
    """(n, 3, size, size) uint8."""
    files: tuple[str, ...]
    """The n file paths the patches come from."""

    def __len__(self) -> int:
        return len(self.files)

    @cached_property
    def content_hash(self) -> str:
        """Of the pixels and their order."""
        return hash_pixels(self.pixels.numpy())

    def names(self) -> tuple[str, ...]:
        """(n,) the files as people call them: less the folder that is common to all."""
        folder = os.path.commonpath([os.path.dirname(file) for file in self.files]) if self.files else ""
        return tuple(os.path.relpath(file, folder) if folder else file for file in self.files)

    def images(self) -> Tensor:
        """(n, 3, size, size) float32 in [0, 1]."""
        return self.pixels.float().div_(255)


JPEG_GRID = 16
"""Pixels between the corners of JPEG's units of 4:2:0 chroma, twice those of its blocks."""


def cut_patches(
    files: Sequence[str | Path], *, size: int, count: int, seed: int, on_jpeg_blocks: bool = False
) -> Patches:
    """Cut `count` patches of size × size at random places, spread as evenly over the files as they allow.

    Patches of one image do not overlap while `count` can be had that way; beyond that any two may share up to
    half of their area, and where even so fewer than `count` fit, as many as fit are cut: `len` tells. Patches
    are ordered by file. The same arguments give the same patches.

    Args:
        files: Images.
        size: Side of the patches in pixels.
        count: How many.
        seed: Of the places.
        on_jpeg_blocks: Patches begin where a block of JPEG does, as an image that was compressed whole, also in files
            that were cut after they were compressed (`find_block_grid`); for images that may have been compressed.

    Raises:
        DegcraftError: no files, size or count under 1, an unreadable file, or one smaller than `size`.
    """
    if size < 1 or count < 1 or not files:
        raise DegcraftError(
            f"cutting patches needs a size, a count and files, at least 1 of each, but got size {size}, "
            f"count {count}, {len(files)} files"
        )
    paths = [Path(file) for file in files]
    sizes = [image_size(path) for path in paths]
    for path, (height, width) in zip(paths, sizes, strict=True):
        if min(height, width) < size:
            raise DegcraftError(f"{path}: must be at least {size}x{size} pixels, but is {width}x{height}")

    random = np.random.default_rng(seed)
    grid, origins = 1, [(0, 0)] * len(paths)
    if on_jpeg_blocks:
        grid = JPEG_GRID
        origins = in_threads(lambda file: _first_block(*file, size), list(zip(paths, sizes, strict=True)))
    places_of = [
        ((height - top - size) // grid + 1, (width - left - size) // grid + 1)
        for (height, width), (top, left) in zip(sizes, origins, strict=True)
    ]
    whole, half = -(-size // grid), -(-((size + 1) // 2) // grid)  # steps, in units of the grid and rounded up
    apart, overlapping = (
        np.array([_fitting(h, step) * _fitting(w, step) for h, w in places_of]) for step in (whole, half)
    )
    shares = _share_out(count, apart, random)
    shares += _share_out(count - int(shares.sum()), overlapping - shares, random)

    places = []
    for (top, left), (rows, columns), share, room in zip(origins, places_of, shares, apart, strict=True):
        lattice = _lattice(rows, columns, whole if share <= room else half, random)
        chosen_here = (lattice[i] for i in random.permutation(len(lattice))[:share])
        places.append(sorted((top + y * grid, left + x * grid) for y, x in chosen_here))
    chosen = [(path, spots) for path, spots in zip(paths, places, strict=True) if spots]

    def cut(one: tuple[Path, list[tuple[int, int]]]) -> np.ndarray:
        path, spots = one
        image = read_rgb8(path)
        return np.stack([image[:, y : y + size, x : x + size] for y, x in spots])

    pixels = np.concatenate(in_threads(cut, chosen))
    names = tuple(str(path) for path, spots in chosen for _ in spots)
    return Patches(torch.from_numpy(pixels), names)


def _first_block(path: Path, side: tuple[int, int], size: int) -> tuple[int, int]:
    """Where the file's first whole block begins, or its own corner where no patch fits beside what was cut off."""
    top, left = find_block_grid(read_rgb8(path))
    return (top if side[0] - top >= size else 0, left if side[1] - left >= size else 0)


def _fitting(places: int, step: int) -> int:
    """How many of so many places in a row can be taken when they must lie at least `step` apart."""
    return (places - 1) // step + 1


def _lattice(rows: int, columns: int, step: int, random: np.random.Generator) -> list[tuple[int, int]]:
    """Places (row, column) of a full set of patches whose rows, and within a row columns, lie >= step apart."""

    def starts(places: int) -> list[int]:
        number = _fitting(places, step)
        slack = places - 1 - (number - 1) * step
        gaps = np.sort(random.integers(0, slack + 1, number))
        return [i * step + int(gap) for i, gap in enumerate(gaps)]

    return [(row, column) for row in starts(rows) for column in starts(columns)]


def _share_out(count: int, room: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Give each file the same number up to its room; a remainder goes to files drawn at random."""
    shares = np.zeros_like(room)
    while (left := count - int(shares.sum())) > 0 and (open_ := np.flatnonzero(shares < room)).size:
        if left < open_.size:
            shares[random.permutation(open_)[:left]] += 1
        else:
            shares[open_] = np.minimum(room[open_], shares[open_] + left // open_.size)
    return shares
