"""Evolution of a state by any stepper, observed at the times of the data."""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..errors import InputError, is_known, require_finite, require_type, require_whole
from ..evolution.adjoint import AbstractAdjoint, Checkpointed, Direct, Reversible, ReversibleStep
from ..evolution.solve import solve
from ..evolution.stepper import AbstractStepper
from ..evolution.times import SaveTimes, save_times
from .abstract import AbstractExperiment, Prediction, at_each_time, required


class Evolution(AbstractExperiment):
    """A state, known or prepared by a function, evolved by any stepper and observed.

    Args:
        stepper: Equation of motion and scheme; `SplitStep`, `CanonicalStep`, `HusimiStep`, ….
        state: The known state at the first time, or a function without arguments that returns it:
            a module, whose arrays are estimated too.
        observe: What is measured in a state, such as `density`: a number or an array.
        substeps: Steps for each interval between the times of the data.
        adjoint: How reverse mode stores the run, where there are many parameters.
        reconstruct: The state as a function of the numbers measured at one time, if they
            determine it, such as `lambda parts: parts[0] + 1j * parts[1]`. It allows multiple
            shooting.

    Raises:
        InputError: If an argument is of another kind, or a known state is not finite.

    Example:
        >>> grid = dqm.Grid((-6.0,), (6.0,), (32,))
        >>> step = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(jnp.array(1.0))), grid)
        >>> mean = lambda psi: dqm.observables.mean_position(grid, psi)[0]
        >>> model = dqm.Evolution(step, dqm.gaussian(grid, 1.0, 0.5**0.5), mean, substeps=64)
        >>> values, _ = model.predict(dqm.save_times(np.pi * np.arange(3)), None)  # cos t
        >>> values.round(2)
        Array([ 1., -1.,  1.], dtype=float64)
    """

    stepper: AbstractStepper
    state: PyTree = eqx.field(converter=lambda state: _known(state))
    observe: Callable
    substeps: int = eqx.field(
        default=1, static=True, kw_only=True, converter=lambda count: _whole("substeps", count)
    )
    adjoint: AbstractAdjoint = eqx.field(default=Direct(), kw_only=True)
    reconstruct: Callable | None = eqx.field(default=None, kw_only=True)

    def __check_init__(self):
        require_type(AbstractStepper, stepper=self.stepper)
        require_type(Callable, observe=self.observe)  # pyright: ignore[reportArgumentType]
        require_type(AbstractAdjoint, adjoint=self.adjoint)
        if self.reconstruct is not None:
            require_type(Callable, reconstruct=self.reconstruct)  # pyright: ignore[reportArgumentType]

    def predict(self, times, where):
        state = self.state() if callable(self.state) else jax.tree.map(jnp.asarray, self.state)
        return self.predict_from(state, times, where)

    def predict_from(self, state: PyTree[Array], times: SaveTimes | None, where) -> Prediction:
        """`predict` from another state at the first time."""
        run = solve(
            self.stepper,
            state,
            required(times),
            substeps=self.substeps,
            save=self.observe if where is None else lambda y: y,
            adjoint=self.adjoint,
            throw=False,
        )
        values = run.saved
        if where is not None:
            values = at_each_time(self.observe, where)(run.saved, where)
        return values, run.status

    def rough(self, data):
        return data if data.measured is None else data.rough()

    def refined(self):
        if not hasattr(self.stepper, "scheme"):
            return None  # no splitting
        return dataclasses.replace(self, substeps=2 * self.substeps)

    def shooting(self, data):
        if self.reconstruct is None or data.measured is None:
            return None
        values = np.asarray(getattr(data, "values", data.measured), float)
        return Shooting(self, self.reconstruct, values)

    def for_forward_mode(self):
        if isinstance(self.adjoint, Reversible):
            return dataclasses.replace(self, adjoint=Direct())
        return self

    def for_reverse_mode(self):
        if not isinstance(self.adjoint, Direct):
            return self
        step = self.stepper.make_step(jnp.ones(()))
        is_reversible = isinstance(step, ReversibleStep) and step.is_reversible
        return dataclasses.replace(self, adjoint=Reversible() if is_reversible else Checkpointed())


class Shooting(AbstractExperiment):
    """Every interval evolved from the state measured at its beginning, all in parallel.

    An error of a parameter then grows over one interval only and leads to no local minimum
    (multiple shooting with fixed states; H. G. Bock 1981). Noise in the states biases the
    estimates: they are a starting point, not a result.

    Args:
        evolution: Its state is not used.
        reconstruct: A state as a function of the numbers measured at one time.
        values: What was measured at each time.
    """

    evolution: Evolution
    reconstruct: Callable
    values: Float[np.ndarray, "times ..."]

    def predict(self, times, where):
        ts, values = required(times).ts, jnp.asarray(self.values)
        states = jax.vmap(self.reconstruct)(values[:-1])

        def one(state, start, end):
            return self.evolution.predict_from(state, save_times(jnp.stack([start, end])), where)

        moved, status = jax.vmap(one)(states, ts[:-1], ts[1:])
        moved = jnp.concatenate([values[:1], moved[:, 1]])
        ends = jax.tree.map(lambda x: jnp.pad(x[:, 1], (1, 0)), status)  # the first is OK
        return moved, ends


def _whole(name: str, count) -> int:
    """`count`, if it is an integer of at least 1."""
    require_whole(1, **{name: count})
    return int(count)


def _known(state):
    """Arrays as NumPy's, which are not estimated."""
    if callable(state):
        return state
    if not is_known(state):
        raise InputError(
            "`state` must be known, but is traced: give a module that returns it, or build the "
            "experiment outside `jit` and `grad`."
        )
    arrays = [np.asarray(leaf) for leaf in jax.tree.leaves(state)]
    if not arrays or any(array.dtype.kind not in "iufc" for array in arrays):
        raise InputError(
            "`state` must be an array, several of them, or a function that returns them, but is "
            f"{state!r}."
        )
    require_finite(state=np.concatenate([array.ravel() for array in arrays]))
    return jax.tree.map(np.asarray, state)
