"""The ordinary counterpart: particles of a Fokker–Planck equation with positive diffusion."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..errors import (
    InputError,
    is_known,
    positive,
    require,
    require_increasing,
    require_key,
    require_type,
)
from .ensemble import Trajectories, places
from .paths import Points, follow

Point = Float[Array, " dim"]
NOT_POSITIVE = "`diffusion` must be a symmetric matrix without negative eigenvalues at every point."


class Ordinary(eqx.Module):
    """`∂ρ/∂t = −∇·(aρ) + ½ ∇∇:(Dρ)` with positive D(x, t), arXiv:2603.20399, eqs. (2)–(5).

    Its particles obey Itô's equation `dx = a dt + √D dW`.

    Args:
        drift_at: a(x, t) at one point, of shape (dim,).
        diffusion: D(x, t) at one point, of shape (dim, dim), symmetric.

    Example:
        >>> law = dqm.trajectories.Ordinary(lambda x, t: -x, lambda x, t: 2.0 * jnp.eye(1))
        >>> round(float(law.kernel(jnp.zeros(1), jnp.zeros(1), 0.01)), 3)  # 1/√(4π dt)
        2.821
    """

    drift_at: Callable
    diffusion: Callable

    is_random = True
    is_additive = False

    def drift(self, t, x: Points) -> Points:
        return jax.vmap(lambda x: self.drift_at(x, t))(x)

    def noise(self, t, x: Points) -> Float[Array, "particles dim dim"]:
        return jax.vmap(lambda x: jnp.linalg.cholesky(self.diffusion(x, t)))(x)

    @property
    def sparse(self) -> "Ordinary":
        """Itself: it follows no saved states."""
        return self

    def kernel(
        self,
        x: Point,
        start: Point,
        dt: Float[Array, ""] | float,
        t: Float[Array, ""] | float = 0.0,
    ) -> Float[Array, ""]:
        """`(2πdt)^{−N/2} |D|^{−½} exp(−(x − x₀ − a dt)ᵀ D⁻¹ (x − x₀ − a dt)/2dt)` for short dt, a
        and D at x₀ and t: the density of a particle after a time dt."""
        away = x - start - self.drift_at(start, t) * dt
        root = jnp.linalg.cholesky(self.diffusion(start, t) * dt)
        scaled = jax.scipy.linalg.solve_triangular(root, away, lower=True)
        size = jnp.prod(jnp.diag(root)) * (2 * np.pi) ** (away.size / 2)
        return jnp.exp(-(scaled @ scaled) / 2) / size


def ordinary(
    law: Ordinary,
    starts: Float[Array | np.ndarray, "particles dim"],
    ts: Float[Array | np.ndarray, " times"],
    key,
    *,
    substeps: int = 64,
) -> Trajectories:
    """Paths of `dx = a dt + √D dW`, by the scheme of Euler and Maruyama.

    Args:
        law: Drift and diffusion.
        starts: Positions at the first time.
        ts: Times.
        key: Of the noise.
        substeps: Steps between two times, an even number.

    Raises:
        InputError: If D is not symmetric and positive at the starts, `key` is none, or a path ends
            in NaN, as where D stops being positive.

    Example:
        >>> law = dqm.trajectories.Ordinary(lambda x, t: -x, lambda x, t: 0.01 * jnp.eye(1))
        >>> starts, ts = jnp.ones((1000, 1)), jnp.array([0.0, 1.0])
        >>> paths = dqm.trajectories.ordinary(law, starts, ts, jax.random.key(0))
        >>> round(float(paths.positions[-1].mean()), 1)  # e⁻¹
        0.4
    """
    require_type(Ordinary, law=law)
    require_key(key=key)
    require_increasing(ts=ts)
    x = places("starts", starts)
    ts = jnp.asarray(ts, float)
    matrices = jax.vmap(lambda x: law.diffusion(x, ts[0]))(x)
    shape = (x.shape[1], x.shape[1])
    if matrices.shape[1:] != shape:
        raise InputError(
            f"`diffusion` must return shape {shape}, but returns {matrices.shape[1:]}."
        )
    if is_known(matrices):
        values = np.linalg.eigvalsh(np.asarray(matrices))
        same = np.allclose(matrices, np.swapaxes(matrices, 1, 2))
        x = require(x, same and values.min() > 0, NOT_POSITIVE)
    return follow(law, x, ts, substeps, key)


def free_propagator(
    x: Float[Array | np.ndarray, "..."],
    start: Float[Array | np.ndarray, "..."] | float,
    t: Float[Array, ""] | float,
    *,
    mass: Float[Array, ""] | float = 1.0,
    hbar: Float[Array, ""] | float = 1.0,
) -> Complex[Array, "..."]:
    """`K = √(m/2πiħt) e^{im(x − x₀)²/2ħt}`, DQM I (14): conservative diffusion with D = ħ/2m has
    the kernel of ordinary diffusion with `iD` for D.

    Args:
        x, start: x and x₀ in one dimension, arrays of any shapes that broadcast.
        t: Time, positive.
        mass: m.
        hbar: ħ.

    Raises:
        InputError: If t, m or ħ is not positive.

    Example:
        >>> kernel = dqm.trajectories.free_propagator(jnp.array(1.0), 0.0, t=2.0)
        >>> round(float(abs(kernel) ** 2), 3)  # m/2πħt
        0.08
    """
    t, mass, hbar = positive("t", t), positive("mass", mass), positive("hbar", hbar)
    spread = 1j * hbar * t / mass
    return jnp.exp(-((x - start) ** 2) / (2 * spread)) / jnp.sqrt(2 * np.pi * spread)
