"""`∂W/∂t = −(p/m)·∇_q W − (i/ħ)[V(q + iħ∇_p/2) − V(q − iħ∇_p/2)] W`: Moyal's equation.

Quantum mechanics on phase space for any V(q) and for mixed states, by split steps: both parts are
products, one in (k, p), one in (q, θ), k and θ conjugate to q and p. Smoothed, W is the Husimi
density; see Cabrera et al. (2015), doi:10.1103/PhysRevA.92.042122.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, Complex, Float

from ..errors import InputError, require_positive
from ..evolution.schemes import Scheme, nystrom6
from ..evolution.stepper import AbstractStepper
from ..grid import Grid, grid_strain
from ..wave.hamiltonian import Hamiltonian
from ..wave.potentials import depends_on_time

Wigner = Float[Array, "*shape"]


class WignerStep(AbstractStepper):
    """Moyal's equation by splitting, of the order of the scheme.

    Args:
        hamiltonian: H = Σ p_i²/2m_i + V(q), V real and without t.
        grid: Of phase space, axes q₁…q_N p₁…p_N. Its box in p must hold the spread of the
            density and its spacing resolve the interference: between two packets a distance
            d apart W waves as cos(p·d/ħ).
        scheme: Splitting scheme.

    A state is W on the grid, per dq dp.

    Raises:
        InputError: If the axes of `grid` are odd in number, or V is complex, depends on time, or is
            not finite where W needs it, which is up to half the greatest ħθ outside of the box.
    """

    hamiltonian: Hamiltonian
    grid: Grid
    scheme: Scheme = eqx.field(default=nystrom6, static=True)

    def __check_init__(self):
        if self.grid.dim % 2:
            raise InputError(
                f"`grid` must have an axis for each q and p, but has {self.grid.dim} axes."
            )
        if depends_on_time(self.hamiltonian.potential, self.grid.dim // 2):
            raise InputError("`hamiltonian` must have a potential without t for `WignerStep`.")
        kick = self._kick()
        if jnp.iscomplexobj(kick):
            raise InputError("`hamiltonian` must have a real potential for `WignerStep`.")
        if not isinstance(kick, Tracer) and not jnp.isfinite(kick).all():
            raise InputError("`hamiltonian` must have a potential that is finite at every point.")

    def make_step(self, dt):
        drift, kick = self._drift(), self._kick()
        turn = lambda fraction, angle: jnp.exp(-1j * fraction * dt * angle)
        return _WignerStep(
            {a: turn(a, drift) for a in self.scheme.drifts},
            {b: turn(b, kick) for b in self.scheme.kicks},
            self.grid,
            self.scheme,
        )

    def _drift(self) -> Float[Array, "*shape"]:
        """`Σ k_i p_i/m_i`: the waves in q turn at this rate."""
        h, n = self.hamiltonian, self.grid.dim // 2
        mass = jnp.broadcast_to(jnp.asarray(h.mass), (n,)).reshape(n, *[1] * self.grid.dim)
        return jnp.sum(self.grid.k[:n] * self.grid.points[n:] / mass, axis=0)

    def _kick(self) -> Array:
        """`(V(q − ħθ/2) − V(q + ħθ/2))/ħ`: the waves θ in p turn at this rate."""
        h, n = self.hamiltonian, self.grid.dim // 2
        away = h.hbar * self.grid.k[n:] / 2

        def potential(q):
            flat = jax.vmap(lambda x: h.potential(x, 0.0))(q.reshape(n, -1).T)
            return flat.reshape(self.grid.shape)

        q = self.grid.points[:n]
        return (potential(q - away) - potential(q + away)) / h.hbar


class _WignerStep(eqx.Module):
    """Kick, drift, …, kick; each drift in (k, p), each kick in (q, θ)."""

    drifts: dict[float, Complex[Array, "*shape"]]  # by fractions of the step, which recur
    kicks: dict[float, Complex[Array, "*shape"]]
    grid: Grid
    scheme: Scheme = eqx.field(static=True)

    def __call__(self, t, w):
        _check("state", w, self.grid)
        axes = range(self.grid.dim)
        q, p = axes[: self.grid.dim // 2], axes[self.grid.dim // 2 :]
        first, *kicks = self.scheme.kicks
        w = _turn(w, self.kicks[first], p)
        for a, b in zip(self.scheme.drifts, kicks, strict=True):
            w = _turn(_turn(w, self.drifts[a], q), self.kicks[b], p)
        return w

    def strain(self, w):
        return grid_strain(self.grid, w)


def _turn(w: Wigner, phase: Complex[Array, "*shape"], axes) -> Wigner:
    return jnp.fft.ifftn(phase * jnp.fft.fftn(w, axes=axes), axes=axes).real


def smoothed(
    grid: Grid, w: Wigner, ell: float | tuple[float, ...] = 1.0, hbar: float = 1.0
) -> Wigner:
    """The Husimi density of a Wigner function, `exp(Σ (ℓ_i²∂²_{q_i} + (ħ/ℓ_i)²∂²_{p_i})/4) W`.

    Args:
        grid: Of phase space, axes q₁…q_N p₁…p_N.
        w: W.
        ell: ℓ, the scale of the measuring coherent states; one number or one per mode.
        hbar: ħ.

    Raises:
        InputError: If `w` is complex or of another shape than `grid`, the axes are odd in number,
            or ℓ or ħ is not positive.
    """
    _check("w", w, grid)
    require_positive(ell=ell, hbar=hbar)
    n = grid.dim // 2
    if grid.dim % 2 or jnp.shape(jnp.asarray(ell)) not in ((), (n,)):
        raise InputError(f"`ell` must be one number or one per mode, of {grid.dim}/2 modes.")
    scale = jnp.broadcast_to(jnp.asarray(ell), (n,))
    widths = jnp.concatenate([scale, hbar / scale]).reshape(2 * n, *[1] * grid.dim)
    damping = jnp.exp(-jnp.sum((widths * grid.k) ** 2, axis=0) / 4)
    return jnp.fft.ifftn(damping * jnp.fft.fftn(w)).real


def _check(name: str, w: Array, grid: Grid):
    if w.shape != grid.shape or jnp.iscomplexobj(w):
        raise InputError(
            f"`{name}` must be real and of the grid's shape {grid.shape}, but is {w.dtype} of "
            f"shape {w.shape}."
        )
