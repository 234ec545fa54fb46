"""A prepared state that evolves in the Husimi picture and is measured.

What is measured follows from the data: densities and samples of heterodyne detection, counted
quanta, or parities.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..data.abstract import AbstractHeterodyneData, AbstractOscillatorData
from ..errors import (
    InputError,
    finite,
    require_increasing,
    require_shape,
    require_type,
)
from ..evolution.solution import Solution
from ..evolution.solve import solve
from ..evolution.times import SaveTimes
from ..fock_bargmann.basis import FockBargmann
from ..fock_bargmann.steps import HusimiStep, KetStep
from ..phase_space.coordinates import PhaseSpace, whole
from ..phase_space.fokker_planck import FokkerPlanck
from ..phase_space.open_system import Damped, Open
from ..phase_space.symbols import depends_on_time, energy
from .abstract import AbstractExperiment, Guess, required
from .candidates import State, candidates
from .cutoff import can_grow, choose_basis, few_levels, more_levels
from .detector import Detector
from .first_time import nearest, outcomes, undone
from .least_squares import TIGHT, Remembered, gauss_newton, least_squares
from .parameters import Template, leaf_names, to_vector
from .preparations import AbstractPreparation, Coherent
from .seen import likelihood_of, seen
from .weak_form import WeakForm, early_snapshots, weak_form

DOUBT = 0.2  # relative error of a detector's parameters before a fit, and their size at least
LEAST = 4  # snapshots that a spline joins
SUBSTEPS = 8  # of a driven run between two times of the data

Equation = FokkerPlanck | Damped | Open


class PhaseSpaceExperiment(AbstractExperiment):
    """A prepared state, evolved in the Husimi picture, and what a detector finds.

    Args:
        model: Equation of motion.
        state: What is prepared at the first time: `Coherent`, `Squeezed`, `Cat`, `Thermal` or a
            preparation of your own.
        basis: Levels kept, and the scales ℓ and κ of the measurement.
        detector: Loss, noise and amplification; ideal if not given.
        substeps: Steps between two times of the data, for an equation that depends on time.
        kets: Whether to evolve the amplitudes of the pure state; only where that is exact.

    Raises:
        InputError: If an argument is of another kind, or the modes of state and basis differ.

    Example:
        >>> flow = dqm.FokkerPlanck(dqm.Kerr(0.0, jnp.array(np.pi)))
        >>> state, basis = dqm.Coherent(np.ones(1), np.zeros(1)), dqm.FockBargmann(16)
        >>> experiment = dqm.PhaseSpaceExperiment(flow, state, basis)
        >>> center = jnp.array([[2**0.5, 0.0]])
        >>> density, _ = experiment.predict(dqm.save_times(np.arange(3.0)), center)
        >>> (2 * np.pi * density).round(3).ravel()  # after half a turn, e⁻⁴
        Array([1.   , 0.018, 1.   ], dtype=float64)
    """

    model: Equation
    state: AbstractPreparation
    basis: FockBargmann
    detector: Detector | None = None
    substeps: int = eqx.field(default=1, static=True, kw_only=True, converter=whole("substeps", 1))
    kets: bool = eqx.field(default=False, static=True, kw_only=True)

    def __check_init__(self):
        require_type((FokkerPlanck, Damped, Open), model=self.model)
        require_type(AbstractPreparation, state=self.state)
        require_type(FockBargmann, basis=self.basis)
        require_type((Detector, type(None)), detector=self.detector)
        if self.state.modes != self.basis.modes:
            raise InputError(
                f"`state` must have the {self.basis.modes} modes of `basis`, but has "
                f"{self.state.modes}."
            )

    def predict(self, times, where):
        """The densities at the points `where`, or the means of test functions."""
        if where is None:
            raise InputError("`data` must have points of phase space: `Snapshots` or `Samples`.")
        run = self.run(times)
        return seen(self.basis, self.detector, run.saved, where), run.status

    def run(self, times: SaveTimes | None) -> Solution:
        """The coefficients or amplitudes at all times."""
        state = self.state(self.basis)
        if self.kets:
            step = KetStep(self.model.symbol, self.basis)
        else:
            step = HusimiStep(self.model, self.basis)
            state = self.basis.pure(state) if state.ndim == self.basis.modes else state
        return solve(step, state, required(times), substeps=self.substeps, throw=False)

    def scales(self, data):
        """Of a parameter in the symbol a rotation by 1 over the duration of the data, of a rate
        that of one loss in it, of ℓ that of the measurement, of all others 1."""
        duration, names = float(data.t[-1] - data.t[0]), leaf_names(self)
        typical: dict[str, Any] = dict.fromkeys(names, 1.0)
        for name in names[: len(leaf_names(self.model.symbol))]:
            typical[name] = float(self.basis.kappa) / duration
        for name in names:
            if name.rpartition(".")[2] == "rate":
                typical[name] = 1 / duration
        if "ell" in typical:
            typical["ell"] = np.max(np.asarray(self.basis.ell))
        return typical

    def frequencies(self):
        """Of an H that is linear in all its parameters together, these; and rates."""
        names = leaf_names(self)
        symbol, basis = self.model.symbol, self.basis
        angular = names[: len(leaf_names(symbol))] if _is_linear(symbol, basis) else []
        rates = [name for name in names if name.rpartition(".")[2] == "rate"]
        return dict.fromkeys(angular, True) | dict.fromkeys(rates, False)

    def likelihood(self, data):
        return likelihood_of(data, self.detector)

    def refined(self):
        if not self.model.depends_on_time:
            return None
        return dataclasses.replace(self, substeps=2 * self.substeps)

    def for_forward_mode(self):
        return dataclasses.replace(self, kets=self._is_pure)

    @property
    def _is_pure(self) -> bool:
        """Whether the amplitudes of a ket obey the equation, whatever its parameters are."""
        model, basis = self.model, self.basis
        if not isinstance(model, FokkerPlanck) or model.depends_on_time:
            return False
        constants = (model.C, model.ell, model.kappa, model.hbar)
        if any(isinstance(x, jax.Array) for x in constants) or model.C != 1:
            return False
        if jax.eval_shape(lambda: self.state(basis)).ndim != basis.modes:
            return False
        same = np.allclose(model.ell, basis.ell) and np.isclose(model.kappa, basis.kappa)
        template, size = Template.of(model), to_vector(model).size
        typical = template(np.random.default_rng(0).uniform(0.5, 1.5, size) * float(basis.kappa))
        return bool(same and typical.is_exact)

    def guess(self, data):
        """The parameters of the model from the weak form of its equation, without a simulation."""
        if not isinstance(data, AbstractHeterodyneData) or self.model.depends_on_time:
            return None
        data = self._ideal(data)
        count, unknown = early_snapshots(data.t), to_vector(self.model)
        if count < LEAST or not unknown.size or (data.measured is None and self._has_jumps):
            return None
        form = weak_form(data, count, few_levels(data), self.model)
        inputs = Template.of(self.model), form
        at = Remembered(lambda x: tuple(map(np.asarray, _residual_and_slope(x, *inputs))))
        residual, slope = lambda x: at(x)[0], lambda x: at(x)[1]
        if not np.any(slope(unknown)):
            return None  # the equation does not depend on them, as on C without a Hamiltonian
        free = np.full(unknown.shape, np.inf)
        begin = gauss_newton(residual, slope, unknown)
        found = least_squares(residual, slope, begin, (-free, free), TIGHT)
        if found is None:
            return None
        errors = _errors(residual(found), slope(found))
        size = to_vector(self).size
        spread = np.pad(errors, [(0, 0), (0, size - found.size)])
        start = to_vector(self.detector)  # the last of all parameters
        doubts = np.pad(
            np.diag(DOUBT * np.maximum(np.abs(start), DOUBT)), [(0, 0), (size - start.size, 0)]
        )
        spread = np.concatenate([spread, doubts])
        experiment = dataclasses.replace(self, model=inputs[0](found))
        return Guess(experiment, spread, count, "weak form")

    @property
    def _has_jumps(self) -> bool:
        """Whether the equation is one of operators only."""
        return isinstance(self.model, Open)

    def _ideal(self, data: AbstractHeterodyneData) -> AbstractHeterodyneData:
        """The data as if the detector added no noise, in the units of the signal; for a guess."""
        if self.detector is None:
            return data
        points, factor, _ = undone(self.detector, data)
        return data.at_points(points, factor)


def _errors(residual: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Rows R with `RᵀR` the covariance, without the directions that the slopes do not see."""
    _, sizes, directions = np.linalg.svd(slope, full_matrices=False)
    seen = sizes > 1e-8 * sizes[0]
    noise = np.sqrt(np.sum(residual**2) / max(residual.size - slope.shape[1], 1))
    return noise * np.where(seen, 1 / np.where(seen, sizes, 1.0), 0.0)[:, None] * directions


