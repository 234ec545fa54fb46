"""Mixed-time trajectories: paths from p(0) and x(T), by Newton's method at all times together."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import (
    real_field,
    require,
    require_increasing,
    require_instance,
    require_key,
    require_whole,
)
from .conjugate import require_no_conjugate_time
from .ensemble import Trajectories, places, require_even
from .mixed_law import MixedTime, require_function, slopes

Path = Float[Array, "times dim"]
End = Callable[[Array], Array]
Ends = Float[Array | np.ndarray, "particles backwards"] | End
MOST_STEPS = 50  # of Newton's method
LENGTHS = (1.0, 0.3, 0.1, 0.03)  # trial lengths of a Newton step; the best one counts


def mixed_time(
    key,
    law: MixedTime,
    start: Float[Array | np.ndarray, "particles forwards"],
    end: Ends,
    ts: Float[Array | np.ndarray, " times"],
    *,
    substeps: int = 2,
) -> Trajectories:
    """Independent trajectories of a mixed-time law, at positions `(x, p)`.

    Args:
        key: Key of the noise, which does not depend on `start` and `end`.
        law: Drifts and diffusions.
        start: p(0), a row for each particle.
        end: x(T), a row for each particle, or a function of p(T) of one particle.
        ts: Times from 0 to T.
        substeps: Steps between two times, an even number; `coarse` takes half of them.

    Raises:
        InputError: As `mixed_paths`; also if `key` is none.

    Example:
        >>> law, key = dqm.trajectories.amplifier(1.0), jax.random.key(0)
        >>> p, x = jax.random.normal(jax.random.key(1), (2, 1000, 1))
        >>> start, end, ts = 2**0.5 * p, (1 + np.e) ** 0.5 * x, jnp.array([0.0, 0.5])
        >>> paths = dqm.trajectories.mixed_time(key, law, start, end, ts, substeps=8)
        >>> mean = paths.mean(lambda point: point[1] ** 2)  # e^{−2gt} + 1
        >>> bool(abs(mean.value[-1] - (1 / np.e + 1)) < 4 * mean.sampling_error[-1])
        True
    """
    require_key(key=key)
    require_instance(MixedTime, law=law)
    require_even(substeps=substeps)
    require_increasing(ts=ts)
    start = places("start", start, law.forwards)
    steps = jnp.repeat(jnp.diff(jnp.asarray(ts, float)), substeps) / substeps
    shape = (len(start), len(steps), law.backwards + law.forwards)
    noise = jax.random.normal(key, shape) * jnp.sqrt(steps)[:, None]
    pairs = noise.reshape(len(start), -1, 2, shape[2]).sum(axis=2)
    positions = mixed_paths(law, noise, start, end, ts, substeps=substeps)
    coarse = mixed_paths(law, pairs, start, end, ts, substeps=substeps // 2)
    return Trajectories(jnp.asarray(ts, float), positions, coarse)


def mixed_paths(
    law: MixedTime,
    noise: Float[Array | np.ndarray, "particles steps dim"],
    start: Float[Array | np.ndarray, "particles forwards"],
    end: Ends,
    ts: Float[Array | np.ndarray, " times"],
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

    Example:
        >>> law, ts = dqm.trajectories.amplifier(1.0), jnp.linspace(0, 1, 65)
        >>> quiet, one = jnp.zeros((1, 64, 2)), jnp.ones((1, 1))
        >>> paths = dqm.trajectories.mixed_paths(law, quiet, start=one, end=one, ts=ts)
        >>> round(float(paths[0, 0, 0]), 3), round(float(paths[-1, 0, 1]), 3)  # both e⁻¹
        (0.368, 0.368)
    """
    require_instance(MixedTime, law=law)
    require_whole(1, substeps=substeps)
    require_increasing(ts=ts)
    start, ts = places("start", start, law.forwards), jnp.asarray(ts, float)
    shape = (len(start), (len(ts) - 1) * substeps, law.backwards + law.forwards)
    noise, end = real_field("noise", noise, shape), _ends(law, start, end)
    require_no_conjugate_time(law, ts)
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
    require_function("end", end, (law.backwards,), start[0])
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
    half = steps[:, None, None] / 2 * slopes(law, (path[1:] + path[:-1]) / 2)
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
