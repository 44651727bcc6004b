"""Blur and downsampling together, as one small matrix per image and axis: x = A y Aᵀ.

Both are linear, separable and shift-invariant, and the scale is an integer, so every output pixel sees the same
combined kernel c = k_σ * b_s at a stride of s, b_s bicubic if nothing else is asked for. A (h × H) holds that kernel
in each row. Beyond the border the image continues as its mirror image with the edge pixel repeated (scipy's
mode="reflect", OpenCV's BORDER_REFLECT, MATLAB's imresize), for both factors; a mirrored signal stays mirrored under
a symmetric kernel, so merging them is exact.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from scipy.fft import next_fast_len
from torch import Tensor

from degcraft.degradation.operator import Taps
from degcraft.degradation.reduction import bicubic_row

CHUNK_BYTES = 4 << 20
"""Clean pixels that are worked on at a time on the CPU, so that what lies between the two products stays in
cache."""


def convolve_taps(first: Tensor, second: Tensor) -> Tensor:
    """Full convolution, row by row: (B, m) * (B, n) or (1, n) → (B, m + n - 1).

    Written out rather than left to conv1d, which may round its factors to 10 bits on a GPU.
    """
    reach = second.shape[1] - 1
    windows = F.pad(first, (reach, reach)).unfold(1, reach + 1, 1)
    return (windows * second.flip(1)[:, None]).sum(dim=2)


def operator_matrix(taps: Tensor, size: int, scale: int, reduction: Tensor | None = None) -> Tensor:
    """A: blur with `taps`, then reduce by `scale`, along one axis of `size` pixels.

    Args:
        taps: (B, 2r+1) symmetric blur kernels.
        size: H, a multiple of scale.
        scale: the integer reduction s >= 1.
        reduction: (B, n) taps that reduce, as `reduction_taps` gives them; bicubic ones if None.

    Returns:
        (B, H / scale, H) float32; every row sums to 1.
    """
    batch, outputs = len(taps), size // scale
    radius = taps.shape[1] // 2
    reduction = bicubic_row(scale, taps.device) if reduction is None else reduction
    kernel = convolve_taps(taps, reduction)
    length = kernel.shape[1]
    first = (scale - reduction.shape[1]) // 2 - radius  # where output 0's kernel starts
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
    # The kernel is wider than the image, so it is mirrored more than once.
    position = torch.arange(-pad, size + pad, device=wide.device)
    return wide @ F.one_hot(mirrored(size, position), size).to(wide.dtype)


def blur_and_reduce(images: Tensor, taps: Taps | Tensor | None, scale: int, reduction: Tensor | None = None) -> Tensor:
    """(y ⊗ k)↓s for a batch, one kernel per image.

    Args:
        images: (B,3,H,W) float32; H and W are multiples of scale.
        taps: Symmetric, on the images' device: those of the rows and of the columns, or (B, 2r+1) for both, or None for
            no blur.
        scale: the integer reduction s >= 1.
        reduction: (B, n) taps that reduce, see `operator_matrix`.

    Returns:
        (B,3,H/s,W/s) float32, not clipped: bicubic overshoots by a little at edges. A kernel of a single 1 at
        scale 1 gives the images back exactly.
    """
    if taps is None:
        if scale == 1 and reduction is None:
            return images.clone()
        taps = images.new_ones(1, 1).expand(len(images), 1)
    along, upright = (taps, taps) if isinstance(taps, Tensor) else taps
    batch, channels, height, width = images.shape
    across = operator_matrix(along, width, scale, reduction).transpose(1, 2)
    down = operator_matrix(upright, height, scale, reduction)
    on_cpu = images.device.type == "cpu"
    reach = upright.shape[1] // 2 + (2 * scale if reduction is None else reduction.shape[1] // 2 + 1)
    bands = _bands(reach, height, scale) if on_cpu else [(0, height // scale, 0, height)]
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


def _bands(reach: int, size: int, scale: int) -> list[tuple[int, int, int, int]]:
    """Output rows first … last with the input rows top … bottom that they see: A is mostly zeros beside its diagonal.

    Up to three bands of at least 24 rows; more would cost the products more than the zeros do.
    """
    outputs = size // scale
    count = max(1, min(3, outputs // 24))
    edges = [round(index * outputs / count) for index in range(count + 1)]
    return [
        (first, last, max(0, first * scale - reach), min(size, last * scale + reach)) for first, last in pairwise(edges)
    ]


def window(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """(B,3,h,w) of (B,3,H,W), by rows (B,h) and columns (B,w) of each."""
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    return images[batch, :, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2).contiguous()


def blur_whole(images: Tensor, kernels: Tensor) -> Tensor:
    """y ⊗ k for kernels that are not separable, one per image, borders mirrored as `blur_and_reduce` mirrors them.

    Args:
        images: (B,3,H,W) float32.
        kernels: (B, 2r+1, 2r+1), each symmetric about its middle.

    Returns:
        (B,3,H,W) float32, not clipped; by FFT, so exact up to rounding. A kernel of a single 1 gives an image back
        exactly.
    """
    untouched = kernels[:, kernels.shape[1] // 2, kernels.shape[1] // 2] == 1
    if images.device.type != "cpu":
        return torch.where(untouched[:, None, None, None], images, _mirrored_convolve(images, kernels))
    # A kernel is as large as the widest of its batch needs: among others of its width it takes a part of the time.
    reaches = _reaches(kernels)
    order = reaches.argsort()
    order = order[~untouched[order]]
    blurred = images.clone()
    chunk = max(1, CHUNK_BYTES // (4 * images[0].numel()))
    for start in range(0, len(order), chunk):
        part = order[start : start + chunk]
        beside = kernels.shape[1] // 2 - int(reaches[part[-1]])
        inner = slice(beside, kernels.shape[1] - beside)
        blurred[part] = _mirrored_convolve(images[part], kernels[part, inner, inner])
    return blurred


def _reaches(kernels: Tensor) -> Tensor:
    """(B,) how far from its middle a kernel (B, 2r+1, 2r+1) is anything but 0, 0 to r."""
    radius = kernels.shape[1] // 2
    away = torch.arange(-radius, radius + 1, device=kernels.device).abs()
    sides = (kernels != 0).any(dim=1) | (kernels != 0).any(dim=2)
    return (sides * away).amax(dim=1)


def _mirrored_convolve(images: Tensor, kernels: Tensor) -> Tensor:
    reach = kernels.shape[1] // 2
    rows, columns = (
        mirrored(side, torch.arange(-reach, side + reach, device=images.device)) for side in images.shape[2:]
    )
    return convolve(images[:, :, rows][..., columns], kernels)


def convolve(padded: Tensor, kernels: Tensor) -> Tensor:
    """Where kernels (B, 2r+1, 2r+1) fit inside (B,3,H+2r,W+2r) float32: (B,3,H,W), by FFT."""
    reach = kernels.shape[1] // 2
    height, width = (side - 2 * reach for side in padded.shape[2:])
    size = [next_fast_len(side, real=True) for side in padded.shape[2:]]
    spectrum = torch.fft.rfft2(padded, s=size) * torch.fft.rfft2(kernels, s=size)[:, None]
    # The product of spectra begins where the kernel does, r before its middle.
    rows, columns = slice(2 * reach, 2 * reach + height), slice(2 * reach, 2 * reach + width)
    return torch.fft.irfft2(spectrum, s=size)[..., rows, columns]


def mirrored(size: int | Tensor, position: Tensor) -> Tensor:
    """Which of `size` pixels stands at a position, before 0 and beyond the end too, the edge pixels repeated."""
    position = position % (2 * size)
    return torch.minimum(position, 2 * size - 1 - position)
