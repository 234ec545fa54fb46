"""Experiment design: how much a measurement says, and the best time for one more snapshot.

All criteria are differentiable with respect to that time.
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..data.abstract import numbers
from ..errors import InputError, require_shape, require_type
from ..evolution.times import save_times
from ..experiments.parameters import Template, parameter_names, require_names, to_vector
from ..experiments.phase_space import PhaseSpaceExperiment
from ..experiments.seen import seen
from .problem import predicted
from .result import Recovery

FINER = 2  # intervals for each of those of the data
WIDTH, SPACING = 7.0, 0.125  # of the grid of an integral, beyond the state and in units of z
Scalar = Float[Array, ""]


def standard_error(result: Recovery, name: str) -> Callable[[Scalar | float], Scalar]:
    """`t ↦ √[(F + I(t))⁻¹]_nn`, the error of one parameter after one more snapshot.

    F is the information of the data and I(t) that of a snapshot at t, measured at the same places
    with the same noise (Atkinson, Donev & Tobias 2007, chapter 10). The run takes twice as
    many steps as that of the data, so t should not exceed twice their last time.

    Args:
        result: A fit that determines all its parameters.
        name: Which of them.

    Raises:
        InputError: If the name is unknown, the data have no times or are samples, or not everything
            is determined.

    Example:
        >>> class Ramsey(dqm.AbstractExperiment):
        ...     detuning: jax.Array
        ...     def predict(self, times, where):
        ...         return jnp.cos(self.detuning * times.ts), None
        >>> t = np.linspace(0.0, 3.0, 16)
        >>> result = dqm.recover(dqm.Series(t, np.cos(1.3 * t), 0.01), Ramsey(jnp.array(1.0)))
        >>> error = dqm.design.standard_error(result, "detuning")
        >>> f"{result.stderr['detuning']:.4f} {error(2.0):.4f} {error(3.6):.4f}"
        '0.0025 0.0024 0.0018'
    """
    require_type(Recovery, result=result)
    require_names(result.estimate, [name], "name")
    chosen = jnp.asarray([n == name for n in result.estimate], float)
    whole = _information(result)
    return lambda t: jnp.sqrt(chosen @ jnp.linalg.solve(whole(t), chosen))


def a_optimal(result: Recovery) -> Callable[[Scalar | float], Scalar]:
    """`t ↦ tr[Σ (F + I(t))⁻¹]`, Σ = diag F: the mean square of all errors, each in units of what it
    would be if the others were known. Args and errors as of `standard_error`.

    Example:
        >>> class Ramsey(dqm.AbstractExperiment):
        ...     detuning: jax.Array
        ...     def predict(self, times, where):
        ...         return jnp.cos(self.detuning * times.ts), None
        >>> t = np.linspace(0.0, 3.0, 16)
        >>> result = dqm.recover(dqm.Series(t, np.cos(1.3 * t), 0.01), Ramsey(jnp.array(1.0)))
        >>> criterion = dqm.design.a_optimal(result)
        >>> f"{criterion(2.0):.3f} {criterion(3.6):.3f}"
        '0.939 0.559'
    """
    whole = _information(result)
    scale = jnp.diag(jnp.asarray(np.linalg.inv(result.covariance)))
    return lambda t: jnp.sum(scale * jnp.diag(jnp.linalg.inv(whole(t))))


def d_optimal(result: Recovery) -> Callable[[Scalar | float], Scalar]:
    """`t ↦ ½ ln det F − ½ ln det(F + I(t))`: by how much one more snapshot at t changes the
    entropy of all parameters together, in nats. Args and errors as of `standard_error`.

    Example:
        >>> class Ramsey(dqm.AbstractExperiment):
        ...     detuning: jax.Array
        ...     def predict(self, times, where):
        ...         return jnp.cos(self.detuning * times.ts), None
        >>> t = np.linspace(0.0, 3.0, 16)
        >>> result = dqm.recover(dqm.Series(t, np.cos(1.3 * t), 0.01), Ramsey(jnp.array(1.0)))
        >>> criterion = dqm.design.d_optimal(result)
        >>> f"{criterion(2.0):.3f} {criterion(3.6):.3f}"
        '-0.031 -0.291'
    """
    whole = _information(result)
    before = -np.linalg.slogdet(result.covariance)[1]
    return lambda t: (before - jnp.linalg.slogdet(whole(t))[1]) / 2


def best_time(criterion: Callable, candidates: Float[np.ndarray, " times"]) -> float:
    """The candidate at which `criterion` is least.

    Args:
        criterion: Of a time; one of the above.
        candidates: Times after the first.

    Raises:
        InputError: If it is finite at none.

    Example:
        >>> class Ramsey(dqm.AbstractExperiment):
        ...     detuning: jax.Array
        ...     def predict(self, times, where):
        ...         return jnp.cos(self.detuning * times.ts), None
        >>> t = np.linspace(0.0, 3.0, 16)
        >>> result = dqm.recover(dqm.Series(t, np.cos(1.3 * t), 0.01), Ramsey(jnp.array(1.0)))
        >>> error = dqm.design.standard_error(result, "detuning")
        >>> dqm.design.best_time(error, np.array([1.2, 2.4, 3.6]))  # where the fringe is steep
        3.6
    """
    require_type(Callable, criterion=criterion)  # pyright: ignore[reportArgumentType]
    candidates = np.atleast_1d(numbers("candidates", candidates))
    require_shape("candidates", candidates, (candidates.size,))
    values = np.array([float(criterion(jnp.asarray(t))) for t in candidates])
    if not np.isfinite(values).any():
        raise InputError("`candidates` must hold a time up to which the runs are finite.")
    return float(candidates[int(np.nanargmin(np.where(np.isfinite(values), values, np.nan)))])


class Informations(NamedTuple):
    """What `information` found: matrices for each time, in the order of `names`.

    Example:
        >>> flow = dqm.FokkerPlanck(dqm.Kerr(0.0, jnp.array(2.0)))
        >>> state, basis = dqm.Coherent(np.ones(1), np.zeros(1)), dqm.FockBargmann(16)
        >>> experiment = dqm.PhaseSpaceExperiment(flow, state, basis)
        >>> found = dqm.design.information(experiment, np.array([0.0, 0.5, 1.0]))
        >>> found.names, found.quantum.ravel().round(3)  # 4 t²|α|²
        (['omega'], array([0., 1., 4.]))
    """

    names: list[str]
    measured: Float[np.ndarray, "times parameters parameters"]
    quantum: Float[np.ndarray, "times parameters parameters"]

    def ratio(self, name: str) -> Float[np.ndarray, " times"]:
        """The measured part of the quantum information on one parameter; NaN where that is 0."""
        require_names(self.names, [name], "name")
        i = self.names.index(name)
        measured, quantum = self.measured[:, i, i], self.quantum[:, i, i]
        return np.divide(measured, quantum, out=np.full(len(quantum), np.nan), where=quantum > 0)


def information(experiment: PhaseSpaceExperiment, times: Float[np.ndarray, " times"]):
    """Fisher information of one heterodyne outcome at each time, beside that of any measurement.

    `I_ab = ∫ ∂_aρ ∂_bρ / ρ dξ` of the density of outcomes, with the losses and noise of the
    detector, and `Q_ab = 2 Σ_ij Re ⟨i|∂_aρ̂|j⟩⟨j|∂_bρ̂|i⟩/(λ_i + λ_j)` of the state, λ its
    eigenvalues (Braunstein & Caves 1994, doi:10.1103/PhysRevLett.72.3439). I ≤ Q.

    Args:
        experiment: Of one mode; its floating-point arrays are the parameters.
        times: Increasing, the first that of the preparation.

    Returns:
        `Informations`, with `ratio(name)` for each parameter.

    Raises:
        InputError: If the experiment has several modes or no parameters, or `times` do not
            increase.

    Example:
        >>> flow = dqm.FokkerPlanck(dqm.Kerr(0.0, jnp.array(2.0)))
        >>> state, basis = dqm.Coherent(np.ones(1), np.zeros(1)), dqm.FockBargmann(16)
        >>> experiment = dqm.PhaseSpaceExperiment(flow, state, basis)
        >>> found = dqm.design.information(experiment, np.array([0.0, 0.5, 1.0]))
        >>> found.ratio("omega").round(3)  # heterodyne detection gets half of it
        array([nan, 0.5, 0.5])
    """
    require_type(PhaseSpaceExperiment, experiment=experiment)
    if experiment.basis.modes != 1:
        raise InputError(f"`experiment` must have one mode, but has {experiment.basis.modes}.")
    names, vector = parameter_names(experiment), jnp.asarray(to_vector(experiment))
    if not names:
        raise InputError("`experiment` must have parameters: make one of its numbers an array.")
    experiment = experiment.for_forward_mode()
    saved = save_times(np.asarray(numbers("times", times), float))
    points, weight = _grid(experiment)
    states, moved, found, changed = map(
        np.asarray, _derivatives(vector, Template.of(experiment), saved, jnp.asarray(points))
    )
    least = np.finfo(float).tiny
    parts = changed / np.sqrt(np.maximum(found, least))[..., None]
    measured = weight * np.einsum("tpa,tpb->tab", parts, parts)
    quantum = np.stack([_quantum(*pair) for pair in zip(states, moved, strict=True)])
    return Informations(names, measured, quantum)


def _grid(experiment: PhaseSpaceExperiment) -> tuple[np.ndarray, float]:
    """Points on which an outcome of any state in the basis may be found, and the area of each."""
    space, detector = experiment.basis.space, experiment.detector
    reach = (2 * experiment.basis.cutoff[0]) ** 0.5 / 2**0.5 + WIDTH / 2
    z = np.arange(-2 * reach, 2 * reach + SPACING, SPACING)
    scale = np.asarray(space.scale)
    points = np.stack([axis.ravel() for axis in np.meshgrid(z, z)], axis=1) * scale
    area = SPACING**2 * float(np.prod(scale))
    if detector is None:
        return points, area
    return np.asarray(detector.outcome(space, jnp.asarray(points))), area * float(
        detector.scale
    ) ** 2


@eqx.filter_jit
def _derivatives(vector, template: Template, times, points):
    """States, densities, and their derivatives."""

    def both(v):
        experiment = template(v)
        run = experiment.run(times).saved
        pure = run.ndim == 2
        states = jax.vmap(experiment.basis.pure)(run) if pure else run
        return states, seen(experiment.basis, experiment.detector, run, points)

    (states, found), (moved, changed) = both(vector), jax.jacfwd(both)(vector)
    return states, moved, found, changed


def _quantum(state: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """The quantum Fisher information of a density matrix and its derivatives (…, parameters)."""
    values, vectors = np.linalg.eigh(state)
    inside = np.einsum("mi,mna,nj->ija", vectors.conj(), moved, vectors, optimize=True)
    sums = values[:, None] + values
    factor = np.where(sums > 1e-12 * values[-1], 2 / np.where(sums > 0, sums, 1.0), 0.0)
    return np.real(np.einsum("ij,ija,ijb->ab", factor, inside, inside.conj()))


def _information(result: Recovery) -> Callable:
    require_type(Recovery, result=result)
    problem, noise = result.problem, result.goodness.noise
    template, _, where = problem.inputs
    likelihood = problem.likelihood
    if problem.data.times is None or problem.data.measured is None:
        raise InputError("`result` must be a fit to snapshots or a series, to which one is added.")
    if not all(result.identifiable.values()):
        raise InputError("`result` must determine all its parameters: `fix` the others.")
    first, vector = float(problem.data.t[0]), jnp.asarray(result.vector)
    before = jnp.asarray(np.linalg.inv(result.covariance))

    parts = jnp.linspace(0, 1, FINER * len(problem.data.t))

    @eqx.filter_jit
    def whole(t):
        times = save_times(first + (jnp.asarray(t, float) - first) * parts)
        row = lambda v: predicted(v, template, times, where)[0][-1]
        slopes = jax.jacfwd(row)(vector)
        weight = likelihood.information_of_next(row(vector))
        slopes = slopes * weight[:, None] / noise
        return before + slopes.T @ slopes

    return whole