@eqx.filter_jit
def _residual_and_slope(vector, template: Template, form: WeakForm):
    def residual(vector):
        found = form.residual(template(vector)).ravel()
        return found, found

    slope, found = jax.jacfwd(residual, has_aux=True)(jnp.asarray(vector))
    return found, slope


def _is_linear(symbol: Callable, basis: FockBargmann) -> bool:
    """Whether doubling all parameters of H doubles it, with ℏ = κ = 1."""
    if basis.kappa != 1 or depends_on_time(symbol):
        return False
    template, size = Template.of(symbol), to_vector(symbol).size
    random = np.random.default_rng(0)
    vector, xi = random.uniform(0.5, 1.5, size), random.normal(size=2 * basis.modes)
    once, twice = (float(energy(template(x * vector), jnp.asarray(xi))) for x in (1, 2))
    return bool(np.isclose(twice, 2 * once, rtol=1e-6))


def Heterodyne(  # the name of a class in version 0.1
    model: Equation,
    alpha_re: Float[Array | np.ndarray, " modes"],
    alpha_im: Float[Array | np.ndarray, " modes"],
    basis: FockBargmann,
) -> PhaseSpaceExperiment:
    """The `PhaseSpaceExperiment` of a coherent state.

    Args:
        model: Equation of motion.
        alpha_re, alpha_im: ⟨β⟩ at the first time.
        basis: Levels kept, and the scales ℓ and κ of the measurement.

    Raises:
        InputError: If an argument is of another kind, or an amplitude has another shape.

    Example:
        >>> flow, basis = dqm.FokkerPlanck(dqm.Kerr(jnp.array(2.0))), dqm.FockBargmann(16)
        >>> dqm.Heterodyne(flow, np.ones(1), np.zeros(1), basis).state.alpha
        Array([1.+0.j], dtype=complex128)
    """
    require_type(FockBargmann, basis=basis)
    for name, value in (("alpha_re", alpha_re), ("alpha_im", alpha_im)):
        require_shape(name, finite(name, value), (basis.modes,))
    return PhaseSpaceExperiment(model, Coherent(alpha_re, alpha_im), basis)


