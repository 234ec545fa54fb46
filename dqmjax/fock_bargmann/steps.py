"""`∂ρ/∂t = −∇·(drift ρ) + (ħ/2κ) Σ_ab ∂_a∂_b (D_ab ρ)` on Fock–Bargmann coefficients.

Also the equation of kets, `iκ ∂ψ/∂t = Ĥψ`.
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from ..errors import InputError, require_instance, require_shape
from ..evolution.status import Faults, Reason, beyond
from ..evolution.stepper import AbstractStepper
from .basis import AT_EDGE, FockBargmann, share
from .exponential import action_reach, expm, expm_action, expm_reach
from .generator import Flow, Pattern
from .ladder import Blocks, Gathered, Rows, Shifts, growth

Scalar = Float[Array, ""]

MAX_DENSE = (
    64  # widest block to exponentiate; up to here 5 to 9 times faster (bench/integrators.py)
)


class HusimiStep(AbstractStepper):
    """The Husimi picture on Fock–Bargmann coefficients, `ρ(t + dt) = e^{L dt} ρ(t)`.

    The exponential is exact to round-off for every dt. If L decomposes into small blocks
    (number-conserving symbols: fixed m − n), it is a batch of dense exponentials, one per
    distinct dt. Otherwise it is a Taylor series in the weighted shifts, its number of pieces set
    by ‖L‖dt.

    Args:
        fokker_planck: Equation of motion with polynomial drift and diffusion, also `Damped`.
        basis: Coefficients, cut-off and measuring scale, which may differ from the equation's ℓ.

    A state is a complex array of shape `basis.levels`. `solve` raises once a millionth of ‖ρ‖² is
    in coefficients from which L leads out of the basis. For truncated equations and for C far
    from 1 this happens soon, see `horizon`. If H conserves quanta, the low coefficients remain
    exact: `throw=False` returns them.
    """

    fokker_planck: Flow
    basis: FockBargmann

    def __check_init__(self):
        require_instance(FockBargmann, basis=self.basis)
        if not isinstance(self.fokker_planck, Flow):
            raise InputError(
                "`fokker_planck` must be an equation of motion, such as `FokkerPlanck`, but is "
                f"{self.fokker_planck!r}."
            )

    def faults(self, state):
        """Of coefficients at the cut-off."""
        return _faults(self.basis.pattern(self.fokker_planck), state)

    def make_step(self, dt):
        return _step(self.basis.pattern(self.fokker_planck), self.basis, self.fokker_planck, dt)


class KetStep(AbstractStepper):
    """Pure states by their amplitudes, `iκ ∂ψ/∂t = Ĥψ`.

    Where the Fokker–Planck equation of `symbol` `is_exact`, with C = 1 and the κ and ℓ of the
    basis, the Husimi density `⟨β|ψ⟩⟨ψ|β⟩` obeys it.

    Args:
        symbol: Anti-Wick symbol H(q, p) of Ĥ; a polynomial.
        basis: Number states, cut-off, ℓ and κ (ħ).

    A state is a complex array of shape `basis.cutoff`.
    """

    symbol: Callable
    basis: FockBargmann

    def __check_init__(self):
        require_instance(FockBargmann, basis=self.basis)
        if not callable(self.symbol):
            raise InputError(f"`symbol` must be a function of (q, p), but is {self.symbol!r}.")

    def faults(self, state):
        """Of amplitudes at the cut-off."""
        return _faults(self.basis.ket_pattern(self.symbol), state)

    def make_step(self, dt):
        return _step(self.basis.ket_pattern(self.symbol), self.basis, self.symbol, dt)


def _faults(pattern: Pattern, state) -> Faults:
    require_shape("state", state, pattern.kept.shape)
    return {Reason.LEVELS: share(state, pattern.blocks.edge) / AT_EDGE}


def _step(pattern: Pattern, basis: FockBargmann, law, dt) -> "_TruncatedStep":
    operator, blocks = pattern.operator(basis, law), pattern.blocks
    rates = growth(pattern.shifts, pattern.kept, operator.weights.reshape(len(blocks.shifts), -1))
    leak = _Leak(pattern.leak(basis, law), np.flatnonzero(pattern.kept), rates)
    if blocks.width > MAX_DENSE:
        return _TruncatedStep(
            _Series(operator), action_reach(operator, dt), leak, dt, blocks.levels
        )
    matrices = dt * blocks.matrices(operator)
    return _TruncatedStep(
        _Dense(blocks, expm(matrices)), expm_reach(matrices), leak, dt, blocks.levels
    )


class _Dense(eqx.Module):
    """`ρ → e^{L dt} ρ`, block by block."""

    blocks: Blocks = eqx.field(static=True)
    propagators: Complex[Array, "count width width"]

    def __call__(self, dt, rho):
        rows = self.blocks.gather(rho)
        return self.blocks.scatter(jnp.einsum("bij,bj->bi", self.propagators, rows))


class _Series(eqx.Module):
    """`ρ → e^{L dt} ρ` by Taylor series."""

    operator: Shifts | Gathered

    def __call__(self, dt, rho):
        if isinstance(self.operator, Shifts):
            return expm_action(self.operator, dt, rho)
        packed = self.operator.pack(rho)
        return self.operator.unpack(expm_action(self.operator.on_rows(), dt, packed))


class _Leak(eqx.Module):
    """`(L − L_N)ρ`, what the equation leads out of N coefficients."""

    operator: Rows
    kept: Int[np.ndarray, " size"]
    growth: Scalar  # ‖e^{Lt}‖ ≤ e^{growth·t}

    def rate(self, rho) -> Scalar:
        """Its norm."""
        row = jnp.ravel(rho)[self.kept]
        return (
            jnp.linalg.norm(self.operator(row)) if self.operator.weights.size else 0 * row[0].real
        )


class _Watched(NamedTuple):
    """A state ρ with a bound of its distance to the untruncated solution.

    It is `factor · d + distance`, if it was d at the beginning of the interval.
    """

    rho: Complex[Array, "*levels"]
    rate: Scalar  # at which it grows now
    factor: Scalar
    distance: Scalar
    norm: Scalar  # of ρ at the beginning


class _TruncatedStep(eqx.Module):
    """One step of the equation in N coefficients.

    The error obeys `‖ρ − ρ_N‖ ≤ ∫ ‖e^{L(t−s)}‖ ‖(L − L_N) ρ_N(s)‖ ds` (Robin, Rouchon & Sellem
    2025, arXiv:2501.09607, for Lindblad's equation); the integral is taken by trapezes over the
    steps. Where L is unitary or contracts, ‖e^{Lt}‖ ≤ 1.
    """

    move: _Dense | _Series
    reach: Scalar  # ‖L‖dt over the largest possible
    leak: _Leak
    dt: Scalar
    levels: tuple[int, ...] = eqx.field(static=True)

    def enter(self, t, rho):
        require_shape("state", rho, self.levels)
        rho = jnp.asarray(rho, jnp.result_type(rho, self.leak.operator.weights))
        rate, norm = jax.lax.stop_gradient((self.leak.rate(rho), jnp.linalg.norm(rho.ravel())))
        return _Watched(rho, rate, jnp.ones_like(rate), jnp.zeros_like(rate), norm)

    def __call__(self, t, watched):
        rho = self.move(self.dt, watched.rho)
        leak, dt, seen = jax.lax.stop_gradient((self.leak, jnp.abs(self.dt), rho))
        rate, grown = leak.rate(seen), jnp.exp(leak.growth * dt)
        distance = grown * (watched.distance + dt * watched.rate / 2) + dt * rate / 2
        return _Watched(rho, rate, grown * watched.factor, distance, watched.norm)

    def leave(self, t, watched):
        return watched.rho

    def faults(self, watched):
        """Of an exponent that is out of range."""
        return {Reason.EXPONENT: beyond(self.reach)}

    def error(self, before, watched):
        """The bound relative to ‖ρ‖, from that before the interval."""
        distance = watched.factor * before * watched.norm + watched.distance
        return distance / jax.lax.stop_gradient(jnp.linalg.norm(watched.rho.ravel()))
