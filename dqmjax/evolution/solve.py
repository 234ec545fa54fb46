"""Evolving a state through given times."""

from collections.abc import Callable
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PyTree, Real

from ..errors import (
    InputError,
    field,
    is_known,
    is_traced,
    positive,
    require_instance,
    require_whole,
)
from .adjoint import AbstractAdjoint, Direct
from .envelopes import covered
from .error import parts_of, probe, probed_of, substeps_for, summed
from .interval import Steps
from .solution import Solution, checked
from .status import with_errors
from .stepper import AbstractStepper, enter, is_convergent
from .times import SaveTimes, save_times


def solve(
    stepper: AbstractStepper,
    state: PyTree[Array],
    ts: Real[Array | np.ndarray, " times"] | SaveTimes,
    *,
    substeps: int = 1,
    tolerance: float | None = None,
    save: Callable[[PyTree[Array]], PyTree[Array]] | None = None,
    adjoint: AbstractAdjoint = Direct(),  # noqa: B008
    throw: bool = True,
) -> Solution:
    """Evolves `state` from `ts[0]` to `ts[-1]` and saves at exactly every `ts`.

    Each interval is cut into `substeps` equal steps; nothing is interpolated. The factors
    of a step are computed once per distinct interval if `ts` is known at compile time, and
    once per interval if `ts` is itself traced or differentiated.

    Every saved state has a status, see `Reason`, and an estimate of its error if the stepper has
    one: from steps of two lengths, compared in a few intervals, or the bound of a truncation.

    Args:
        stepper: Equation of motion and scheme.
        state: State at `ts[0]`; any pytree that the stepper accepts.
        ts: Save times, strictly increasing, not necessarily equally spaced.
        substeps: Steps per save interval, with `tolerance` the least number.
        tolerance: Largest error ‖δ‖/‖state‖ of the steps. Trial runs with two numbers of substeps
            find the least number that suffices; the run is then made with this fixed number.
        save: What to keep of each state, the whole state by default. Name the function:
            a fresh lambda recompiles.
        adjoint: How reverse mode stores the steps within an interval: `Direct()`,
            `Checkpointed()` or `Reversible()`.
        throw: Whether a status that fails is an error. If it is traced, it cannot raise: the
            states from there on are NaN instead. With `False` all states are returned as they are.

    Raises:
        InputError: As `save_times`, or if an argument is of another kind, `state` or a parameter
            of `stepper` is known and NaN, `tolerance` is not positive, too small for the
            precision, or given where a parameter is traced, or `save` returns integers where the
            status is traced and `throw` is true, since these cannot be NaN.
        RuntimeError: If the status of a state fails.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> step = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), grid)
        >>> psi, ts = dqm.coherent(grid, 1.0), jnp.linspace(0.0, jnp.pi, 4)
        >>> run = dqm.solve(step, psi, ts, substeps=10)
        >>> [round(float(dqm.observables.mean_position(grid, psi)[0]), 3) for psi in run.saved]
        [1.0, 0.5, -0.5, -1.0]
    """
    require_whole(1, substeps=substeps)
    require_instance(AbstractStepper, stepper=stepper)
    require_instance(AbstractAdjoint, adjoint=adjoint)
    require_instance(bool, throw=throw)
    if save is not None and not callable(save):
        raise InputError(f"`save` must be a function of a state, but is {save!r}.")
    require_numbers(stepper, state)
    times = ts if isinstance(ts, SaveTimes) else save_times(ts)
    times = covered(stepper, times, substeps)
    error = None
    if tolerance is not None and is_convergent(stepper):
        substeps, error = substeps_for(stepper, state, times, substeps, tolerance)
    elif tolerance is not None:
        positive("tolerance", tolerance, ())  # nothing to choose: the steps have no error
    solution = _solve(stepper, state, times, substeps, save, adjoint, error)
    return _refused(solution) if throw else solution


def _refused(solution: Solution) -> Solution:
    """`solution` if no state fails; else an error, or NaN where the status is traced."""
    if not is_traced(solution):
        return checked(solution)
    fails = solution.status.fails
    saved = jax.tree.map(lambda leaf: _spoiled(fails, leaf), solution.saved)
    final = jax.tree.map(lambda leaf: _spoiled(fails[-1], leaf), solution.final)
    return eqx.tree_at(lambda s: (s.saved, s.final), solution, (saved, final))


def _spoiled(fails: Bool[Array, "*times"], values):
    """`values` with NaN where a state `fails`; by a product, so that derivatives are NaN, too."""
    if not jnp.issubdtype(values.dtype, jnp.inexact):
        raise InputError(
            f"`save` must return floating-point numbers, but returns {values.dtype}, which cannot "
            "be NaN where a state fails: give `throw=False` and look at `Solution.status`."
        )
    factor = jnp.where(fails, jnp.nan, 1.0).astype(values.real.dtype)
    return values * factor.reshape(fails.shape + (1,) * (values.ndim - fails.ndim))


def require_numbers(stepper, state):
    """Checks that what is known of the state is finite, and no known parameter is NaN."""
    if not jax.tree.leaves(state):
        raise InputError(f"`state` must be one or more arrays, but is {state!r}.")
    for leaf in jax.tree.leaves(state):
        field("state", leaf)
    for path, leaf in jax.tree_util.tree_leaves_with_path(stepper):
        if is_known(leaf) and _has_nan(leaf):
            name = jax.tree_util.keystr(path)
            raise InputError(f"`stepper` must not contain NaN, but its {name} does.")


def _has_nan(leaf) -> bool:
    is_number = isinstance(leaf, float | complex) or eqx.is_inexact_array(leaf)
    return is_number and bool(np.isnan(leaf).any())


@eqx.filter_jit
def _solve(stepper, state, times, substeps, save, adjoint, error=None) -> Solution:
    """The run, after the checks. A known `error` is taken instead of an estimate."""
    save = save or (lambda state: state)
    ts, lengths = times.ts, times.intervals[times.which]
    is_estimated = error is None and is_convergent(cast(Any, stepper))
    parts = parts_of(lengths.size, substeps) if is_estimated else 1
    steps = Steps.of(stepper, state, times, substeps)

    def advance(reached, now):
        t, index, dt, is_probed = now
        step = steps.at(index, dt)
        starts = t + dt / substeps * jnp.arange(substeps).reshape(parts, -1)

        def part(inside, now):
            starts, is_probed = now
            local = None
            if is_estimated:
                local = probe(stepper, step, inside, starts[0], dt / substeps, is_probed)
            return adjoint.run(step, inside, starts), local

        inside, local = jax.lax.scan(part, enter(step, t, reached.state), (starts, is_probed))
        reached = steps.end(step, reached, inside, t + dt)
        return reached, (reached._replace(state=save(reached.state)), local)

    begin = steps.begin(state, ts[0], lengths[0])
    count = parts * lengths.size
    is_probed = np.isin(np.arange(count), probed_of(count)).reshape(-1, parts)
    now = (ts[:-1], times.which, lengths, is_probed)
    end, (kept, local) = jax.lax.scan(advance, begin, now)
    first = begin._replace(state=save(begin.state))
    join = lambda y0, ys: jnp.concatenate([jnp.asarray(y0)[None], ys])
    saved, status, bound = jax.tree.map(join, first, kept)
    if local is not None:
        probes = jax.lax.stop_gradient(local.ravel()), jnp.repeat(lengths / substeps, parts)
        error = summed(*probes, substeps // parts, stepper.order)[::parts]
    return Solution(ts, saved, end.state, *with_errors(status, error, bound))
