"""Restoring an image of any size in tiles, so that memory depends on the tile and not on the image."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn

from degcraft.errors import DegcraftError

Progress = Callable[[int, int], None]

# Tiles start at multiples of this, because networks that fold pixels into channels or attend in windows
# treat an image differently when it is shifted by less.
ALIGNMENT = 8


@dataclass(frozen=True)
class Part:
    """A finished piece of a restored image."""

    rows: slice
    """Where it lies in the restored image."""

    columns: slice

    sr: Tensor
    """(B,3,rows,columns), float32 in [0,1]."""


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
    of visible seams. A grey image stays grey: its channels are averaged, since networks trained on colours tint it.

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
    parts = upscaled_parts(model, lr, scale=scale, tile=tile, overlap=overlap, device=device, progress=progress)
    first = next(parts)
    size = (lr.shape[-2] * scale, lr.shape[-1] * scale)
    result = first.sr
    if result.shape[-2:] != size:
        result = torch.empty(*first.sr.shape[:-2], *size, device=lr.device)
    for part in chain([first], parts):
        if part.sr is not result:
            result[..., part.rows, part.columns] = part.sr
    return result if lr.ndim == 4 else result[0]


def upscaled_parts(
    model: nn.Module,
    lr: Tensor,
    *,
    scale: int,
    tile: int | None = None,
    overlap: int = 16,
    device: str | torch.device | None = None,
    progress: Progress | None = None,
) -> Generator[Part, None, None]:
    """What `upscale` gives, part after part as each is done, for who has not the room for all of it at once.

    What is held at a time is one tile, and one band of tiles along the image's shorter side. The model is in
    evaluation mode until the last part is taken.

    Args:
        lr: as `upscale` takes it, like all else. The parts have shape (B,3,…).

    Raises:
        DegcraftError: as `upscale`, when the first part is asked for.
    """
    _check(lr, tile, overlap)
    batch = lr if lr.ndim == 4 else lr[None]
    if device is not None:
        model.to(device)
    target = next((p.device for p in model.parameters()), torch.device(device or "cpu"))
    wide = batch.shape[-1] > batch.shape[-2]

    def upright(image: Tensor) -> Tensor:
        """Turned so that bands are rows of tiles along the shorter side; turned again it is as it was."""
        return image.transpose(-1, -2) if wide else image

    standing = upright(batch)
    grey = (batch == batch[:, :1]).flatten(1).all(dim=1)
    rows = _tiles(standing.shape[-2], tile, overlap)
    columns = _tiles(standing.shape[-1], tile, overlap)
    across = slice(0, standing.shape[-1] * scale)

    was_training = model.training
    model.eval()
    try:
        left_over = torch.zeros(*batch.shape[:-2], 0, across.stop, device=lr.device)
        for i, (top, bottom) in enumerate(rows):
            band = torch.zeros(*batch.shape[:-2], (bottom - top) * scale, across.stop, device=lr.device)
            band[..., : left_over.shape[-2], :] = left_over
            for j, (left, right) in enumerate(columns):
                seen = upright(standing[..., top:bottom, left:right])
                with torch.inference_mode():
                    sr = model(seen.to(target, torch.float32))
                    _check_size(sr, (seen.shape[-2], seen.shape[-1]), scale)
                    weight = _weight(rows, i, overlap, scale)[:, None] * _weight(columns, j, overlap, scale)
                    # Clamped before blending: a network that ends in a clamp of its own is treated alike.
                    band[..., left * scale : right * scale] += upright(sr).to(band).clamp(0, 1) * weight.to(band)
                if progress is not None:
                    progress(i * len(columns) + j + 1, len(rows) * len(columns))
            ends = rows[i + 1][0] if i + 1 < len(rows) else bottom
            done, left_over = band.split([(ends - top) * scale, (bottom - ends) * scale], dim=-2)
            # The weights of a pixel add up to 1 within rounding, which must not carry white past 1.
            done = upright(done).clamp_(0, 1)
            done[grey] = done[grey].mean(dim=1, keepdim=True)
            down = slice(top * scale, ends * scale)
            yield Part(across, down, done) if wide else Part(down, across, done)
    finally:
        model.train(was_training)


def _check(lr: Tensor, tile: int | None, overlap: int) -> None:
    if lr.ndim not in (3, 4) or lr.shape[-3] != 3 or 0 in lr.shape:
        raise DegcraftError(f"an image to upscale must have shape (3,h,w) or (B,3,h,w), not {tuple(lr.shape)}")
    if overlap < 0:
        raise DegcraftError(f"overlap must be 0 or more, but got {overlap}")
    if tile is not None and tile < 2 * overlap + ALIGNMENT:
        least = 2 * overlap + ALIGNMENT
        raise DegcraftError(f"tile must be at least {least} for an overlap of {overlap}, but got {tile}")


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


def _weight(spans: list[tuple[int, int]], place: int, overlap: int, scale: int) -> Tensor:
    """One span's weights on its own SR pixels, which add up to 1 over the spans at every pixel.

    A seam lies in the middle of what two neighbours share, and a ramp of `overlap` LR pixels rises there
    from 0 to 1. A span weighs its left ramp minus its right one, so the sum telescopes.
    """
    start, end = spans[place]
    centres = (torch.arange(start * scale, end * scale, dtype=torch.float64) + 0.5) / scale

    def ramp(before: int) -> Tensor:
        """From the span `before` to the one after it."""
        seam = (spans[before][1] + spans[before + 1][0]) / 2
        if overlap:
            return ((centres - seam) / overlap + 0.5).clamp(0, 1)
        return (centres > seam).double()

    rising = ramp(place - 1) if place > 0 else torch.ones_like(centres)
    falling = ramp(place) if place + 1 < len(spans) else torch.zeros_like(centres)
    return (rising - falling).float()


def _check_size(sr: Tensor, size: tuple[int, int], scale: int) -> None:
    expected, found = (size[0] * scale, size[1] * scale), tuple(sr.shape[-2:])
    if found != expected:
        raise DegcraftError(f"a network of scale {scale} must turn {size} pixels into {expected}, but gave {found}")
