"""The fields of diffusion quantum mechanics at an instant, and their energies.

All are computed from `ψ = √ρ e^{iS/ħ}`, because S may jump and ψ does not. Quotients by ρ are 0
where ψ is exactly 0. A ψ of another shape than its grid, or a known one with NaN or infinity, is
an `InputError`. ψ is periodic on its box: if a boost is not, take the periodic factor of ψ.
Reference: Z. Zakir, "Diffusion quantum mechanics" (DQM).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ..errors import InputError, positive, require, require_instance
from ..grid import Grid, density, field_on
from ..wave.hamiltonian import Hamiltonian
from ..wave.observables import current, norm, position_variance, potential_energy

Psi = Complex[Array, "*shape"]
VectorField = Float[Array, "*shape dim"]
Scalar = Float[Array, ""]
FASTER_THAN_LIGHT = (
    "`light_speed` must exceed |v + u| wherever ρ is not negligible: raise it, or take a wider "
    "state."
)


def drift_velocity(hamiltonian: Hamiltonian, grid: Grid, psi: Psi) -> VectorField:
    """`v = ∇S/m`, the velocity of the density: `∂ρ/∂t = −∇·(ρv)`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> psi = dqm.coherent(grid, 0.0, momentum=2.0)
        >>> dqm.fields.drift_velocity(h, grid, psi)[32].round(3).tolist()  # p/m
        [2.0]
    """
    psi = _state(hamiltonian, grid, psi)
    return per_density(current(hamiltonian, grid, psi), density(psi)[..., None])


def diffusion_velocity(hamiltonian: Hamiltonian, grid: Grid, psi: Psi) -> VectorField:
    """`u = −D ∇ρ/ρ`, D = ħ/2m: Fick's law. It is minus Nelson's osmotic velocity.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> psi = dqm.coherent(grid, 0.0)
        >>> dqm.fields.diffusion_velocity(h, grid, psi)[36].round(3).tolist()  # ωx, at x = 1
        [1.0]
    """
    psi = _state(hamiltonian, grid, psi)
    slope = jnp.real(psi.conj()[..., None] * grid.gradient(psi))
    return per_density(
        -hamiltonian.hbar / hamiltonian.masses(grid) * slope, density(psi)[..., None]
    )


def quantum_potential(hamiltonian: Hamiltonian, grid: Grid, psi: Psi) -> Float[Array, "*shape"]:
    """`U_q = −Σ (ħ²/2m_i) ∂_i²√ρ / √ρ`, DQM I (11), as `Re(ψ*T̂ψ)/ρ − Σ m_i v_i²/2`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> psi = dqm.coherent(grid, 0.0)
        >>> round(float(dqm.fields.quantum_potential(h, grid, psi)[32]), 3)  # E − V, at x = 0
        0.5
    """
    psi = _state(hamiltonian, grid, psi)
    applied = hamiltonian.apply_kinetic(grid, psi)
    kinetic = per_density(jnp.real(psi.conj() * applied), density(psi))
    v = drift_velocity(hamiltonian, grid, psi)
    return kinetic - jnp.sum(hamiltonian.masses(grid) * v**2, axis=-1) / 2


class Ledger(NamedTuple):
    """`⟨Ĥ⟩ = drift + localization + potential + rest`, each an integral over the box.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> ledger = dqm.fields.ledger(h, grid, dqm.coherent(grid, 1.0, momentum=2.0))
        >>> round(float(ledger.total), 3)
        3.0
    """

    drift: Scalar  # Σ ∫ (m_i v_i²/2) ρ dx
    localization: Scalar  # Σ ∫ (m_i u_i²/2) ρ dx = Σ (ħ²/8m_i) ∫ (∂_iρ)²/ρ dx
    potential: Scalar  # ∫ V ρ dx
    rest: Scalar  # E₀ ∫ ρ dx

    @property
    def total(self) -> Float[Array, "..."]:
        """Their sum."""
        return self.drift + self.localization + self.potential + self.rest


def ledger(hamiltonian: Hamiltonian, grid: Grid, psi: Psi, t=0.0) -> Ledger:
    """The parts of the energy, DQM II (5) and (8).

    At every point `ħ²|∂ψ|²/2m = (m v²/2) ρ + (m u²/2) ρ`. Where ψ is 0 all of it counts as
    localization.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> ledger = dqm.fields.ledger(h, grid, dqm.coherent(grid, 1.0, momentum=2.0))
        >>> [round(float(part), 3) for part in ledger]
        [2.0, 0.25, 0.75, 0.0]
    """
    psi = _state(hamiltonian, grid, psi)
    mass = hamiltonian.masses(grid)
    kinetic = hamiltonian.hbar**2 / (2 * mass) * density(grid.gradient(psi))
    flow = current(hamiltonian, grid, psi)
    drift = per_density(mass / 2 * flow**2, density(psi)[..., None])
    total = lambda field: grid.integrate(jnp.sum(field, axis=-1))
    potential = potential_energy(hamiltonian, grid, psi, t)
    rest = hamiltonian.rest_energy * norm(grid, psi)
    return Ledger(total(drift), total(kinetic - drift), potential, rest)


def relativistic_energy(
    hamiltonian: Hamiltonian, grid: Grid, psi: Psi, light_speed: Scalar | float, t=0.0
) -> Scalar:
    """`∫ (mc²/√(1 − (v + u)²/c²) + V) ρ dx` of one particle, DQM II (7).

    For small velocities it is the sum of `mc²`, the `ledger` without its rest energy, the
    `cross_term` and `(3m/8c²) ∫ |v + u|⁴ ρ dx`. Since u grows without bound in the tails of ρ, (7)
    is meaningful only if less than 1e-12 of ρ is faster than light; that part is left out.

    Raises:
        InputError: If the axes have different masses, `light_speed` is not positive, or a known
            state has more of ρ faster than light; for a traced one the energy is NaN.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> psi = dqm.coherent(grid, 0.0)
        >>> energy = dqm.fields.relativistic_energy(h, grid, psi, light_speed=100.0)
        >>> round(float(energy - 100.0**2), 3)  # without mc²
        0.5
    """
    psi = _state(hamiltonian, grid, psi)
    light_speed = positive("light_speed", light_speed, ())
    mass = jnp.asarray(hamiltonian.mass)
    if mass.ndim:
        raise InputError("`mass` must be one number, that of one particle, but is one per axis.")
    v, u = (f(hamiltonian, grid, psi) for f in (drift_velocity, diffusion_velocity))
    squares = jnp.sum((v + u) ** 2, axis=-1) / light_speed**2
    rho, slow = density(psi), squares < 1
    lost = grid.integrate(jnp.where(slow, 0.0, rho))
    rho = require(rho, lost <= 1e-12 * grid.integrate(rho), FASTER_THAN_LIGHT)
    factor = jnp.where(slow, 1 / jnp.sqrt(1 - jnp.where(slow, squares, 0.0)), 0.0)
    moving = mass * light_speed**2 * grid.integrate(factor * rho)
    return moving + potential_energy(hamiltonian, grid, psi, t)


def uncertainty_product(hamiltonian: Hamiltonian, grid: Grid, psi: Psi) -> Float[Array, " dim"]:
    """`⟨p_u²⟩ (⟨x²⟩ − ⟨x⟩²) ≥ ħ²/4` of each axis, p_u = mu; DQM II (4).

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> psi = dqm.coherent(grid, 1.0)
        >>> dqm.fields.uncertainty_product(h, grid, psi).round(3).tolist()  # ħ²/4
        [0.25]
    """
    psi = _state(hamiltonian, grid, psi)
    mass = hamiltonian.masses(grid)
    gradient, v = grid.gradient(psi), drift_velocity(hamiltonian, grid, psi)
    rho = density(psi)[..., None]
    squares = hamiltonian.hbar**2 * density(gradient) - (mass * v) ** 2 * rho
    return jnp.sum(squares.reshape(-1, grid.dim), axis=0) * grid.cell * position_variance(grid, psi)


def entropy(grid: Grid, psi: Psi) -> Scalar:
    """`−∫ ρ ln ρ dx`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.gaussian(grid, 0.0, width=1.0)
        >>> round(float(dqm.fields.entropy(grid, psi)), 3)  # ln √(2πe)
        1.419
    """
    rho = density(field_on(grid, "psi", psi))
    empty = rho == 0
    return -grid.integrate(rho * jnp.log(jnp.where(empty, 1.0, rho)))


def cross_term(hamiltonian: Hamiltonian, grid: Grid, psi: Psi) -> Scalar:
    """`Σ ∫ m_i v_i u_i ρ dx = (ħ/2) ∫ ρ ∇·v dx`, which the step from DQM II (7) to (8) drops.

    It is ħ/2 times the rate of change of `entropy`, a diagnostic and not a part of H.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> psi = dqm.gaussian(grid, 0.0, width=1.0, covariance=0.5)
        >>> round(float(dqm.fields.cross_term(h, grid, psi)), 3)  # ħσ/2mw²
        0.25
    """
    psi = _state(hamiltonian, grid, psi)
    v, u = (f(hamiltonian, grid, psi) for f in (drift_velocity, diffusion_velocity))
    product = jnp.sum(hamiltonian.masses(grid) * v * u, axis=-1)
    return grid.integrate(product * density(psi))


def _state(hamiltonian: Hamiltonian, grid: Grid, psi: Psi) -> Psi:
    """ψ as an array on `grid`."""
    require_instance(Hamiltonian, hamiltonian=hamiltonian)
    return field_on(grid, "psi", psi)


def per_density(field: Float[Array, "..."], rho: Float[Array, "..."]) -> Float[Array, "..."]:
    """`field/ρ`, and 0 where ρ is 0.

    Example:
        >>> flow, rho = jnp.array([0.0, 2.0]), jnp.array([0.0, 4.0])
        >>> dqm.fields.per_density(flow, rho).tolist()
        [0.0, 0.5]
    """
    return jnp.where(rho == 0, 0.0, field / jnp.where(rho == 0, 1.0, rho))
