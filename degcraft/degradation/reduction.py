"""How clean images are made small: the kernels that people's tools reduce by."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from degcraft.degradation.operator import Values
from degcraft.degradation.operators import REDUCTIONS


def bicubic_shape(x: Tensor) -> Tensor:
    """Keys (1981) with a = -1/2, at distances of at least 0."""
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x <= 1, near, torch.where(x < 2, far, 0.0))


_SHAPES: dict[str, Callable[[Tensor], Tensor]] = {
    "bicubic": bicubic_shape,
    "area": lambda x: (x < 0.5).double(),
    "bilinear": lambda x: (1 - x).clamp_min(0),
    "lanczos": lambda x: torch.where(x < 3, torch.sinc(x) * torch.sinc(x / 3), 0.0),
}
_REACH = {"bicubic": 2.0, "area": 0.5, "bilinear": 1.0, "lanczos": 3.0, "nearest": 0.5}


@lru_cache(maxsize=64)
def reduction_taps(kind: str, scale: int) -> tuple[float, ...]:
    """Taps of a reduction by an integer `scale`, its shape stretched by it; n of them, odd or even as the scale is.

    Output pixel i is centred at s·i + (s - 1)/2, and its first tap lies at s·i + (s - n)/2. They sum to 1. Scale 1
    gives exactly one nonzero tap.
    """
    count = int(2 * _REACH[kind] * scale)
    count += (count - scale) % 2
    if kind == "nearest":
        return tuple(float(place == scale // 2) for place in range(count))
    position = torch.arange(count, dtype=torch.float64) - (count - 1) / 2
    taps = _SHAPES[kind]((position / scale).abs())
    return tuple((taps / taps.sum()).tolist())


@lru_cache(maxsize=16)
def bicubic_row(scale: int, device: torch.device) -> Tensor:
    """The bicubic taps as (1, n) on a device, kept there: a fresh copy from the host would stall a GPU."""
    return torch.tensor([reduction_taps("bicubic", scale)], dtype=torch.float32, device=device)


@lru_cache(maxsize=16)
def _table(scale: int, device: torch.device) -> Tensor:
    """(kinds, n) taps of every kind about a common middle."""
    rows = [torch.tensor(reduction_taps(kind, scale), dtype=torch.float32) for kind in REDUCTIONS]
    widest = max(len(row) for row in rows)
    padded = [torch.nn.functional.pad(row, [(widest - len(row)) // 2] * 2) for row in rows]
    return torch.stack(padded).to(device)


def reduce_by(values: Values, scale: int) -> Tensor:
    """(B, n) taps of the kind that each image is reduced by."""
    kinds = values["reduction"]
    return _table(scale, kinds.device)[kinds.long()]
