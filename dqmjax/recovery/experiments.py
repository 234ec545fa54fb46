"""Experiments as pytrees: what is prepared, how it moves, what is looked at.

Their floating-point arrays are what `recover` seeks; Python floats and NumPy arrays are known.
"""

import abc
import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..errors import InputError, require
from ..evolution.adjoint import AbstractAdjoint, Direct, Reversible
from ..evolution.solve import SaveTimes, Solution, save_times, solve
from ..evolution.stepper import AbstractStepper
from ..fock_bargmann.basis import FockBargmann
from ..fock_bargmann.steps import HusimiStep
from ..grid import Grid
from ..phase_space.fokker_planck import Damped, FokkerPlanck
from ..wave.hamiltonian import Hamiltonian
from ..wave.spectrum import eigenstates
from .weak_form import TestFunctions


class AbstractExperiment(eqx.Module):
    """What would be measured if its arrays were the truth. To add one, write `predict`."""

    @abc.abstractmethod
    def predict(
        self, times: SaveTimes | None, where: Array | None
    ) -> tuple[Float[Array, "rows ..."], Float[Array, "..."] | None]:
        """What is measured at each time, and the strain of the run, above 1 where it is not to be
        believed, if that is known.

        Args:
            times: Those of the data, the first that of the preparation; for `solve`.
            where: `where` of the data.
        """


class Heterodyne(AbstractExperiment):
    """A coherent state, moved in the Husimi picture, and its density at points of phase space.

    Args:
        model: Equation of motion.
        alpha_re, alpha_im: ⟨β⟩ at the first time.
        basis: Levels kept, and the scales ℓ and κ of the measurement.
        tests: Functions whose means are predicted instead, where data name no points.
    """

    model: FokkerPlanck | Damped
    alpha_re: Float[Array, " modes"]
    alpha_im: Float[Array, " modes"]
    basis: FockBargmann
    tests: TestFunctions | None = None

    def predict(self, times, where):
        run = self.run(times)
        if where is None and self.tests is not None:
            return jax.vmap(self.tests.means)(run.saved), run.strain
        if where is None:
            raise InputError("`data` must tell where in phase space: `Snapshots` or `Samples`.")
        return _at_each_time(self.basis.density, where)(run.saved, where), run.strain

    def run(self, times: SaveTimes | None) -> Solution:
        """The coefficients at all times."""
        alpha = jnp.asarray(self.alpha_re) + 1j * jnp.asarray(self.alpha_im)
        start = self.basis.coherent(alpha)
        return solve(HusimiStep(self.model, self.basis), start, _needed(times), throw=False)


class Evolution(AbstractExperiment):
    """A known state or one prepared by a function, moved by any stepper, and what is seen of it.

    Args:
        stepper: Equation of motion and scheme; `SplitStep`, `CanonicalStep`, `HusimiStep`, ….
        state: A state at the first time, which is known; or a function without arguments that
            makes one, a module whose arrays are sought too.
        observe: What is measured of a state, such as `density`: a number or an array.
        substeps: Steps for each interval between the times of the data.
        adjoint: How reverse mode runs, where there are many parameters.
        reconstruct: The state from what was measured at one time, where that tells it, such as
            `lambda parts: parts[0] + 1j * parts[1]`; for `Shooting`.
    """

    stepper: AbstractStepper
    state: PyTree = eqx.field(converter=lambda state: _known(state))
    observe: Callable
    substeps: int = eqx.field(default=1, static=True, kw_only=True)
    adjoint: AbstractAdjoint = eqx.field(default=Direct(), kw_only=True)
    reconstruct: Callable | None = eqx.field(default=None, kw_only=True)

    def predict(self, times, where):
        state = self.state() if callable(self.state) else jax.tree.map(jnp.asarray, self.state)
        return self.onward(state, times, where)

    def onward(self, state: PyTree[Array], times: SaveTimes | None, where: Array | None):
        """`predict` from another state at the first time."""
        run = solve(
            self.stepper,
            state,
            _needed(times),
            substeps=self.substeps,
            save=self.observe if where is None else lambda y: y,
            adjoint=self.adjoint,
            throw=False,
        )
        values = run.saved
        if where is not None:
            values = _at_each_time(self.observe, where)(run.saved, where)
        return values, run.strain


class Shooting(AbstractExperiment):
    """Every interval from the state measured at its beginning, all side by side.

    An error of a parameter has one interval to grow in, not all of them, and so leads to no wrong
    minimum (multiple shooting, with the states held; H. G. Bock 1981).
    What is noisy in the states makes the estimates biased: a start, not a result.

    Args:
        evolution: Whose state is not used.
        reconstruct: A state from what was measured at one time.
        values: What was measured at each time.
    """

    evolution: Evolution
    reconstruct: Callable
    values: Float[np.ndarray, "times ..."]

    def predict(self, times, where):
        ts, values = _needed(times).ts, jnp.asarray(self.values)
        states = jax.vmap(self.reconstruct)(values[:-1])
        one = lambda state, *pair: self.evolution.onward(state, save_times(jnp.stack(pair)), where)
        moved, strain = jax.vmap(one)(states, ts[:-1], ts[1:])
        moved = jnp.concatenate([values[:1], moved[:, 1]])
        return moved, None if strain is None else jnp.append(0.0, strain[:, 1])


class Levels(AbstractExperiment):
    """The spectrum of a Hamiltonian on a grid: E_n, or the frequencies of transitions.

    Args:
        hamiltonian: Of real potential.
        grid: Periodic box.
        count: How many levels to find.
    """

    hamiltonian: Hamiltonian
    grid: Grid
    count: int = eqx.field(static=True)

    def predict(self, times, where):
        if times is not None:
            raise InputError("`data` of `Levels` must be `Lines`, without times.")
        energies, _ = eigenstates(self.hamiltonian, self.grid, self.count)
        if where is None:
            return energies[None], None
        require(
            where,
            ((where >= 0) & (where < self.count)).all(),
            f"`transitions` must be between levels 0 … {self.count - 1}: raise `count`.",
        )
        upper, lower = where.T
        return ((energies[upper] - energies[lower]) / self.hamiltonian.hbar)[None], None


def forward(experiment: AbstractExperiment) -> AbstractExperiment:
    """The experiment in a form that forward mode can differentiate."""
    if isinstance(experiment, Evolution) and isinstance(experiment.adjoint, Reversible):
        return dataclasses.replace(experiment, adjoint=Direct())
    return experiment


def _needed(times: SaveTimes | None) -> SaveTimes:
    if times is None:
        raise InputError("`data` must have times for what moves; `Lines` are told by `Levels`.")
    return times


def _at_each_time(observe: Callable, where: Array) -> Callable:
    """`observe(state, where)` of many states, in the same places or each in its own."""
    return jax.vmap(observe, in_axes=(0, None if where.ndim == 2 else 0))


def _known(state):
    """Arrays as NumPy's, which are not sought."""
    return state if callable(state) else jax.tree.map(np.asarray, state)
