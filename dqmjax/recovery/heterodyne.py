"""Heterodyne detection of a coherent state that evolves in the Husimi picture."""

import dataclasses
import functools
import math
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Complex, Float

from ..data.abstract import AbstractHeterodyneData
from ..data.test_functions import TestFunctions
from ..errors import InputError, finite, require_shape, require_whole
from ..evolution.solve import Solution, solve
from ..evolution.times import SaveTimes
from ..fock_bargmann.basis import FockBargmann
from ..fock_bargmann.steps import HusimiStep
from ..phase_space.coordinates import PhaseSpace
from ..phase_space.fokker_planck import FokkerPlanck
from ..phase_space.open_system import Damped
from .experiments import AbstractExperiment, Guess, at_each_time, require_type, required
from .fisher_scoring import least_squares
from .parameters import Template, Vector, leaf_names, parameter_names, to_vector
from .weak_form import WeakForm, early_snapshots, weak_form

MOST_QUANTA = 100  # memory grows with the square
BEYOND = 1e-6  # part of the first state that may lie beyond the cut-off
MOST_COEFFICIENTS = 10**9  # of a state: 16 GB
LOST = 1e-5  # part of the first state beyond the cut-off; with more, the prediction is NaN
LEAST = 4  # snapshots that a spline joins


class Heterodyne(AbstractExperiment):
    """A coherent state, evolved in the Husimi picture, and its density at points of phase space.

    Args:
        model: Equation of motion.
        alpha_re, alpha_im: ⟨β⟩ at the first time.
        basis: Levels kept, and the scales ℓ and κ of the measurement.

    Raises:
        InputError: If an argument is of another kind, or an amplitude has another shape.
    """

    model: FokkerPlanck | Damped
    alpha_re: Float[Array | np.ndarray, " modes"] = eqx.field(
        converter=functools.partial(finite, "alpha_re")
    )
    alpha_im: Float[Array | np.ndarray, " modes"] = eqx.field(
        converter=functools.partial(finite, "alpha_im")
    )
    basis: FockBargmann

    def __check_init__(self):
        require_type((FokkerPlanck, Damped), model=self.model)
        require_type(FockBargmann, basis=self.basis)
        for name in ("alpha_re", "alpha_im"):
            require_shape(name, getattr(self, name), (self.basis.modes,))

    def predict(self, times, where):
        """The densities at the points `where`, or the means of test functions."""
        run = self.run(times)
        if where is None:
            raise InputError("`data` must have points of phase space: `Snapshots` or `Samples`.")
        if callable(where):
            tests = cast(TestFunctions, where)
            return jax.vmap(tests.means)(run.saved), run.status
        if where.ndim == 2:
            return self.basis.density(run.saved, where), run.status
        return at_each_time(self.basis.density, where)(run.saved, where), run.status

    def run(self, times: SaveTimes | None) -> Solution:
        """The coefficients at all times."""
        alpha = jnp.asarray(self.alpha_re) + 1j * jnp.asarray(self.alpha_im)
        start = self.basis.coherent(alpha, loss=LOST)
        return solve(HusimiStep(self.model, self.basis), start, required(times), throw=False)

    def scales(self, data):
        """Of a parameter in the symbol a rotation by 1 over the duration of the data, of a rate
        that of one loss in it, of ℓ that of the measurement, of all others 1."""
        duration, names = float(data.t[-1] - data.t[0]), leaf_names(self)
        typical: dict[str, Any] = dict.fromkeys(names, 1.0)
        for name in names[: len(leaf_names(self.model.symbol))]:
            typical[name] = float(self.basis.kappa) / duration
        for name, value in (("rate", 1 / duration), ("ell", np.max(np.asarray(self.basis.ell)))):
            if name in typical:
                typical[name] = value
        return typical

    def guess(self, data):
        """The parameters of the model from the weak form of its equation, without a simulation."""
        if data.space is None:
            return None
        data = cast(AbstractHeterodyneData, data)
        count, unknown = early_snapshots(data.t), to_vector(self.model)
        if count < LEAST or not unknown.size:
            return None
        form = weak_form(data, count, few_levels(data), self.model)
        problem = _WeakProblem(Template.of(self.model), form)
        if not np.any(problem.slope(unknown)):
            return None  # the equation does not depend on them, as on C without a Hamiltonian
        free = np.full(unknown.shape, np.inf)
        tolerances = {"xtol": 1e-10, "ftol": 1e-10, "gtol": None}
        found = least_squares(problem.residual, problem.slope, unknown, (-free, free), tolerances)
        if found is None:
            return None
        spread = np.zeros((found.size, len(parameter_names(self))))
        spread[:, : found.size] = problem.errors(found)
        experiment = dataclasses.replace(self, model=problem.template(found))
        return Guess(experiment, spread, count, "weak form")


