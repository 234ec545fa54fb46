"""`∂ρ/∂t = −∇·(drift ρ) + (ħ/2κ) Σ_ab ∂_a∂_b (D_ab ρ)` on Fock–Bargmann coefficients.

Also the equation of kets, `iκ ∂ψ/∂t = Ĥψ`.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..errors import InputError, require_instance, require_shape
from ..evolution.status import Faults, Reason, beyond
from ..evolution.stepper import AbstractStepper, zero_of
from ..phase_space.fokker_planck import Flow
from ..phase_space.open_system import Open
from ..phase_space.symbols import depends_on_time
from ..products import product
from .basis import AT_EDGE, FockBargmann, share
from .blocks import Blocks
from .exponential import LOW_DEGREE, expm, expm_action, expm_reach
from .generator import Pattern
from .ladder import Gathered, Range, Shifts

Scalar = Float[Array, ""]
ROOT = np.sqrt(3.0)
MOST_PIECES = 16  # series of 32 terms in half a driven step
NODES = (0.5 - ROOT / 6, 0.5 + ROOT / 6)  # of Gauss and Legendre
SHARES = (0.25 + ROOT / 6, 0.25 - ROOT / 6)  # of the nearer and the farther one in each half

MAX_DENSE = 64  # widest block to exponentiate; up to there the faster way (bench/integrators.py)
MAX_DENSE_SIDE = 512  # the same for a matrix that acts on as many kets
MOST_IN_BLOCKS = 1 << 17  # coefficients among which blocks are looked for


class HusimiStep(AbstractStepper):
    """The Husimi picture on Fock–Bargmann coefficients, `∂ρ/∂t = L(t)ρ`.

    Without drives a step is `ρ(t + dt) = e^{L dt} ρ(t)`, exact to round-off for every dt. If L
    decomposes into small blocks (number-conserving symbols: fixed m − n), it is a batch of dense
    exponentials, one per distinct dt. Otherwise it is a Chebyshev series in the weighted shifts,
    of so many pieces and terms as the numerical range of L dt needs.

    A closed system with a constant C = 1 moves as `ρ → UρU†` where the equation `is_exact`: L is
    `ρ → Aρ + ρA†` and U that of kets. This is found by itself, and needs the time of as many kets
    as there are levels. A traced C takes the general way.

    With drives it is the commutator-free Magnus step of order 4,

    `e^{(b L_1 + a L_2)dt} e^{(a L_1 + b L_2)dt}`, `L_i = L(t + c_i dt)`, `a, b = ¼ ± √3/6`,
    `c = ½ ∓ √3/6` (Blanes & Moan 2006, doi:10.1016/j.apnum.2005.11.004),

    exact while the drives are constant: let steps end at the jumps of a `Pulse`.

    Args:
        fokker_planck: Equation of motion with polynomial drift and diffusion, also `Damped` and
            `Open`; its H may depend on time.
        basis: Coefficients, cut-off and measuring scale, which may differ from the equation's ℓ.

    A state is a complex array of shape `basis.levels`. `solve` raises once a millionth of ‖ρ‖² is
    in coefficients from which L leads out of the basis. For truncated equations and for C far
    from 1 this happens soon, see `horizon`. If H conserves quanta, the low coefficients remain
    exact: `throw=False` returns them.

    Example:
        >>> basis = dqm.FockBargmann(12)
        >>> step = dqm.HusimiStep(dqm.FokkerPlanck(dqm.Kerr(2.0)), basis)
        >>> run = dqm.solve(step, basis.coherent(1.0), jnp.array([0.0, np.pi / 2, np.pi]))
        >>> means = [dqm.readout.moment(basis, rho, (0,), (1,)).real for rho in run.saved]
        >>> [round(float(x), 3) for x in means]  # α exp(|α|²(cos Ut − 1)): collapse and revival
        [1.0, 0.135, 1.0]
    """

    fokker_planck: Flow | Open
    basis: FockBargmann

    def __check_init__(self):
        require_instance(FockBargmann, basis=self.basis)
        if not isinstance(self.fokker_planck, Flow | Open):
            raise InputError(
                "`fokker_planck` must be an equation of motion, such as `FokkerPlanck`, but is "
                f"{self.fokker_planck!r}."
            )

    @property
    def order(self) -> int | None:
        """The global error is O(dt**order); `None` if steps have no error."""
        return 4 if getattr(self.fokker_planck, "depends_on_time", False) else None

    def vector(self, state):
        """The coefficients."""
        return state

    def faults(self, state):
        """Of coefficients at the cut-off."""
        return _faults(self.basis.pattern(self.fokker_planck), state)

    def invariants(self, t, state):
        """`Tr ρ̂`, the integral of the density."""
        size = math.prod(self.basis.cutoff)
        return {"norm": jnp.trace(state.reshape(size, size)).real}

    def make_step(self, dt):
        pattern = self.basis.pattern(self.fokker_planck)
        return _step(pattern, self.basis, self.fokker_planck, dt, self.order is None)


class KetStep(AbstractStepper):
    """Pure states by their amplitudes, `iκ ∂ψ/∂t = Ĥψ`.

    Where the Fokker–Planck equation of `symbol` `is_exact`, with C = 1 and the κ and ℓ of the
    basis, the Husimi density `⟨β|ψ⟩⟨ψ|β⟩` obeys it.

    The steps are those of `HusimiStep`.

    Args:
        symbol: Anti-Wick symbol H(q, p) of Ĥ, a polynomial; also `H(q, p, t)` and `Driven`.
        basis: Number states, cut-off, ℓ and κ (ħ).

    A state is a complex array of shape `basis.cutoff`.

    Example:
        >>> basis = dqm.FockBargmann(12)
        >>> step = dqm.KetStep(dqm.Kerr(2.0), basis)
        >>> run = dqm.solve(step, basis.coherent_ket(1.0), jnp.array([0.0, np.pi / 2, np.pi]))
        >>> means = [dqm.readout.moment(basis, psi, (0,), (1,)).real for psi in run.saved]
        >>> [round(float(x), 3) for x in means]  # α exp(|α|²(cos Ut − 1)): collapse and revival
        [1.0, 0.135, 1.0]
    """

    symbol: Callable
    basis: FockBargmann

    def __check_init__(self):
        require_instance(FockBargmann, basis=self.basis)
        if not callable(self.symbol):
            raise InputError(f"`symbol` must be a function of (q, p), but is {self.symbol!r}.")

    @property
    def order(self) -> int | None:
        """The global error is O(dt**order); `None` if steps have no error."""
        return 4 if depends_on_time(self.symbol) else None

    def vector(self, state):
        """The amplitudes."""
        return state

    def faults(self, state):
        """Of amplitudes at the cut-off."""
        return _faults(self.basis.ket_pattern(self.symbol), state)

    def invariants(self, t, state):
        """`⟨ψ|ψ⟩`."""
        return {"norm": jnp.sum(state.real**2 + state.imag**2)}

    def make_step(self, dt):
        pattern = self.basis.ket_pattern(self.symbol)
        return _step(pattern, self.basis, self.symbol, dt, self.order is None)


def _faults(pattern: Pattern, state) -> Faults:
    require_shape("state", state, pattern.kept.shape)
    return {Reason.LEVELS: share(state, pattern.edge) / AT_EDGE}


def _step(pattern: Pattern, basis: FockBargmann, law, dt, is_static: bool) -> "_TruncatedStep":
    coefficients, of = pattern.coefficients(basis, law), pattern.side or pattern
    widest = MAX_DENSE if of is pattern else MAX_DENSE_SIDE
    move = _move(of, coefficients, dt, is_static, widest)
    leak = _Leak(of, of.weights(coefficients, leaks=True))
    if of is not pattern:
        move, leak = _BothSides(move), _LeakOfBoth(leak)
    return _TruncatedStep(move, leak, dt, pattern.kept.shape)


def _move(pattern: Pattern, coefficients, dt, is_static: bool, widest: int):
    weights = pattern.weights(coefficients)
    if not is_static:
        return _Magnus(pattern, weights)
    operator = pattern.with_weights(weights(0.0))
    of = operator.range()
    if pattern.kept.sum() > MOST_IN_BLOCKS or pattern.halved.width > widest:
        return _Series(operator, of)
    matrices = dt * pattern.halved.matrices(operator)
    return _Dense(pattern.halved, expm(matrices), Moved(0.0, expm_reach(matrices), of.growth))


class Moved(NamedTuple):
    """A state after a step, and what is known of the step."""

    rho: Any
    reach: Scalar  # ‖L‖dt over the largest possible
    growth: Scalar  # ‖e^{Lt}‖ ≤ e^{growth·t}


class _Dense(eqx.Module):
    """`ρ → e^{L dt} ρ`, block by block."""

    blocks: Blocks = eqx.field(static=True)
    propagators: Complex[Array, "count width width"]
    known: Moved

    def __call__(self, t, dt, rho):
        rows = self.blocks.gather(rho)
        moved = self.blocks.scatter(product(self.propagators, rows))
        return self.known._replace(rho=moved)


class _Series(eqx.Module):
    """`ρ → e^{L dt} ρ` by Chebyshev series."""

    operator: Shifts | Gathered
    of: Range

    def __call__(self, t, dt, rho):
        return Moved(*expm_action(self.operator, self.of, dt, rho), self.of.growth)


class _Magnus(eqx.Module):
    """`ρ → e^{(b L_1 + a L_2)dt} e^{(a L_1 + b L_2)dt} ρ`."""

    pattern: Pattern = eqx.field(static=True)
    weights: Callable

    def __call__(self, t, dt, rho):
        first, second = (self.weights(t + node * dt) for node in NODES)
        return magnus(self.pattern, first, second, dt, rho)


def magnus(pattern: Pattern, first, second, dt, rho) -> Moved:
    """A step with these weights at the two `NODES`."""
    near, far = SHARES

    def half(rho, weights):  # one program for both
        operator = pattern.with_weights(weights)
        of = operator.range()
        rho, reach = expm_action(operator, of, dt, rho, MOST_PIECES, LOW_DEGREE)
        return rho, (reach, of.growth)

    halves = jnp.stack([near * first + far * second, far * first + near * second])
    rho, (reach, growth) = jax.lax.scan(half, rho, halves)
    return Moved(rho, jnp.max(reach), jnp.max(growth))


class _BothSides(eqx.Module):
    """`ρ → UρU†`, by the step `ψ → Uψ` of the kets."""

    move: "_Dense | _Series | _Magnus"

    def __call__(self, t, dt, rho):
        moved = jax.vmap(lambda move, ket: tuple(move(t, dt, ket)), (None, -1), (-1, None, None))

        def one_side(rho, _):
            after, reach, growth = moved(self.move, _columns(rho))
            return _adjoint(after.reshape(rho.shape)), (reach, growth)

        rho = rho + zero_of(self.move)  # divided among devices as U is
        rho, (reach, growth) = jax.lax.scan(one_side, rho, None, 2)
        return Moved(rho, jnp.max(reach), 2 * jnp.max(growth))


def _columns(rho: Complex[Array, "*levels"]) -> Complex[Array, "*cutoff kets"]:
    return rho.reshape(*rho.shape[: rho.ndim // 2], -1)


def _adjoint(rho: Complex[Array, "*levels"]) -> Complex[Array, "*levels"]:
    """ρ̂†."""
    return rho.transpose(np.roll(range(rho.ndim), rho.ndim // 2)).conj()


class _Leak(eqx.Module):
    """`(L − L_N)ρ`, what the equation leads out of N coefficients."""

    pattern: Pattern = eqx.field(static=True)
    outside: Callable  # weights as a function of t, of the shifts that end there

    def rate(self, t, rho) -> Scalar:
        """Its norm."""
        return jnp.linalg.norm(self.of(t)(rho))

    def of(self, t) -> Callable:
        """It as a function of ρ."""
        if not self.pattern.beyond.any():
            return lambda rho: 0 * jnp.ravel(rho)[:1].real
        return self.pattern.leak(self.outside(t))


class _LeakOfBoth(eqx.Module):
    """The same of `Aρ + ρA†`."""

    side: _Leak

    def rate(self, t, rho) -> Scalar:
        """Its norm: the two parts lead to different coefficients."""
        leak = jax.vmap(self.side.of(t), -1)
        parts = [leak(_columns(one)).ravel() for one in (rho, _adjoint(rho))]
        return jnp.linalg.norm(jnp.concatenate(parts))


class _Watched(NamedTuple):
    """A state ρ with a bound of its distance to the untruncated solution.

    It is `factor · d + distance`, if it was d at the beginning of the interval.
    """

    rho: Complex[Array, "*levels"]
    rate: Scalar  # at which it grows now
    factor: Scalar
    distance: Scalar
    norm: Scalar  # of ρ at the beginning
    reach: Scalar  # ‖L‖dt over the largest possible, of the worst step


class _TruncatedStep(eqx.Module):
    """One step of the equation in N coefficients.

    The error obeys `‖ρ − ρ_N‖ ≤ ∫ ‖e^{L(t−s)}‖ ‖(L − L_N) ρ_N(s)‖ ds` (Robin, Rouchon & Sellem
    2025, arXiv:2501.09607, for Lindblad's equation); the integral is taken by trapezes over the
    steps. Where L is unitary or contracts, ‖e^{Lt}‖ ≤ 1.
    """

    move: "_Dense | _Series | _Magnus | _BothSides"
    leak: "_Leak | _LeakOfBoth"
    dt: Scalar
    levels: tuple[int, ...] = eqx.field(static=True)

    def enter(self, t, rho):
        require_shape("state", rho, self.levels)
        rho = jnp.asarray(rho, jnp.result_type(rho, 1j))
        rate, norm = _constant((self.leak.rate(t, rho), jnp.linalg.norm(rho.ravel())))
        zero = jnp.zeros_like(rate)
        return _Watched(rho, rate, jnp.ones_like(rate), zero, norm, zero)

    def __call__(self, t, watched):
        moved = self.move(t, self.dt, watched.rho)
        leak, dt, known = _constant((self.leak, jnp.abs(self.dt), moved))
        rate, grown = leak.rate(t + self.dt, known.rho), jnp.exp(known.growth * dt)
        distance = grown * (watched.distance + dt * watched.rate / 2) + dt * rate / 2
        reach = jnp.maximum(watched.reach, known.reach)
        return _Watched(moved.rho, rate, grown * watched.factor, distance, watched.norm, reach)

    def leave(self, t, watched):
        return watched.rho

    def faults(self, watched):
        """Of an exponent that is out of range."""
        return {Reason.EXPONENT: beyond(watched.reach)}

    def error(self, before, watched):
        """The bound relative to ‖ρ‖, from that before the interval."""
        distance = watched.factor * before * watched.norm + watched.distance
        return distance / jax.lax.stop_gradient(jnp.linalg.norm(watched.rho.ravel()))


def _constant(tree):
    """`tree` without derivatives; it may contain functions."""
    arrays, rest = eqx.partition(tree, eqx.is_array)
    return eqx.combine(jax.lax.stop_gradient(arrays), rest)
