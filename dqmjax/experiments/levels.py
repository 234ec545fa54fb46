"""Spectroscopy of a Hamiltonian on a grid."""

import equinox as eqx
import numpy as np

from ..data.abstract import AbstractData
from ..errors import InputError, require, require_type, require_whole
from ..grid import Grid
from ..wave.hamiltonian import Hamiltonian
from ..wave.spectrum import eigenstates
from .abstract import AbstractExperiment


class Levels(AbstractExperiment):
    """The spectrum of a Hamiltonian on a grid: E_n, or the frequencies of transitions.

    Args:
        hamiltonian: With a real potential.
        grid: Periodic box.
        count: How many levels to compute.

    Raises:
        InputError: If an argument is of another kind.

    Example:
        >>> grid = dqm.Grid((-6.0,), (6.0,), (48,))
        >>> model = dqm.Levels(dqm.Hamiltonian(dqm.Harmonic(jnp.array(1.0))), grid, 3)
        >>> energies, _ = model.predict(None, None)
        >>> energies.round(3)
        Array([[0.5, 1.5, 2.5]], dtype=float64)
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


def _whole(name: str, count) -> int:
    """`count`, if it is an integer of at least 1."""
    require_whole(1, **{name: count})
    return int(count)