@dataclasses.dataclass(frozen=True)
class _WeakProblem:
    """Least squares of the weak form over the parameters of the model."""

    template: Template
    form: WeakForm

    def residual(self, vector: Vector) -> np.ndarray:
        return np.asarray(_residual(vector, self.template, self.form))

    def slope(self, vector: Vector) -> np.ndarray:
        return np.asarray(_jacobian(vector, self.template, self.form))

    def errors(self, vector: Vector) -> np.ndarray:
        """Rows R with `RᵀR` the covariance, without the directions that J does not see."""
        _, sizes, directions = np.linalg.svd(self.slope(vector), full_matrices=False)
        seen = sizes > 1e-8 * sizes[0]
        dof = max(self.form.means.size - vector.size, 1)
        noise = np.sqrt(np.sum(self.residual(vector) ** 2) / dof)
        return noise * np.where(seen, 1 / np.where(seen, sizes, 1.0), 0.0)[:, None] * directions


@eqx.filter_jit
def _residual(vector, template: Template, form: WeakForm):
    return form.residual(template(vector)).ravel()


@eqx.filter_jit
def _jacobian(vector, *inputs):
    return jax.jacfwd(_residual)(jnp.asarray(vector), *inputs)


def heterodyne(data: AbstractHeterodyneData, model, cutoff: int | None) -> Heterodyne:
    """The experiment that heterodyne data and an equation of motion make."""
    alpha, ell = data.first_amplitude, tuple(np.asarray(data.ell, float).tolist())
    basis = choose_basis(PhaseSpace(ell, data.kappa), alpha, cutoff)
    real, imaginary = jax.device_put((np.real(alpha), np.imag(alpha)))
    return Heterodyne(model, real, imaginary, basis)


def choose_basis(
    space: PhaseSpace, amplitude: Complex[np.ndarray, " modes"], cutoff: int | None
) -> FockBargmann:
    """Enough levels for a coherent state; several modes share a bound on their quanta.

    Raises:
        InputError: If it has too many quanta, or `cutoff` is too low for it.
    """
    if cutoff is not None:
        require_whole(2, cutoff=cutoff)
    quanta, modes = float(np.sum(np.abs(amplitude) ** 2)), len(amplitude)
    if not quanta < MOST_QUANTA:
        raise InputError(
            f"`data` must start below {MOST_QUANTA} quanta, but have {quanta:.3g}: check `points`, "
            "`ell` and `kappa`, or shift the frame."
        )
    if modes == 1:
        needed = 10 * math.ceil((quanta + 7 * math.sqrt(quanta) + 9) / 10)  # few compilations
    else:
        needed = math.ceil(quanta + 5 * math.sqrt(quanta) + 6)
    levels = needed if cutoff is None else cutoff
    if levels ** (2 * modes) > MOST_COEFFICIENTS:
        raise InputError(
            f"`cutoff` must keep at most {MOST_COEFFICIENTS:.0e} coefficients, but {levels} levels "
            f"of {modes} modes have {levels ** (2 * modes):.1g}."
        )
    beyond = scipy.special.pdtrc(levels - 1, quanta)
    if beyond > BEYOND:
        raise InputError(
            f"`cutoff` must hold a coherent state of {quanta:.3g} quanta, but {levels} levels miss "
            f"{beyond:.1g} of it: keep {needed}."
        )
    total = None if modes == 1 else levels - 1
    return FockBargmann((levels,) * modes, space.ell, space.kappa, quanta=total)


def few_levels(data: AbstractHeterodyneData) -> FockBargmann:
    """The levels for an expansion of noisy densities: fewer coefficients than points."""
    quanta = float(np.sum(np.abs(data.first_amplitude) ** 2))
    total = math.ceil(quanta + 3 * quanta**0.5) + 3
    kets = lambda total: math.comb(total + data.modes, data.modes)
    while total > 2 and kets(total) ** 2 > 0.7 * len(data.points):
        total -= 1
    ell = tuple(np.asarray(data.ell, float).tolist())
    return FockBargmann((total + 1,) * data.modes, ell, data.kappa, quanta=total)
