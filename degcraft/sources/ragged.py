"""A batch in which every image has a size of its own, and what pipelines do to it on the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from degcraft.degradation.jpeg import compressed
from degcraft.degradation.resampling import convolve, mirrored, window

RESIZINGS = ("area", "bilinear", "bicubic", "average")
"""What `resized` counts through: the area that a pixel covers, and kernels that are not widened where an image is made
smaller, as OpenCV has them; and the plain average of all pixels that it touches, which is what PyTorch calls area."""
OPENCV = tuple(map(RESIZINGS.index, ("area", "bilinear", "bicubic")))
PYTORCH = tuple(map(RESIZINGS.index, ("average", "bilinear", "bicubic")))
"""The three that pipelines draw from."""
_TOUCHED = 1e-9
"""Of a pixel: less is rounding."""
_OVERSHOOT = -0.75
"""a of Keys (1981), as OpenCV and torch have it."""


@dataclass(frozen=True)
class Ragged:
    """Images in the upper left corners of equally large canvases; the rest of a canvas is finite, and nothing."""

    pixels: Tensor
    """(B,3,H,W) float32 RGB."""
    heights: Tensor
    """(B,) whole numbers from 1 to H, on the CPU."""
    widths: Tensor
    """(B,) from 1 to W, on the CPU."""

    @classmethod
    def of(cls, images: Tensor) -> "Ragged":
        """Images (B,3,H,W) that fill their canvases."""
        batch, _, height, width = images.shape
        return cls(images, torch.full((batch,), height), torch.full((batch,), width))

    def holding(self, pixels: Tensor) -> "Ragged":
        """Others of the same sizes."""
        return Ragged(pixels, self.heights, self.widths)

    def __getitem__(self, places: Tensor) -> "Ragged":
        """Some of the images, by (n,) indices on the CPU."""
        return Ragged(self.pixels[places.to(self.pixels.device)], self.heights[places], self.widths[places])

    def with_others(self, places: Tensor, others: "Ragged") -> "Ragged":
        """These, but `others` at (n,) ascending places; canvases grow to what both need."""
        if len(places) == len(self.pixels):
            return others
        size = [max(sides) for sides in zip(self.pixels.shape[2:], others.pixels.shape[2:], strict=True)]
        pixels = self.pixels.new_zeros(len(self.pixels), 3, *size)
        for at, one in ((torch.arange(len(pixels)), self), (places, others)):
            pixels[at.to(pixels.device), :, : one.pixels.shape[2], : one.pixels.shape[3]] = one.pixels
        heights, widths = self.heights.clone(), self.widths.clone()
        heights[places], widths[places] = others.heights, others.widths
        return Ragged(pixels, heights, widths)

    def edged(self) -> Tensor:
        """(B,3,H,W) with the edge of each image repeated on the rest of its canvas."""
        rows, columns = (
            torch.minimum(torch.arange(side)[None], sides[:, None] - 1).to(self.pixels.device)
            for side, sides in zip(self.pixels.shape[2:], (self.heights, self.widths), strict=True)
        )
        return window(self.pixels, rows, columns)


def blurred(images: Ragged, kernels: Tensor) -> Ragged:
    """y ⊗ k, one kernel per image, (B, 2r+1, 2r+1) symmetric about their middle; borders are mirrored, not clipped."""
    device, reach = images.pixels.device, kernels.shape[1] // 2
    rows, columns = (
        mirrored(sides[:, None], torch.arange(-reach, side + reach)).to(device)
        for side, sides in zip(images.pixels.shape[2:], (images.heights, images.widths), strict=True)
    )
    return images.holding(convolve(window(images.pixels, rows, columns), kernels.to(device)))


def resized(images: Ragged, heights: Tensor, widths: Tensor, kinds: Tensor) -> Ragged:
    """Every image at a size of its own.

    Args:
        images: B of them.
        heights, widths: (B,) whole numbers of at least 1.
        kinds: (B,) which of `RESIZINGS`.

    Returns:
        Images that are not clipped, each with its edge repeated on the rest of its canvas.
    """
    device = images.pixels.device
    down = resizing_matrices(images.heights, heights, kinds, images.pixels.shape[2]).to(device)
    across = resizing_matrices(images.widths, widths, kinds, images.pixels.shape[3]).to(device)
    return Ragged(applied(down, images.pixels, across), heights, widths)


def resizing_matrices(sizes: Tensor, wanted: Tensor, kinds: Tensor, columns: int) -> Tensor:
    """What resizing does to lines, as matrices: (B, the most wanted, columns) float32, every row summing to 1.

    Args:
        sizes: (B,) pixels of each line.
        wanted: (B,) pixels of it afterwards.
        kinds: (B,) which of `RESIZINGS`.
        columns: Pixels of the canvas.
    """
    rows = torch.arange(int(wanted.max()))[None].minimum(wanted[:, None] - 1).double()
    step, last = (sizes.double() / wanted)[:, None], sizes[:, None] - 1
    at = torch.arange(columns)
    covered = torch.minimum((rows + 1)[..., None] * step[..., None], at + 1.0)
    covered = (covered - torch.maximum(rows[..., None] * step[..., None], at.double())).clamp_min(0)

    centre = (rows + 0.5) * step - 0.5
    first = torch.floor(centre)
    part = centre - first
    bicubic = (kinds == RESIZINGS.index("bicubic"))[:, None]
    sampled = torch.zeros_like(covered)
    for tap in range(-1, 3):
        distance = (part - tap).abs()
        share = torch.where(bicubic, _keys(distance), (1 - distance).clamp_min(0))
        place = torch.minimum((first + tap).long().clamp_min(0), last)
        sampled.scatter_add_(2, place[..., None], share[..., None])
    touched = (covered > _TOUCHED).double()
    matrices = sampled
    for name, shares in (("area", covered), ("average", touched)):
        matrices = torch.where((kinds == RESIZINGS.index(name))[:, None, None], shares, matrices)
    return (matrices / matrices.sum(dim=2, keepdim=True)).float()


def _keys(x: Tensor) -> Tensor:
    near = ((_OVERSHOOT + 2) * x - (_OVERSHOOT + 3)) * x * x + 1
    far = ((_OVERSHOOT * x - 5 * _OVERSHOOT) * x + 8 * _OVERSHOOT) * x - 4 * _OVERSHOOT
    return torch.where(x <= 1, near, torch.where(x < 2, far, 0.0))


def applied(down: Tensor, pixels: Tensor, across: Tensor) -> Tensor:
    """A y Bᵀ for (B,h,H), (B,3,H,W) and (B,w,W)."""
    return down[:, None] @ pixels @ across[:, None].transpose(2, 3)


def through_jpeg(images: Ragged, quality: Tensor) -> Ragged:
    """JPEG (4:2:0) of (B,) qualities; inf leaves an image as it is, the others are clipped and have 8 bits."""
    return images.holding(compressed(images.edged(), quality.to(images.pixels.device), "4:2:0"))


def clipped(images: Ragged) -> Ragged:
    """Within [0,1]."""
    return images.holding(images.pixels.clamp(0, 1))


def parts_of(count: int, device: torch.device) -> Sequence[slice]:
    """How a batch is best worked on: at once, but on a CPU image by image, so that no canvas is larger than its own."""
    bounds = range(count + 1) if device.type == "cpu" else (0, count)
    return [slice(first, last) for first, last in pairwise(bounds)]
