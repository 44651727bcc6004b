"""Restoring an image of any size in tiles, so that memory depends on the tile and not on the image."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from degcraft.errors import DegcraftError

Progress = Callable[[int, int], None]

# Tiles start at multiples of this, because networks that fold pixels into channels or attend in windows
# treat an image differently when it is shifted by less.
ALIGNMENT = 8


def upscale(
    model: nn.Module,
    lr: Tensor,
    *,
    scale: int,
    tile: int | None = None,
    overlap: int = 16,
    device: str | torch.device | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """Restore one image or a batch of one size.

    Every tile reaches at least `overlap` pixels past the seam that it shares with its neighbour. The middle
    `overlap` pixels of what both see are blended linearly; the outer `overlap/2` pixels of each tile, where
    the missing surroundings are felt, are thrown away. So a convolutional network whose output pixel
    depends on input at most overlap/2 away gives what it would give on the whole image, and others are free
    of visible seams.

    Args:
        model: takes (B,3,h,w) in [0,1] and gives (B,3,h·scale,w·scale).
        lr: (3,h,w) or (B,3,h,w) in [0,1], on any device.
        scale: the factor of the network.
        tile: largest side in LR pixels that the network sees at once, its reach included; at least twice
            `overlap` plus 8. None: the whole image at once. An image smaller than a tile is one tile.
        overlap: LR pixels, 0 or more.
        device: where the network works; it is moved there. None: where its parameters lie.
        progress: called with (tiles done, tiles in all).

    Returns:
        (3,h·scale,w·scale) or (B,3,h·scale,w·scale), float32, clamped to [0,1], on the device of `lr`.

    Raises:
        DegcraftError: for another shape, an impossible tile, or a network of another scale.
    """
    if lr.ndim not in (3, 4) or lr.shape[-3] != 3 or 0 in lr.shape:
        raise DegcraftError(f"an image to upscale must have shape (3,h,w) or (B,3,h,w), not {tuple(lr.shape)}")
    if overlap < 0:
        raise DegcraftError(f"overlap must be 0 or more, but got {overlap}")
    if tile is not None and tile < 2 * overlap + ALIGNMENT:
        least = 2 * overlap + ALIGNMENT
        raise DegcraftError(f"tile must be at least {least} for an overlap of {overlap}, but got {tile}")
    if device is not None:
        model.to(device)
    target = next((p.device for p in model.parameters()), torch.device(device or "cpu"))
    batch = lr if lr.ndim == 4 else lr[None]
    rows = _tiles(batch.shape[-2], tile, overlap)
    columns = _tiles(batch.shape[-1], tile, overlap)
    row_weights = _weights(batch.shape[-2], rows, overlap, scale)
    column_weights = _weights(batch.shape[-1], columns, overlap, scale)

    result = torch.zeros(*batch.shape[:-2], batch.shape[-2] * scale, batch.shape[-1] * scale, device=lr.device)
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for i, (top, bottom) in enumerate(rows):
                for j, (left, right) in enumerate(columns):
                    sr = model(batch[..., top:bottom, left:right].to(target, torch.float32))
                    _check_size(sr, (bottom - top, right - left), scale)
                    weight = row_weights[i][:, None] * column_weights[j]
                    # Clamped before blending: a network that ends in a clamp of its own is treated alike.
                    part = sr.to(result).clamp(0, 1) * weight.to(result)
                    result[..., top * scale : bottom * scale, left * scale : right * scale] += part
                    if progress is not None:
                        progress(i * len(columns) + j + 1, len(rows) * len(columns))
    finally:
        model.train(was_training)
    # The weights of a pixel add up to 1 within rounding, which must not carry white past 1.
    result.clamp_(0, 1)
    return result if lr.ndim == 4 else result[0]


def _tiles(length: int, tile: int | None, overlap: int) -> list[tuple[int, int]]:
    """Spans of at most `tile` that cover [0, length), evenly laid, neighbours sharing at least 2·overlap."""
    if tile is None or length <= tile:
        return [(0, length)]
    longest_step = (tile - 2 * overlap) // ALIGNMENT * ALIGNMENT
    count = -(-(length - 2 * overlap) // longest_step)
    even_step = -(-(length - 2 * overlap) // (count * ALIGNMENT)) * ALIGNMENT
    step = min(even_step, longest_step)
    spans = []
    for start in range(0, length - 2 * overlap, step):
        spans.append((start, min(start + step + 2 * overlap, length)))
    return spans


def _weights(length: int, spans: list[tuple[int, int]], overlap: int, scale: int) -> list[Tensor]:
    """Each span's weights on its own SR pixels, which add up to 1 over the spans at every pixel.

    A seam lies in the middle of what two neighbours share, and a ramp of `overlap` LR pixels rises there
    from 0 to 1. A span weighs its left ramp minus its right one, so the sum telescopes.
    """
    centres = (torch.arange(length * scale, dtype=torch.float64) + 0.5) / scale
    ramps = [torch.ones_like(centres)]
    for (_, end), (start, _) in pairwise(spans):
        seam = (start + end) / 2
        if overlap:
            ramps.append(((centres - seam) / overlap + 0.5).clamp(0, 1))
        else:
            ramps.append((centres > seam).double())
    ramps.append(torch.zeros_like(centres))
    return [(ramps[i] - ramps[i + 1])[start * scale : end * scale].float() for i, (start, end) in enumerate(spans)]


def _check_size(sr: Tensor, size: tuple[int, int], scale: int) -> None:
    expected, found = (size[0] * scale, size[1] * scale), tuple(sr.shape[-2:])
    if found != expected:
        raise DegcraftError(f"a network of scale {scale} must turn {size} pixels into {expected}, but gave {found}")
