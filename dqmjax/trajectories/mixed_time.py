"""Trajectories of a Husimi density, with variables p that run forwards and x that run backwards.

Where the diffusion matrix is constant and diagonal, with `−d_x < 0` for x and `d_p > 0` for p,

    `∂Q/∂t = [−∂_p·A_p + ½d_p∂_p² − ∂_x·A_x − ½d_x∂_x²] Q`
    `p(t) = p_0 + ∫_0^t A_p ds + √d_p W_p(t)`
    `x(t) = x_T − ∫_t^T A_x ds − √d_x [W_x(T) − W_x(t)]`

A path with given p(0) and x(T) solves a boundary-value problem, at all times together. Its density
is `e^{−∫L dt}`, see `action`, over the determinant of the linearised problem: a constant if the
drifts are linear or do not depend on each other. At a conjugate point, where ∂x(T)/∂x(0) at fixed
p(0) vanishes, there are no such trajectories.

P. D. Drummond, arXiv:1910.00001; Drummond and Reid, arXiv:2205.06070.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
import scipy.optimize
from jaxtyping import Array, Float

from ..errors import (
    InputError,
    finite,
    is_known,
    positive,
    real_field,
    require,
    require_increasing,
    require_instance,
    require_key,
    require_whole,
)
from ..phase_space.coordinates import symplectic_form
from ..phase_space.fokker_planck import FokkerPlanck
from .ensemble import Trajectories, places

Scalar = Float[Array, ""]
Path = Float[Array, "times dim"]
End = Callable[[Array], Array]
Ends = Float[Array, "particles backwards"] | End
MOST_STEPS = 50  # of Newton's method
LENGTHS = (1.0, 0.3, 0.1, 0.03)  # of a step of Newton's method, of which it takes the best
ANGLE = 0.02  # by which a linear law turns, at most, between two times of the search for zeros
MOST_TIMES = 100_000  # in that search
AMPLIFIER = (1.0, 0.0), (0.0, -1.0)  # A_x, A_p over g


def _diffusion(name: str, value) -> Float[Array, " variables"]:
    value = jnp.atleast_1d(jnp.asarray(positive(name, value), float))
    if value.ndim > 1:
        raise InputError(f"`{name}` must be one number per variable, but has shape {value.shape}.")
    return value


def _require_function(name: str, f, shape: tuple[int, ...], *point: Array):
    """Checks that `f` is a function that returns an array of that shape.

    Raises:
        InputError: Naming the argument.
    """
    if not callable(f):
        raise InputError(f"`{name}` must be a function, but is {f!r}.")
    if getattr(found := jax.eval_shape(f, *point), "shape", None) != shape:
        raise InputError(
            f"`{name}` must return shape {shape}, a number per variable, but returns {found}."
        )


class MixedTime(eqx.Module):
    """A mixed-time law: drifts, functions of x and p, and diffusions, constants.

    Args:
        forward: A_p(x, p), the drift of the variables p that run forwards.
        backward: A_x(x, p), the drift of the variables x that run backwards.
        forward_diffusion: d_p, positive, one for each variable; a number for one variable.
        backward_diffusion: d_x, likewise.

    Raises:
        InputError: If a diffusion is not positive, or a drift is no function with one number for
            each variable.
    """

    forward: Callable
    backward: Callable
    forward_diffusion: Float[Array, " forwards"] = eqx.field(
        converter=partial(_diffusion, "forward_diffusion")
    )
    backward_diffusion: Float[Array, " backwards"] = eqx.field(
        converter=partial(_diffusion, "backward_diffusion")
    )

    def __check_init__(self):
        point = jnp.ones(self.backwards), jnp.ones(self.forwards)
        for name, x in zip(("backward", "forward"), point, strict=True):
            _require_function(name, getattr(self, name), x.shape, *point)

    @property
    def backwards(self) -> int:
        """Number of variables that run backwards."""
        return self.backward_diffusion.size

    @property
    def forwards(self) -> int:
        """Number of variables that run forwards."""
        return self.forward_diffusion.size

    @property
    def diffusion(self) -> Float[Array, " dim"]:
        """`(d_x, d_p)`."""
        return jnp.concatenate([self.backward_diffusion, self.forward_diffusion])

    def drift(self, point: Float[Array, " dim"]) -> Float[Array, " dim"]:
        """`(A_x, A_p)` at a point `(x, p)`."""
        x, p = point[: self.backwards], point[self.backwards :]
        return jnp.concatenate([self.backward(x, p), self.forward(x, p)])


def mixed_time(
    key,
    law: MixedTime,
    start: Float[Array, "particles forwards"],
    end: Ends,
    ts: Float[Array, " times"],
    *,
    substeps: int = 1,
) -> Trajectories:
    """Independent trajectories of a mixed-time law, at positions `(x, p)`.

    Args:
        key: Key of the noise, which does not depend on `start` and `end`.
        law: Drifts and diffusions.
        start: p(0), a row for each particle.
        end: x(T), a row for each particle, or a function of p(T) of one particle.
        ts: Times from 0 to T.
        substeps: Steps of `coarse` in each interval of `ts`; the positions have twice as many.

    Raises:
        InputError: As `mixed_paths`; also if `key` is none.
    """
    require_key(key=key)
    require_instance(MixedTime, law=law)
    require_whole(1, substeps=substeps)
    require_increasing(ts=ts)
    start = places("start", start, law.forwards)
    steps = jnp.repeat(jnp.diff(jnp.asarray(ts, float)), 2 * substeps) / (2 * substeps)
    shape = (len(start), len(steps), law.backwards + law.forwards)
    noise = jax.random.normal(key, shape) * jnp.sqrt(steps)[:, None]
    pairs = noise.reshape(len(start), -1, 2, shape[2]).sum(axis=2)
    positions = mixed_paths(law, noise, start, end, ts, substeps=2 * substeps)
    coarse = mixed_paths(law, pairs, start, end, ts, substeps=substeps)
    return Trajectories(jnp.asarray(ts, float), positions, coarse)


def mixed_paths(
    law: MixedTime,
    noise: Float[Array, "particles steps dim"],
    start: Float[Array, "particles forwards"],
    end: Ends,
    ts: Float[Array, " times"],
    *,
    substeps: int = 1,
) -> Float[Array, "times particles dim"]:
    """The solutions for given noise, `φ_{k+1} − φ_k = A((φ_k + φ_{k+1})/2) Δt + √d ΔW_k`.

    Newton's method solves for all times together. Its linear equations are block-tridiagonal. The
    strong error is of first order in the step; derivatives with respect to the law, the noise, p(0)
    and x(T) are those of the solution.

    Args:
        law: Drifts and diffusions.
        noise: ΔW, increments of Wiener processes for `(x, p)`: their variance is that step.
        start: p(0), a row for each particle.
        end: x(T), a row for each particle, or a function of p(T) of one particle.
        ts: Times from 0 to T.
        substeps: Steps in each interval of `ts`.

    Raises:
        InputError: If an argument has another kind or shape; if the drifts are linear and T is at
            or beyond their conjugate time; if Newton's method fails for a particle; or if there is
            a conjugate point on its path. Where the arguments are traced the positions are NaN.
    """
    require_instance(MixedTime, law=law)
    require_whole(1, substeps=substeps)
    require_increasing(ts=ts)
    start, ts = places("start", start, law.forwards), jnp.asarray(ts, float)
    shape = (len(start), (len(ts) - 1) * substeps, law.backwards + law.forwards)
    noise, end = real_field("noise", noise, shape), _ends(law, start, end)
    _require_no_conjugate_time(law, ts)
    steps = jnp.repeat(jnp.diff(ts), substeps) / substeps
    paths, converged, regular = _solutions(law, noise, start, end, steps)
    paths = require(
        paths,
        converged[:, None, None],
        "`substeps` must be so many that Newton's method finds every path, but it did not converge "
        f"in {MOST_STEPS} steps for some: take more, or a shorter time.",
    )
    paths = require(
        paths,
        regular[:, None, None],
        "`ts` must end before the conjugate point of every path, but ∂x(T)/∂x(0) vanishes on some: "
        "take a shorter time, or more `substeps` if they are few.",
    )
    return jnp.swapaxes(paths[:, ::substeps], 0, 1)


def _ends(law: MixedTime, start: Float[Array, "particles forwards"], end) -> Any:
    """`end`, if it is an array or a function of the right shape."""
    if not callable(end):
        return real_field("end", end, (len(start), law.backwards))
    _require_function("end", end, (law.backwards,), start[0])
    return end


@eqx.filter_jit
def _solutions(law: MixedTime, noise, start, end, steps):
    """Paths of all particles, whether they converged, and whether they have no conjugate point."""
    at = eqx.Partial(_solution, law, steps)
    if callable(end):
        return jax.vmap(lambda dw, p: at(dw, p, end))(noise, start)
    return jax.vmap(lambda dw, p, x: at(dw, p, lambda _: x))(noise, start, end)


def _solution(law: MixedTime, steps, noise, start, end: End):
    """The path of one particle. The last step, from a constant path, makes it differentiable."""
    n, noise = law.backwards, jnp.sqrt(law.diffusion) * noise
    equations = lambda path: _residual(law, steps, noise, start, end, path)
    size = lambda path: jnp.nan_to_num(jnp.abs(equations(path)).max(), nan=jnp.inf)
    driftless = jnp.concatenate([jnp.zeros_like(noise[:1]), jnp.cumsum(noise, axis=0)])
    p = start + driftless[:, n:]
    x = end(p[-1]) + driftless[:, :n] - driftless[-1, :n]
    first = jax.lax.stop_gradient(jnp.concatenate([x, p], axis=1))
    epsilon = jnp.finfo(first.dtype).eps
    scale = lambda path: 1 + jnp.abs(path).max()

    def improve(state):
        path, _, count = state
        change = _newton_change(law, steps, end, path, equations(path))[0]
        trials = path + jnp.array(LENGTHS)[:, None, None] * change
        sizes = jax.vmap(size)(trials)
        best = jnp.argmin(sizes)
        return trials[best], sizes[best], count + 1

    goes_on = lambda s: (s[1] > epsilon**0.5 * scale(s[0])) & (s[2] < MOST_STEPS)
    path, _, _ = jax.lax.while_loop(goes_on, improve, (first, size(first), 0))
    path = jax.lax.stop_gradient(path)
    change, regular = _newton_change(law, steps, end, path, equations(path))
    path = path + change
    return path, size(path) < epsilon**0.75 * scale(path), regular


def _residual(law: MixedTime, steps, noise, start, end: End, path: Path) -> Path:
    """What must vanish. Row k has the equations that determine φ_k: that of x over the step after
    time k, or x(T), and that of p over the step before, or p(0)."""
    n = law.backwards
    drift = jax.vmap(law.drift)((path[1:] + path[:-1]) / 2)
    gap = path[1:] - path[:-1] - steps[:, None] * drift - noise
    x = jnp.concatenate([gap[:, :n], (end(path[-1, n:]) - path[-1, :n])[None]])
    p = jnp.concatenate([(path[0, n:] - start)[None], gap[:, n:]])
    return jnp.concatenate([x, p], axis=1)


def _newton_change(law: MixedTime, steps, end: End, path: Path, residual: Path):
    """`−(∂r/∂φ)⁻¹ r` by block elimination, and whether no conjugate point lies on the path.

    A pivot is singular where a path that ended there would have a conjugate point; the sign of its
    determinant changes.
    """
    n, dim = law.backwards, path.shape[1]
    half = steps[:, None, None] / 2 * _slopes(law, (path[1:] + path[:-1]) / 2)
    left, right, none = -(jnp.eye(dim) + half), jnp.eye(dim) - half, jnp.zeros((1, dim, dim))
    at_end = jnp.concatenate([-jnp.eye(n), jax.jacfwd(end)(path[-1, n:])], axis=1)
    is_x = (jnp.arange(dim) < n)[:, None]
    after = jnp.concatenate([left, none.at[0, :n].set(at_end)])
    before = jnp.concatenate([jnp.eye(dim)[None], right])
    pivots = jnp.where(is_x, after, before)
    lower = jnp.where(is_x, 0.0, jnp.concatenate([none, left]))
    upper = jnp.where(is_x, jnp.concatenate([right, none]), 0.0)

    def eliminate(last, row):
        pivot, lower, upper, known = row
        pivot, known = pivot - lower @ last[:, :-1], known - lower @ last[:, -1]
        found = jnp.linalg.solve(pivot, jnp.column_stack([upper, known]))
        return found, (found, (-1) ** n * jnp.linalg.det(pivot) > 0)

    def substitute(later, row):
        now = row[:, -1] - row[:, :-1] @ later
        return now, now

    rows = (pivots, lower, upper, -residual)
    _, (table, signs) = jax.lax.scan(eliminate, jnp.zeros((dim, dim + 1)), rows)
    _, change = jax.lax.scan(substitute, jnp.zeros(dim), table, reverse=True)
    return change, signs.all()


def conjugate_time(law: MixedTime, horizon: float) -> float:
    """The first T at which the mixed problem of linear drifts is singular; ∞ if after `horizon`.

    `det (e^{MT})_xx = 0`, with the matrix M of the drifts `φ' = Mφ + c`. Rows that span those of
    `(e^{MT})_x` are kept orthonormal, so that nothing overflows. The zeros of the smallest singular
    value of their x block are bracketed on a grid of times and refined to 1e-8/‖M‖.

    Args:
        law: Drifts and diffusions.
        horizon: Up to where to search, positive.

    Raises:
        InputError: If the drifts are not linear or are traced, or `horizon` is not positive or too
            far for a search.
    """
    require_instance(MixedTime, law=law)
    horizon = float(positive("horizon", horizon, shape=()))
    if (matrix := _linear_drift(law)) is None:
        raise InputError(
            "`law` must have known linear drifts, but they are not: only these have one conjugate "
            "time for all paths."
        )
    return _conjugate_time(matrix, law.backwards, horizon)


def _conjugate_time(matrix: np.ndarray, n: int, horizon: float) -> float:
    norm = float(np.linalg.norm(matrix, 2))
    count = int(np.ceil(min(horizon * norm / ANGLE, 2 * MOST_TIMES))) + 1
    if count > MOST_TIMES:
        raise InputError(
            f"`horizon` must be at most {MOST_TIMES * ANGLE / norm:.3g} for these drifts, but is "
            f"{horizon}: take a shorter time."
        )
    step = horizon / max(count - 1, 1)
    advance = lambda rows, t: np.linalg.qr((rows @ scipy.linalg.expm(t * matrix)).T)[0].T
    smallest = lambda rows: np.linalg.svd(rows[:, :n], compute_uv=False)[-1]
    turn, rows = scipy.linalg.expm(step * matrix), [np.eye(n, len(matrix))]
    for _ in range(count):
        rows.append(np.linalg.qr((rows[-1] @ turn).T)[0].T)
    values = np.array([smallest(each) for each in rows])
    for k in np.flatnonzero((values[1:-1] < 2 * ANGLE) & (np.diff(values)[:-1] <= 0)) + 1:
        at = lambda t, k=k: smallest(advance(rows[k], t))
        found = scipy.optimize.minimize_scalar(
            at, bounds=(-step, step), method="bounded", options={"xatol": 1e-10 / norm}
        )
        t = float(k * step + found.x)
        if found.fun < 1e-7 and t <= horizon * (1 + 1e-8):
            return t
    return float(np.inf)


@eqx.filter_jit
def _slopes(law: MixedTime, points: Float[Array, "points dim"]) -> Float[Array, "points dim dim"]:
    return jax.vmap(jax.jacfwd(law.drift))(points)


def _constant(slopes: Float[Array, "points dim dim"]) -> np.ndarray | None:
    """The slope, if it is known and the same at all points but for round-off."""
    if not is_known(slopes) or not np.isfinite(slopes).all():
        return None
    change, size = np.ptp(slopes, axis=0).max(), np.abs(slopes).max()
    is_one = change <= 100 * jnp.finfo(slopes.dtype).eps * size
    return np.asarray(slopes[0], np.float64) if is_one else None


def _random_points(dim: int) -> Float[Array, "2 dim"]:
    return jnp.asarray(np.random.default_rng(0).normal(size=(2, dim)), float)


def _linear_drift(law: MixedTime) -> np.ndarray | None:
    """The matrix of the drifts, if they are known and linear."""
    return _constant(_slopes(law, _random_points(law.diffusion.size)))


def _require_no_conjugate_time(law: MixedTime, ts: Float[Array, " times"]):
    matrix = _linear_drift(law) if is_known(ts) else None
    if matrix is None:
        return
    span = float(ts[-1] - ts[0])
    if np.isfinite(first := _conjugate_time(matrix, law.backwards, span)):
        raise InputError(
            f"`ts` must end before the conjugate time {first:.8f} of the drifts, from which on "
            f"there are no such trajectories, but T is {span}: take a shorter time."
        )


def action(law: MixedTime, path: Path, dt: Scalar | float) -> Scalar:
    """`S = ∫ L dt` by the midpoint rule, `L = Σ (φ̇ − A)²/2d + ½(∂_p·A_p − ∂_x·A_x)`.

    With fixed p(0) and x(T) the path has the density `e^{−S}`, up to the determinant above.
    arXiv:1910.00001.

    Args:
        law: Drifts and diffusions.
        path: Points `(x, p)`, a row for each time.
        dt: Time between two rows.

    Raises:
        InputError: If `path` has another shape or `dt` is not positive.
    """
    require_instance(MixedTime, law=law)
    dim, dt = law.backwards + law.forwards, positive("dt", dt, shape=())
    if np.ndim(path) != 2 or np.shape(path)[1] != dim or np.shape(path)[0] < 2:
        raise InputError(
            f"`path` must have a row of {dim} numbers for each of two or more times, but has shape "
            f"{np.shape(path)}."
        )
    path = real_field("path", path, np.shape(path))
    middle = (path[1:] + path[:-1]) / 2
    signs = jnp.where(jnp.arange(dim) < law.backwards, -1.0, 1.0)
    gap = (path[1:] - path[:-1]) / dt - jax.vmap(law.drift)(middle)
    slopes = jnp.diagonal(_slopes(law, middle), axis1=1, axis2=2)
    return dt * jnp.sum(gap**2 / (2 * law.diffusion) + signs * slopes / 2)


class Linear(eqx.Module):
    """A drift `M(x, p) + c`."""

    matrix: Float[Array, "rows dim"]
    constant: Float[Array, " rows"]

    def __call__(self, x: Float[Array, " backwards"], p: Float[Array, " forwards"]):
        return self.matrix @ jnp.concatenate([x, p]) + self.constant


class Quadratic(NamedTuple):
    """The mixed-time law of a quadratic Hamiltonian."""

    law: MixedTime
    to_mixed: Float[Array, "dim dim"]  # (x, p) of a point (q, p)
    from_mixed: Float[Array, "dim dim"]  # its inverse


def quadratic(flow: FokkerPlanck) -> Quadratic:
    """The law of a quadratic symbol, in coordinates in which D is diagonal.

    D is symmetric and anticommutes with J. If v is an eigenvector of the eigenvalue λ < 0, so is
    −Jv of −λ. They are the axes of x and p: a rotation of the scaled z that is canonical.

    Args:
        flow: The equation; its parameters must be known.

    Raises:
        InputError: If `flow` is no `FokkerPlanck`, its symbol is not quadratic or depends on time,
            or a variable does not diffuse.
    """
    require_instance(FokkerPlanck, flow=flow)
    if not is_known(flow):
        raise InputError("`flow` must be known, but is traced: make the law outside of `jit`.")
    dim = 2 * (flow.modes or 1)
    points = _random_points(dim)
    if (slope := _constant(jax.vmap(jax.jacfwd(flow.drift))(points))) is None:
        raise InputError("`flow` must have a quadratic symbol, but its drift is not linear.")
    values, vectors = np.linalg.eigh(np.asarray(flow.diffusion(points[0])))
    d = float(flow.hbar / flow.kappa) * values[dim // 2 :][::-1]
    if not (d > 100 * jnp.finfo(points.dtype).eps * np.abs(slope).max()).all():
        raise InputError(
            "`flow` must diffuse in every variable, but D has the eigenvalue 0: a mixed-time law "
            "needs `[H'', J] ≠ 0` for each mode; where it vanishes the motion is Hamilton's."
        )
    x = vectors[:, : dim // 2]
    x = x * np.sign(np.take_along_axis(x, np.abs(x).argmax(axis=0)[None], 0))  # one of ±x
    axes = np.concatenate([x, -symplectic_form(dim // 2) @ x], axis=1)
    scale = flow.scale(points[0])
    to_mixed, from_mixed = jnp.asarray(axes.T) / scale, scale[:, None] * axes
    matrix = to_mixed @ slope @ from_mixed
    constant = to_mixed @ flow.drift(jnp.zeros(dim))
    backward, forward = map(Linear, jnp.split(matrix, 2), jnp.split(constant, 2))
    return Quadratic(MixedTime(forward, backward, d, d), to_mixed, from_mixed)


def amplifier(gain: Scalar | float) -> MixedTime:
    """The parametric amplifier `Ĥ = (iħg/2)(â†² − â²)`, in `x = â + â†` and `p = (â − â†)/i`.

    `A_x = gx`, `A_p = −gp`, `d_x = d_p = 2g`; for g < 0 exchange x and p. arXiv:2205.06070.

    The law does not join x and p. With `p(0) ~ Q(p | x(0))`, where x(0) is the end of a path that
    starts at x(T), the density at t = 0 and all marginal densities are those of Q; the joint
    density at t > 0 is not, unless Q is a product.

    Args:
        gain: g, positive.

    Raises:
        InputError: If it is not positive.
    """
    gain = jnp.asarray(positive("gain", gain, shape=()), float)
    backward, forward = (Linear(gain * jnp.array([row]), jnp.zeros(1)) for row in AMPLIFIER)
    return MixedTime(forward, backward, 2 * gain, 2 * gain)


class KerrDrift(eqx.Module):
    """The drift of both variables of the Kerr oscillator."""

    interaction: Scalar

    def __call__(self, x: Float[Array, " 1"], p: Float[Array, " 1"]):
        quanta = jnp.exp(jnp.sqrt(2.0) * jnp.sign(self.interaction) * (p - x))
        return -self.interaction / jnp.sqrt(2.0) * (quanta - 1.5)


def kerr(interaction: Scalar | float) -> MixedTime:
    """The Kerr oscillator `Ĥ = (U/2) n̂(n̂ − 1)` in the coordinates of `ln α`.

    `ln α = e^{iπ/4}(p + ix)` for U > 0 and `e^{iπ/4}(x + ip)` for U < 0; for both variables
    `A = −(U/√2)(|α|² − 3/2)` and `d = |U|/2`. The law is that of the density `|α|²Q` of
    `(x, p)`, on the Riemann surface of the logarithm. A weight of its boundary values x(T) and p(0)
    that gives Q of a state is not known.

    Args:
        interaction: U, not 0.

    Raises:
        InputError: If it is 0 or not finite.
    """
    given = jnp.asarray(finite("interaction", interaction, shape=()), float)
    message = "`interaction` must not be 0: there is no diffusion without it."
    strength = require(given, given != 0, message)
    drift, diffusion = KerrDrift(strength), jnp.abs(strength) / 2
    return MixedTime(drift, drift, diffusion, diffusion)


__all__ = [
    "KerrDrift",
    "Linear",
    "MixedTime",
    "Quadratic",
    "action",
    "amplifier",
    "conjugate_time",
    "kerr",
    "mixed_paths",
    "mixed_time",
    "quadratic",
]
