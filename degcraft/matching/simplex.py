"""Problems over the simplex: weights that are not negative and sum to 1."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, nnls
from scipy.special import softmax, wrightomega

from degcraft.errors import DegcraftError

Vector = NDArray[np.float64]


def least_squares(matrix: NDArray[np.float64], target: Vector) -> Vector:
    """argmin ‖A w − b‖² over the simplex.

    Args:
        matrix: A, (k, N).
        target: b, (k,).

    Returns:
        (N,). The sum is held to 1 by a row of great weight, and then made exact.

    Raises:
        DegcraftError: no solution within the limit of steps.
    """
    heavy = 1e3 * max(1.0, float(np.abs(matrix).max()))
    rows = np.vstack([matrix, np.full(matrix.shape[1], heavy)])
    try:
        found, _ = nnls(rows, np.append(target, heavy), maxiter=30 * matrix.shape[1])
    except RuntimeError as error:
        raise DegcraftError(f"the weights did not settle ({error})") from error
    return np.asarray(found / found.sum())


def with_entropy(matrix: NDArray[np.float64], target: Vector, width: float, start: Vector) -> Vector:
    """argmin ½ ‖A w − b‖² + width · Σ w log w over the simplex: the larger the width, the nearer to uniform.

    Args:
        matrix: A, (k, N).
        target: b, (k,).
        width: At least 0; with 0 it is `least_squares`.
        start: (N,) where to begin.
    """
    if width == 0:
        return least_squares(matrix, target)
    square, linear = matrix.T @ matrix, matrix.T @ target

    def loss(logits: Vector) -> tuple[float, Vector]:
        weights = softmax(logits)
        logarithm = logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())
        pull = square @ weights
        value = 0.5 * weights @ pull - linear @ weights + width * weights @ logarithm
        gradient = pull - linear + width * (logarithm + 1)
        return float(value), weights * (gradient - weights @ gradient)

    # A weight of nothing has no logit; a trace of the uniform one lets it grow again.
    first = np.log(0.9 * start + 0.1 / len(start))
    found = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": 3000, "maxfun": 6000, "ftol": 1e-12})
    return np.asarray(softmax(found.x))


def nearest_point(point: Vector, entropy: float = 0.0) -> Vector:
    """argmin ½ ‖w − v‖² + entropy · Σ w log w over the simplex.

    Without the entropy it is the projection (J. Duchi et al., ICML 2008, figure 1). With it each weight solves
    w + entropy · log w = v − λ, which is Wright's omega function, for the one λ that makes them sum to 1.
    """
    if entropy == 0:
        falling = np.sort(point)[::-1]
        excess = np.cumsum(falling) - 1
        last = np.flatnonzero(falling * np.arange(1, len(point) + 1) > excess)[-1]
        return np.clip(point - excess[last] / (last + 1), 0, None)

    def weights(shift: float) -> Vector:
        return np.asarray(entropy * wrightomega((point - shift) / entropy - np.log(entropy)).real)

    # At the one end the largest weight alone is 1, at the other all are at most 1/N.
    low, high = float(point.max()) - 1, float(point.max()) + entropy * np.log(len(point))
    for _ in range(100):
        middle = (low + high) / 2
        if weights(middle).sum() > 1:
            low = middle
        else:
            high = middle
    found = weights((low + high) / 2)
    return found / found.sum()
