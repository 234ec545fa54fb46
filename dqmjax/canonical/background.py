"""A fluctuating background field and the masses that it gives.

The field φ(x, t) fluctuates with the time mean square η²(x); a particle of coupling g has the mass
m(x) = gη(x)/2. Source: Z. Zakir, "Diffusion quantum mechanics" II (DQM II), section IV.
"""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Key, UInt32

from ..errors import (
    InputError,
    field,
    finite,
    not_negative,
    positive,
    positive_list,
    require,
    require_increasing,
    require_instance,
    require_key,
    require_real,
    require_shape,
)
from ..evolution.status import wave_faults
from ..evolution.stepper import AbstractStepper
from ..grid import Grid, density, field_on
from ..wave.chebyshev import ChebyshevFlow
from ..wave.potentials import Free, depends_on_time, one_number, potential_on, require_function
from .fields import Ledger, per_density
from .polar import from_canonical

Psi = Complex[Array, "*shape"]
OnGrid = Float[Array, "*shape"]
VectorField = Float[Array, "*shape dim"]
Scalar = Float[Array, ""]
Numbers = Float[Array | np.ndarray, "_"] | Sequence[float]
RandomKey = Key[Array, ""] | UInt32[Array, "2"]

NO_FIELD = (
    "`eta` must be positive at every point, because ln η diverges at its zeros, but is 0 or "
    "negative somewhere: take a spectrum and an envelope without zeros."
)
TOLERANCE = 1e-13  # of the series of a step


def _spectrum(value) -> OnGrid:
    values = jnp.asarray(not_negative("spectrum", value), float)
    remedy = "`spectrum` must have a positive sum, but is 0 everywhere: give a wave some power."
    return require(values, jnp.sum(values) > 0, remedy)


class BackgroundField(eqx.Module):
    """`φ(x, t) = A(x) Σ_k √P_k a_k(t) e^{ik·x}`, a complex Gaussian field that fluctuates.

    The amplitudes are independent and stationary, `⟨a_k*(0) a_k(t)⟩ = e^{−iω_k t − γ|t|}`, with the
    frequency `ω_k = c|k|`: waves that travel and lose their phase. The time mean of φ is 0,
    and that of `|φ|²` is `η²(x) = A(x)² Σ_k P_k`, DQM II (33).

    Args:
        grid: Periodic box.
        spectrum: P_k of each wave of `grid.k`, in the order of `jnp.fft.fftn`; not negative.
        envelope: A(x), one number or one per point of `grid`.
        light_speed: c, of light.
        linewidth: γ, positive; the field forgets its phase in a time 1/γ.

    Raises:
        InputError: If `spectrum` is negative somewhere or 0 everywhere, an array has another shape
            than `grid`, or another known value is out of range.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 32)
        >>> [k] = grid.k
        >>> spectrum = jnp.exp(-(k**2))
        >>> field = dqm.background.BackgroundField(grid, 4 * spectrum / spectrum.sum())
        >>> field.masses([1.0, 3.0])[:, 0].round(3).tolist()  # gη/2 with η = 2
        [1.0, 3.0]
    """

    grid: Grid
    spectrum: OnGrid = eqx.field(converter=_spectrum)
    envelope: Float[Array, "..."] = eqx.field(
        default=1.0, converter=lambda value: jnp.asarray(finite("envelope", value), float)
    )
    light_speed: Scalar | float = one_number(positive, "light_speed", default=1.0)
    linewidth: Scalar | float = one_number(positive, "linewidth", default=1.0)

    def __check_init__(self):
        require_instance(Grid, grid=self.grid)
        require_shape("spectrum", self.spectrum, self.grid.shape)
        if self.envelope.shape:
            require_shape("envelope", self.envelope, self.grid.shape)

    @property
    def eta(self) -> OnGrid:
        """`η(x) = |A(x)| √(Σ_k P_k)`, DQM II (33)."""
        size = jnp.abs(self.envelope) * jnp.sqrt(jnp.sum(self.spectrum))
        return jnp.broadcast_to(size, self.grid.shape)

    def masses(self, couplings: Numbers) -> Float[Array, "couplings *shape"]:
        """`m(x) = gη(x)/2` of each coupling g, DQM II, section IV B.

        Raises:
            InputError: If a known coupling is not positive, or η has zeros.
        """
        couplings = jnp.asarray(positive_list("couplings", couplings), float)
        eta = require(self.eta, jnp.all(self.eta > 0), NO_FIELD)
        return jnp.multiply.outer(couplings, eta) / 2

    def sample(self, key: RandomKey, ts: Numbers) -> Complex[Array, "times *shape"]:
        """φ at each of `ts`, without an error of time steps.

        Raises:
            InputError: If `key` is none, or `ts` does not increase.
        """
        require_key(key=key)
        require_increasing(1, ts=ts)
        return _realisation(self, key, jnp.asarray(ts, float))


