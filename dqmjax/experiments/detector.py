"""Detectors of heterodyne outcomes: losses, added noise, amplification, a rotation, an offset."""

import math
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Key

from ..errors import InputError, finite, is_known, not_negative, positive
from ..phase_space.coordinates import PhaseSpace

Scalar = Float[Array, ""] | float


def _part(value):
    """η, if it is between 0 and 1."""
    value = positive("efficiency", value, shape=())
    if is_known(value) and not np.asarray(value) <= 1:
        raise InputError(f"`efficiency` must be between 0 and 1, but is {value}.")
    return value


class Detector(eqx.Module):
    """What an outcome is of a state that ideal heterodyne detection finds at β.

    `v = g e^{iθ} (√η β + √(1 − η) ν₁ + √n ν₂) + v₀`, with ν of variance `⟨|ν|²⟩ = 1`

    The vacuum has outcomes of variance `⟨|v − v₀|²⟩ = g²(1 + n)`. Only two of g, η and n follow
    from any outcomes: those of the signal determine g√η and g²(1 + n), those of the vacuum
    g²(1 + n). Caves (1982), doi:10.1103/PhysRevD.26.1817; Leonhardt & Paul (1993),
    doi:10.1103/PhysRevA.48.4598.

    Args:
        efficiency: η, part of the signal that reaches the detector.
        noise: n, quanta that the detector adds; 0 for an ideal one.
        gain: g, positive.
        rotation: θ in radians.
        offset: v₀ as points (q₁…q_N, p₁…p_N) in the units of the data.

    Arrays are estimated, Python floats are known. All modes have the same detector.

    Raises:
        InputError: If η is not between 0 and 1, n is negative, g is not positive or a number is not
            finite.

    Example:
        >>> detector = dqm.Detector(efficiency=jnp.array(0.7), noise=jnp.array(0.1), gain=2.0)
        >>> float((detector.scale**2).round(3))  # variance of the vacuum's outcomes, g²(1 + n)
        4.4
    """

    efficiency: Scalar = eqx.field(default=1.0, converter=_part)
    noise: Scalar = eqx.field(default=0.0, converter=partial(not_negative, "noise", shape=()))
    gain: Scalar = eqx.field(default=1.0, converter=partial(positive, "gain", shape=()))
    rotation: Scalar = eqx.field(default=0.0, converter=partial(finite, "rotation", shape=()))
    offset: Float[Array | np.ndarray, " phase"] | float = eqx.field(
        default=0.0, converter=partial(finite, "offset")
    )

    @property
    def scale(self) -> Scalar:
        """`g√(1 + n)`, by which outcomes are larger than those of an ideal detector after loss."""
        return self.gain * jnp.sqrt(1 + jnp.asarray(self.noise))

    @property
    def transmitted(self) -> Scalar:
        """`η/(1 + n)`: noise acts as a loss before an ideal detector and an ideal amplifier."""
        efficiency = jnp.asarray(self.efficiency)
        valid = (efficiency > 0) & (efficiency <= 1) & (jnp.asarray(self.noise) >= 0)
        return efficiency / (1 + self.noise) * jnp.where(valid, 1.0, jnp.nan)

    def ideal(
        self, space: PhaseSpace, points: Float[Array | np.ndarray, "... phase"]
    ) -> Float[Array, "... phase"]:
        """The points at which an ideal detector after the loss finds what has these outcomes."""
        beta = space.amplitude(points - jnp.asarray(self.offset))
        return space.point(beta * jnp.exp(-1j * jnp.asarray(self.rotation)) / self.scale)

    def outcome(
        self, space: PhaseSpace, points: Float[Array | np.ndarray, "... phase"]
    ) -> Float[Array, "... phase"]:
        """The outcomes at the points of such a detector, the inverse of `ideal`."""
        beta = space.amplitude(points) * self.scale * jnp.exp(1j * jnp.asarray(self.rotation))
        return space.point(beta) + jnp.asarray(self.offset)

    def view(self, space: PhaseSpace) -> tuple[Scalar, Scalar, Float[Array, " phase"]]:
        """Scale, angle and offset of the outcomes in units of z, for `TestFunctions.means`."""
        offset = jnp.broadcast_to(jnp.asarray(self.offset), (2 * space.modes,)) / space.scale
        return self.scale, jnp.asarray(self.rotation), offset

    def density(self, ideal: Float[Array, "..."], modes: int) -> Float[Array, "..."]:
        """The density of outcomes, of that at the points `ideal`."""
        return ideal / self.scale ** (2 * modes)

    def sample(
        self, key: Key[Array, ""], space: PhaseSpace, points: Float[Array | np.ndarray, "... phase"]
    ) -> Float[Array, "... phase"]:
        """Outcomes for samples of the Husimi density, with its noise drawn at random.

        Args:
            key: Of `jax.random`.
            space: ℓ and κ of the measurement.
            points: Samples of an ideal detector, as `dqmjax.readout.sample` draws them.
        """
        beta = space.amplitude(jnp.asarray(points))
        size = jnp.sqrt(1 - jnp.asarray(self.efficiency) + self.noise)
        noise = size * jax.random.normal(key, beta.shape, beta.dtype)
        turned = self.gain * jnp.exp(1j * jnp.asarray(self.rotation))
        seen = turned * (jnp.sqrt(jnp.asarray(self.efficiency)) * beta + noise)
        return space.point(seen) + jnp.asarray(self.offset)

    def attenuated(self, rho: Complex[Array, "*levels"], modes: int) -> Complex[Array, "*levels"]:
        """The coefficients after the loss, with `transmitted` of each mode."""
        for mode in range(modes):
            rho = _attenuated(rho, self.transmitted, mode, modes)
        return rho


def _attenuated(rho: Array, part: Scalar, mode: int, modes: int) -> Array:
    """`ρ_mn → Σ_k √(C(m+k, k) C(n+k, k)) η^{(m+n)/2} (1 − η)^k ρ_{m+k, n+k}` of one mode.

    Loss as a binomial choice of quanta; Loudon, The Quantum Theory of Light (2000), section 6.10.
    """
    levels = rho.shape[mode]
    moved = jnp.moveaxis(rho, (mode, modes + mode), (-2, -1))
    root = jnp.sqrt(jnp.asarray(part)) ** np.arange(levels)
    lost = jnp.cumprod(jnp.append(1.0, jnp.full(levels - 1, 1 - part)))
    padded = jnp.pad(moved, [(0, 0)] * (moved.ndim - 2) + [(0, levels)] * 2)

    def term(total, given):
        k, weights, factor = given
        start = (*[0] * (moved.ndim - 2), k, k)
        shifted = jax.lax.dynamic_slice(padded, start, moved.shape)
        return total + factor * weights[:, None] * weights * shifted, None

    weights = jnp.asarray(_binomial(levels))
    total, _ = jax.lax.scan(term, jnp.zeros_like(moved), (np.arange(levels), weights, lost))
    return jnp.moveaxis(root[:, None] * root * total, (-2, -1), (mode, modes + mode))


def _binomial(levels: int) -> Float[np.ndarray, "lost levels"]:
    """`√C(m + k, k)`, k first; large ones are not needed and would overflow only beyond 500."""
    k, m = np.indices((levels, levels))
    log = np.vectorize(math.lgamma)
    return np.exp((log(m + k + 1.0) - log(k + 1.0) - log(m + 1.0)) / 2)
