"""`iħ ∂ψ/∂t = −Σ (ħ²/2m_i) ∂_i²ψ + V(x, t) ψ`."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex

from ..errors import InputError
from ..grid import Grid
from ..hamiltonian import Hamiltonian
from ..potentials import depends_on_time, potential_on
from ..splitting import Scheme, blanes_moan6
from ..stepper import AbstractStepper


class SplitStep(AbstractStepper):
    """The Schrödinger equation by splitting into kicks by V and drifts by T.

    `ψ ← … F⁻¹ e^{−ia₁T dt/ħ} F e^{−ib₁V(t) dt/ħ} ψ`

    Unitary for real V, of the scheme's order also for V(x, t): time advances with the drifts.
    Stable for every dt on a periodic grid; phases beyond π per step, dt k_max²ħ/2m or dt V/ħ,
    alias, and the order is then lost.

    Args:
        hamiltonian: Masses, ħ and V.
        grid: Periodic box in configuration space.
        scheme: Coefficients; any of `splitting`.

    A state is a complex array of the grid's shape. Reference: Feit, Fleck & Steiger (1982),
    doi:10.1016/0021-9991(82)90091-2; schemes: see `splitting`.
    """

    hamiltonian: Hamiltonian
    grid: Grid
    scheme: Scheme = eqx.field(default=blanes_moan6, static=True)

    @property
    def order(self) -> int:
        """The global error is O(dt**order)."""
        return self.scheme.order

    def make_step(self, dt):
        h, grid, scheme = self.hamiltonian, self.grid, self.scheme
        potential = potential_on(h.potential, grid) / h.hbar
        kinetic = h.kinetic(grid) / h.hbar
        moves = depends_on_time(h.potential, grid.dim)
        return _SplitFlow(
            drifts={a: jnp.exp(-1j * (a * dt) * kinetic) for a in scheme.drifts},
            kicks={} if moves else {b: jnp.exp(-1j * (b * dt) * potential) for b in scheme.kicks},
            moving=(h, jnp.asarray(dt)) if moves else None,
            grid=grid,
            scheme=scheme,
            is_reversible=not jnp.iscomplexobj(potential),
        )


class _SplitFlow(eqx.Module):
    """One step: the phases of each kick and drift, and the order in which they come."""

    drifts: dict[float, Complex[Array, "*shape"]]
    kicks: dict[float, Complex[Array, "*shape"]]  # empty where V depends on time
    moving: tuple[Hamiltonian, Array] | None  # what makes the kicks then, with dt
    grid: Grid
    scheme: Scheme = eqx.field(static=True)
    is_reversible: bool = eqx.field(static=True)

    def __call__(self, t, psi):
        if psi.shape != self.grid.shape:
            raise InputError(f"`state` must have the shape {self.grid.shape}, not {psi.shape}.")
        psi = psi.astype(self.drifts[self.scheme.drifts[0]].dtype)
        for stage in self._stages():
            psi = stage.do(self, t, psi)
        return psi

    def pullback(self, t, after, cotangent):
        """Undoes the stages one by one, each with its own small reverse pass."""
        total = jax.tree.map(jnp.zeros_like, eqx.filter((self, t), eqx.is_inexact_array))
        for stage in reversed(self._stages()):
            after = stage.undo(self, t, after)
            _, pull = eqx.filter_vjp(stage.do, self, t, after)
            d_self, d_t, cotangent = pull(cotangent)
            total = jax.tree.map(jnp.add, total, (d_self, d_t))
        return after, *total, cotangent

    def _stages(self) -> list["_Stage"]:
        """Kick, transform, drift, transform back, …; a kick happens when its drifts have."""
        scheme, passed, stages = self.scheme, 0.0, []
        for b, a in zip(scheme.kicks, (*scheme.drifts, None), strict=True):
            stages.append(_kick(b, passed))
            if a is not None:
                stages += [_FOURIER, _drift(a), _BACK]
                passed += a
        return stages

    def kick(self, fraction: float, passed: float, t) -> Complex[Array, "*shape"]:
        """The phase of a kick."""
        if self.moving is None:
            return self.kicks[fraction]
        h, dt = self.moving
        potential = potential_on(h.potential, self.grid, t + passed * dt)
        return jnp.exp(-1j * (fraction * dt) * potential / h.hbar)


class _Stage(NamedTuple):
    do: Callable  # (flow, t, psi) -> psi
    undo: Callable


_FOURIER = _Stage(lambda flow, t, psi: jnp.fft.fftn(psi), lambda flow, t, psi: jnp.fft.ifftn(psi))
_BACK = _Stage(_FOURIER.undo, _FOURIER.do)


def _drift(a: float) -> _Stage:
    return _Stage(
        lambda flow, t, psi: flow.drifts[a] * psi,
        lambda flow, t, psi: flow.drifts[a].conj() * psi,
    )


def _kick(b: float, passed: float) -> _Stage:
    return _Stage(
        lambda flow, t, psi: flow.kick(b, passed, t) * psi,
        lambda flow, t, psi: flow.kick(b, passed, t).conj() * psi,
    )
