"""Paths of `dX = f(X, t) dt + σ(X, t) dW` of many independent particles, by diffrax."""

import importlib.util
import warnings
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Key

from ..errors import (
    InputError,
    is_known,
    require,
    require_increasing,
    require_key,
    require_type,
)
from ..evolution.solution import Solution
from .ensemble import Trajectories, require_even

Points = Float[Array, "particles dim"]
Times = Float[Array | np.ndarray, " times"]
EMPTY = 1e-12  # of the largest density; below it there are no particles
LOST = (
    "`starts` must lead along paths that avoid the zeros of the density, but one of them ends in "
    "NaN: take more `substeps`, more saved states, or more levels."
)
UNKNOWN = (
    "`step_error` is NaN where a path with steps twice as long ends in NaN: take more `substeps` "
    "or more saved states to know the error."
)


@runtime_checkable
class Law(Protocol):
    """The equation of motion of the particles."""

    @property
    def is_random(self) -> bool:
        """Whether there is noise."""
        ...

    @property
    def is_additive(self) -> bool:
        """Whether σ does not depend on X."""
        ...

    def drift(self, t: Float[Array, ""], x: Points) -> Points:
        """f, of all particles."""
        ...

    def noise(self, t: Float[Array, ""], x: Points) -> Float[Array, "*particles dim dim"]:
        """σ, with `σσᵀ = 2A`; one for all particles, or one for each."""
        ...

    @property
    def sparse(self) -> "Law":
        """The same from every second saved state, for steps twice as long."""
        ...


