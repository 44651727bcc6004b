"""Bicubic enlargement: what every restored image is compared with."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from degcraft.errors import DegcraftError


def bicubic_enlarge(lr: Tensor, scale: int) -> Tensor:
    """The bicubic enlargement of the field: Keys (1981) with a = -1/2, as Pillow's and Matlab's.

    torch has that kernel only under `antialias`, which changes nothing else about an enlargement; its plain bicubic
    has a = -3/4, which sharpens. At the border the kernel is cut and normalised anew, as Pillow does.

    Args:
        lr: (3, h, w) or (B, 3, h, w) float with values in [0, 1]; any number of channels will do.
        scale: a whole number of at least 1.

    Returns:
        (..., h · scale, w · scale), clipped to [0, 1].

    Raises:
        DegcraftError: another number of dimensions, or a scale below 1.
    """
    if lr.ndim not in (3, 4):
        raise DegcraftError(f"an image to enlarge must be (C, h, w) or (B, C, h, w), but is {tuple(lr.shape)}")
    if scale < 1:
        raise DegcraftError(f"the scale must be at least 1, but is {scale}")
    batch = lr if lr.ndim == 4 else lr[None]
    size = [side * scale for side in batch.shape[-2:]]
    enlarged = F.interpolate(batch, size, mode="bicubic", antialias=True).clamp(0, 1)
    return enlarged if lr.ndim == 4 else enlarged[0]
