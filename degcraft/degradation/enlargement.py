"""Images that were enlarged before anybody had them: a digital zoom, a thumbnail blown up."""

import torch
from torch import Tensor

from degcraft.degradation.operator import Values
from degcraft.degradation.reduction import bicubic_shape


def enlarge_smaller(images: Tensor, values: Values, generator: torch.Generator) -> Tensor:
    """(B,3,h,w) made smaller by `enlarged` (B,), to whole pixels, and as large as before again, not clipped.

    Both by Keys' bicubic with a = -1/2, antialiased where it reduces, what lies beyond the border left out, as Pillow
    has it. 1 leaves an image exactly as it is.
    """
    factor = values["enlarged"]
    down, across = (_there_and_back(factor, side).to(images.dtype)[:, None] for side in images.shape[2:])
    return torch.where(factor[:, None, None, None] > 1, down @ images @ across.transpose(2, 3), images)


def _there_and_back(factor: Tensor, size: int) -> Tensor:
    """(B, size, size) what it does to a line."""
    smaller = (size / factor.double()).round().clamp(1, size)[:, None, None]
    pixels = torch.arange(size, dtype=torch.float64, device=factor.device)
    step, exists = size / smaller, pixels < smaller
    middles = (pixels[:, None] + 0.5) * step - 0.5
    reduced = _shares(bicubic_shape(((pixels - middles) / step).abs()))
    places = (pixels[:, None] + 0.5) / step - 0.5
    return _shares(bicubic_shape((pixels - places).abs()) * exists) @ reduced


def _shares(weights: Tensor) -> Tensor:
    return weights / weights.sum(dim=-1, keepdim=True).where(weights.any(dim=-1, keepdim=True), 1)
