"""The greatest likelihood by Fisher scoring: least squares of deviance residuals.

The step of least squares follows from `Σ d'² ∇f∇fᵀ`, d' the slope of a deviance residual. Where
that is not the Fisher information `Σ I² ∇f∇fᵀ`, rows without residual make up for the difference.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize

from ..data.likelihood import AbstractLikelihood, Gaussian
from .problem import Problem, Rows, Vector

UNSEEN = 1e-11  # of the largest change that a large change of one parameter makes


def fit(
    problem: Problem,
    vector: Vector,
    rows: slice,
    tolerances: dict,
    held: np.ndarray | None = None,
) -> Vector | None:
    """The vector of greatest likelihood over some of the rows, from a start.

    Args:
        problem: What is sought from what.
        vector: The start.
        rows: Which of the data.
        tolerances: Of `scipy.optimize.least_squares`.
        held: Which of the numbers to hold.

    Returns:
        `None` where the start has no finite likelihood or slope.
    """
    likelihood = problem.likelihood
    moving = np.ones(vector.size, bool) if held is None else ~held
    place = _placer(vector, moving)

    def residual(x):
        now = place(x)
        parts = residual_of(problem, now)[rows].ravel(), problem.prior_residual(now)
        return np.concatenate([*parts, np.zeros(x.size if _is_exact(likelihood) else 2 * x.size)])

    def slope(x):
        now = place(x)
        jacobian = problem.jacobian(now)[rows][..., moving].reshape(-1, x.size)
        prior, scales = problem.prior_jacobian(now)[:, moving], problem.scales(now)[moving]
        jacobian, held = _seen(jacobian, prior, scales)
        prediction = problem.predict(now)[0]
        slopes, information = _slopes(likelihood, prediction)
        first = slopes[rows].reshape(-1, 1) * jacobian
        parts = [first, prior, held]
        if not _is_exact(likelihood):
            parts.append(_missing(first, information[rows].reshape(-1, 1) * jacobian))
        return np.concatenate(parts)

    bounds = problem.lower[moving], problem.upper[moving]
    found = least_squares(residual, slope, vector[moving], bounds, tolerances)
    return None if found is None else place(found)


def least_squares(
    residual: Callable, slope: Callable, start: Vector, bounds: tuple[Vector, Vector], tolerances
) -> Vector | None:
    """SciPy's, in a trust region; `None` where residual or slope are not finite."""

    def checked(x):
        return _finite(slope(x))

    if not np.isfinite(residual(start)).all():
        return None
    jac: Any = checked  # SciPy's stub knows no function here
    settings = {"method": "trf", "x_scale": "jac", **tolerances}
    try:
        return scipy.optimize.least_squares(residual, start, jac, bounds=bounds, **settings).x
    except FloatingPointError:
        return None


def residual_of(problem: Problem, vector: Vector) -> Rows:
    """The deviance residuals of a vector."""
    return np.asarray(problem.likelihood.residual(jnp.asarray(problem.predict(vector)[0])))


def _seen(jacobian: np.ndarray, prior: np.ndarray, scales: Vector):
    """The Jacobian without the round-off of parameters that the data do not see, and rows that
    hold those: at a column of zeros SciPy takes far too long steps in all the others.
    """
    change = np.linalg.norm(jacobian, axis=0) * scales
    seen = change > UNSEEN * change.max()
    free = seen | (np.linalg.norm(prior, axis=0) > 0)
    held = np.diag(np.where(free, 0.0, (change.max() or 1.0) / scales))
    return np.where(seen, jacobian, 0.0), held


def _placer(vector: Vector, moving: np.ndarray) -> Callable[[np.ndarray], Vector]:
    def place(x):
        whole = vector.copy()
        whole[moving] = x
        return whole

    return place


def _is_exact(likelihood: AbstractLikelihood) -> bool:
    return isinstance(likelihood, Gaussian)


def _slopes(likelihood: AbstractLikelihood, prediction: Rows) -> tuple[Rows, Rows]:
    """d' and I of each."""
    at = jnp.asarray(prediction)
    _, slopes = jax.jvp(likelihood.residual, (at,), (jnp.ones_like(at),))
    return np.asarray(slopes), np.asarray(likelihood.information(at))


def _missing(first: np.ndarray, fisher: np.ndarray) -> np.ndarray:
    """Rows B of `BᵀB = fisherᵀfisher − firstᵀfirst`, where that is positive."""
    values, vectors = np.linalg.eigh(_finite(fisher.T @ fisher - first.T @ first))
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T


def _finite(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise FloatingPointError
    return values