@eqx.filter_jit
def _realisation(field: BackgroundField, key, ts) -> Complex[Array, "times *shape"]:
    """Each amplitude is an Ornstein–Uhlenbeck process, which has an exact step."""
    grid, gamma = field.grid, field.linewidth
    omega = field.light_speed * jnp.sqrt(jnp.sum(grid.k**2, axis=0))
    noise = lambda key: jax.random.normal(key, grid.shape, complex)
    waves = lambda a: jnp.fft.ifftn(jnp.sqrt(field.spectrum) * a, norm="forward")

    def advance(a, interval):
        dt, key = interval
        decay = jnp.exp(-(gamma + 1j * omega) * dt)
        a = decay * a + jnp.sqrt(-jnp.expm1(-2 * gamma * dt)) * noise(key)
        return a, waves(a)

    first, *others = jax.random.split(key, ts.size)
    if not others:
        return field.envelope * waves(noise(first))[None]
    start = noise(first)
    _, later = jax.lax.scan(advance, start, (jnp.diff(ts), jnp.stack(others)))
    return field.envelope * jnp.concatenate([waves(start)[None], later])


def time_mean_square(samples: Complex[Array, "times *shape"]) -> OnGrid:
    """`(1/T) ∫ |φ(x, t)|² dt`, an estimate of η²(x) from samples; DQM II (33).

    Raises:
        InputError: If `samples` has not two or more axes, the first of them the times, or a known
            sample is not finite.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 32)
        >>> [k] = grid.k
        >>> spectrum = jnp.exp(-(k**2))
        >>> field = dqm.background.BackgroundField(grid, 4 * spectrum / spectrum.sum())
        >>> samples = field.sample(jax.random.key(0), jnp.arange(100.0))
        >>> round(float(dqm.background.time_mean_square(samples).mean()))  # η²
        4
    """
    phi = field("samples", samples)
    if phi.ndim < 2 or not len(phi):
        raise InputError(f"`samples` must have shape (times, *shape), but has {phi.shape}.")
    return jnp.mean(density(phi), axis=0)


def acceleration(grid: Grid, eta: OnGrid, light_speed: Scalar | float = 1.0) -> VectorField:
    """`−c²∇ln η`, the acceleration of every slow particle, whatever its coupling.

    It follows from the rest energy m(x)c² with m = gη/2. A moving particle of a
    `PositionDependentMass` has `−(c² − v²/2) ∇ln η − v (v·∇ln η)`. DQM II (34) states only that η
    is smaller near a mass, so that the acceleration points there.

    Args:
        grid: Periodic box.
        eta: η(x), positive and periodic.
        light_speed: c, of light.

    Raises:
        InputError: If η has zeros or another shape than `grid`, or c is not positive.

    Example:
        >>> grid = dqm.Grid(0.0, 2 * np.pi, 32)
        >>> eta = jnp.exp(-jnp.cos(grid.points[0]))
        >>> dqm.background.acceleration(grid, eta)[8].round(3).tolist()  # −sin x at x = π/2
        [-1.0]
    """
    require_real("eta", eta)
    eta = field_on(grid, "eta", eta)
    eta = require(eta, jnp.all(eta > 0), NO_FIELD)
    return -(positive("light_speed", light_speed, ()) ** 2) * grid.gradient(jnp.log(eta))


