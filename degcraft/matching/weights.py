"""From distances to the weights that bins are sampled with (eq. 4 of arXiv 2305.18107)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

from degcraft.errors import DegcraftError


def craft_weights(distances: ArrayLike, alpha: float) -> NDArray[np.float64]:
    """Weights that grow as a bin comes nearer: w_i ∝ exp((1 − D_i)^alpha) − 1, eq. 4.

    D_i are the distances normalised by minimum and maximum, so that the nearest bin has 0 and the farthest 1.
    alpha = 0 gives every bin the same weight; so do equal distances. A large alpha, infinity included, leaves
    the nearest bin alone (or all that tie for it).

    Args:
        distances: (N,) finite, at least one.
        alpha: At least 0. The paper uses 25.

    Returns:
        (N,) float64 that sums to 1.

    Raises:
        DegcraftError: no distances, another shape, values that are not finite, or a negative alpha.
    """
    values = np.asarray(distances, dtype=np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise DegcraftError(f"distances must be (bins,) of finite numbers, but got {_shown(values)}")
    if not alpha >= 0:
        raise DegcraftError(f"alpha must be at least 0, but got {alpha}")
    # Divided before they are subtracted, so that a spread beyond the largest double stays finite.
    largest = np.abs(values).max()
    scaled = values / largest if largest > 0 else values
    nearest, spread = scaled.min(), np.ptp(scaled)
    nearness = 1 - (scaled - nearest) / spread if spread > 0 else np.ones_like(scaled)
    raw = np.expm1(nearness**alpha)
    return raw / raw.sum()


def entropy(weights: ArrayLike) -> float:
    """Shannon entropy in nats: 0 when one bin has all the weight, ln N when N bins share it evenly.

    Args:
        weights: (N,) not negative, summing to 1.

    Raises:
        DegcraftError: weights that are not a distribution.
    """
    values = np.asarray(weights, dtype=np.float64)
    if values.ndim != 1 or not (values >= 0).all() or not abs(values.sum() - 1) < 1e-6:
        raise DegcraftError(f"weights must be (bins,), not negative, and sum to 1, but got {_shown(values)}")
    return float(entr(values).sum())


def effective_bins(weights: ArrayLike) -> float:
    """Effective number of bins, exp(entropy): between 1 and N.

    Args:
        weights: (N,) not negative, summing to 1.

    Raises:
        DegcraftError: weights that are not a distribution.
    """
    return float(np.exp(entropy(weights)))


def _shown(values: NDArray[np.float64]) -> str:
    if values.ndim != 1 or not len(values):
        return f"shape {values.shape}"
    worst = values[~np.isfinite(values) | (values < 0)]
    return f"{worst[0]:g} among them" if len(worst) else f"a sum of {values.sum():g}"
