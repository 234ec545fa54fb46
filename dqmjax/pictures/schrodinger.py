"""`iħ ∂ψ/∂t = −Σ (ħ²/2m_i) ∂_i²ψ + V(x, t) ψ`."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..chebyshev import Series, exponential, series, spectral_range
from ..errors import InputError
from ..grid import Grid
from ..hamiltonian import Hamiltonian
from ..potentials import Parameter, depends_on_time
from ..split_flow import check_shape, split_flow
from ..splitting import Scheme, nystrom6
from ..stepper import AbstractStepper


class SplitStep(AbstractStepper):
    """The Schrödinger equation by splitting into kicks by V and drifts by T.

    `ψ ← … F⁻¹ e^{−ia₁T dt/ħ} F e^{−ib₁V(t) dt/ħ} ψ`

    Unitary for real V, of the scheme's order also for V(x, t): time advances with the drifts.
    Stable for every dt on a periodic grid; beyond `longest_step` the order is lost for states
    that hold the shortest waves or reach the highest V. Linear: a state of any norm is evolved
    as it is.

    Args:
        hamiltonian: Masses, ħ and V.
        grid: Periodic box in configuration space.
        scheme: Coefficients; any of `splitting`. The default is the fastest to an error of 1e-8 and
            below in `bench/accuracy_vs_cost.py`.
        boost: p₀, one number or one per axis: states are then the periodic factor u of
            `ψ = u e^{ip₀·x/ħ}`, as Bloch's are of quasi-momentum p₀.

    A state is a complex array of the grid's shape. Reference: Feit, Fleck & Steiger (1982),
    doi:10.1016/0021-9991(82)90091-2; schemes: see `splitting`.
    """

    hamiltonian: Hamiltonian
    grid: Grid
    scheme: Scheme = eqx.field(default=nystrom6, static=True)
    boost: Parameter = eqx.field(default=0.0, kw_only=True)

    @property
    def order(self) -> int:
        """The global error is O(dt**order)."""
        return self.scheme.order

    def longest_step(self) -> Float[Array, ""]:
        """Where the phase of a kick or a drift reaches π, at t = 0.

        `dt = πħ / max(|a| Σ ħ²k_max²/2m, |b| (V_max − V_min))`
        """
        h, scheme = self.hamiltonian, self.scheme
        potential = h.potential_on(self.grid).real
        kicks = (2 * scheme.kicks[0], *scheme.kicks[1:-1])  # neighbouring steps share one
        a, b = (max(map(abs, fractions)) for fractions in (scheme.drifts, kicks))
        drift, kick = a * jnp.max(h.kinetic(self.grid, self.boost)), b * jnp.ptp(potential)
        return jnp.pi * h.hbar / jnp.maximum(drift, kick)

    def make_step(self, dt):
        return split_flow(self.hamiltonian, self.grid, self.scheme, dt, self.boost)


class Chebyshev(AbstractStepper):
    """The Schrödinger equation for V(x), one step by a sum of Chebyshev polynomials of Ĥ.

    `ψ(t + dt) = e^{−iĤdt/ħ} ψ(t)`, to `tolerance` for any dt

    One transform pair for each term, about `dt (E_max − E_min)/2ħ` of them and a few tens, so
    take long steps. The range of energies is found by Lanczos' method on the grid. Gradients in
    reverse mode, in the memory of a few states; forward mode only over that, with `Direct()`.

    Args:
        hamiltonian: Masses, ħ and V; real and without t.
        grid: Periodic box in configuration space.
        tolerance: Where the terms are cut, as a part of the norm.

    A state is a complex array of the grid's shape. Reference: see `chebyshev`.

    Raises:
        InputError: If `tolerance` is not between 0 and 1, or V depends on t or is complex.
        RuntimeError: If a step would need more than 8192 terms.
    """

    hamiltonian: Hamiltonian
    grid: Grid
    tolerance: float = eqx.field(default=1e-13, static=True, kw_only=True)

    def __check_init__(self):
        if not 0 < self.tolerance < 1:
            raise InputError(f"`tolerance` must be between 0 and 1, but is {self.tolerance}.")

    def make_step(self, dt):
        h, grid = self.hamiltonian, self.grid
        potential = h.potential_on(grid)
        if depends_on_time(h.potential, grid.dim) or jnp.iscomplexobj(potential):
            raise InputError("`potential` must be real and without t here: use `SplitStep`.")
        action = _Action(dt / h.hbar * h.kinetic(grid), dt / h.hbar * potential)
        lower, upper = spectral_range(action, action.potential)
        lower = jnp.maximum(lower, jnp.min(action.potential))
        upper = jnp.minimum(upper, jnp.max(action.kinetic) + jnp.max(action.potential))
        return _ChebyshevFlow(action, series(lower, upper, self.tolerance), grid)


class _Action(eqx.Module):
    """`ψ → (dt/ħ) Ĥψ`."""

    kinetic: Float[Array, "*shape"]
    potential: Float[Array, "*shape"]

    def __call__(self, psi):
        return jnp.fft.ifftn(self.kinetic * jnp.fft.fftn(psi)) + self.potential * psi


class _ChebyshevFlow(eqx.Module):
    """One step."""

    action: _Action
    series: Series
    grid: Grid
    is_reversible: bool = eqx.field(default=True, static=True)

    def __call__(self, t, psi):
        check_shape(psi, self.grid)
        psi = psi + 0j * self.action.potential  # complex, and as precise as it
        return exponential((self.action, psi), jax.lax.stop_gradient(self.series))

    def pullback(self, t, after, cotangent):
        """Ĥ is real, so that complex conjugation turns time back."""
        before = self(t, after.conj()).conj()
        _, pull = eqx.filter_vjp(type(self).__call__, self, t, before)
        return before, *pull(cotangent)
