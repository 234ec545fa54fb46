"""States and systems that several tests of the canonical picture use."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import exact_evolution

import dqmjax as dqm
from dqmjax.evolution.stepper import enter, leave
from dqmjax.wave.states import normalised

RING = dqm.Grid((0.0,), (2 * np.pi,), (32,))
LINE = dqm.Grid((-14.0,), (14.0,), (128,))


@pytest.fixture(scope="session")
def smooth():
    """`smooth(grid)`: a density without nodes and an action, both periodic."""

    def state(grid):
        length = np.array(grid.upper) - np.array(grid.lower)
        phases = [2 * np.pi * x / n for x, n in zip(grid.points, length, strict=True)]
        rho = jnp.exp(sum(0.6 * jnp.cos(f + 0.3) for f in phases))
        return rho / grid.integrate(rho), sum(0.7 * jnp.sin(f - 0.2) for f in phases)

    return state


@pytest.fixture(scope="session")
def scene():
    """`scene(name)`: Hamiltonian, grid, ψ and a time of a system with nodes or a vacuum."""

    def build(name):
        if name == "two packets":
            return dqm.Hamiltonian(dqm.Free()), LINE, dqm.cat(LINE, 2.5, 0.6, -1.5), 1.6
        if name == "barrier":
            h = dqm.Hamiltonian(dqm.SechBarrier(2.0, 1.5))
            return h, LINE, dqm.gaussian(LINE, -4.0, 0.7, 2.0), 2.0
        if name == "quartic":
            grid = dqm.Grid((-7.0,), (7.0,), (96,))
            h = dqm.Hamiltonian(dqm.Anharmonic(1.0, 0.0, 0.1))
            return h, grid, dqm.cat(grid, 1.5, 0.6), 2.0
        # a state of two windings on a ring, whose weights V exchanges: a phase slip
        h = dqm.Hamiltonian(lambda x, t: 0.6 * jnp.cos(x[0]))
        return h, RING, normalised(RING, 1 + 0.8 * jnp.exp(1j * RING.points[0])), 3.0

    return build


@pytest.fixture(scope="session")
def exact_scene(scene):
    """`exact_scene(name, share)`: ψ of a scene after this share of its time, by diagonalisation."""

    @functools.cache
    def psi(name, share=1.0):
        h, grid, psi, t = scene(name)
        return exact_evolution(h, grid, psi, share * t)

    return psi


@pytest.fixture(scope="session")
def stepped():
    """`stepped(stepper, (ρ, S), end, count)`: one program for all numbers of steps."""

    @eqx.filter_jit
    def run(stepper, state, end, count):
        dt = end / count
        step = stepper.make_step(dt)
        advance = lambda i, inside: step(i * dt, inside)
        inside = jax.lax.fori_loop(0, count, advance, enter(step, 0 * end, state))
        return jnp.concatenate(leave(step, end, inside))

    return lambda stepper, state, *numbers: run(stepper, state, *map(jnp.asarray, numbers))


@pytest.fixture(scope="session")
def moving_vortex():
    """`ψ(t) ∝ (x + iy) e^{−r²/2}` displaced in an oscillator: it revolves with charge +1."""
    grid = dqm.Grid((-8.5,) * 2, (8.5,) * 2, (56, 56))
    x, y = grid.points

    def state(t):
        a = 1.3 * jnp.exp(-1j * t)  # the centre, on its classical orbit
        x0, p0 = a.real, a.imag
        packet = jnp.exp(-((x - x0) ** 2 + y**2) / 2 + 1j * p0 * (x - x0 / 2))
        core = (x - x0) + 1j * y
        return core * packet * jnp.exp(-2j * t) / jnp.sqrt(jnp.pi)

    return grid, state


@pytest.fixture(scope="session")
def check_vortex(moving_vortex):
    """Compares density, position and charge of (ρ, S) at t with those of the moving vortex."""
    grid, state = moving_vortex

    def check(t, rho, S, error):
        assert grid.integrate(jnp.abs(rho - jnp.abs(state(t)) ** 2)) < error
        report = dqm.polar.inspect_phase(grid, dqm.from_canonical(rho, S))
        ((position, axes, charge),) = report.vortices
        assert (axes, charge) == ((0, 1), 1)
        assert np.abs(np.array(position) - [1.3 * np.cos(t), 0]).max() < 0.75 * grid.spacing[0]

    return check


@pytest.fixture(scope="session")
def losses():
    """`losses(ρ, S, flow, lit)`: a functional of ρ, a difference of S and a current."""

    def values(rho, S, flow, lit):
        return jnp.stack([jnp.sum(rho**2), S[lit[1]] - S[lit[0]], flow[lit[1]]])

    return values
