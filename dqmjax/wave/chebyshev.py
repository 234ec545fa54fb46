"""`e^{−iA}ψ` of a real symmetric operator A, as a sum of Chebyshev polynomials.

`e^{−iA} = e^{−ic} Σ_k (2 − δ_k0) (−i)^k J_k(r) T_k((A − c)/r)`, for a spectrum of A within c ± r.
Tal-Ezer & Kosloff (1984), doi:10.1063/1.448136.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Int

from ..errors import InputError, finite, require_instance, require_shape
from ..evolution.status import LARGEST_ERROR, Reason, beyond, wave_faults
from ..evolution.stepper import AbstractStepper, zero_of
from ..grid import Grid
from .hamiltonian import Hamiltonian
from .observables import wave_invariants
from .potentials import one_number

Operator = Callable[[Complex[Array, "..."]], Complex[Array, "..."]]  # a pytree
Scalar = Float[Array, ""]

MOST_TERMS = 8192
LANCZOS_STEPS = 20


class Series(eqx.Module):
    """The expansion of one exponential. It is a constant to differentiation: every expansion that
    converges has the same sum."""

    center: Scalar  # c
    radius: Scalar  # r
    coefficients: Float[Array, " terms"]  # (2 − δ_k0) J_k(r)
    count: Int[Array, ""]  # of the highest term in the sum, odd


def series(lower: Scalar, upper: Scalar, tolerance: float) -> Series:
    """The expansion on `[lower, upper]`, truncated where its terms fall below `tolerance`.

    The Bessel functions are Fourier coefficients, `e^{−ir cos θ} = Σ (−i)^k J_k(r) e^{ikθ}`. They
    are known up to r = 0.9 `MOST_TERMS`; beyond, the sum is NaN.
    """
    radius = (upper - lower) / 2
    radius = jnp.where(radius <= 0.9 * MOST_TERMS, radius, jnp.nan)
    angles = jnp.arange(2 * MOST_TERMS) * (jnp.pi / MOST_TERMS)
    waves = jnp.fft.fft(jnp.exp(-1j * radius * jnp.cos(angles)), norm="forward")[:MOST_TERMS]
    k = jnp.arange(MOST_TERMS)
    coefficients = jnp.where(k == 0, 1, 2) * jnp.real(waves * jnp.array([1, 1j, -1, -1j])[k % 4])
    least = jnp.maximum(tolerance, 4 * jnp.finfo(radius.dtype).eps)
    count = jnp.max(jnp.where(jnp.abs(coefficients) > least, k, 0)) + 2 | 1
    return Series((upper + lower) / 2, radius, coefficients, count)


def spectral_range(operator: Operator, like: Float[Array, "..."]) -> tuple[Scalar, Scalar]:
    """Bounds of the spectrum, by Lanczos' method from a random state shaped as `like`.

    The extreme Ritz values are widened by their residuals (Zhou & Li 2011,
    doi:10.1016/j.laa.2010.06.034) and by a hundredth of the range.
    """
    start = jax.random.normal(jax.random.key(0), like.shape, like.dtype) + zero_of(operator)
    count = min(LANCZOS_STEPS, like.size)
    tiny = jnp.finfo(like.dtype).tiny

    def advance(carry, _):
        before, beta, now = carry
        new = jnp.real(operator(now + 0j)) - beta * before
        alpha = jnp.vdot(now, new)
        new = new - alpha * now
        beta = jnp.linalg.norm(new)
        return (now, beta, new / (beta + tiny)), (alpha, beta)

    begin = (
        jnp.zeros_like(start),
        jnp.zeros_like(start[(0,) * start.ndim]),
        start / jnp.linalg.norm(start),
    )
    _, (alphas, betas) = jax.lax.scan(advance, begin, length=count)
    matrix = jnp.diag(alphas) + jnp.diag(betas[:-1], 1) + jnp.diag(betas[:-1], -1)
    values, vectors = jnp.linalg.eigh(matrix)
    margins = jnp.abs(betas[-1] * vectors[-1]) + (values[-1] - values[0]) / 100
    return values[0] - margins[0], values[-1] + margins[-1]


@eqx.filter_custom_vjp
def exponential(arguments: tuple[Operator, Complex[Array, "..."]], series: Series):
    """`e^{−iA}ψ` for `arguments = (A, ψ)`.

    Reverse mode runs the recurrence backwards, in the memory of a few states. There is no forward
    mode, because the number of terms is not known beforehand.
    """
    return _sum(arguments, series)[0]


@exponential.def_fwd
def _forward(perturbed, arguments, series):
    return _sum(arguments, series)


@exponential.def_bwd
def _backward(last, cotangent, perturbed, arguments, series):
    operator, _ = arguments
    cotangent = cotangent * jnp.exp(-1j * series.center)

    def back(i, carry):
        (now, after), (d_now, d_after), total = carry
        k = series.count - i
        before = _next(operator, series, after, now, -1)
        d_after = d_after + series.coefficients[k] * cotangent
        _, pull = eqx.filter_vjp(lambda *a: _next(a[0], series, a[1], a[2]), operator, before, now)
        d_operator, d_before, d_more = pull(d_after)
        total = jax.tree.map(jnp.add, total, d_operator)
        return (before, now), (d_before, d_now + d_more), total

    zeros = jax.tree.map(jnp.zeros_like, eqx.filter(operator, eqx.is_inexact_array))
    begin = (last, (jnp.zeros_like(cotangent),) * 2, zeros)
    _, (d_zeroth, d_first), total = jax.lax.fori_loop(0, series.count - 1, back, begin)
    _, pull = eqx.filter_vjp(lambda *a: _first(a[0], series, a[1]), *arguments)
    d_operator, d_psi = pull(d_first + series.coefficients[1] * cotangent)
    d_psi = d_psi + d_zeroth + series.coefficients[0] * cotangent
    return jax.tree.map(jnp.add, total, d_operator), d_psi


def _sum(arguments, series: Series):
    """The sum, and the last two of `φ_k = (−i)^k T_k ψ`."""
    operator, psi = arguments
    first = _first(operator, series, psi)
    total = series.coefficients[0] * psi + series.coefficients[1] * first

    def add(k, carry):  # two terms, so that no state is copied from one place to another
        before, now, total = carry
        one = _next(operator, series, before, now)
        other = _next(operator, series, now, one)
        c = series.coefficients
        return one, other, total + c[2 * k] * one + c[2 * k + 1] * other

    *last, total = jax.lax.fori_loop(1, series.count // 2 + 1, add, (psi, first, total))
    return jnp.exp(-1j * series.center) * total, tuple(last)


def _first(operator, series, psi):
    """`φ_1 = −i (A − c)/r φ_0`."""
    return -1j / series.radius * (operator(psi) - series.center * psi)


def _next(operator, series, before, now, sign=1):
    """`φ_{k+1} = φ_{k−1} − 2i (A − c)/r φ_k`; with `sign` −1 the recurrence runs backwards."""
    return before + 2 * sign * _first(operator, series, now)


class Chebyshev(AbstractStepper):
    """The Schrödinger equation for V(x); one step is a sum of Chebyshev polynomials of Ĥ.

    `ψ(t + dt) = e^{−iĤdt/ħ} ψ(t)`, to `tolerance` for any dt

    A step needs one pair of Fourier transforms per term, and has about `dt (E_max − E_min)/2ħ`
    terms and a few tens more: take long steps. Lanczos' method finds the range of energies on the
    grid. Gradients are in reverse mode, in the memory of a few states. Forward mode works only
    over reverse mode, with `Direct()`.

    Args:
        hamiltonian: Masses, ħ and V, which is real and without t.
        grid: Periodic box in configuration space.
        tolerance: Relative to the norm, where the series is truncated.

    A state is a complex array of the grid's shape. Reference: Tal-Ezer & Kosloff (1984),
    doi:10.1063/1.448136.

    Raises:
        InputError: If `tolerance` is not between 0 and 1, or V depends on t or is complex.
        RuntimeError: From `solve`, if a step needs more than about 8192 terms.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> step = dqm.Chebyshev(dqm.Hamiltonian(dqm.Harmonic()), grid)
        >>> times = jnp.array([0.0, jnp.pi])  # half a period, in one step
        >>> run = dqm.solve(step, dqm.coherent(grid, 1.0), times)
        >>> round(float(dqm.observables.mean_position(grid, run.final)[0]), 3)
        -1.0
    """

    hamiltonian: Hamiltonian
    grid: Grid
    tolerance: float = one_number(finite, "tolerance", default=1e-13, static=True, kw_only=True)

    def __check_init__(self):
        require_instance(Hamiltonian, hamiltonian=self.hamiltonian)
        require_instance(Grid, grid=self.grid)
        if not 0 < self.tolerance < 1:
            raise InputError(f"`tolerance` must be between 0 and 1, but is {self.tolerance}.")

    def faults(self, state):
        """Of a ψ that the grid does not resolve, or that reaches the edge of an isolated box."""
        return wave_faults(self.grid, state)

    def invariants(self, t, state):
        """`∫|ψ|² dx`, and for V(x) `⟨Ĥ⟩` over it."""
        return wave_invariants(self.hamiltonian, self.grid, t, state)

    def make_step(self, dt):
        h, grid = self.hamiltonian, self.grid
        h.require_static(grid.dim, "Use `SplitStep`.")
        h.require_real(grid.dim, "Use `SplitStep`.")
        turn = dt / h.hbar
        action = _Action(turn * h.kinetic(grid), turn * h.potential_on(grid), grid)
        return ChebyshevFlow.of(action, jnp.max(action.kinetic), grid, self.tolerance)


class _Action(eqx.Module):
    """`ψ → (dt/ħ) Ĥψ`."""

    kinetic: Float[Array, "*shape"]
    potential: Float[Array, "*shape"]
    grid: Grid

    def __call__(self, psi):
        return self.grid.ifft(self.kinetic * self.grid.fft(psi)) + self.potential * psi


class ChebyshevFlow(eqx.Module):
    """One step of ψ, `e^{−iA}ψ` for a real A."""

    action: Any  # A, with its potential as a field
    series: Series
    reach: Scalar  # its argument r over the largest possible
    grid: Grid
    is_reversible: bool = eqx.field(default=True, static=True)

    @classmethod
    def of(cls, action, highest: Scalar, grid: Grid, tolerance: float) -> "ChebyshevFlow":
        """With the range of `action`, a kinetic part between 0 and `highest` and a potential."""
        lower, upper = spectral_range(action, action.potential)
        lower = jnp.maximum(lower, jnp.min(action.potential))
        upper = jnp.minimum(upper, highest + jnp.max(action.potential))
        reach = (upper - lower) / (2 * 0.9 * MOST_TERMS)
        return cls(action, series(lower, upper, tolerance), reach, grid)

    def __call__(self, t, psi):
        require_shape("state", psi, self.grid.shape)
        psi = psi + 0j * self.action.potential  # makes ψ complex, and as precise as V
        return exponential((self.action, psi), jax.lax.stop_gradient(self.series))

    def faults(self, psi):
        """Of a series with too many terms, or with too few of them in the sum."""
        return {
            Reason.STEP_TOO_LONG: beyond(self.reach),
            Reason.INACCURATE: beyond(self._dropped / LARGEST_ERROR),
        }

    @property
    def _dropped(self) -> Scalar:
        """`Σ|J_k|` of the terms that are not in the sum, which bounds the error of a step."""
        is_dropped = jnp.arange(self.series.coefficients.size) > self.series.count
        return jnp.sum(jnp.where(is_dropped, jnp.abs(self.series.coefficients), 0.0))

    def pullback(self, t, after, cotangent):
        """Ĥ is real, so that complex conjugation reverses time."""
        before = self(t, after.conj()).conj()
        _, pull = eqx.filter_vjp(type(self).__call__, self, t, before)
        return before, *pull(cotangent)
