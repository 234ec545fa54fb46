"""The coherent state that heterodyne data begin with, and the levels that it needs."""

import math

import numpy as np
import scipy.optimize
import scipy.stats
from jaxtyping import Complex

from .dataset import Snapshots
from .errors import InputError
from .fock import FockBargmann
from .measurements import Draws

MOST_QUANTA = 100  # memory grows with the square


def first_amplitude(data: Snapshots | Draws) -> Complex[np.ndarray, " modes"]:
    """α at the first time, of the Gaussian `e^{−|β − α|²}` that fits best; of draws their mean."""
    points = data.points[0] if isinstance(data, Draws) else data.points
    q, p = np.split(points, 2, axis=1)
    beta = (q / data.ell + 1j * data.ell * p / data.kappa) / np.sqrt(2)
    if isinstance(data, Draws):
        return beta.mean(axis=0)
    probability = data.cell * data.measured[0]
    around = np.average(beta, axis=0, weights=np.clip(probability, 0, None) ** 2)
    alpha = lambda x: x[: data.modes] + 1j * x[data.modes :]
    fitted = scipy.optimize.least_squares(
        lambda x: np.exp(-np.sum(np.abs(beta - alpha(x)) ** 2, axis=1)) - probability,
        np.concatenate([np.real(around), np.imag(around)]),
    )
    return alpha(fitted.x)


def choose_basis(data: Snapshots | Draws, cutoff: int | None) -> FockBargmann:
    """Enough levels for the first state, at the measuring scale of the data.

    Several modes may exchange quanta, and share a bound on their total.
    """
    quanta = float(np.sum(np.abs(first_amplitude(data)) ** 2))
    if not quanta < MOST_QUANTA:
        raise InputError(
            f"`data` must start below {MOST_QUANTA} quanta, but have {quanta:.3g}: check `points`, "
            "`ell` and `kappa`, or shift the frame."
        )
    scales = (tuple(np.asarray(data.ell).tolist()), data.kappa)
    if data.modes == 1:
        needed = 10 * math.ceil((quanta + 7 * math.sqrt(quanta) + 9) / 10)  # few compilations
        basis = FockBargmann(needed if cutoff is None else cutoff, *scales)
    else:
        needed = math.ceil(quanta + 5 * math.sqrt(quanta) + 6)
        levels = needed if cutoff is None else cutoff
        basis = FockBargmann((levels,) * data.modes, *scales, quanta=levels - 1)
    levels = basis.cutoff[0]
    missing = scipy.stats.poisson.sf(levels - 1, quanta)
    if missing > 1e-6:
        raise InputError(
            f"`cutoff` must hold a coherent state of {quanta:.3g} quanta, but {levels} levels miss "
            f"{missing:.1g} of it: keep {needed}."
        )
    return basis


def width_of(data: Snapshots | Draws) -> float:
    """Width of test functions that many of the data weigh in, in units of z."""
    return max(1.0, float(np.max(np.abs(first_amplitude(data)))) / 2)


def few_levels(data: Snapshots | Draws) -> FockBargmann:
    """Those in which noisy densities are expanded: no more unknowns than points can tell."""
    quanta = float(np.sum(np.abs(first_amplitude(data)) ** 2))
    total = math.ceil(quanta + 3 * quanta**0.5) + 3
    kets = lambda total: math.comb(total + data.modes, data.modes)
    while total > 2 and kets(total) ** 2 > 0.7 * len(data.points):
        total -= 1
    ell = tuple(np.asarray(data.ell).tolist())
    return FockBargmann((total + 1,) * data.modes, ell, data.kappa, quanta=total)
