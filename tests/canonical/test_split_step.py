"""Splitting of the canonical equations of (ρ, S), against diagonalisation and closed forms."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import PACKETS, free_packet, moved_packet, packet_on

import dqmjax as dqm
from dqmjax import fields

RING = dqm.Grid((0.0,), (2 * np.pi,), (48,))


def bumpy(x, t=0.0):
    return jnp.cos(x[0]) + 0.3 * jnp.sum(jnp.sin(x) ** 2)


def steep(x, t):
    return 8 * jnp.cos(x[0])


@pytest.mark.slow
@pytest.mark.parametrize("boost", [0.0, 5.37])
def test_free_packet_with_any_boost(boost):
    """Against the closed form, S included up to a multiple of 2πħ."""
    grid, hbar, mass = dqm.Grid((-14.0,), (14.0,), (128,)), 0.8, 1.3
    center, width, momentum, t = -1.0, 0.7, 0.4 + boost, 0.6
    x = grid.points[0]
    start = dqm.gaussian(grid, center, width, 0.4, hbar)
    rho, S = dqm.to_canonical(start, hbar)
    stepper = dqm.CanonicalStep(dqm.Hamiltonian(dqm.Free(), mass, hbar), grid, boost=boost)
    rho, S = dqm.solve(stepper, (rho, S + boost * x), np.array([0.0, t])).final
    exact = free_packet(grid, (center,), (width,), (momentum,), t, (mass,), hbar)
    assert grid.integrate(jnp.abs(rho - jnp.abs(exact) ** 2)) < 1e-10
    lit = rho > 1e-10 * rho.max()
    turns = jnp.exp(1j * (S / hbar - jnp.angle(exact)))[lit]
    np.testing.assert_allclose(turns, 1, rtol=0, atol=1e-7)
    assert np.abs(np.diff(S[lit] - momentum * x[lit])).max() < 1.5  # S is continuous


CASES = [(packet, dim) for packet in PACKETS for dim in (1, 2)] + [("coherent", 3)]


@pytest.mark.slow
@pytest.mark.parametrize(("packet", "dim"), CASES)
def test_gaussian_packets(packet, dim):
    """Free and in an oscillator, ρ and the phase up to a global one, against closed forms."""
    *numbers, omega = PACKETS[packet]
    hbar, mass, t = 0.8, 1.3, 0.4
    half, points = (6.5, 40) if dim == 3 else (9.0, 64)
    grid = dqm.Grid((-half,) * dim, (half,) * dim, (points,) * dim)
    well = dqm.Harmonic(omega, mass) if omega else dqm.Free()
    h = dqm.Hamiltonian(well, mass, hbar)
    start = dqm.to_canonical(packet_on(grid, numbers, hbar), hbar)
    run = dqm.solve(dqm.CanonicalStep(h, grid), start, np.array([0.0, t]), substeps=15)
    exact = packet_on(grid, moved_packet(*numbers, t, omega, mass, hbar), hbar)
    rho, S = run.final
    assert grid.integrate(jnp.abs(rho - jnp.abs(exact) ** 2)) < 1e-10
    psi = dqm.from_canonical(rho, S, hbar)
    overlap = grid.integrate(exact.conj() * psi)
    np.testing.assert_allclose(psi, exact * overlap, rtol=0, atol=1e-10)
    assert np.abs(jnp.abs(exact) ** 2 - start[0]).max() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two packets", "barrier", "phase slip", "quartic"])
def test_nodes_vacuum_and_phase_slips(name, scene, exact_scene):
    h, grid, psi, t = scene(name)
    ts = np.linspace(0, t, 5)
    run = dqm.solve(dqm.CanonicalStep(h, grid), dqm.to_canonical(psi), ts, substeps=60)
    for i in (2, 4):
        exact = exact_scene(name, i / 4)
        assert grid.integrate(jnp.abs(run.saved[0][i] - jnp.abs(exact) ** 2)) < 1e-10
    if name == "phase slip":
        windings = [
            dqm.polar.windings(dqm.from_canonical(rho, S))[0]
            for rho, S in zip(*run.saved, strict=True)
        ]
        assert len({int(n) for n in windings}) > 1
    contrast = run.saved[0].min() / run.saved[0].max()
    assert contrast < (1e-2 if name == "phase slip" else 1e-20)


def test_moving_vortex_keeps_its_charge(moving_vortex, check_vortex):
    grid, state = moving_vortex
    stepper, ts = dqm.CanonicalStep(dqm.Hamiltonian(dqm.Harmonic()), grid), [0.0, 0.7, 1.9]
    run = dqm.solve(stepper, dqm.to_canonical(state(0.0)), np.array(ts), substeps=40)
    for t, rho, S in zip(ts, *run.saved, strict=True):
        check_vortex(t, rho, S, 1e-10)


def test_action_is_continuous_from_save_to_save():
    """It decreases by E dt without a jump, for E = 3.5, by more than 2πħ in total."""
    grid = dqm.Grid((-9.0,), (9.0,), (96,))
    start = dqm.to_canonical(dqm.oscillator(grid, 3))
    stepper = dqm.CanonicalStep(dqm.Hamiltonian(dqm.Harmonic()), grid)
    ts = np.linspace(0, 5, 11)
    run = dqm.solve(stepper, start, ts, substeps=20)
    middle = np.argmax(start[0])
    np.testing.assert_allclose(
        run.saved[1][:, middle] - start[1][middle], -3.5 * ts, rtol=0, atol=1e-9
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "scheme", [dqm.strang, dqm.blanes_moan4, dqm.blanes_moan6, dqm.nystrom6], ids=repr
)
def test_order_of_each_scheme(scheme, smooth, stepped):
    """In ρ and in S."""
    ring = dqm.Grid((0.0,), (2 * np.pi,), (32,))
    h, start = dqm.Hamiltonian(steep), smooth(ring)
    counts = {2: [40, 80, 160, 320], 4: [20, 28, 40, 56], 6: [6, 7, 8, 10]}[scheme.order]
    exact = stepped(dqm.CanonicalStep(h, ring), start, 0.5, 60)
    stepper = dqm.CanonicalStep(h, ring, scheme)
    errors = [np.linalg.norm(stepped(stepper, start, 0.5, n) - exact) for n in counts]
    slope, _ = np.polyfit(np.log(counts), np.log(errors), 1)
    assert -slope == pytest.approx(scheme.order, abs=0.2)


def test_a_run_is_symplectic(smooth):
    """`MᵀJM = J` for the Jacobian of the final (ρ, S) with respect to the initial one."""
    ring = dqm.Grid((0.0,), (2 * np.pi,), (16,))
    rho, S = smooth(ring)
    stepper = dqm.CanonicalStep(dqm.Hamiltonian(bumpy), ring, dqm.strang)

    def run(z):
        final = dqm.solve(stepper, tuple(z.reshape(2, -1)), np.array([0.0, 0.5]), substeps=20).final
        return jnp.concatenate(final)

    M = jax.jit(jax.jacfwd(run))(jnp.concatenate([rho, S]))
    J = np.kron([[0, 1], [-1, 0]], np.eye(16))
    assert np.abs(M - np.eye(32)).max() > 0.1
    np.testing.assert_allclose(M.T @ J @ M, J, rtol=0, atol=1e-13)


@pytest.mark.slow
def test_norm_and_energy_over_ten_thousand_steps():
    h = dqm.Hamiltonian(dqm.Anharmonic(1.0, 0.0, 0.1))
    grid = dqm.Grid((-7.0,), (7.0,), (64,))
    start = dqm.to_canonical(dqm.gaussian(grid, 0.5, 0.6, 0.7))
    ts = np.linspace(0, 100, 11)
    run = dqm.solve(dqm.CanonicalStep(h, grid), start, ts, substeps=1000)
    norms = [grid.integrate(rho) for rho in run.saved[0]]
    energies = [dqm.CanonicalEnergy(h, grid)(rho, S) for rho, S in zip(*run.saved, strict=True)]
    assert np.abs(np.array(norms) - 1).max() < 5e-15 * 10_000 + 1e-13
    assert np.abs(np.array(energies) - energies[0]).max() < 1e-10
    trend = np.polyfit(ts, energies, 1)[0] * 100
    assert abs(trend) < 2e-11  # from the round-off of the norm


@pytest.fixture(scope="module")
def derivatives(losses):
    """`derivatives(case)`: of the losses at one state, those by ψ and those by differences, and
    the function that differentiates the canonical run; all with respect to ħ, m and V."""
    grid = dqm.Grid((-10.0,), (10.0,), (96,))
    states = {
        "nodes": (dqm.cat(grid, 2.5, 0.6, -1.5), jnp.array([44, 53]), 1.6),
        "vacuum": (dqm.gaussian(grid, -4.0, 0.7, 2.0), jnp.array([38, 60]), 2.5),
    }

    def values(parameters, psi, lit, t, adjoint, canonical):
        hbar, mass, height = parameters
        h = dqm.Hamiltonian(dqm.SechBarrier(height, 1.5), mass, hbar)
        start = dqm.to_canonical(psi, hbar) if canonical else psi
        make = dqm.CanonicalStep if canonical else dqm.SplitStep
        ts = t * jnp.array([0.0, 1.0])
        final = dqm.solve(make(h, grid), start, ts, substeps=30, adjoint=adjoint).final
        rho, S = final if canonical else dqm.to_canonical(final, hbar)
        flow = fields.current(h, grid, dqm.from_canonical(rho, S, hbar))[..., 0]
        return losses(rho, S, flow, lit)

    value = jax.jit(values, static_argnums=(4, 5))
    gradient = jax.jit(jax.jacrev(values), static_argnums=(4, 5))

    @functools.cache
    def of(case):
        psi, lit, t = states[case]
        rho = jnp.abs(psi) ** 2
        assert rho.min() < 1e-20 * rho.max()
        at, step, differences = jnp.array([0.9, 1.1, 0.8]), 1e-3, []
        for e in step * jnp.eye(3):
            f = [
                value(at + n * e, psi, lit, t, dqm.Checkpointed(), True)
                for n in (-3, -2, -1, 1, 2, 3)
            ]
            differences.append((45 * (f[3] - f[2]) - 9 * (f[4] - f[1]) + f[5] - f[0]) / (60 * step))
        exact = gradient(at, psi, lit, t, dqm.Checkpointed(), False)
        by = lambda adjoint: gradient(at, psi, lit, t, adjoint, True)
        return exact, np.stack(differences, axis=1), by

    return of


@pytest.mark.slow
@pytest.mark.parametrize("adjoint", [dqm.Checkpointed(), dqm.Reversible()])
@pytest.mark.parametrize("case", ["nodes", "vacuum"])
def test_gradients_through_nodes_and_vacuum(case, adjoint, derivatives):
    """With respect to ħ, m and V, against the wave function and against differences."""
    exact, differences, gradient = derivatives(case)
    got = gradient(adjoint)
    np.testing.assert_allclose(got, exact, rtol=1e-8)
    np.testing.assert_allclose(got, differences, rtol=1e-7)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda rho, S: (rho[1:], S), dqm.InputError, r"`rho` must have shape \(48,\)"),
        (lambda rho, S: (rho, S + 0j), dqm.InputError, "`S` must be real"),
        (lambda rho, S: (rho, S / 0), dqm.InputError, "`state` must be finite"),
        (lambda rho, S: (rho - 0.1, S), RuntimeError, "`rho` must not be negative"),
        (
            lambda rho, S: (1.01 * rho, S),
            RuntimeError,
            "`rho` must not be negative and must integrate",
        ),
        (
            lambda rho, S: (rho, S + jnp.where(RING.points[0] > 3, 1.0, 0.0)),
            RuntimeError,
            "S may only jump by multiples of 2πħ",
        ),
    ],
)
def test_invalid_states_are_refused(change, error, message, smooth):
    stepper = dqm.CanonicalStep(dqm.Hamiltonian(bumpy), RING)
    with pytest.raises(error, match=message):
        dqm.solve(stepper, change(*smooth(RING)), np.array([0.0, 0.1]))


def test_a_small_jump_of_the_action_is_refused_on_a_fine_grid():
    grid = dqm.Grid((-10.0,), (10.0,), (2048,))
    jump = jnp.where(grid.points[0] > 0, 0.3, 0.0)
    state = (jnp.abs(dqm.gaussian(grid, 0.0, 0.7)) ** 2, jump)
    stepper = dqm.CanonicalStep(dqm.Hamiltonian(dqm.Free()), grid)
    with pytest.raises(RuntimeError, match="S may only jump by multiples of 2πħ"):
        dqm.solve(stepper, state, np.array([0.0, 0.1]))


def test_absorption_reduces_the_density(smooth):
    """∫ρ may then be smaller than `total` at later save times."""
    h = dqm.Hamiltonian(lambda x, t: -0.5j + 0 * x[0])
    stepper, ts = dqm.CanonicalStep(h, RING), np.array([0.0, 0.5, 1.0])
    run = dqm.solve(stepper, smooth(RING), ts)
    np.testing.assert_allclose(
        [RING.integrate(rho) for rho in run.saved[0]], np.exp(-ts), rtol=1e-8
    )


@pytest.mark.slow
def test_single_precision(scene, exact_scene):
    h, grid, psi, t = scene("barrier")
    with jax.enable_x64(False):
        start = dqm.to_canonical(jnp.asarray(psi, jnp.complex64))
        ts = jnp.array([0.0, t])
        rho, S = dqm.solve(dqm.CanonicalStep(h, grid), start, ts, substeps=60).final
    assert rho.dtype == S.dtype == jnp.float32
    exact = jnp.abs(exact_scene("barrier")) ** 2
    assert grid.integrate(jnp.abs(rho - exact)) < 1e-4


def test_a_run_that_leaves_the_grid_raises():
    grid = dqm.Grid((-6.0,), (6.0,), (48,))
    stepper = dqm.CanonicalStep(dqm.Hamiltonian(dqm.Harmonic(20.0)), grid)
    start = dqm.to_canonical(dqm.gaussian(grid, 1.5, 0.5))
    with pytest.raises(RuntimeError, match="grid does not resolve"):
        dqm.solve(stepper, start, np.array([0.0, np.pi / 40]), substeps=50)


def test_a_negative_density_of_the_right_integral_is_none(smooth):
    rho, S = smooth(RING)
    rho = rho.at[0].add(-2 * rho[0]).at[1].add(2 * rho[0])
    stepper = dqm.CanonicalStep(dqm.Hamiltonian(dqm.Free()), RING)
    assert jax.jit(stepper.faults)((rho, S))[dqm.Reason.NOT_A_DENSITY] == jnp.inf


@pytest.mark.slow
def test_a_boosted_action_is_continued(smooth):
    """Nothing moves in so short a time, also not by whole turns."""
    rho, S = smooth(RING)
    S = S + 5.37 * RING.points[0]
    stepper = dqm.CanonicalStep(dqm.Hamiltonian(dqm.Free()), RING, boost=5.37)
    final = dqm.solve(stepper, (rho, S), np.array([0.0, 1e-9])).final
    np.testing.assert_allclose(final[1], S, rtol=0, atol=1e-6)
