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
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import (
    InputError,
    finite,
    is_known,
    positive,
    real_field,
    require,
    require_instance,
)
from ..phase_space.coordinates import symplectic_form
from ..phase_space.fokker_planck import FokkerPlanck

Scalar = Float[Array, ""]
Path = Float[Array, "times dim"]
AMPLIFIER = (1.0, 0.0), (0.0, -1.0)  # A_x, A_p over g


def _diffusion(name: str, value) -> Float[Array, " variables"]:
    value = jnp.atleast_1d(jnp.asarray(positive(name, value), float))
    if value.ndim > 1:
        raise InputError(f"`{name}` must be one number per variable, but has shape {value.shape}.")
    return value


def require_function(name: str, f, shape: tuple[int, ...], *point: Array):
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

    Example:
        >>> law = dqm.trajectories.MixedTime(lambda x, p: -p, lambda x, p: x, 2.0, 2.0)
        >>> print(law.drift(jnp.array([1.0, 3.0])))  # (A_x, A_p) at (x, p)
        [ 1. -3.]
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
            require_function(name, getattr(self, name), x.shape, *point)

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


@eqx.filter_jit
def slopes(law: MixedTime, points: Float[Array, "points dim"]) -> Float[Array, "points dim dim"]:
    """`∂A_a/∂φ_b` at points."""
    return jax.vmap(jax.jacfwd(law.drift))(points)


def constant_slope(slopes: Float[Array, "points dim dim"]) -> np.ndarray | None:
    """The slope, if it is known and the same at all points but for round-off."""
    if not is_known(slopes) or not np.isfinite(slopes).all():
        return None
    change, size = np.ptp(slopes, axis=0).max(), np.abs(slopes).max()
    is_one = change <= 100 * jnp.finfo(slopes.dtype).eps * size
    return np.asarray(slopes[0], np.float64) if is_one else None


def random_points(dim: int) -> Float[Array, "2 dim"]:
    """Two points at which the slopes of drifts are compared."""
    return jnp.asarray(np.random.default_rng(0).normal(size=(2, dim)), float)


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

    Example:
        >>> law = dqm.trajectories.amplifier(1.0)
        >>> rest = jnp.zeros((5, 2))
        >>> float(dqm.trajectories.action(law, rest, 0.25))  # −gT
        -1.0
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
    own = jnp.diagonal(slopes(law, middle), axis1=1, axis2=2)
    return dt * jnp.sum(gap**2 / (2 * law.diffusion) + signs * own / 2)


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

    Example:
        >>> found = dqm.trajectories.quadratic(dqm.FokkerPlanck(dqm.ParametricAmplifier(1.0)))
        >>> print(found.law.drift(jnp.array([1.0, 3.0])).round(3), found.law.diffusion.round(3))
        [ 1. -3.] [1. 1.]
    """
    require_instance(FokkerPlanck, flow=flow)
    if not is_known(flow):
        raise InputError("`flow` must be known, but is traced: make the law outside of `jit`.")
    dim = 2 * (flow.modes or 1)
    points = random_points(dim)
    if (slope := constant_slope(jax.vmap(jax.jacfwd(flow.drift))(points))) is None:
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

    Example:
        >>> law = dqm.trajectories.amplifier(1.0)
        >>> print(law.drift(jnp.array([1.0, 3.0])), law.diffusion)  # (gx, −gp) and 2g
        [ 1. -3.] [2. 2.]
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

    Example:
        >>> law = dqm.trajectories.kerr(2.0)
        >>> print(law.drift(jnp.zeros(2)).round(3), law.diffusion)  # U/√8 at α = 1, and |U|/2
        [0.707 0.707] [1. 1.]
    """
    given = jnp.asarray(finite("interaction", interaction, shape=()), float)
    message = "`interaction` must not be 0: there is no diffusion without it."
    strength = require(given, given != 0, message)
    drift, diffusion = KerrDrift(strength), jnp.abs(strength) / 2
    return MixedTime(drift, drift, diffusion, diffusion)
