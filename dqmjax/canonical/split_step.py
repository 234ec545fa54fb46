"""`∂ρ/∂t = δH/δS`, `∂S/∂t = −δH/δρ` for H = T + V, by splitting."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ..errors import positive, require_instance, require_real, require_shape
from ..evolution.schemes import Scheme, as_scheme, nystrom6
from ..evolution.splitting import SplitFlow, pullback_inside
from ..evolution.status import Faults, Reason, wave_faults
from ..evolution.stepper import AbstractStepper
from ..grid import Grid
from ..wave.hamiltonian import Hamiltonian
from ..wave.observables import wave_invariants
from ..wave.potentials import Parameter, one_number
from ..wave.split_step import split_flow
from .energy import Field, boost_action
from .polar import from_canonical, to_canonical

TOTAL = 1e-4  # by which ∫ρ dx may differ from `total`


class CanonicalStep(AbstractStepper):
    """The canonical equations of (ρ, S) for H = T + V, by splitting.

    Both parts of the motion are exact: V adds −V dt to S, and T is linear in the chart
    `ψ = √ρ e^{iS/ħ}`, which is canonical, too. A step is therefore a symplectic map of (ρ, S), also
    at nodes, in a vacuum and at vortices. The order is that of the scheme.

    S is continuous in space as that of `to_canonical`. It is continuous from save time to save time
    if S at the maximum of ρ changes by less than πħ between them.

    Args:
        hamiltonian: Masses, ħ and V.
        grid: Periodic box.
        scheme: Splitting scheme, see `dqmjax.evolution.schemes`.
        boost: p₀, one number or one per axis, for S = p₀·x plus a periodic part.
        total: ∫ρ dx, which only an absorbing V reduces.

    A state is the pair (ρ, S) of real arrays of the grid's shape. S may jump by multiples of 2πħ
    anywhere, and by any amount where ρ vanishes.

    Raises:
        InputError: If ρ or S has another shape, or is complex.
        RuntimeError: From `solve`, if at a save time ρ is negative or does not integrate to
            `total`, or the grid does not resolve `√ρ e^{iS/ħ}`; a jump of S causes that.

    Example:
        >>> grid = dqm.Grid(-6.0, 6.0, 32)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> step = dqm.CanonicalStep(h, grid, dqm.strang)
        >>> start = dqm.to_canonical(dqm.coherent(grid, 1.0))
        >>> run = dqm.solve(step, start, jnp.array([0.0, 0.5]), substeps=50)
        >>> rho, S = run.final
        >>> round(float(grid.integrate(grid.points[0] * rho)), 3)  # cos 1/2
        0.878
    """

    hamiltonian: Hamiltonian
    grid: Grid
    scheme: Scheme = eqx.field(default=nystrom6, static=True, converter=as_scheme)
    boost: Parameter = eqx.field(default=0.0, kw_only=True)
    total: float = one_number(positive, "total", default=1.0, static=True, kw_only=True)

    def __check_init__(self):
        require_instance(Hamiltonian, hamiltonian=self.hamiltonian)
        require_instance(Grid, grid=self.grid)
        self.hamiltonian.require_absorbing(self.grid)

    @property
    def order(self) -> int:
        """The global error is O(dt**order)."""
        return self.scheme.order

    @property
    def _frame(self) -> "Frame":
        h, grid = self.hamiltonian, self.grid
        least = self.total if h.is_real(grid.dim) else 0.0
        slope = boost_action(grid, self.boost)
        return Frame(slope, jnp.asarray(h.hbar), grid, (least, self.total))

    def vector(self, state):
        """`√ρ e^{iS/ħ}`."""
        return self._frame.wave(state)

    def faults(self, state):
        """Of a ρ that is no density and of a ψ that the grid does not resolve."""
        return self._frame.faults(state)

    def invariants(self, t, state):
        """`∫ρ dx`, and for V(x) the energy over it."""
        psi = self.vector(state)
        return wave_invariants(self.hamiltonian, self.grid, t, psi, self.boost)

    def make_step(self, dt):
        inner = split_flow(self.hamiltonian, self.grid, self.scheme, dt, self.boost)
        return _CanonicalFlow(inner, self._frame)


class Frame(eqx.Module):
    """Converts (ρ, S) to ψ and back. S of the last save time is kept, to be continued."""

    slope: Field  # p₀·x
    hbar: Float[Array, ""]
    grid: Grid
    total: tuple[float, float] = eqx.field(static=True)  # least and greatest ∫ρ dx

    def wave(self, state) -> Complex[Array, "*shape"]:
        """`√ρ e^{iS/ħ}`, without the boost."""
        rho, S = state
        for name, field in (("rho", rho), ("S", S)):
            require_shape(name, field, self.grid.shape)
            require_real(name, field)
        return from_canonical(rho, S - self.slope, self.hbar)

    def faults(self, state) -> Faults:
        """Of a ρ that is no density and of a ψ that the grid does not resolve."""
        total, (least, greatest) = self.grid.integrate(state[0]), self.total
        off = jnp.maximum(total - greatest, least - total) / (TOTAL * greatest)
        size = jnp.where(jnp.min(state[0]) < 0, jnp.inf, off)
        return {Reason.NOT_A_DENSITY: size, **wave_faults(self.grid, self.wave(state))}

    def enter(self, state):
        return self.wave(state), state[1]

    def leave(self, psi, last):
        rho, S = to_canonical(psi, self.hbar, last - self.slope)
        return rho, S + self.slope


class _CanonicalFlow(eqx.Module):
    """Steps of ψ, with S of the last save time beside it."""

    inner: SplitFlow
    frame: Frame

    @property
    def is_reversible(self) -> bool:
        return self.inner.is_reversible

    def enter(self, t, state):
        psi, last = self.frame.enter(state)
        return self.inner.enter(t, psi), last

    def __call__(self, t, state):
        psi, last = state
        return self.inner(t, psi), last

    def pullback(self, t, after, cotangent):
        (after, last), (cotangent, d_last) = after, cotangent
        before, d_self, d_t, cotangent = pullback_inside(
            self, lambda flow: flow.inner, t, after, cotangent
        )
        return (before, last), d_self, d_t, (cotangent, d_last)

    def leave(self, t, state):
        psi, last = state
        return self.frame.leave(self.inner.leave(t, psi), last)
