"""Maximum likelihood by Fisher scoring: least squares of deviance residuals.

The step of least squares follows from `Σ d'² ∇f∇fᵀ`, where d' is the slope of a deviance residual.
Where that differs from the Fisher information `Σ I² ∇f∇fᵀ`, rows without residual add the
difference.
"""

import numpy as np

from ..experiments.least_squares import finite_or_stop, least_squares
from ..experiments.parameters import Vector
from .problem import Problem

UNSEEN = 1e-11  # of the largest change that a large change of one parameter makes


def fit(
    problem: Problem,
    vector: Vector,
    rows: slice,
    tolerances: dict,
    held: np.ndarray | None = None,
) -> Vector | None:
    """The vector of greatest likelihood for some of the rows, from a start.

    Args:
        problem: What to estimate from what.
        vector: The start.
        rows: Which of the data to fit.
        tolerances: Of `scipy.optimize.least_squares`.
        held: Which of the numbers to hold.

    Returns:
        `None` where the start has no finite likelihood or slope.
    """
    moving = np.ones(vector.size, bool) if held is None else ~held
    if not moving.any():
        return vector
    missing = 0 if problem.likelihood.is_least_squares else moving.sum()

    def place(x):
        whole = vector.copy()
        whole[moving] = x
        return whole

    def residual(x):  # most trial steps succeed, and need the slopes next
        at = problem.linearise(place(x)).residual[rows].ravel()
        return np.concatenate([at, problem.prior_residual(place(x)), np.zeros(x.size + missing)])

    def slope(x):
        at = problem.linearise(place(x))
        jacobian, prior = at.jacobian[rows][..., moving].reshape(-1, x.size), at.prior[:, moving]
        jacobian, holding = _seen(jacobian, prior, at.scales[moving])
        first = at.slope[rows].reshape(-1, 1) * jacobian
        parts = [first, prior, holding]
        if missing:
            parts.append(_missing(first, at.information[rows].reshape(-1, 1) * jacobian))
        return np.concatenate(parts)

    bounds = problem.lower[moving], problem.upper[moving]
    found = least_squares(residual, slope, vector[moving], bounds, tolerances)
    return None if found is None else place(found)


def _seen(jacobian: np.ndarray, prior: np.ndarray, scales: Vector):
    """The Jacobian without the round-off of parameters that do not affect the data, and rows that
    hold those: a column of zeros makes SciPy take far too long steps in all the others.
    """
    change = np.linalg.norm(jacobian, axis=0) * scales
    seen = change > UNSEEN * change.max()
    free = seen | (np.linalg.norm(prior, axis=0) > 0)
    holding = np.diag(np.where(free, 0.0, (change.max() or 1.0) / scales))
    return np.where(seen, jacobian, 0.0), holding


def _missing(first: np.ndarray, fisher: np.ndarray) -> np.ndarray:
    """Rows B with `BᵀB = fisherᵀfisher − firstᵀfirst`, where that is positive."""
    values, vectors = np.linalg.eigh(finite_or_stop(fisher.T @ fisher - first.T @ first))
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
