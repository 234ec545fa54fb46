"""The time from which on linear drifts have no mixed-time trajectories."""

import numpy as np
import scipy.linalg
import scipy.optimize
from jaxtyping import Array, Float

from ..errors import (
    InputError,
    is_known,
    positive,
    require_instance,
)
from .mixed_law import MixedTime, constant_slope, random_points, slopes

ANGLE = 0.02  # by which a linear law turns, at most, between two times of the search for zeros
MOST_TIMES = 100_000  # in that search


def conjugate_time(law: MixedTime, horizon: float) -> float:
    """The first T at which the mixed problem of linear drifts is singular; ∞ if after `horizon`.

    `det (e^{MT})_xx = 0`, with the matrix M of the drifts `φ' = Mφ + c`. Rows that span those of
    `(e^{MT})_x` are kept orthonormal, so that nothing overflows. The zeros of the smallest singular
    value of their x block are bracketed on a grid of times and refined to 1e-8/‖M‖.

    Args:
        law: Drifts and diffusions.
        horizon: Up to where to search, positive.

    Raises:
        InputError: If the drifts are not linear or are traced, or `horizon` is not positive or too
            far for a search.

    Example:
        >>> flow = dqm.FokkerPlanck(lambda q, p: q[0] ** 2 + p[0] ** 2 + q[0] * p[0], ell=(1.0,))
        >>> law = dqm.trajectories.quadratic(flow).law
        >>> round(dqm.trajectories.conjugate_time(law, horizon=5.0), 3)  # 2π/√27
        1.209
    """
    require_instance(MixedTime, law=law)
    horizon = float(positive("horizon", horizon, shape=()))
    if (matrix := linear_drift(law)) is None:
        raise InputError(
            "`law` must have known linear drifts, but they are not: only these have one conjugate "
            "time for all paths."
        )
    return _conjugate_time(matrix, law.backwards, horizon)


def _conjugate_time(matrix: np.ndarray, n: int, horizon: float) -> float:
    norm = float(np.linalg.norm(matrix, 2))
    count = int(np.ceil(min(horizon * norm / ANGLE, 2 * MOST_TIMES))) + 1
    if count > MOST_TIMES:
        raise InputError(
            f"`horizon` must be at most {MOST_TIMES * ANGLE / norm:.3g} for these drifts, but is "
            f"{horizon}: take a shorter time."
        )
    step = horizon / max(count - 1, 1)
    advance = lambda rows, t: np.linalg.qr((rows @ scipy.linalg.expm(t * matrix)).T)[0].T
    smallest = lambda rows: np.linalg.svd(rows[:, :n], compute_uv=False)[-1]
    turn, rows = scipy.linalg.expm(step * matrix), [np.eye(n, len(matrix))]
    for _ in range(count):
        rows.append(np.linalg.qr((rows[-1] @ turn).T)[0].T)
    values = np.array([smallest(each) for each in rows])
    for k in np.flatnonzero((values[1:-1] < 2 * ANGLE) & (np.diff(values)[:-1] <= 0)) + 1:
        at = lambda t, k=k: smallest(advance(rows[k], t))
        found = scipy.optimize.minimize_scalar(
            at, bounds=(-step, step), method="bounded", options={"xatol": 1e-10 / norm}
        )
        t = float(k * step + found.x)
        if found.fun < 1e-7 and t <= horizon * (1 + 1e-8):
            return t
    return float(np.inf)


def linear_drift(law: MixedTime) -> np.ndarray | None:
    """The matrix of the drifts, if they are known and linear."""
    return constant_slope(slopes(law, random_points(law.diffusion.size)))


def require_no_conjugate_time(law: MixedTime, ts: Float[Array, " times"]):
    """Checks that known times end before the conjugate time of known linear drifts.

    Raises:
        InputError: With that time.
    """
    matrix = linear_drift(law) if is_known(ts) else None
    if matrix is None:
        return
    span = float(ts[-1] - ts[0])
    if np.isfinite(first := _conjugate_time(matrix, law.backwards, span)):
        raise InputError(
            f"`ts` must end before the conjugate time {first:.8f} of the drifts, from which on "
            f"there are no such trajectories, but T is {span}: take a shorter time."
        )
