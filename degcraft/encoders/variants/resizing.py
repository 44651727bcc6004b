"""Blurring and resizing batches in which every image has a blur and a resizing of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor

from degcraft.encoders.variants.blurs import blur_at_half, draw_transfers
from degcraft.encoders.variants.reducers import reducer

_CHUNK = 4
"""Images that are worked on at a time on the CPU, so that what lies between stays in cache."""


def blur_and_resize(
    hr: Tensor,
    places: Sequence[int],
    sigma: Tensor,
    names: Sequence[str],
    size: tuple[int, int],
    generator: torch.Generator,
) -> Tensor:
    """Blurs some images by shapes drawn from `BLURS` and resizes them by `REDUCERS`.

    Args:
        hr: (B,3,H,W).
        places: which n of them.
        sigma: (n,) effective sigmas in pixels of hr; 0 leaves an image sharp.
        names: the n resizings.
        size: (h, w) to resize to.
        generator: of the blurs.

    Returns:
        (n,3,h,w), not clipped.
    """
    resized = hr.new_empty(len(places), 3, *size)
    blurred = [at for at, value in enumerate(sigma.tolist()) if value > 0]
    sharp = sorted(set(range(len(places))) - set(blurred))
    chunk = _CHUNK if hr.device.type == "cpu" else max(1, len(places))
    transfers = draw_transfers(sigma[blurred], (hr.shape[2], hr.shape[3]), generator)
    for start in range(0, len(blurred), chunk):
        part = blurred[start : start + chunk]
        images = blur_at_half(hr[[places[at] for at in part]], transfers[start : start + chunk])
        resized[part] = resize(images, [names[at] for at in part], size)
    for start in range(0, len(sharp), chunk):
        part = sharp[start : start + chunk]
        resized[part] = resize(hr[[places[at] for at in part]], [names[at] for at in part], size)
    return resized


def resize(images: Tensor, names: Sequence[str], size: tuple[int, int]) -> Tensor:
    """(n,3,H,W) → (n,3,h,w), each image by the resizing of its own name: A y Aᵀ."""
    height, width = images.shape[2:]
    down = torch.stack([reducer(name, height, size[0], images.device).matrix for name in names])
    across = torch.stack([reducer(name, width, size[1], images.device).matrix for name in names])
    return down[:, None] @ images @ across[:, None].transpose(2, 3)
