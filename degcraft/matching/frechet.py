"""The Fréchet distance between Gaussian fits to two sets of features, for many sets at once.

Equation 3 of arXiv 2305.18107 in its squared form (Dowson and Landau 1982; the FID of arXiv 1706.08500):

    D = ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁^½ Σ₂ Σ₁^½)^½)

No covariance is formed. With X (n, c) and Y (m, c) the features less their means, Σ₁ = XᵀX / (n−1) and Σ₂ =
YᵀY / (m−1), and the trace of the root is the sum of the singular values of X Yᵀ over √((n−1)(m−1)): an n×m
problem whatever c is. With c below n and m, both are first replaced by the R of their QR factorisation, which
keeps those singular values and leaves a c×c problem.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degcraft.errors import DegcraftError

Features = NDArray[np.floating] | Tensor

_BYTES_AT_ONCE = 64 << 20


def frechet_distance(a: Features, b: Features) -> float:
    """Squared Fréchet distance between two sets of features.

    Args:
        a: (n, c), one row per image, n at least 2; array or tensor on any device.
        b: (m, c), m at least 2.

    Returns:
        D ≥ 0 in squared feature units, computed in float64. Covariances divide by n − 1 and m − 1.

    Raises:
        DegcraftError: other shapes, fewer than 2 images, or features that are not finite.
    """
    return float(frechet_distances([a], b)[0])


def frechet_distances(bins: Features | Iterable[Features], reference: Features) -> NDArray[np.float64]:
    """Squared Fréchet distance of every bin to one reference set.

    Args:
        bins: (N, n, c) array or tensor, or any iterable of (n, c) ones whose n may differ; an iterable is
            consumed
            one bin at a time, so that memory does not grow with N.
        reference: (m, c).

    Returns:
        (N,) float64, as `frechet_distance` gives each.

    Raises:
        DegcraftError: as `frechet_distance`.
    """
    second = as_features(reference, "reference")
    distances = [
        squared_distances(first, second.to(first.device)).cpu().numpy() for first in _batches(bins, second.shape[-1])
    ]
    return np.concatenate(distances) if distances else np.empty(0)


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """The mathematics: D of (…, n, c) to (…, m, c), float64 and finite → (…,); leading ones broadcast."""
    n, m, c = a.shape[-2], b.shape[-2], a.shape[-1]
    mean_a, mean_b = a.mean(dim=-2, keepdim=True), b.mean(dim=-2, keepdim=True)
    a, b = a - mean_a, b - mean_b
    traces = a.square().sum(dim=(-2, -1)) / (n - 1) + b.square().sum(dim=(-2, -1)) / (m - 1)
    if c < min(n, m):
        a, b = torch.linalg.qr(a, mode="r").R, torch.linalg.qr(b, mode="r").R
    # Eigenvalues of the n×n Gram product are cheaper than singular values, but lose half of the digits of the
    # small ones, and with n < c there are many.
    nuclear_norm = torch.linalg.svdvals(a @ b.mT).sum(dim=-1)
    means = (mean_a - mean_b).square().sum(dim=(-2, -1))
    distances = means + traces - 2 * nuclear_norm / ((n - 1) * (m - 1)) ** 0.5
    return distances.clamp(min=0)  # equal sets come out at ± rounding


def as_features(values: Features, name: str) -> Tensor:
    """Checked features as a float64 tensor where they lie: (n, c), or (N, n, c).

    Raises:
        DegcraftError: other dimensions, fewer than 2 images, no feature, or a value that is not finite.
    """
    tensor = torch.as_tensor(values).to(torch.float64)
    if tensor.ndim not in (2, 3) or tensor.shape[-2] < 2 or tensor.shape[-1] < 1:
        raise DegcraftError(
            f"{name} features must be (images, features) of at least 2 images, but got {tuple(tensor.shape)}"
        )
    if not bool(torch.isfinite(tensor).all()):
        raise DegcraftError(f"{name} features must be finite, but {int((~torch.isfinite(tensor)).sum())} are not")
    return tensor


def _batches(bins: Features | Iterable[Features], c: int) -> Iterator[Tensor]:
    """The bins as checked (k, n, c) pieces of a bounded size."""
    pieces: Iterable[Features]
    if isinstance(bins, (np.ndarray, Tensor)):
        if bins.ndim != 3:
            raise DegcraftError(f"bins must be (bins, images, features), but got {tuple(bins.shape)}")
        step = max(1, _BYTES_AT_ONCE // max(1, 8 * bins.shape[1] * bins.shape[2]))
        pieces = (bins[start : start + step] for start in range(0, len(bins), step))
    else:
        pieces = bins
    for piece in pieces:
        tensor = as_features(piece, "bin")
        if tensor.shape[-1] != c:
            raise DegcraftError(
                f"bin and reference must have equally many features, but got {tensor.shape[-1]} and {c}"
            )
        yield tensor if tensor.ndim == 3 else tensor.unsqueeze(0)
