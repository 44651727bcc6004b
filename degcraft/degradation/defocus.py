"""A lens out of focus: every point becomes an even disc."""

import torch
from torch import Tensor

from degcraft.degradation.operator import Values
from degcraft.degradation.operators import MAX_RADIUS

_FINE = 16
"""Points per pixel and direction at which the rim of a disc is looked at."""


def disc_kernel(values: Values) -> Tensor:
    """Even discs: how much of each pixel lies inside the radius, over the disc's area.

    Args:
        values: `defocus_radius` (B,), in pixels of the clean image; 0 gives exactly 1 at the centre and 0 elsewhere.

    Returns:
        (B, 2r+1, 2r+1) float32, r the least that holds the largest disc; on another device than the CPU `MAX_RADIUS`.
    """
    radius = values["defocus_radius"].to(torch.float32)
    widest = float(radius.max()) if radius.device.type == "cpu" and len(radius) else MAX_RADIUS
    reach = int(widest + 0.5)
    side = 2 * reach + 1
    fine = (torch.arange(side * _FINE, device=radius.device, dtype=torch.float32) + 0.5) / _FINE - side / 2
    inside = (fine[:, None] ** 2 + fine[None] ** 2)[None] <= radius[:, None, None] ** 2
    kernel = inside.view(-1, side, _FINE, side, _FINE).sum(dim=(2, 4)).float()
    # A disc that misses every fine point is none.
    kernel[:, reach, reach] = kernel[:, reach, reach].clamp_min(1)
    return kernel / kernel.sum(dim=(1, 2), keepdim=True)
