"""A start from the weak form, where the data are of heterodyne detection."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
import scipy.stats
from jaxtyping import Complex, Float

from ..data.series import Samples
from ..data.snapshots import Snapshots
from ..errors import InputError
from ..fock_bargmann.basis import FockBargmann
from .experiments import Heterodyne
from .fisher_scoring import least_squares
from .parameters import Template, template, to_vector
from .problem import Problem, Vector
from .weak_form import WeakForm, density_form, draw_form, early_snapshots

MOST_QUANTA = 100  # memory grows with the square


def first_amplitude(data: Snapshots | Samples) -> Complex[np.ndarray, " modes"]:
    """α at the first time, of the Gaussian `e^{−|β − α|²}` that fits best; of draws their mean."""
    points = data.points[0] if isinstance(data, Samples) else data.points
    q, p = np.split(points, 2, axis=1)
    beta = (q / data.ell + 1j * data.ell * p / data.kappa) / np.sqrt(2)
    if isinstance(data, Samples):
        return beta.mean(axis=0)
    probability = data.cell * data.measured[0]
    around = np.average(beta, axis=0, weights=np.clip(probability, 0, None) ** 2)
    alpha = lambda x: x[: data.modes] + 1j * x[data.modes :]
    fitted = scipy.optimize.least_squares(
        lambda x: np.exp(-np.sum(np.abs(beta - alpha(x)) ** 2, axis=1)) - probability,
        np.concatenate([np.real(around), np.imag(around)]),
    )
    return alpha(fitted.x)


def choose_basis(data: Snapshots | Samples, cutoff: int | None) -> FockBargmann:
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


def width_of(data: Snapshots | Samples) -> float:
    """Width of test functions that many of the data weigh in, in units of z."""
    return max(1.0, float(np.max(np.abs(first_amplitude(data)))) / 2)


def few_levels(data: Snapshots | Samples) -> FockBargmann:
    """Those in which noisy densities are expanded: no more unknowns than points can tell."""
    quanta = float(np.sum(np.abs(first_amplitude(data)) ** 2))
    total = math.ceil(quanta + 3 * quanta**0.5) + 3
    kets = lambda total: math.comb(total + data.modes, data.modes)
    while total > 2 and kets(total) ** 2 > 0.7 * len(data.points):
        total -= 1
    ell = tuple(np.asarray(data.ell).tolist())
    return FockBargmann((total + 1,) * data.modes, ell, data.kappa, quanta=total)


LEAST = 4  # snapshots that a spline joins


class WeakStart(NamedTuple):
    """What `weak_start` found."""

    vector: Vector  # the parameters of the model from the weak form, the others as they are
    spread: Float[np.ndarray, "unknown parameters"]  # its standard errors, each along its own row
    snapshots: int  # how many told


def weak_start(problem: Problem) -> WeakStart | None:
    """A start from the weak form; `None` with too few snapshots, or nothing to be learned."""
    data, experiment = problem.data, problem.experiment
    if not isinstance(experiment, Heterodyne) or not isinstance(data, Snapshots | Samples):
        return None
    unknown = np.asarray(to_vector(experiment.model))
    count = early_snapshots(data.t)
    if count < LEAST or not unknown.size:
        return None
    form = _form(data, experiment, count)
    inputs = (template(experiment.model), form)
    slope = lambda x: np.asarray(_jacobian(jnp.asarray(x), *inputs))
    if not np.any(slope(unknown)):
        return None  # nothing to be learned, as of C without a Hamiltonian
    model = slice(0, unknown.size)
    residual = lambda x: np.asarray(_residual(jnp.asarray(x), *inputs))
    found = least_squares(
        residual,
        slope,
        unknown,
        (problem.lower[model], problem.upper[model]),
        {"xtol": 1e-10, "ftol": 1e-10, "gtol": None},
    )
    if found is None:
        return None
    size = np.sqrt(np.sum(residual(found) ** 2) / max(form.means.size - found.size, 1))
    spread = np.zeros((found.size, problem.start.size))
    spread[:, model] = size * _inverse_root(slope(found))
    vector = np.concatenate([found, problem.start[unknown.size :]])
    return WeakStart(problem.within(vector), spread, count)


def _inverse_root(jacobian: np.ndarray) -> np.ndarray:
    """Rows R of `RᵀR = (JᵀJ)⁻¹`, without those directions that J does not see."""
    _, sizes, directions = np.linalg.svd(jacobian, full_matrices=False)
    seen = sizes > 1e-8 * sizes[0]
    return np.where(seen, 1 / np.where(seen, sizes, 1.0), 0.0)[:, None] * directions


def _form(data: Snapshots | Samples, experiment: Heterodyne, count: int) -> WeakForm:
    width, t = width_of(data), data.t[:count]
    if isinstance(data, Samples):
        return draw_form(t, data.points[:count], data.ell, data.kappa, width)
    basis = few_levels(data)
    measured = data.measured[:count]
    return density_form(t, data.points, measured, basis, experiment.model, width)


@eqx.filter_jit
def _residual(vector, template: Template, form: WeakForm):
    return form.residual(template(vector)).ravel()


@eqx.filter_jit
def _jacobian(vector, *inputs):
    return jax.jacfwd(_residual)(vector, *inputs)
