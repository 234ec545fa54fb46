"""The Schrödinger equation by splitting into kicks by V and drifts by T."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from ..errors import require_instance
from ..evolution.envelopes import require_continuous
from ..evolution.schemes import Scheme, as_scheme, nystrom6
from ..evolution.splitting import (
    DrivenPropagator,
    Fourier,
    Identity,
    SplitFlow,
    fixed_propagator,
)
from ..evolution.status import wave_faults
from ..evolution.stepper import AbstractStepper
from ..grid import Grid
from .hamiltonian import Hamiltonian
from .observables import wave_invariants
from .potentials import Parameter


class SplitStep(AbstractStepper):
    """The Schrödinger equation by splitting into kicks by V and drifts by T.

    `ψ ← … F⁻¹ e^{−ia₁T dt/ħ} F e^{−ib₁V(t) dt/ħ} ψ`

    Unitary for real V. The order is that of the scheme, also for V(x, t): time advances with the
    drifts. Stable for every dt on a periodic grid; beyond `longest_step` the order is lost for
    states that contain the shortest waves or reach the highest V. Linear: a state of any norm is
    propagated as it is.

    Args:
        hamiltonian: Masses, ħ and V.
        grid: Periodic box in configuration space.
        scheme: Splitting scheme, see `dqmjax.evolution.schemes`. The default needs the least time
            for errors of 1e-8 and below in `bench/accuracy_vs_cost.py`.
        boost: p₀, one number or one per axis. A state is then the periodic factor u of
            `ψ = u e^{ip₀·x/ħ}`, as a Bloch function of quasi-momentum p₀.

    A state is a complex array of the grid's shape. Reference: Feit, Fleck & Steiger (1982),
    doi:10.1016/0021-9991(82)90091-2.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> step = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), grid)
        >>> times = jnp.array([0.0, jnp.pi])  # half a period
        >>> run = dqm.solve(step, dqm.coherent(grid, 1.0), times, substeps=20)
        >>> round(float(dqm.observables.mean_position(grid, run.final)[0]), 3)
        -1.0
    """

    hamiltonian: Hamiltonian
    grid: Grid
    scheme: Scheme = eqx.field(default=nystrom6, static=True, converter=as_scheme)
    boost: Parameter = eqx.field(default=0.0, kw_only=True)

    def __check_init__(self):
        require_instance(Hamiltonian, hamiltonian=self.hamiltonian)
        require_instance(Grid, grid=self.grid)
        self.hamiltonian.require_absorbing(self.grid)

    @property
    def order(self) -> int:
        """The global error is O(dt**order)."""
        return self.scheme.order

    def longest_step(self) -> Float[Array, ""]:
        """The dt at which the phase of a kick or a drift reaches π, at t = 0.

        `dt = πħ / max(|a| Σ ħ²k_max²/2m, |b| (V_max − V_min))`
        """
        h, scheme = self.hamiltonian, self.scheme
        potential = h.potential_on(self.grid).real
        a, b = (max(map(abs, fractions)) for fractions in (scheme.drifts, scheme.merged_kicks))
        drift, kick = a * jnp.max(h.kinetic(self.grid, self.boost)), b * jnp.ptp(potential)
        return jnp.pi * h.hbar / jnp.maximum(drift, kick)

    def vector(self, state):
        """ψ."""
        return state

    def faults(self, state):
        """Of a ψ that the grid does not resolve, or that reaches the edge of an isolated box."""
        return wave_faults(self.grid, state)

    def invariants(self, t, state):
        """`∫|ψ|² dx`, and for V(x) `⟨Ĥ⟩` over it."""
        return wave_invariants(self.hamiltonian, self.grid, t, state, self.boost)

    def make_step(self, dt):
        return split_flow(self.hamiltonian, self.grid, self.scheme, dt, self.boost)


def split_flow(h: Hamiltonian, grid: Grid, scheme: Scheme, dt, boost: Parameter = 0.0) -> SplitFlow:
    """One step of ψ by the `scheme`; arguments as of `SplitStep`."""
    turn = dt / h.hbar
    drift = [turn * part for part in h.kinetic_parts(grid, boost)]
    if h.depends_on_time(grid.dim):
        require_continuous(h.potential)
        angle = eqx.filter_closure_convert(_KickAngle(h, grid, jnp.asarray(dt)), jnp.asarray(dt))
        kick = DrivenPropagator(angle=angle, transform=Identity())  # with what V closes over
    else:
        fractions = (scheme.kicks[0], *scheme.merged_kicks)
        kick = fixed_propagator([turn * h.potential_on(grid)], fractions, Identity())
    return SplitFlow(
        kick=kick,
        drift=fixed_propagator(drift, scheme.drifts, Fourier(grid)),
        dt=jnp.asarray(dt),
        shape=grid.shape,
        scheme=scheme,
        is_reversible=h.is_real(grid.dim),
    )


class _KickAngle(eqx.Module):
    """`(E₀ + V(x, t)) dt/ħ` on a grid."""

    hamiltonian: Hamiltonian
    grid: Grid
    dt: Float[Array, ""]

    def __call__(self, t) -> Inexact[Array, "*shape"]:
        return self.dt / self.hamiltonian.hbar * self.hamiltonian.potential_on(self.grid, t)
