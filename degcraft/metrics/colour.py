"""The luma channel as the super-resolution field measures on it."""

from __future__ import annotations

import torch
from torch import Tensor

_Y_WEIGHTS = (65.481, 128.553, 24.966)
_Y_OFFSET = 16.0


def rgb_to_y(images: Tensor) -> Tensor:
    """Studio-range luma of ITU-R BT.601, Y = (65.481 R + 128.553 G + 24.966 B + 16) / 255, unrounded.

    Args:
        images: (..., 3, H, W) with values in [0, 1].

    Returns:
        (..., 1, H, W) of the same type, in [16/255, 235/255].
    """
    weights = torch.tensor(_Y_WEIGHTS, dtype=images.dtype, device=images.device).view(3, 1, 1)
    return ((images * weights).sum(dim=-3, keepdim=True) + _Y_OFFSET) / 255
