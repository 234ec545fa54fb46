"""A start from the weak form, where the data are of heterodyne detection."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .dataset import Snapshots
from .experiments import Heterodyne
from .fitting import least_squares
from .measurements import Draws
from .parameters import Template, template, to_vector
from .preparation import few_levels, width_of
from .problem import Problem, Vector
from .weak_form import WeakForm, density_form, draw_form, early_snapshots

LEAST = 4  # snapshots that a spline joins


class WeakStart(NamedTuple):
    """What `weak_start` found."""

    vector: Vector  # the parameters of the model from the weak form, the others as they are
    spread: Float[np.ndarray, "unknown parameters"]  # its standard errors, each along its own row
    snapshots: int  # how many told


def weak_start(problem: Problem) -> WeakStart | None:
    """A start from the weak form; `None` with too few snapshots, or nothing to be learned."""
    data, experiment = problem.data, problem.experiment
    if not isinstance(experiment, Heterodyne) or not isinstance(data, Snapshots | Draws):
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


def _form(data: Snapshots | Draws, experiment: Heterodyne, count: int) -> WeakForm:
    width, t = width_of(data), data.t[:count]
    if isinstance(data, Draws):
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
