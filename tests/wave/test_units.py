"""Levels, states and phases do not depend on the units."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm

HBAR, ELECTRON, MEV = 1.054571817e-34, 9.1093837e-31, 1.602176634e-22
UNITS = {  # mass, ħ, ω
    "dimensionless": (1.0, 1.0, 1.0),
    "slow": (1.0, 1.0, 1e-8),
    "dot in SI": (0.067 * ELECTRON, HBAR, 3 * MEV / HBAR),
    "dot in atomic units": (0.067, 1.0, 1.1e-4),
    "rubidium in SI": (1.443e-25, HBAR, 2 * np.pi * 100),
}
OTHERS = sorted(UNITS.keys() - {"dimensionless"})
SHAPES = {"line": (64,), "plane": (34, 34)}  # by the matrix, by iteration


def system(units, points):
    """Hamiltonian and grid of an anharmonic trap, and its units of energy and length."""
    mass, hbar, omega = UNITS[units]
    energy, length = hbar * omega, (hbar / (mass * omega)) ** 0.5

    def potential(x, t):
        y, stiffness = x / length, np.array([1.0, 1.3])[: len(points)]
        return energy * jnp.sum(stiffness * y**2 / 2 + 0.2 * y + 0.03 * y**4)

    edge = [6 * length] * len(points)
    grid = dqm.Grid([-a for a in edge], edge, points)
    return dqm.Hamiltonian(potential, mass, hbar), grid, energy, length


def levels(units, points, count=3):
    h, grid, energy, length = system(units, points)
    energies, states = dqm.eigenstates(h, grid, count)
    return np.asarray(energies / energy), np.asarray(states * length ** (grid.dim / 2))


@functools.cache
def known_levels(points, count=3):
    return levels("dimensionless", points, count)


def agree(result, known, error):
    """Levels within `error`, and states up to a sign."""
    np.testing.assert_allclose(result[0], known[0], rtol=0, atol=error)
    for state, other in zip(result[1], known[1], strict=True):
        overlap = np.sum(state * other) / np.sum(other**2)
        assert abs(overlap) == pytest.approx(1, abs=error)


@pytest.mark.slow
@pytest.mark.parametrize("points", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("units", OTHERS)
def test_levels_do_not_depend_on_units(units, points):
    agree(levels(units, points), known_levels(points), 1e-10)


@pytest.mark.parametrize("units", OTHERS)
def test_ground_state_does_not_depend_on_units(units):
    h, grid, energy, _ = system(units, (64,))
    assert dqm.ground_state(h, grid)[0] / energy == pytest.approx(
        float(known_levels((64,), 1)[0][0]), abs=1e-10
    )


def in_single_precision(f, units, message):
    """`f(units)` in single precision; None if it is refused, as it may be in SI."""
    try:
        with jax.enable_x64(False):
            return f(units)
    except dqm.InputError as error:
        refusal = str(error)
    assert message in refusal
    assert units.endswith("SI")


@pytest.mark.parametrize("units", UNITS)
def test_levels_in_single_precision_agree_or_are_refused(units):
    result = in_single_precision(lambda units: levels(units, (64,)), units, "underflows")
    if result is not None:
        agree(result, known_levels((64,)), 1e-5)


def phases(units):
    """Dimensionless ρ and S of a chirped cat, without and with an earlier S."""
    _, grid, _, length = system(units, (64,))
    hbar = UNITS[units][1]
    y = grid.points[0] / length
    psi = (jnp.exp(-((y - 2) ** 2)) + 0.5 * jnp.exp(-((y + 2) ** 2) + 3j)) * jnp.exp(2j * y**2)
    psi = psi / length**0.5
    like = hbar * (2 * y**2 + jnp.where(y < 0, 20.0, 0.0))
    pairs = [dqm.to_canonical(psi, hbar), dqm.to_canonical(psi, hbar, like)]
    back = dqm.from_canonical(*pairs[1], hbar)
    fields = [f for rho, S in pairs for f in (rho * length, S / hbar)]
    return [*fields, jnp.abs(back - psi) * length**0.5]


@functools.cache
def known_phases():
    return [np.asarray(field) for field in phases("dimensionless")]


@pytest.mark.parametrize("units", OTHERS)
def test_phases_do_not_depend_on_units(units):
    for field, known in zip(phases(units), known_phases(), strict=True):
        np.testing.assert_allclose(field, known, rtol=0, atol=1e-10)


@pytest.mark.parametrize("units", UNITS)
def test_phases_in_single_precision_agree_or_are_refused(units):
    result, known = in_single_precision(phases, units, "`hbar` must be"), known_phases()
    bright = known[0] > 1e-3 * known[0].max()  # where S has four digits in single precision
    for field, other in zip(result or (), known, strict=result is not None):
        np.testing.assert_allclose(field[bright], other[bright], rtol=1e-5, atol=1e-5)
