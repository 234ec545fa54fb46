"""`∂ρ/∂t = δH/δS`, `∂S/∂t = −δH/δρ` for H = T + V, by splitting."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..errors import require_real, require_shape
from ..evolution.schemes import Scheme, nystrom6
from ..evolution.splitting import SplitFlow, pullback_inside
from ..evolution.stepper import AbstractStepper
from ..grid import Grid, unresolved_share
from ..wave.hamiltonian import Hamiltonian
from ..wave.potentials import Parameter
from ..wave.split_step import split_flow
from .energy import Field, boost_action
from .polar import from_canonical, to_canonical

UNRESOLVED_SHARE = 1e-2  # over the points of an axis: the largest `unresolved_share` of ψ allowed
NOT_RESOLVED = (
    "√ρ e^{iS/ħ} is not resolved by the grid. Where ρ is not small, S may only jump by multiples "
    "of 2πħ; otherwise refine the grid."
)


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
        RuntimeError: If at a save time ρ is negative or does not integrate to `total`, or the
            share of `√ρ e^{iS/ħ}` in the upper third of wavenumbers exceeds 1/100n, with n points
            along an axis; a jump of S causes that.
    """

    hamiltonian: Hamiltonian
    grid: Grid
    scheme: Scheme = eqx.field(default=nystrom6, static=True)
    boost: Parameter = eqx.field(default=0.0, kw_only=True)
    total: float = eqx.field(default=1.0, static=True, kw_only=True)

    def make_step(self, dt):
        h, grid = self.hamiltonian, self.grid
        inner = split_flow(h, grid, self.scheme, dt, self.boost)
        total = (self.total if inner.is_reversible else 0.0, self.total)
        return _CanonicalFlow(
            inner, Frame(boost_action(grid, self.boost), jnp.asarray(h.hbar), grid, total)
        )


class Frame(eqx.Module):
    """Converts (ρ, S) to ψ and back. S of the last save time is kept, to be continued."""

    slope: Field  # p₀·x
    hbar: Float[Array, ""]
    grid: Grid
    total: tuple[float, float] = eqx.field(static=True)  # least and greatest ∫ρ dx

    def enter(self, state):
        rho, S = state
        for name, field in (("rho", rho), ("S", S)):
            require_shape(name, field, self.grid.shape)
            require_real(name, field)
        psi = from_canonical(rho, S - self.slope, self.hbar)
        return self._checked(rho, psi), S

    def _checked(self, rho, psi):
        """ψ, if ρ is a density and the grid resolves ψ."""
        total, (least, greatest) = self.grid.integrate(rho), self.total
        faults = {
            "`rho` must not be negative.": jnp.min(rho) < 0,
            f"`rho` must integrate to {greatest} over the box: normalise it, or set `total`.": ~(
                (total >= (1 - 1e-4) * least) & (total <= (1 + 1e-4) * greatest)
            ),
            NOT_RESOLVED: self._is_unresolved(psi),
        }
        kinds = jnp.stack(list(faults.values()))
        return eqx.branched_error_if(psi, kinds.any(), jnp.argmax(kinds), list(faults))

    def leave(self, psi, last):
        psi = eqx.error_if(psi, self._is_unresolved(psi), NOT_RESOLVED)
        rho, S = to_canonical(psi, self.hbar, last - self.slope)
        return rho, S + self.slope

    def _is_unresolved(self, psi):
        return unresolved_share(self.grid, psi) > UNRESOLVED_SHARE / max(self.grid.shape)


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