class Vacuum(AbstractExperiment):
    """What a detector finds without a signal, at all times the same.

    Args:
        detector: Loss, noise and amplification.
        space: Scales ℓ and κ of the measurement.
        times: How many times there are in the data.
    """

    detector: Detector
    space: PhaseSpace
    times: int = eqx.field(static=True)

    def predict(self, times, where):
        """The densities at the points `where`, or the means of test functions."""
        basis = FockBargmann((2,) * self.space.modes, self.space.ell, self.space.kappa)
        state = basis.pure(basis.fock_ket((0,) * self.space.modes))
        states = jnp.broadcast_to(state, (self.times, *state.shape))
        return seen(basis, self.detector, states, where), None

    def likelihood(self, data):
        return likelihood_of(data, self.detector)


def vacuum(data: AbstractHeterodyneData, detector: Detector) -> Vacuum:
    """The experiment of data with the signal off."""
    return Vacuum(detector, measuring(data), len(data.t))


def measuring(data: AbstractOscillatorData) -> PhaseSpace:
    """The scales of the measurement, as constants."""
    return PhaseSpace(tuple(np.asarray(data.ell, float).tolist()), data.kappa)


def experiment_of(
    data: AbstractOscillatorData,
    model: Equation,
    cutoff: int | None = None,
    state: State = "coherent",
    detector: Detector | None = None,
) -> PhaseSpaceExperiment:
    """The experiment that heterodyne data, an equation of motion and a kind of state make.

    Args:
        data: Snapshots or samples.
        model: Equation of motion.
        cutoff: Levels of each mode; chosen from the data if not given.
        state: What is prepared, see `candidates`; its parameters are those of the first time alone.
        detector: Loss, noise and amplification.
    """
    require_increasing(t=data.t)
    states = candidates(state, outcomes(data, detector))
    space = measuring(data)
    if isinstance(state, str) and state != "coherent":
        basis = choose_basis(space, states, None)
        states = [nearest(data, states, basis, detector)]
    basis = choose_basis(space, states, cutoff, _growth(data, model, detector))
    substeps = SUBSTEPS if model.depends_on_time else 1
    return PhaseSpaceExperiment(model, states[0], basis, detector, substeps=substeps)


def _growth(data: AbstractOscillatorData, model: Equation, detector: Detector | None) -> int:
    """By how many levels the state outgrows the first one, if the data show it."""
    if not isinstance(data, AbstractHeterodyneData) or not can_grow(model, measuring(data)):
        return 0
    if detector is None:
        return more_levels(data, 0.0)
    points, factor, noise = undone(detector, data)
    return more_levels(data.at_points(points, factor), noise)
