"""`∂W/∂t = −(p/m)·∇_q W − (i/ħ)[V(q + iħ∇_p/2) − V(q − iħ∇_p/2)] W`: Moyal's equation.

It is quantum mechanics on phase space for any V(q), also for mixed states. Both parts are
products, one in (k, p), one in (q, θ), with k and θ conjugate to q and p, so that splitting
applies. Smoothed, W is the Husimi density. Cabrera et al. (2015), doi:10.1103/PhysRevA.92.042122.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import InputError, is_known, positive, require_instance, require_real, require_shape
from ..evolution.envelopes import require_continuous
from ..evolution.schemes import Scheme, as_scheme, nystrom6
from ..evolution.splitting import (
    DrivenPropagator,
    RealFourier,
    SplitFlow,
    fixed_propagator,
    pullback_inside,
)
from ..evolution.status import grid_faults
from ..evolution.stepper import AbstractStepper
from ..grid import Grid, one_per_axis
from ..wave.hamiltonian import Hamiltonian
from ..wave.potentials import potential_at

Wigner = Float[Array, "*shape"]


class WignerStep(AbstractStepper):
    """Moyal's equation by splitting, of the order of the scheme.

    Args:
        hamiltonian: H = Σ p_i²/2m_i + V(q, t), V real.
        grid: Of phase space, axes q₁…q_N p₁…p_N. The box in p must contain the momenta of the
            state, and its spacing must resolve the interference: between two packets at a
            distance d, W oscillates as cos(p·d/ħ).
        scheme: Splitting scheme, see `dqmjax.evolution.schemes`.

    A state is W on the grid, per dq dp. A step is reversible.

    Raises:
        InputError: If `grid` has an odd number of axes, or V is complex or, at t = 0, not finite
            where W needs it: up to half the greatest ħθ outside the box.

    Example:
        >>> grid = dqm.Grid((-6.0, -6.0), (6.0, 6.0), (48, 48))
        >>> q, p = grid.points
        >>> w = jnp.exp(-((q - 1) ** 2) - p**2) / np.pi
        >>> step = dqm.WignerStep(dqm.Hamiltonian(dqm.Harmonic(1.0)), grid)
        >>> run = dqm.solve(step, w, jnp.array([0.0, np.pi]), substeps=20)
        >>> round(float(grid.integrate(q * run.final)), 3)  # cos t
        -1.0
    """

    hamiltonian: Hamiltonian
    grid: Grid
    scheme: Scheme = eqx.field(default=nystrom6, static=True, converter=as_scheme)

    def __check_init__(self):
        require_instance(Hamiltonian, hamiltonian=self.hamiltonian)
        require_instance(Grid, grid=self.grid)
        n = _modes(self.grid)
        self.hamiltonian.require_real(n, "`WignerStep` has no absorption.")
        kick = self.kick(0.0)
        if is_known(kick) and not np.isfinite(kick).all():
            raise InputError(
                "`hamiltonian` must have a potential that is finite at every point of the box and "
                "half the greatest ħθ outside it: soften it."
            )

    @property
    def order(self) -> int:
        """The global error is O(dt**order)."""
        return self.scheme.order

    def vector(self, state):
        """`(πħ)^N W`, at most 1."""
        return (jnp.pi * self.hamiltonian.hbar) ** (self.grid.dim // 2) * state

    def faults(self, state):
        """Of a W that the grid does not resolve, or that reaches the edge of an isolated box."""
        size = self.vector(state)
        return grid_faults(self.grid, size, size)

    def make_step(self, dt):
        grid, n, scheme = self.grid, self.grid.dim // 2, self.scheme
        axes = tuple(range(grid.dim))
        momenta = RealFourier(axes[n:])
        if self.hamiltonian.depends_on_time(n):
            require_continuous(self.hamiltonian.potential)
            angle = eqx.filter_closure_convert(_KickAngle(self, jnp.asarray(dt)), jnp.asarray(dt))
            kick = DrivenPropagator(angle=angle, transform=momenta)  # with what V closes over
        else:
            kicks = (scheme.kicks[0], *scheme.merged_kicks)
            kick = fixed_propagator([dt * self.kick(0.0)], kicks, momenta)
        flow = SplitFlow(
            kick=kick,
            drift=fixed_propagator([dt * self._drift()], scheme.drifts, RealFourier(axes[:n])),
            dt=jnp.asarray(dt),
            shape=grid.shape,
            scheme=scheme,
            is_reversible=True,
        )
        return _WignerFlow(flow)

    def _drift(self) -> Float[Array, "*shape"]:
        """`Σ k_i p_i/m_i`: the angular frequency of the waves k in q."""
        grid, n = self.grid, self.grid.dim // 2
        mass = one_per_axis("mass", self.hamiltonian.mass, n)
        axes = zip(grid.odd_waves[:n], grid.points[n:], mass, strict=True)
        return sum((k * p / m for k, p, m in axes), jnp.zeros(grid.shape))

    def kick(self, t) -> Float[Array, "*shape"]:
        """`(V(q − ħθ/2) − V(q + ħθ/2))/ħ`: the angular frequency of the waves θ in p."""
        h, grid, n = self.hamiltonian, self.grid, self.grid.dim // 2
        q = grid.points[:n]
        away = h.hbar / 2 * jnp.stack(jnp.broadcast_arrays(*grid.odd_waves[n:], q[0])[:-1])
        potential = lambda q: potential_at(h.potential, q, t)
        return (potential(q - away) - potential(q + away)) / h.hbar


class _KickAngle(eqx.Module):
    """The angles of a kick at time t."""

    stepper: WignerStep
    dt: Float[Array, ""]

    def __call__(self, t) -> Float[Array, "*shape"]:
        return self.dt * self.stepper.kick(t)


class _WignerFlow(eqx.Module):
    """One step of W."""

    flow: SplitFlow
    is_reversible: bool = eqx.field(default=True, static=True)

    def enter(self, t, w):
        require_real("state", w)
        return self.flow.enter(t, w)

    def __call__(self, t, w):
        return self.flow(t, w)

    def leave(self, t, w):
        return self.flow.leave(t, w)

    def pullback(self, t, after, cotangent):
        return pullback_inside(self, lambda step: step.flow, t, after, cotangent)


def smoothed(
    grid: Grid, w: Wigner, ell: float | tuple[float, ...] = 1.0, hbar: float = 1.0
) -> Wigner:
    """The Husimi density of a Wigner function, `exp(Σ (ℓ_i²∂²_{q_i} + (ħ/ℓ_i)²∂²_{p_i})/4) W`.

    Args:
        grid: Of phase space, axes q₁…q_N p₁…p_N.
        w: W.
        ell: ℓ, the width of the measuring coherent states; one number or one per mode.
        hbar: ħ.

    Raises:
        InputError: If `w` is complex or not of the grid's shape, `grid` has an odd number of axes,
            or ℓ or ħ is not positive.
    """
    require_real("w", w)
    require_shape("w", w, grid.shape)
    hbar, n = positive("hbar", hbar), _modes(grid)
    scale = one_per_axis("ell", positive("ell", ell), n)
    widths = jnp.concatenate([scale, hbar / scale]).reshape(2 * n, *[1] * grid.dim)
    damping = jnp.exp(-jnp.sum((widths * grid.k) ** 2, axis=0) / 4)
    return jnp.fft.ifftn(damping * jnp.fft.fftn(w)).real


def _modes(grid: Grid) -> int:
    """N of a grid of phase space."""
    if grid.dim % 2:
        raise InputError(
            f"`grid` must have an axis for each q and each p, but has {grid.dim} axes."
        )
    return grid.dim // 2
