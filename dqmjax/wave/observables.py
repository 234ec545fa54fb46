"""Observables of a wave function on a grid.

All raise an `InputError` if ψ has another shape than its grid, or a known ψ contains NaN or
infinity, and if ħ is not positive.
"""

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ..errors import positive, require_instance
from ..grid import Grid, density, field_on
from .hamiltonian import Hamiltonian
from .potentials import Parameter, potential_on

Psi = Complex[Array, "*shape"]
Scalar = Float[Array, ""]


def norm(grid: Grid, psi: Psi) -> Scalar:
    """`∫ |ψ|² dx`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.coherent(grid, 1.0, momentum=2.0)
        >>> round(float(dqm.observables.norm(grid, psi)), 3)
        1.0
    """
    psi = field_on(grid, "psi", psi)
    return grid.integrate(density(psi))


def fidelity(grid: Grid, psi: Psi, other: Psi) -> Scalar:
    """`|∫ ψ* φ dx|²`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi, other = dqm.coherent(grid, 0.0), dqm.coherent(grid, 2.0)
        >>> round(float(dqm.observables.fidelity(grid, psi, other)), 3)  # e^{−2}
        0.135
    """
    psi, other = field_on(grid, "psi", psi), field_on(grid, "other", other)
    return density(grid.integrate(psi.conj() * other))


def mean_position(grid: Grid, psi: Psi) -> Float[Array, " dim"]:
    """`⟨x_i⟩ = ∫ x_i |ψ|² dx` of a normalised ψ.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.coherent(grid, 1.0, momentum=2.0)
        >>> dqm.observables.mean_position(grid, psi).round(3).tolist()
        [1.0]
    """
    weights = _position_density(grid, psi)
    return _moments(grid.points, weights)


def position_variance(grid: Grid, psi: Psi) -> Float[Array, " dim"]:
    """`⟨x_i²⟩ − ⟨x_i⟩²`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.coherent(grid, 1.0, momentum=2.0)
        >>> dqm.observables.position_variance(grid, psi).round(3).tolist()
        [0.5]
    """
    weights = _position_density(grid, psi)
    return _moments(grid.points**2, weights) - _moments(grid.points, weights) ** 2


def momentum_density(grid: Grid, psi: Psi) -> Float[Array, "*shape"]:
    """Probability of each momentum `ħk`, in the order of `grid.k`; they sum to the norm.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.coherent(grid, 1.0, momentum=2.0)
        >>> weights = dqm.observables.momentum_density(grid, psi)
        >>> round(float(jnp.sum(grid.k[0] * weights)), 3)  # ⟨p⟩
        2.0
    """
    psi = field_on(grid, "psi", psi)
    return density(grid.fft(psi, norm="ortho")) * grid.cell


def mean_momentum(grid: Grid, psi: Psi, hbar=1.0) -> Float[Array, " dim"]:
    """`⟨p_i⟩ = ∫ ψ* (−iħ∂_i) ψ dx`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.coherent(grid, 1.0, momentum=2.0)
        >>> dqm.observables.mean_momentum(grid, psi).round(3).tolist()
        [2.0]
    """
    weights = momentum_density(grid, psi)
    return _moments(positive("hbar", hbar, ()) * grid.k, weights)


def momentum_variance(grid: Grid, psi: Psi, hbar=1.0) -> Float[Array, " dim"]:
    """`⟨p_i²⟩ − ⟨p_i⟩²`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.coherent(grid, 1.0, momentum=2.0)
        >>> dqm.observables.momentum_variance(grid, psi).round(3).tolist()
        [0.5]
    """
    weights = momentum_density(grid, psi)
    p = positive("hbar", hbar, ()) * grid.k
    return _moments(p**2, weights) - _moments(p, weights) ** 2


