"""Blur and bicubic downsampling together, as one small matrix per image and axis: x = A y Aᵀ.

Both are linear, separable and shift-invariant, and the scale is an integer, so every output pixel sees the
same combined kernel c = k_σ * b_s at a stride of s. A (h × H) holds that kernel in each row. Beyond the
border the image continues as its mirror image with the edge pixel repeated (scipy's mode="reflect", OpenCV's
BORDER_REFLECT, MATLAB's imresize), for both factors; a mirrored signal stays mirrored under a symmetric
kernel, so merging them is exact.
"""

from functools import lru_cache
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK_BYTES = 4 << 20
"""Clean pixels that are worked on at a time on the CPU, so that what lies between the two products stays in
cache."""


@lru_cache(maxsize=16)
def bicubic_taps(scale: int) -> tuple[float, ...]:
    """Taps of the antialiased bicubic kernel: Keys (1981) with a = -1/2, stretched by an integer `scale`.

    Output pixel i is centred at s·i + (s-1)/2. The first tap lies at s·i - 2s + s // 2, there are 4s of them
    (4s + 1 when s is odd), and they sum to 1. Scale 1 gives exactly one nonzero tap.
    """
    count = 4 * scale + scale % 2
    start = -2 * scale + scale // 2
    position = torch.arange(start, start + count, dtype=torch.float64)
    x = ((position - (scale - 1) / 2) / scale).abs()
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    taps = torch.where(x <= 1, near, torch.where(x < 2, far, torch.zeros_like(x)))
    return tuple((taps / taps.sum()).tolist())


@lru_cache(maxsize=16)
def _bicubic_row(scale: int, device: torch.device) -> Tensor:
    """`bicubic_taps` as (1, n) on a device, kept there: a fresh copy from the host would stall a GPU."""
    return torch.tensor([bicubic_taps(scale)], dtype=torch.float32, device=device)


def convolve_taps(first: Tensor, second: Tensor) -> Tensor:
    """Full convolution, row by row: (B, m) * (B, n) or (1, n) → (B, m + n - 1).

    Written out rather than left to conv1d, which may round its factors to 10 bits on a GPU.
    """
    reach = second.shape[1] - 1
    windows = F.pad(first, (reach, reach)).unfold(1, reach + 1, 1)
    return (windows * second.flip(1)[:, None]).sum(dim=2)


def operator_matrix(taps: Tensor, size: int, scale: int) -> Tensor:
    """A: blur with `taps`, then reduce by `scale`, along one axis of `size` pixels.

    Args:
        taps: (B, 2r+1) symmetric blur kernels.
        size: H, a multiple of scale.
        scale: the integer reduction s >= 1.

    Returns:
        (B, H / scale, H) float32; every row sums to 1.
    """
    batch, outputs = len(taps), size // scale
    radius = taps.shape[1] // 2
    kernel = convolve_taps(taps, _bicubic_row(scale, taps.device))
    length = kernel.shape[1]
    first = -2 * scale + scale // 2 - radius  # where output 0's kernel starts
    pad = max(-first, first + (outputs - 1) * scale + length - size)

    wide = taps.new_zeros(batch, outputs, size + 2 * pad)
    row = size + 2 * pad
    diagonal = wide.as_strided((batch, outputs, length), (outputs * row, row + scale, 1), pad + first)
    diagonal.copy_(kernel[:, None])
    return _mirror(wide, pad, size)


def _mirror(wide: Tensor, pad: int, size: int) -> Tensor:
    """Folds what lies beyond both borders onto the pixels it mirrors: (..., size + 2 pad) → (..., size)."""
    if pad <= size:
        inside = wide[..., pad : pad + size].contiguous()
        inside[..., :pad] += wide[..., :pad].flip(-1)
        inside[..., size - pad :] += wide[..., pad + size :].flip(-1)
        return inside
    # The kernel is wider than the image, so it is mirrored more than once; the mirrored line has period
    # 2·size.
    position = torch.arange(-pad, size + pad, device=wide.device) % (2 * size)
    source = torch.minimum(position, 2 * size - 1 - position)
    return wide @ F.one_hot(source, size).to(wide.dtype)


def blur_and_reduce(images: Tensor, taps: Tensor | None, scale: int) -> Tensor:
    """(y ⊗ k)↓s for a batch, one kernel per image.

    Args:
        images: (B,3,H,W) float32; H and W are multiples of scale.
        taps: (B, 2r+1) symmetric blur kernels on the images' device, or None for no blur.
        scale: the integer reduction s >= 1.

    Returns:
        (B,3,H/s,W/s) float32, not clipped: bicubic overshoots by a little at edges. A kernel of a single 1 at
        scale 1 gives the images back exactly.
    """
    if taps is None:
        if scale == 1:
            return images.clone()
        taps = images.new_ones(1, 1).expand(len(images), 1)
    batch, channels, height, width = images.shape
    across = operator_matrix(taps, width, scale).transpose(1, 2)
    down = operator_matrix(taps, height, scale)
    on_cpu = images.device.type == "cpu"
    bands = _bands(taps.shape[1] // 2, height, scale) if on_cpu else [(0, height // scale, 0, height)]
    chunk = max(1, CHUNK_BYTES // (4 * channels * height * width)) if on_cpu else batch
    results = []
    for start in range(0, batch, chunk):
        part = slice(start, start + chunk)
        low = [
            torch.matmul(down[part, None, first:last, top:bottom], images[part, :, top:bottom])
            for first, last, top, bottom in bands
        ]
        rows = torch.cat(low, dim=2).flatten(1, 2)
        results.append(torch.bmm(rows, across[part]))
    return torch.cat(results).view(batch, channels, height // scale, width // scale)


def _bands(radius: int, size: int, scale: int) -> list[tuple[int, int, int, int]]:
    """Output rows first … last with the input rows top … bottom that they see: A is mostly zeros beside its diagonal.

    Up to three bands of at least 24 rows; more would cost the products more than the zeros do.
    """
    outputs = size // scale
    count = max(1, min(3, outputs // 24))
    edges = [round(index * outputs / count) for index in range(count + 1)]
    reach = radius + 2 * scale
    return [
        (first, last, max(0, first * scale - reach), min(size, last * scale + reach)) for first, last in pairwise(edges)
    ]
