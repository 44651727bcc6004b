"""Problems over the simplex: weights that are not negative and sum to 1."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, nnls
from scipy.special import softmax

from degcraft.errors import DegcraftError

Vector = NDArray[np.float64]
Loss = Callable[[Vector], tuple[float, Vector]]
"""A function of the weights, and its gradient."""

GAP = 0.5
"""What `minimise` may be above the minimum by, in units of the function, by a bound that is far from tight where the
curve of the function is great."""
TRACE = 1e-6
"""The least weight where an entropy is wanted: its slope at nothing is infinite."""


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


def minimise(loss: Loss, width: float, start: Vector) -> Vector:
    """argmin f(w) + width · Σ w log w over the simplex, for a convex f, by SciPy's SLSQP.

    Args:
        loss: f and its gradient, on the simplex and near to it.
        width: At least 0.
        start: (N,) where to begin.

    Raises:
        DegcraftError: What was found may be above the minimum by more than `GAP`.
    """
    least = TRACE if width > 0 else 0.0

    def whole(weights: Vector) -> tuple[float, Vector]:
        value, gradient = loss(weights)
        logarithm = np.log(weights.clip(TRACE))
        return value + width * float(weights @ logarithm), gradient + width * (logarithm + 1)

    def inside(weights: Vector) -> Vector:
        kept = weights.clip(least)
        return np.asarray(kept / kept.sum())

    found = inside(
        minimize(
            whole, inside(start), jac=True, method="SLSQP", bounds=[(least, 1)] * len(start),
            constraints=[{"type": "eq", "fun": lambda weights: weights.sum() - 1, "jac": np.ones_like}],
            options={"maxiter": 300, "ftol": 1e-9},
        ).x
    )  # fmt: skip
    # What a convex function can be above its minimum by at most (M. Jaggi, ICML 2013, eq. 2), whatever the solver says.
    gradient = whole(found)[1]
    gap = float(gradient @ found - gradient.min())
    if gap > GAP:
        raise DegcraftError(f"the weights did not settle: their distance may be {gap:.2g} above the least")
    return found
