"""Experiments as pytrees: what is prepared, how it evolves, what is observed.

`recover` estimates their floating-point JAX arrays; Python floats and NumPy arrays are known.
"""

import abc
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..data.abstract import AbstractData
from ..errors import InputError, is_known, require, require_finite, require_whole
from ..evolution.adjoint import AbstractAdjoint, Checkpointed, Direct, Reversible, ReversibleStep
from ..evolution.solve import solve
from ..evolution.status import Reason, Status
from ..evolution.stepper import AbstractStepper
from ..evolution.times import SaveTimes, save_times
from ..grid import Grid
from ..wave.hamiltonian import Hamiltonian
from ..wave.spectrum import eigenstates

IN_PARALLEL = 8  # times at which different places are observed
Fault = Status | Float[Array, "..."] | None
Prediction = tuple[Float[Array, "rows ..."], Fault]


class Guess(NamedTuple):
    """A starting point that an experiment found in the data."""

    experiment: "AbstractExperiment"  # the same one; its arrays hold the starting values
    spread: Float[np.ndarray, "rows parameters"] | None = None  # standard errors, one a row
    rows: int | None = None  # the leading rows of the data that it describes; all by default
    origin: str = "guess"


class AbstractExperiment(eqx.Module):
    """What would be measured if its arrays had the true values.

    An experiment of your own must define `predict`. The other methods have defaults, and help
    `recover` where they are defined.
    """

    @abc.abstractmethod
    def predict(self, times: SaveTimes | None, where: Any) -> Prediction:
        """What is measured at each time, and the `Solution.status` of the run, or a number above 1
        where the run is wrong, or `None` if that is unknown.

        Args:
            times: Those of the data, the first that of the preparation; for `solve`.
            where: `where` of the data.
        """

    def scales(self, data: AbstractData) -> Mapping[str, Any]:
        """What counts as a large change of a parameter, by name; the value where it is larger.

        Other parameters have the root mean square of their array as scale.
        """
        return {}

    def guess(self, data: AbstractData) -> Guess | None:
        """A starting point that needs no initial values, if there is one."""
        return None

    def rough(self, data: AbstractData) -> AbstractData:
        """The data in the form that guides a fit from a far start, and tests it for samples.

        Return `data` itself if `predict` does not know the `where` of `data.rough()`.
        """
        return data.rough()

    def check(self, data: AbstractData):
        """Checks that the data are of this experiment.

        Raises:
            InputError: If they are not.
        """

    def refined(self) -> "AbstractExperiment | None":
        """The experiment with half as long time steps, if its prediction has an error by them."""
        return None

    def shooting(self, data: AbstractData) -> "AbstractExperiment | None":
        """An experiment with the same arrays that starts every interval from measured states."""
        return None

    def for_forward_mode(self) -> "AbstractExperiment":
        """The experiment in a form that forward mode can differentiate."""
        return self

    def for_reverse_mode(self) -> "AbstractExperiment":
        """The experiment in the form that reverse mode differentiates with least memory."""
        return self


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


class Levels(AbstractExperiment):
    """The spectrum of a Hamiltonian on a grid: E_n, or the frequencies of transitions.

    Args:
        hamiltonian: With a real potential.
        grid: Periodic box.
        count: How many levels to compute.

    Raises:
        InputError: If an argument is of another kind.
    """

    hamiltonian: Hamiltonian
    grid: Grid
    count: int = eqx.field(static=True, converter=lambda count: _whole("count", count))

    def __check_init__(self):
        require_type(Hamiltonian, hamiltonian=self.hamiltonian)
        require_type(Grid, grid=self.grid)

    def check(self, data):
        if not isinstance(data, AbstractData) or data.t is not None:
            raise InputError("`data` of `Levels` must be `Lines`, without times.")
        if data.where is not None:
            self._checked(np.asarray(data.where), data.where)

    def predict(self, times, where):
        if times is not None:
            raise InputError("`data` of `Levels` must be `Lines`, without times.")
        energies, _ = eigenstates(self.hamiltonian, self.grid, self.count)
        if where is None:
            return energies[None], None
        energies = self._checked(where, energies)
        upper, lower = where.T
        return ((energies[upper] - energies[lower]) / self.hamiltonian.hbar)[None], None

    def _checked(self, transitions, value):
        """`value`, if all transitions are between levels that are computed; see `require`."""
        return require(
            value,
            ((transitions >= 0) & (transitions < self.count)).all(),
            f"`transitions` must be between levels 0 … {self.count - 1}: raise `count`.",
        )


def as_status(fault: Fault) -> Status | None:
    """The status; of a number above 1 the reason is that there are too few levels."""
    if fault is None or isinstance(fault, Status):
        return fault
    size = jnp.where(jnp.isnan(fault), jnp.inf, fault)
    return Status(jnp.where(size > 1, int(Reason.LEVELS), int(Reason.OK)), size)


def require_type(kind: type | tuple[type, ...], **values):
    """Checks that values are of a type.

    Raises:
        InputError: Naming the argument, the type and that of the value.
    """
    for name, value in values.items():
        if not isinstance(value, kind):
            kinds = kind if isinstance(kind, tuple) else (kind,)
            must = " or ".join(f"`{k.__name__}`" for k in kinds)
            raise InputError(f"`{name}` must be of type {must}, but is {type(value).__name__}.")


def required(times: SaveTimes | None) -> SaveTimes:
    """The times of the data.

    Raises:
        InputError: If there are none.
    """
    if times is None:
        raise InputError("time evolution needs `data` with times; use `Levels` for `Lines`.")
    return times


def at_each_time(observe: Callable, where: Array) -> Callable:
    """`observe(state, where)` of many states, at the same places or each at its own."""
    if where.ndim == 2:
        return jax.vmap(observe, in_axes=(0, None))
    return lambda *both: jax.lax.map(lambda pair: observe(*pair), both, batch_size=IN_PARALLEL)


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
