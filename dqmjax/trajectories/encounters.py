"""Partners that diffuse until they meet.

DQM II, section IV C, lets particles combine that diffuse within a free path of each other. It gives
no equation; these are those of the encounter of two random walks.
"""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key, UInt32

from ..errors import (
    positive,
    positive_list,
    require_increasing,
    require_key,
)

Scalar = Float[Array, ""]
Numbers = Float[Array | np.ndarray, "_"] | Sequence[float]
RandomKey = Key[Array, ""] | UInt32[Array, "2"]


def encounter_probability(
    distance: Float[Array, "..."] | float, radius: Scalar | float, diffusion: Scalar | float, t
) -> Float[Array, "..."]:
    """`P(t) = (a/r₀) erfc((r₀ − a)/√(4Dt))` that two walkers in space have met by a time t.

    They combine at a distance a, the free path (DQM II, section IV C, which has no equation).
    Within it, `P = 1`. Source: M. v. Smoluchowski (1917), Z. Phys. Chem. 92, 129.

    Args:
        distance: r₀, positive, at time 0.
        radius: a, positive.
        diffusion: D = D₁ + D₂, of the relative position.
        t: Time, positive.

    Raises:
        InputError: If an argument is not positive.

    Example:
        >>> chance = dqm.trajectories.encounter_probability(2.0, 1.0, 1.0, jnp.array([1.0, 1e6]))
        >>> print(chance.round(3))  # a/r₀ in the end
        [0.24 0.5 ]
    """
    distance, t = jnp.asarray(positive("distance", distance)), jnp.asarray(positive("t", t))
    radius, diffusion = positive("radius", radius, ()), positive("diffusion", diffusion, ())
    away = jnp.maximum(distance - radius, 0) / jnp.sqrt(4 * diffusion * t)
    return jnp.minimum(radius / distance, 1) * jax.lax.erfc(away)


def encounter_rate(
    radius: Scalar | float, diffusion: Scalar | float, t=None
) -> Float[Array, "..."]:
    """`k(t) = 4πDa (1 + a/√(πDt))`, encounters per time and density of partners.

    Partners fill the space outside a with constant density at time 0. Without `t` it is the limit
    4πDa of long times. Arguments, errors and source as of `encounter_probability`.

    Example:
        >>> round(float(dqm.trajectories.encounter_rate(1.0, 1.0)), 3)  # 4π
        12.566
    """
    radius, diffusion = positive("radius", radius, ()), positive("diffusion", diffusion, ())
    lasting = jnp.asarray(4 * jnp.pi * diffusion * radius)
    if t is None:
        return lasting
    t = jnp.asarray(positive("t", t))
    return lasting * (1 + radius / jnp.sqrt(jnp.pi * diffusion * t))


def encounters(
    key: RandomKey,
    distances: Numbers,
    radius: Scalar | float,
    diffusions: tuple[float, float] | Float[Array, "2"],
    ts: Numbers,
) -> Bool[Array, "times pairs"]:
    """Which pairs of walkers in space have combined by each of `ts`, both partners sampled.

    Between two times that are dt apart, at the distances r and r', a pair stays separate with the
    probability `(1 − e^{−(r−a)(r'−a)/Ddt}) / (1 − e^{−rr'/Ddt})`, that of the bridge of a Bessel
    process. With it there is no error of time steps: `ts` may be far apart.

    Args:
        key: Of the random numbers.
        distances: r₀ of each pair at time 0, positive.
        radius: a, the distance at which partners combine.
        diffusions: D₁ and D₂.
        ts: Times, positive and increasing.

    Raises:
        InputError: If an argument has another kind or shape, or is out of range.

    Example:
        >>> key, distances, ts = jax.random.key(0), jnp.full(10_000, 2.0), jnp.ones(1)
        >>> met = dqm.trajectories.encounters(key, distances, 1.0, (0.5, 0.5), ts)
        >>> chance = dqm.trajectories.encounter_probability(2.0, 1.0, 1.0, 1.0)
        >>> bool(abs(met.mean() - chance) < 0.02)
        True
    """
    require_key(key=key)
    require_increasing(1, ts=ts)
    distances = jnp.asarray(positive_list("distances", distances), float)
    diffusions = jnp.asarray(positive("diffusions", diffusions, (2,)), float)
    ts = jnp.asarray(positive("ts", ts), float)
    return _encounters(key, distances, positive("radius", radius, ()), diffusions, ts)


@eqx.filter_jit
def _encounters(key, distances, radius, diffusions, ts):
    far = distances.size, 3
    partners = jnp.stack([jnp.zeros(far), jnp.zeros(far).at[:, 0].set(distances)])
    between = lambda x: jnp.linalg.norm(x[1] - x[0], axis=-1)

    def advance(carry, interval):
        x, combined = carry
        dt, key = interval
        for_walk, for_meeting = jax.random.split(key)
        kicks = jax.random.normal(for_walk, x.shape, x.dtype)
        after = x + jnp.sqrt(2 * diffusions * dt)[:, None, None] * kicks
        r, s, spread = between(x), between(after), jnp.sum(diffusions) * dt
        is_outside = (r > radius) & (s > radius)
        gap = jnp.where(is_outside, (r - radius) * (s - radius), 0.0)
        separate = jnp.expm1(-gap / spread) / jnp.expm1(-r * s / spread)
        combined |= jax.random.uniform(for_meeting, r.shape, r.dtype) >= separate
        return (after, combined), combined

    intervals = (jnp.diff(ts, prepend=0.0), jax.random.split(key, ts.size))
    start = (partners, distances <= radius)
    return jax.lax.scan(advance, start, intervals)[1]
