"""Cutting square patches out of image files, never resizing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from degcraft.errors import DegcraftError
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

    def images(self) -> Tensor:
        """(n, 3, size, size) float32 in [0, 1]."""
        return self.pixels.float().div_(255)


def cut_patches(files: Sequence[str | Path], *, size: int, count: int, seed: int) -> Patches:
    """Cut `count` patches of size × size at random places, spread as evenly over the files as they allow.

    Patches of one image do not overlap while `count` can be had that way; beyond that any two may share up to
    half of their area, and where even so fewer than `count` fit, as many as fit are cut: `len` tells. Patches
    are ordered by file. The same files, size, count and seed give the same patches.

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
    apart = np.array([_fitting(h, size, size) * _fitting(w, size, size) for h, w in sizes])
    half = (size + 1) // 2
    overlapping = np.array([_fitting(h, size, half) * _fitting(w, size, half) for h, w in sizes])
    shares = _share_out(count, apart, random)
    shares += _share_out(count - int(shares.sum()), overlapping - shares, random)

    places = []
    for (height, width), share, room in zip(sizes, shares, apart, strict=True):
        lattice = _lattice(height, width, size, size if share <= room else half, random)
        places.append(sorted(lattice[i] for i in random.permutation(len(lattice))[:share]))
    chosen = [(path, spots) for path, spots in zip(paths, places, strict=True) if spots]

    def cut(one: tuple[Path, list[tuple[int, int]]]) -> np.ndarray:
        path, spots = one
        image = read_rgb8(path)
        return np.stack([image[:, y : y + size, x : x + size] for y, x in spots])

    pixels = np.concatenate(in_threads(cut, chosen))
    names = tuple(str(path) for path, spots in chosen for _ in spots)
    return Patches(torch.from_numpy(pixels), names)


def _fitting(length: int, size: int, step: int) -> int:
    """How many intervals of `size` fit into `length` when their starts lie at least `step` apart."""
    return (length - size) // step + 1


def _lattice(height: int, width: int, size: int, step: int, random: np.random.Generator) -> list[tuple[int, int]]:
    """Corners (y, x) of a full set of patches whose rows, and within a row columns, start >= step apart."""

    def starts(length: int) -> list[int]:
        number = _fitting(length, size, step)
        slack = length - size - (number - 1) * step
        gaps = np.sort(random.integers(0, slack + 1, number))
        return [i * step + int(gap) for i, gap in enumerate(gaps)]

    return [(y, x) for y in starts(height) for x in starts(width)]


def _share_out(count: int, room: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Give each file the same number up to its room; a remainder goes to files drawn at random."""
    shares = np.zeros_like(room)
    while (left := count - int(shares.sum())) > 0 and (open_ := np.flatnonzero(shares < room)).size:
        if left < open_.size:
            shares[random.permutation(open_)[:left]] += 1
        else:
            shares[open_] = np.minimum(room[open_], shares[open_] + left // open_.size)
    return shares