def follow(law: Law, starts: Points, ts: Times, substeps: int, key) -> Trajectories:
    """The paths from `starts` at the first time, with `substeps` between two times.

    They are those of Dormand and Prince's method of order 5 without noise, of Heun's with additive
    noise, and of Euler and Maruyama's with any other.

    Args:
        law: Equation of motion.
        starts: Positions at the first time.
        ts: Times.
        substeps: Steps between two times, an even number.
        key: Of the noise, or `None` without noise.

    Raises:
        InputError: If `substeps` is not even, or a path ends in NaN.

    It warns if a path with steps twice as long does.
    """
    if importlib.util.find_spec("diffrax") is None:
        raise InputError("diffrax is not installed: pip install 'dqmjax[trajectories]'.")
    require_even(substeps=substeps)
    require_increasing(ts=ts)
    if law.is_random:
        require_key(key=key)
    fine = _positions(law, starts, ts, substeps, key, 1)
    twice = _positions(law.sparse, starts, ts, substeps // 2, key, 2)
    fine = require(fine, jnp.isfinite(fine).all(), LOST)
    if is_known(twice) and not np.isfinite(twice).all():
        warnings.warn(UNKNOWN, stacklevel=4)
    return Trajectories(jnp.asarray(ts), fine, twice)


@eqx.filter_jit
def _positions(law: Law, starts: Points, ts, steps: int, key, stride: int) -> Any:
    """Positions at all times; with noise of steps `stride` times as short."""
    import diffrax  # slow to import, needed here only

    share = jnp.arange(steps) / steps
    inner = ts[:-1, None] + jnp.diff(ts)[:, None] * share
    times = jnp.append(inner.ravel(), ts[-1])
    drift = diffrax.ODETerm(lambda t, x, args: law.drift(jnp.asarray(t), x))
    terms, solver = drift, diffrax.Dopri5()
    if law.is_random:
        noise = _noise_term()(law, key, times, starts, stride)
        terms = diffrax.MultiTerm(drift, noise)
        solver = diffrax.Heun() if law.is_additive else diffrax.Euler()
    ends = jnp.stack([times[:-1], times[1:]], axis=-1).reshape(-1, steps, 2)

    def step(carry, ends):
        x, memory = carry
        x, _, _, memory, _ = solver.step(terms, ends[0], ends[1], x, None, memory, made_jump=False)
        return (x, memory), None

    def interval(carry, ends):
        carry, _ = jax.lax.scan(step, carry, ends)
        return carry, carry[0]

    # not `diffeqsolve`, whose checks of the times call the host
    with warnings.catch_warnings():  # positions are real, only what guides them is complex
        warnings.filterwarnings("ignore", "Complex dtype support in Diffrax")
        memory = solver.init(terms, times[0], times[1], starts, None)
        _, later = jax.lax.scan(jax.checkpoint(interval), (starts, memory), ends)
    return jnp.concatenate([starts[None], later])


def _noise_term() -> Callable[..., Any]:
    """The class of the term `σ dW`."""
    import diffrax

    class Noise(diffrax.AbstractTerm):
        law: Any
        key: Key[Array, ""]
        times: Float[Array, " all"]
        like: Points
        stride: int = eqx.field(static=True)

        def vf(self, t, y, args):
            return self.law.noise(t, y)

        def contr(self, t0, t1, **kwargs):
            first = self.stride * jnp.argmin(jnp.abs(self.times - t0))
            one = lambda i: jax.random.normal(
                jax.random.fold_in(self.key, first + i), self.like.shape, self.like.dtype
            )
            total = sum(one(i) for i in range(self.stride))
            return jnp.sqrt((t1 - t0) / self.stride) * total

        def prod(self, vf, control):
            return jnp.einsum("...ij,...j->...i", vf, control)

    return Noise


class Knots(eqx.Module):
    """A function of time by cubic Hermite interpolation of values and derivatives.

    The error is `h⁴/384` times the fourth derivative.
    """

    ts: Times
    values: Array
    rates: Array

    def __call__(self, t: Float[Array, ""]) -> Array:
        i = jnp.clip(jnp.searchsorted(self.ts, t, side="right") - 1, 0, self.ts.size - 2)
        h = self.ts[i + 1] - self.ts[i]
        s = (t - self.ts[i]) / h
        start = (1 + 2 * s) * (1 - s) ** 2 * self.values[i] + s * (1 - s) ** 2 * h * self.rates[i]
        end = s**2 * (3 - 2 * s) * self.values[i + 1] - s**2 * (1 - s) * h * self.rates[i + 1]
        return start + end

    @property
    def sparse(self) -> "Knots":
        """With every second of the times, and the last."""
        few = np.append(np.arange(0, self.ts.size - 1, 2), self.ts.size - 1)
        return Knots(self.ts[few], self.values[few], self.rates[few])


def without_mean_energy(
    ts: Times, psi: Complex[Array, "times *shape"], rate: Complex[Array, "times *shape"]
) -> tuple[Complex[Array, "times *shape"], Complex[Array, "times *shape"]]:
    """ψ and ∂ψ/∂t in the frame that turns with the mean energy.

    A phase common to all of ψ moves no particle. It would only blur the interpolation in time.
    """
    turn = -jnp.imag(jnp.sum(psi.conj() * rate) / jnp.sum(jnp.abs(psi) ** 2))
    phase = jnp.exp(1j * turn * ts).reshape(-1, *[1] * (psi.ndim - 1))
    return phase * psi, phase * (rate + 1j * turn * psi)


def require_states(solution: Solution, count: int, shape: tuple[int, ...]):
    """Checks that a run has all its states, `count` arrays each, and that they can be trusted.

    Raises:
        InputError: If not; with the first time at which a known state fails.
    """
    require_type(Solution, solution=solution)
    saved = [leaf.shape for leaf in jax.tree.leaves(solution.saved)]
    if saved != count * [(solution.ts.size, *shape)]:
        raise InputError(
            "`solution` must have the states of `stepper` saved at its times, with shape "
            f"{(solution.ts.size, *shape)}, but has {saved}: solve without `save`."
        )
    if not is_known(solution):
        return
    with jax.ensure_compile_time_eval():  # also where another function is traced
        fails = np.asarray(solution.status.fails)
    if fails.any():
        t = float(np.asarray(solution.ts)[np.argmax(fails)])
        raise InputError(
            f"`solution` must be valid at all its times, but is not from t = {t:.6g} on: end the "
            "run before, or resolve it better."
        )


def require_particles(starts: Points, rho: Float[Array, " particles"]) -> Points:
    """`starts`, if the density ρ there, over its scale, is not 0.

    Raises:
        InputError: If it is.
    """
    message = "`starts` must be where the density is not 0, but one is not: sample them from it."
    return require(starts, jnp.all(rho > EMPTY), message)
