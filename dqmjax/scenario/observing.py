"""What a scenario can keep of a state, by name."""

import math
from typing import cast

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..canonical.polar import from_canonical
from ..fock_bargmann import readout
from ..fock_bargmann.basis import FockBargmann
from ..grid import Grid, density
from ..phase_space.polynomial import Polynomial
from ..wave import observables
from ..wave.hamiltonian import Hamiltonian

OF_WAVES = (
    "norm",
    "energy",
    "position",
    "momentum",
    "position_variance",
    "momentum_variance",
    "density",
    "state",
)
OF_CANONICAL = (*OF_WAVES, "action")
OF_HUSIMI = ("norm", "energy", "quanta", "position", "momentum", "purity", "parity")
OF_HUSIMI += ("density", "state")
FIELDS = ("density", "action", "state")  # too large for a table
FINEST, MOST_SIDE = 0.2, 101  # distance of points in units of ℓ, and most of them along an axis


class OfWave(eqx.Module):
    """One of `OF_WAVES`, of ψ on a grid."""

    name: str = eqx.field(static=True)
    hamiltonian: Hamiltonian
    grid: Grid

    def __call__(self, psi) -> PyTree[Array]:
        h, grid, hbar = self.hamiltonian, self.grid, cast(float, self.hamiltonian.hbar)
        match self.name:
            case "norm":
                return observables.norm(grid, psi)
            case "energy":
                return observables.energy(h, grid, psi)
            case "position":
                return observables.mean_position(grid, psi)
            case "momentum":
                return observables.mean_momentum(grid, psi, hbar)
            case "position_variance":
                return observables.position_variance(grid, psi)
            case "momentum_variance":
                return observables.momentum_variance(grid, psi, hbar)
            case "density":
                return density(psi)
        return psi


class OfPair(eqx.Module):
    """One of `OF_CANONICAL`, of (ρ, S) on a grid."""

    of_wave: OfWave

    def __call__(self, state) -> PyTree[Array]:
        (rho, S), name = state, self.of_wave.name
        if name in FIELDS:
            return {"density": rho, "action": S, "state": state}[name]
        return self.of_wave(from_canonical(rho, S, self.of_wave.hamiltonian.hbar))


class OfDensity(eqx.Module):
    """One of `OF_HUSIMI`, of the coefficients of a Husimi density."""

    name: str = eqx.field(static=True)
    basis: FockBargmann
    symbol: Polynomial | None  # the energy in the units of the basis, if it is asked for

    def __call__(self, rho) -> PyTree[Array]:
        basis = self.basis
        match self.name:
            case "norm":
                return jnp.sum(readout.photon_numbers(basis, rho))
            case "energy" if self.symbol is not None:
                return readout.expectation(basis, rho, self.symbol)
            case "quanta":
                return self._quanta(rho)
            case "position" | "momentum":
                return self._mean(rho)
            case "purity":
                return jnp.sum(density(rho))
            case "parity":
                return readout.parity(basis, rho)
            case "density":
                return basis.density(rho, jnp.asarray(phase_points(basis)))
        return rho

    def _quanta(self, rho) -> Float[Array, " modes"]:
        numbers = readout.photon_numbers(self.basis, rho)
        return jnp.stack([jnp.sum(numbers * n) for n in np.indices(self.basis.cutoff)])

    def _mean(self, rho) -> Float[Array, " modes"]:
        """⟨q⟩ or ⟨p⟩ of each mode, from ⟨β⟩."""
        modes, part = self.basis.modes, jnp.real if self.name == "position" else jnp.imag
        powers = np.eye(modes, dtype=int).tolist()
        means = [readout.moment(self.basis, rho, (0,) * modes, tuple(row)) for row in powers]
        scale = jnp.asarray(self.basis.space.scale).reshape(2, modes)
        return math.sqrt(2) * part(jnp.stack(means)) * scale[int(self.name == "momentum")]


def phase_axes(basis: FockBargmann) -> tuple[Float[np.ndarray, " q"], Float[np.ndarray, " p"]]:
    """Coordinates q and p of the points at which the density of one mode is kept.

    They reach to the circle of the highest level, and a little beyond.
    """
    radius = math.sqrt(2 * basis.cutoff[0]) + 1
    side = min(MOST_SIDE, 2 * math.ceil(radius / FINEST) + 1)
    line, ell = np.linspace(-radius, radius, side), float(np.ravel(basis.ell)[0])
    return line * ell, line * float(basis.kappa) / ell


def phase_points(basis: FockBargmann) -> Float[np.ndarray, "points 2"]:
    """Those points, rows (q, p), row by row in q."""
    q, p = np.meshgrid(*phase_axes(basis), indexing="ij")
    return np.stack([q.ravel(), p.ravel()], axis=1)
