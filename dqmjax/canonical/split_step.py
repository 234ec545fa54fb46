"""`∂ρ/∂t = δH/δS`, `∂S/∂t = −δH/δρ`."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..errors import InputError
from ..evolution.schemes import Scheme, nystrom6
from ..evolution.stepper import AbstractStepper
from ..grid import Grid, unresolved_share
from ..wave.hamiltonian import Hamiltonian
from ..wave.potentials import Parameter
from ..wave.split_step import SplitFlow, split_flow
from .energy import Field, boost_action
from .polar import from_canonical, to_canonical

UNRESOLVED = 1e-2  # over the points of an axis: greatest share of ψ in the upper third of waves
NOT_RESOLVED = (
    "√ρ e^{iS/ħ} is not resolved by the grid: where ρ is not small, S must not jump but by 2πħ; "
    "else take more points."
)


class CanonicalStep(AbstractStepper):
    """The canonical equations of (ρ, S) for H = T + V, by splitting.

    Both sub-flows are exact: V adds −V dt to S, and the free motion is a rotation in the linear
    chart `ψ = √ρ e^{iS/ħ}`, which is canonical too. So one step is one symplectic map of (ρ, S),
    right through nodes, vacuum and vortices. The order is the scheme's.

    S comes out continuous as `to_canonical` makes it, in space and from save time to save time
    where its greatest ρ changes S by less than πħ between them.

    Args:
        hamiltonian: Masses, ħ and V.
        grid: Periodic box.
        scheme: Coefficients; any of `splitting`.
        boost: p₀, one number or one per axis, for S = p₀·x and a periodic part.
        total: ∫ρ dx, which only absorbing edges may make smaller.

    A state is the pair (ρ, S) of real arrays of the grid's shape. S may jump by whole turns of
    2πħ anywhere, and by anything where ρ vanishes.

    Raises:
        InputError: If ρ or S has another shape, or is complex.
        RuntimeError: If at a save time ρ is negative or does not integrate to `total`, or more of
            `√ρ e^{iS/ħ}` than 1 in 100 n, n the points of an axis, is in the upper third of wave
            numbers, as by a jump of S.
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
    """Between (ρ, S) and ψ, with S of the last save time beside it to be continued."""

    slope: Field  # p₀·x
    hbar: Float[Array, ""]
    grid: Grid
    total: tuple[float, float] = eqx.field(static=True)  # least and greatest

    def enter(self, state):
        rho, S = state
        for name, field in (("rho", rho), ("S", S)):
            if jnp.shape(field) != self.grid.shape or jnp.iscomplexobj(field):
                raise InputError(
                    f"`{name}` must be real and of shape {self.grid.shape}, but is of shape "
                    f"{jnp.shape(field)} and type {jnp.result_type(field)}."
                )
        psi = from_canonical(rho, S - self.slope, self.hbar)
        return self._checked(rho, psi), S

    def _checked(self, rho, psi):
        """ψ, if ρ and S can be meant."""
        total, (least, greatest) = self.grid.integrate(rho), self.total
        faults = {
            "`rho` must not be negative.": jnp.min(rho) < 0,
            f"`rho` must integrate to {greatest} over the box; or say which `total`.": ~(
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
        return unresolved_share(self.grid, psi) > UNRESOLVED / max(self.grid.shape)


class _CanonicalFlow(eqx.Module):
    """Steps of ψ by kicks and drifts."""

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
        before, d_inner, d_t, cotangent = self.inner.pullback(t, after, cotangent)
        zeros = jax.tree.map(jnp.zeros_like, eqx.filter(self, eqx.is_inexact_array))
        d_self = eqx.tree_at(lambda flow: flow.inner, zeros, d_inner)
        return (before, last), d_self, d_t, (cotangent, d_last)

    def leave(self, t, state):
        psi, last = state
        return self.frame.leave(self.inner.leave(t, psi), last)
