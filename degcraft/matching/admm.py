"""The alternating direction method of multipliers over the simplex (S. Boyd et al., Foundations and Trends in Machine
Learning 3, 2011, sections 3.1 to 3.4).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from degcraft.matching.simplex import nearest_point

Vector = NDArray[np.float64]

TOLERANCE = 1e-4
"""Of the primal and of the dual residual, in their norms over √N: what a weight may still be wrong by."""
MOST_STEPS = 500
_INNER_STEPS = 10


def minimise_over_simplex(
    loss: Callable[[Vector], tuple[float, Vector]],
    start: Vector,
    *,
    entropy: float = 0.0,
    tolerance: float = TOLERANCE,
    steps: int = MOST_STEPS,
) -> tuple[Vector, bool]:
    """argmin f(w) + entropy · Σ w log w over the simplex, for a smooth convex f.

    The problem is split into f(x) and the rest of z, with x = z: f is minimised without constraints, the rest by
    `nearest_point`. The penalty follows the residuals (section 3.4.1).

    Args:
        loss: f and its gradient, at any point near the simplex.
        start: (N,) where to begin, such as the solution of a problem like this one.
        entropy: At least 0.
        tolerance: See `TOLERANCE`.
        steps: At most so many.

    Returns:
        (N,) on the simplex, and whether both residuals came below the tolerance.
    """
    x, z, dual = start.copy(), start.copy(), np.zeros_like(start)
    penalty = 100.0
    scale = np.sqrt(len(start))
    for _ in range(steps):
        target = z - dual

        def inner(point: Vector, target: Vector = target, penalty: float = penalty) -> tuple[float, Vector]:
            value, gradient = loss(point)
            apart = point - target
            return value + penalty / 2 * float(apart @ apart), gradient + penalty * apart

        x = minimize(inner, x, jac=True, method="L-BFGS-B", options={"maxiter": _INNER_STEPS, "ftol": 1e-14}).x
        before, z = z, nearest_point(x + dual, entropy / penalty)
        dual = dual + x - z
        primal, moved = float(np.linalg.norm(x - z)) / scale, penalty * float(np.linalg.norm(z - before)) / scale
        if max(primal, moved) < tolerance:
            return z, True
        if primal > 10 * moved:
            penalty, dual = 2 * penalty, dual / 2
        elif moved > 10 * primal:
            penalty, dual = penalty / 2, dual * 2
    return z, False
