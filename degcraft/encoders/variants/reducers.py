"""Ways to resize, each as a matrix: what a library does to the rows of the identity it does to any line."""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

REDUCERS: dict[str, float] = {
    "bicubic": 0.3,
    "bilinear": 0.15,
    "area": 0.15,
    "lanczos": 0.15,
    "bicubic aliased": 0.08,
    "bilinear aliased": 0.09,
    "nearest": 0.08,
}
"""Name → how often it makes the low-resolution image. "aliased": the kernel is not widened, as in OpenCV."""
SCREEN_REDUCERS: dict[str, float] = {"bicubic": 0.4, "bilinear": 0.4, "lanczos": 0.2}
"""The same for images that are shown at another size once they have been compressed."""


class Reducer(NamedTuple):
    """A resizing of lines of one length to lines of another."""

    matrix: Tensor
    """(out, size) float32; every row sums to 1."""
    own_blur: float
    """Sigma of the Gaussian, in input pixels, that has to go before antialiased bicubic to soften as much."""


@lru_cache(maxsize=4096)
def reducer(name: str, size: int, out: int, device: torch.device) -> Reducer:
    """A resizing by name, `REDUCERS`' or "area" and the like, of lines of `size` pixels to `out`."""
    matrix = _matrix(name, size, out)
    return Reducer(matrix.to(device), _own_blur(matrix))


@lru_cache(maxsize=4096)
def through_screen(first: str, second: str, size: int, between: int, out: int, device: torch.device) -> Reducer:
    """The two halves' product: `size` → `between` by `first` → `out` by `second`."""
    matrix = _matrix(second, between, out) @ _matrix(first, size, between)
    return Reducer(matrix.to(device), _own_blur(matrix))


@lru_cache(maxsize=4096)
def _matrix(name: str, size: int, out: int) -> Tensor:
    identity = torch.eye(size)
    if name == "lanczos":
        picture = Image.fromarray(identity.numpy())
        return torch.from_numpy(np.array(picture.resize((size, out), Image.Resampling.LANCZOS)))
    line = identity[None, None]
    shape = (out, size)
    if name == "area":
        return F.interpolate(line, size=shape, mode="area")[0, 0]
    if name == "nearest":
        return F.interpolate(line, size=shape, mode="nearest-exact")[0, 0]
    mode, _, aliased = name.partition(" ")
    return F.interpolate(line, size=shape, mode=mode, antialias=not aliased)[0, 0]


def _own_blur(matrix: Tensor) -> float:
    """The Gaussian that, before antialiased bicubic, attenuates most like the matrix below its Nyquist frequency.

    Least squares over frequencies with weight 1/f, the power of a natural image in a ring of the plane. What
    is sharper than bicubic gives 0.
    """
    out, size = matrix.shape
    frequencies = torch.arange(1, 17, dtype=torch.float64) / 32 * out / size
    wave = torch.exp(2j * math.pi * frequencies * torch.arange(size, dtype=torch.float64)[:, None])
    middle = slice(out // 4, max(out // 4 + 1, 3 * out // 4))

    def response(rows: Tensor) -> Tensor:
        return (rows[middle].to(wave.dtype) @ wave).abs().mean(dim=0)

    sigma = torch.linspace(0, 6, 121, dtype=torch.float64)[:, None] * size / (4 * out)
    softened = response(_matrix("bicubic", size, out)) * torch.exp(-2 * math.pi**2 * sigma**2 * frequencies**2)
    misfit = ((softened - response(matrix)) ** 2 / frequencies).sum(dim=1)
    return float(sigma[misfit.argmin()])
