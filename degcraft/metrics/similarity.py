"""Structural similarity."""

from __future__ import annotations

from torch import Tensor

from degcraft.metrics.comparison import Channel, comparable
from degcraft.metrics.smoothing import gaussian_mean

WINDOW = 11
"""Side of the window in pixels; images smaller than this cannot be compared."""

_SIGMA = 1.5
_C1 = 0.01**2
_C2 = 0.03**2


def ssim(sr: Tensor, hr: Tensor, *, border: int = 0, channel: Channel = "rgb") -> float:
    """Mean structural similarity, from -1 to 1 (equal).

    Z. Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE TIP 2004,
    eq. 13, with its Gaussian 11 × 11 window of sigma 1.5, K1 = 0.01, K2 = 0.03 and a data range of 1. Only windows
    that lie inside the image count, and channels are averaged. The result is that of scikit-image's
    `structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1)`.

    Args:
        sr: (3, H, W) or (B, 3, H, W) with values in [0, 1].
        hr: the same shape.
        border: pixels cut from every side first; 0 keeps all.
        channel: `rgb`, or `y` for the luma of `rgb_to_y`.

    Raises:
        DegcraftError: shapes that do not fit, a negative border, an unknown channel, or under 11 pixels a side
            left to compare.
    """
    x, y = comparable(sr, hr, border=border, channel=channel, min_side=WINDOW)

    def local_mean(maps: Tensor) -> Tensor:
        return gaussian_mean(maps, WINDOW, _SIGMA)

    mean_x, mean_y = local_mean(x), local_mean(y)
    product = mean_x * mean_y
    squares = mean_x.square() + mean_y.square()
    variances = local_mean(x.square() + y.square()) - squares
    covariance = local_mean(x * y) - product
    similarity = (2 * product + _C1) * (2 * covariance + _C2) / ((squares + _C1) * (variances + _C2))
    return float(similarity.mean())