def kinetic_energy(
    hamiltonian: Hamiltonian, grid: Grid, psi: Psi, boost: Parameter = 0.0
) -> Scalar:
    """`⟨Σ p_i²/2m_i⟩` of `e^{ip·x/ħ}ψ`, p the `boost`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.coherent(grid, 1.0, momentum=2.0)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> round(float(dqm.observables.kinetic_energy(h, grid, psi)), 3)  # 2²/2 + 1/4
        2.25
    """
    require_instance(Hamiltonian, hamiltonian=hamiltonian)
    weights = momentum_density(grid, psi)
    return jnp.sum(hamiltonian.kinetic(grid, boost) * weights)


def potential_energy(hamiltonian: Hamiltonian, grid: Grid, psi: Psi, t=0.0) -> Scalar:
    """`⟨Re V(x, t)⟩`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.coherent(grid, 1.0, momentum=2.0)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> round(float(dqm.observables.potential_energy(h, grid, psi)), 3)  # 1²/2 + 1/4
        0.75
    """
    require_instance(Hamiltonian, hamiltonian=hamiltonian)
    rho = density(field_on(grid, "psi", psi))
    return jnp.real(grid.integrate(potential_on(hamiltonian.potential, grid, t) * rho))


def energy(hamiltonian: Hamiltonian, grid: Grid, psi: Psi, t=0.0) -> Scalar:
    """`⟨Ĥ⟩`, the sum of kinetic, potential and rest energy.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.coherent(grid, 1.0, momentum=2.0)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> round(float(dqm.observables.energy(h, grid, psi)), 3)  # 2²/2 + 1²/2 + 1/2
        3.0
    """
    require_instance(Hamiltonian, hamiltonian=hamiltonian)
    rest = hamiltonian.rest_energy * norm(grid, psi)
    kinetic = kinetic_energy(hamiltonian, grid, psi)
    return rest + kinetic + potential_energy(hamiltonian, grid, psi, t)


def wave_invariants(
    hamiltonian: Hamiltonian, grid: Grid, t, psi: Psi, boost: Parameter = 0.0
) -> dict[str, Scalar]:
    """The norm, and for V(x) the energy `⟨Ĥ⟩` of `e^{ip·x/ħ}ψ` over the norm, p the `boost`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.coherent(grid, 1.0, momentum=2.0)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> found = dqm.observables.wave_invariants(h, grid, 0.0, psi)
        >>> {name: round(float(value), 3) for name, value in found.items()}
        {'norm': 1.0, 'energy': 3.0}
    """
    size = norm(grid, psi)
    if hamiltonian.depends_on_time(grid.dim):
        return {"norm": size}
    energy = kinetic_energy(hamiltonian, grid, psi, boost)
    energy = energy + potential_energy(hamiltonian, grid, psi, t)
    return {"norm": size, "energy": hamiltonian.rest_energy + energy / size}


def current(hamiltonian: Hamiltonian, grid: Grid, psi: Psi) -> Float[Array, "*shape dim"]:
    """Probability current `j_i = (ħ/m_i) Im ψ* ∂_iψ`; `∂ρ/∂t = −∇·j`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.coherent(grid, 1.0, momentum=2.0)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> j = dqm.observables.current(h, grid, psi)
        >>> round(float(grid.integrate(j[..., 0])), 3)  # ⟨p⟩/m
        2.0
    """
    require_instance(Hamiltonian, hamiltonian=hamiltonian)
    psi = field_on(grid, "psi", psi)
    flow = jnp.imag(psi.conj()[..., None] * grid.gradient(psi))
    return hamiltonian.hbar / hamiltonian.masses(grid) * flow


def _position_density(grid: Grid, psi: Psi) -> Float[Array, "*shape"]:
    """Probability of each point; they sum to the norm."""
    return density(field_on(grid, "psi", psi)) * grid.cell


def _moments(values: Float[Array, "dim *shape"], weights: Float[Array, "*shape"]):
    return jnp.sum(values * weights, axis=tuple(range(1, values.ndim)))