class PositionDependentMass(eqx.Module):
    """`Ĥ = p̂ (1/2m(x)) p̂ + m(x)c² + V(x)` of one particle, Hermitian also on the grid.

    Args:
        mass: m(x) on a grid, positive.
        potential: V(x, t) at one point, real and without t.
        light_speed: c, of light.
        hbar: ħ.

    Methods raise an `InputError` if m or ψ has another shape than the grid. p̂ leaves out an
    unpaired highest wave, see `Grid`. Quotients by ρ are 0 where ψ is exactly 0.

    Raises:
        InputError: If a known m, c or ħ is not positive, or `potential` does not take (x, t).

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> h = dqm.background.PositionDependentMass(jnp.ones(64), dqm.Harmonic())
        >>> ledger = h.ledger(grid, dqm.coherent(grid, 0.0))
        >>> [round(float(part), 3) for part in (ledger.rest, ledger.total)]  # mc², mc² + 1/2
        [1.0, 1.5]
    """

    mass: OnGrid = eqx.field(converter=lambda value: jnp.asarray(positive("mass", value), float))
    potential: Callable = eqx.field(default=Free(), converter=require_function)
    light_speed: Scalar | float = one_number(positive, "light_speed", default=1.0)
    hbar: Scalar | float = one_number(positive, "hbar", default=1.0)

    def masses(self, grid: Grid) -> OnGrid:
        """m(x), if it has the shape of `grid`."""
        return field_on(grid, "mass", self.mass)

    def potential_on(self, grid: Grid) -> OnGrid:
        """`m(x)c² + V(x)` at every point.

        Raises:
            InputError: If V is complex or depends on t.
        """
        mass = self.masses(grid)
        if depends_on_time(self.potential, grid.dim):
            raise InputError("`potential` must not depend on t, but does: take it at one time.")
        values = potential_on(self.potential, grid)
        require_real("potential", values)
        return mass * self.light_speed**2 + values

    def apply(self, grid: Grid, psi: Psi) -> Psi:
        """`Ĥψ = −(ħ²/2) ∇·((1/m) ∇ψ) + (mc² + V) ψ`, spectrally exact."""
        return self.times(grid, 1.0)(field_on(grid, "psi", psi))

    def times(self, grid: Grid, factor: Scalar | float) -> "_Action":
        """`ψ → factor Ĥψ`."""
        kinetic = factor * self.hbar**2 / (2 * self.masses(grid))
        return _Action(kinetic, factor * self.potential_on(grid), grid)

    def current(self, grid: Grid, psi: Psi) -> VectorField:
        """`j = (ħ/m) Im ψ*∇ψ`; `∂ρ/∂t = −∇·j`."""
        psi = field_on(grid, "psi", psi)
        flow = jnp.imag(psi.conj()[..., None] * grid.gradient(psi))
        return self.hbar / self.masses(grid)[..., None] * flow

    def drift_velocity(self, grid: Grid, psi: Psi) -> VectorField:
        """`v = ∇S/m(x)`, that of Bohm's trajectories."""
        return per_density(self.current(grid, psi), density(psi)[..., None])

    def diffusion_velocity(self, grid: Grid, psi: Psi) -> VectorField:
        """`u = −(ħ/2m(x)) ∇ρ/ρ`."""
        psi = field_on(grid, "psi", psi)
        slope = jnp.real(psi.conj()[..., None] * grid.gradient(psi))
        return per_density(
            -self.hbar / self.masses(grid)[..., None] * slope, density(psi)[..., None]
        )

    def ledger(self, grid: Grid, psi: Psi) -> Ledger:
        """The parts of `⟨Ĥ⟩`; its rest energy is `∫ m(x)c² ρ dx`."""
        flow, rho = self.current(grid, psi), density(psi)
        mass = self.masses(grid)
        kinetic = self.hbar**2 / (2 * mass) * jnp.sum(density(grid.gradient(psi)), axis=-1)
        drift = per_density(mass / 2 * jnp.sum(flow**2, axis=-1), rho)
        rest = mass * self.light_speed**2
        potential = self.potential_on(grid) - rest
        return Ledger(*map(grid.integrate, (drift, kinetic - drift, potential * rho, rest * rho)))

    def energy(self, grid: Grid, rho: OnGrid, S: OnGrid) -> Scalar:
        """`H[ρ, S] = ∫ (mc² + (∇S)²/2m + (ħ²/8m)(∇ρ/ρ)² + V) ρ dx`, DQM II (8) with m(x).

        It is computed as `⟨ψ, Ĥψ⟩` at `ψ = √ρ e^{iS/ħ}`, so that S may jump by multiples of 2πħ.
        """
        psi = from_canonical(rho, S, self.hbar)
        return jnp.real(grid.integrate(psi.conj() * self.apply(grid, psi)))


class _Action(eqx.Module):
    """`ψ → −∇·(K∇ψ) + Wψ`."""

    kinetic: OnGrid  # K
    potential: OnGrid  # W
    grid: Grid

    def __call__(self, psi):
        flow = self.kinetic[..., None] * self.grid.gradient(psi)
        return self.potential * psi - self.grid.divergence(flow)


class MassStep(AbstractStepper):
    """The Schrödinger equation for a `PositionDependentMass`; one step is a Chebyshev series.

    `ψ(t + dt) = e^{−iĤdt/ħ} ψ(t)`, to 1e-13 of the norm for any dt

    As `Chebyshev`, which has a constant mass: few, long steps are best, gradients are in reverse
    mode, and a step has about `dt (E_max − E_min)/2ħ` terms, 8192 at most.

    Raises:
        RuntimeError: From `solve`, if a step needs more terms.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> mass = 1.0 + 0.2 * jnp.cos(np.pi / 8 * grid.points[0])
        >>> h = dqm.background.PositionDependentMass(mass, dqm.Harmonic())
        >>> step = dqm.background.MassStep(h, grid)
        >>> run = dqm.solve(step, dqm.coherent(grid, 1.0), jnp.array([0.0, 1.0]))
        >>> round(float(dqm.observables.norm(grid, run.final)), 3)
        1.0
    """

    hamiltonian: PositionDependentMass
    grid: Grid

    def __check_init__(self):
        require_instance(PositionDependentMass, hamiltonian=self.hamiltonian)
        self.hamiltonian.masses(self.grid)

    def faults(self, state):
        """Of a ψ that the grid does not resolve, or that reaches the edge of an isolated box."""
        return wave_faults(self.grid, state)

    def make_step(self, dt):
        action = self.hamiltonian.times(self.grid, dt / self.hamiltonian.hbar)
        highest = sum(jnp.max(k**2) for k in self.grid.waves) * jnp.max(action.kinetic)
        return ChebyshevFlow.of(action, highest, self.grid, TOLERANCE)
