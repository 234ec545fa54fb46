"""Canonical coordinates in two charts, against diagonalisation and closed forms."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import PACKETS, moved_packet, packet_on

import dqmjax as dqm
from dqmjax import fields
from dqmjax.wave.states import normalised

RING = dqm.Grid((0.0,), (2 * np.pi,), (16,))
NODELESS = normalised(RING, 1 + 0.9 * jnp.exp(1j * RING.points[0]))  # until V makes nodes
COSINE = dqm.Hamiltonian(lambda x, t: 0.6 * jnp.cos(x[0]))


CASES = [(packet, 1) for packet in PACKETS] + [("moving", 2), ("squeezed", 2)]


@pytest.mark.slow
@pytest.mark.parametrize(("packet", "dim"), CASES)
def test_gaussian_packets(packet, dim):
    """Free and in an oscillator, ρ and the phase up to a global one, against closed forms."""
    *numbers, omega = PACKETS[packet]
    hbar, mass, t = 0.8, 1.3, 0.4 / dim
    grid = dqm.Grid((-8.0,) * dim, (8.0,) * dim, (56,) * dim)
    well = dqm.Harmonic(omega, mass) if omega else dqm.Free()
    h = dqm.Hamiltonian(well, mass, hbar)
    start = dqm.to_canonical(packet_on(grid, numbers, hbar), hbar)
    stepper = dqm.AtlasStep(dqm.CanonicalEnergy(h, grid), grid, hbar)
    run = dqm.solve(stepper, start, np.array([0.0, t]), substeps=80 // dim)
    exact = packet_on(grid, moved_packet(*numbers, t, omega, mass, hbar), hbar)
    rho, S = run.final
    assert grid.integrate(jnp.abs(rho - jnp.abs(exact) ** 2)) < 1e-9
    psi = dqm.from_canonical(rho, S, hbar)
    overlap = grid.integrate(exact.conj() * psi)
    np.testing.assert_allclose(psi, exact * overlap, rtol=0, atol=1e-9)
    assert np.abs(jnp.abs(exact) ** 2 - start[0]).max() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two packets", "barrier", "phase slip", "quartic"])
def test_nodes_vacuum_and_phase_slips(name, scene, exact_scene):
    h, grid, psi, t = scene(name)
    stepper = dqm.AtlasStep(dqm.CanonicalEnergy(h, grid), grid)
    steps = int((500 if name == "quartic" else 250) * t)
    run = dqm.solve(stepper, dqm.to_canonical(psi), np.array([0.0, t]), substeps=steps)
    exact = exact_scene(name)
    rho, S = run.final
    assert grid.integrate(jnp.abs(rho - jnp.abs(exact) ** 2)) < 1e-9
    assert grid.integrate(rho) == pytest.approx(1, abs=5e-15 * steps + 1e-13)
    overlap = grid.integrate(exact.conj() * dqm.from_canonical(rho, S))
    assert overlap == pytest.approx(1, abs=1e-9)  # phases too


def test_a_functional_with_interaction():
    """The moving bright soliton of −|ψ|⁴/2, known in closed form."""
    grid, speed = dqm.Grid((-24.0,), (24.0,), (256,)), 0.7
    free = dqm.CanonicalEnergy(dqm.Hamiltonian(dqm.Free()), grid)

    def energy(rho, S):
        return free(rho, S) - grid.integrate(rho**2) / 2

    def soliton(t):
        x = grid.points[0]
        phase = speed * x + (1 - speed**2) * t / 2
        return jnp.exp(1j * phase) / jnp.cosh(x - speed * t)

    stepper = dqm.AtlasStep(energy, grid, total=2.0)
    ts = np.array([0.0, 0.25, 0.5])
    run = dqm.solve(stepper, dqm.to_canonical(soliton(0.0)), ts, substeps=60)
    for t, rho, S in zip(ts, *run.saved, strict=True):
        np.testing.assert_allclose(dqm.from_canonical(rho, S), soliton(t), rtol=0, atol=1e-9)


@pytest.mark.slow
def test_moving_vortex_keeps_its_charge(moving_vortex, check_vortex):
    grid, state = moving_vortex
    energy, ts = dqm.CanonicalEnergy(dqm.Hamiltonian(dqm.Harmonic()), grid), [1.2, 1.3, 1.4]
    start = dqm.to_canonical(state(ts[0]))  # where it is fast
    run = dqm.solve(dqm.AtlasStep(energy, grid), start, np.array(ts), substeps=19)
    for t, rho, S in zip(ts, *run.saved, strict=True):
        check_vortex(t, rho, S, 1e-9)


@pytest.mark.slow
def test_order(smooth, stepped):
    """In ρ and in S."""
    h, start = dqm.Hamiltonian(lambda x, t: jnp.cos(x[0])), smooth(RING)
    stepper = dqm.AtlasStep(dqm.CanonicalEnergy(h, RING), RING, iterations=60)
    exact = stepped(dqm.CanonicalStep(h, RING), start, 0.5, 60)
    counts = [16, 20, 24, 28]
    errors = [np.linalg.norm(stepped(stepper, start, 0.5, n) - exact) for n in counts]
    slope, _ = np.polyfit(np.log(counts), np.log(errors), 1)
    assert -slope == pytest.approx(6, abs=0.2)


def test_a_run_is_symplectic_across_a_change_of_charts():
    """From a state without nodes through one with nodes."""
    energy = dqm.CanonicalEnergy(COSINE, RING)
    start = jnp.concatenate(dqm.to_canonical(NODELESS))

    def run(z):
        stepper = dqm.AtlasStep(energy, RING, threshold=0.3, iterations=40)
        state = tuple(z.reshape(2, -1))
        final = dqm.solve(stepper, state, np.array([0.0, 0.6]), substeps=30).final
        return (jnp.concatenate(final),) * 2

    M, end = jax.jit(jax.jacfwd(run, has_aux=True))(start)
    lit = lambda z: np.sqrt(z[:16]) > 0.3 * np.sqrt(z[:16].max())
    assert (lit(start) != lit(end)).any()
    J = np.kron([[0, 1], [-1, 0]], np.eye(16))
    np.testing.assert_allclose(M.T @ J @ M, J, rtol=0, atol=1e-13)


@pytest.mark.slow
def test_gradients_agree_with_the_split_step(losses):
    """Through nodes and across changes of charts."""

    def values(parameters, atlas):
        hbar, mass, height = parameters
        h = dqm.Hamiltonian(lambda x, t: height * jnp.cos(x[0]), mass, hbar)
        stepper = dqm.CanonicalStep(h, RING)
        if atlas:
            stepper = dqm.AtlasStep(dqm.CanonicalEnergy(h, RING), RING, hbar, threshold=0.3)
        start, ts = dqm.to_canonical(NODELESS, hbar), np.array([0.0, 0.6])
        rho, S = dqm.solve(stepper, start, ts, substeps=30).final
        flow = fields.current(h, RING, dqm.from_canonical(rho, S, hbar))[..., 0]
        return losses(rho, S, flow, (0, 3))

    at = jnp.array([0.9, 1.1, 0.6])
    got, exact = (jax.jit(jax.jacrev(values), static_argnums=1)(at, a) for a in (True, False))
    np.testing.assert_allclose(got, exact, rtol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("iterations", [20, 100])
def test_steps_that_are_too_long_raise(iterations):
    """A node passes a point in the chart (ρ, S): with few iterations the stages do not converge,
    with more ρ reaches 0 there."""
    energy = dqm.CanonicalEnergy(COSINE, RING)
    start, ts = dqm.to_canonical(NODELESS), np.array([0.0, 0.6])
    stepper = dqm.AtlasStep(energy, RING, threshold=1e-4, iterations=iterations)
    with pytest.raises(RuntimeError, match="A step is too long"):
        dqm.solve(stepper, start, ts, substeps=4)


def test_boost_is_that_of_the_energy(smooth):
    h, boost = dqm.Hamiltonian(lambda x, t: jnp.cos(x[0])), 0.37
    rho, S = smooth(RING)
    state, ts = (rho, S + boost * RING.points[0]), np.array([0.0, 0.1])
    atlas = dqm.AtlasStep(dqm.CanonicalEnergy(h, RING, boost), RING)
    got = dqm.solve(atlas, state, ts, substeps=100).final
    exact = dqm.solve(dqm.CanonicalStep(h, RING, boost=boost), state, ts, substeps=10).final
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-11)


def test_energies_with_time_are_refused(smooth):
    energy = dqm.CanonicalEnergy(dqm.Hamiltonian(lambda x, t: jnp.sin(t) * x[0]), RING)
    with pytest.raises(dqm.InputError, match="use `CanonicalStep`"):
        dqm.solve(dqm.AtlasStep(energy, RING), smooth(RING), np.array([0.0, 0.1]))


def test_a_step_that_failed_is_not_forgotten():
    energy = dqm.CanonicalEnergy(COSINE, RING)
    step = dqm.AtlasStep(energy, RING).make_step(0.01)
    psi, last, _ = step.enter(0.0, dqm.to_canonical(NODELESS))
    for failed in (False, True):
        assert eqx.filter_jit(step)(0.0, (psi, last, jnp.array(failed)))[2] == failed
