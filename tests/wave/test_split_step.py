"""Splitting of the Schrödinger equation, against closed forms."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import free_packet, moved_packet

import dqmjax as dqm
from dqmjax import observables
from dqmjax.evolution.stepper import enter, leave

SCHEMES = [
    dqm.strang,
    dqm.yoshida4,
    dqm.blanes_moan4,
    dqm.blanes_moan6,
    dqm.nystrom4,
    dqm.nystrom6,
]
LINE = dqm.Grid((-6.0,), (6.0,), (64,))
RING = dqm.Grid((0.0,), (2 * np.pi,), (32,))
PACKET = dqm.gaussian(LINE, 0.5, 0.7)


def box(dim):
    half, points = (8.6, 48) if dim == 3 else (9.0, 60)
    return dqm.Grid((-half,) * dim, (half,) * dim, (points,) * dim)


@pytest.mark.slow
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_free_packet_spreads(dim):
    hbar, mass = 0.8, (1.3, 0.9, 1.1)[:dim]
    grid, t = box(dim), 0.5
    center, width, momentum = ((-1.0, 0.5, 0.2), (0.7, 0.8, 0.75), (0.9, -0.6, 0.4))
    packet = (center[:dim], width[:dim], momentum[:dim])
    step = dqm.SplitStep(dqm.Hamiltonian(dqm.Free(), mass, hbar), grid, dqm.strang)
    final = dqm.solve(step, dqm.gaussian(grid, *packet, hbar), np.array([0.0, t])).final
    exact = free_packet(grid, *packet, t, mass, hbar)
    np.testing.assert_allclose(final, exact, rtol=0, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_coherent_state_follows_the_classical_orbit(dim):
    """Its phase is −ωt/2 − (x_t p_t − x_0 p_0)/2ħ."""
    omega, mass, hbar, t = np.array([1.0, 1.3, 0.8])[:dim], 1.2, 0.9, 0.7
    x0, p0 = np.array([0.9, -0.4, 0.3])[:dim], np.array([0.5, 0.2, -0.6])[:dim]
    grid = box(dim)
    h = dqm.Hamiltonian(dqm.Harmonic(tuple(omega), mass), mass, hbar)
    start = dqm.coherent(grid, tuple(x0), tuple(p0), tuple(omega), mass, hbar)
    final = dqm.solve(dqm.SplitStep(h, grid), start, np.array([0.0, t]), substeps=12).final
    c, s = np.cos(omega * t), np.sin(omega * t)
    x, p = x0 * c + p0 * s / (mass * omega), p0 * c - mass * omega * x0 * s
    phase = -np.sum(omega) * t / 2 - np.sum(x * p - x0 * p0) / (2 * hbar)
    exact = dqm.coherent(grid, tuple(x), tuple(p), tuple(omega), mass, hbar) * np.exp(1j * phase)
    np.testing.assert_allclose(final, exact, rtol=0, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_squeezed_state_in_an_oscillator(dim):
    """Up to a global phase."""
    t, center, momentum, squeezing = 0.6, (0.4, -0.3, 0.2), (0.3, 0.1, -0.5), (0.3, -0.2, 0.1)
    numbers = [np.array(v[:dim]) for v in (center, squeezing, momentum)]
    grid = box(dim)
    start = dqm.squeezed(grid, *(tuple(v) for v in numbers))
    stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), grid)
    final = dqm.solve(stepper, start, np.array([0.0, t]), substeps=12).final
    width = np.exp(-numbers[1]) / np.sqrt(2)
    *moved, covariance = moved_packet(numbers[0], width, numbers[2], 0, t, 1.0, 1.0, 1.0)
    exact = dqm.gaussian(grid, *(tuple(v) for v in moved), covariance=tuple(covariance))
    overlap = grid.integrate(exact.conj() * final)
    np.testing.assert_allclose(final, exact * overlap, rtol=0, atol=1e-10)


def driven(x, t):
    return 8 * (1 + 0.5 * jnp.sin(3 * t)) * jnp.sin(x[0]) ** 2 + jnp.cos(x[0])


@eqx.filter_jit
def stepped(stepper, psi, count):
    """ψ at t = 1 after `count` steps: one program for all numbers of them."""
    step = stepper.make_step(1 / count)
    advance = lambda i, inside: step(i / count, inside)
    inside = jax.lax.fori_loop(0, count, advance, enter(step, jnp.zeros(()), psi))
    return leave(step, jnp.ones(()), inside)


@functools.cache
def at_one(potential, scheme, count):
    start = jnp.exp(2 * jnp.cos(RING.points[0] - np.pi - 0.4) - 2) + 0j
    stepper = dqm.SplitStep(dqm.Hamiltonian(potential), RING, scheme)
    return np.asarray(stepped(stepper, start, jnp.asarray(count)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "potential", [dqm.OpticalLattice(8.0, 1.0), driven], ids=["V(x)", "V(x,t)"]
)
@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
def test_order_of_each_scheme(scheme, potential):
    """On a ring, from a smooth packet: a kink reduces the order of Nyström schemes."""
    exact = at_one(potential, dqm.blanes_moan6, 300)
    # order 6: with fewer than 20 steps phases of the highest waves exceed π; above 34 round-off
    counts = {2: [64, 80, 100, 128], 4: [32, 38, 45, 64], 6: [21, 24, 28, 34]}[scheme.order]
    errors = [np.linalg.norm(at_one(potential, scheme, n) - exact) for n in counts]
    slope, _ = np.polyfit(np.log(counts), np.log(errors), 1)
    assert -slope == pytest.approx(scheme.order, abs=0.1)


@pytest.mark.parametrize(("scheme", "most"), [(dqm.strang, 1e-12), (dqm.nystrom6, 1e-11)])
def test_norm_and_reversal_over_ten_thousand_steps(scheme, most):
    """Each transform pair rounds by about 1e-16; there are ten thousand of them, or eleven times as
    many."""
    h = dqm.Hamiltonian(dqm.Anharmonic(1.0, 0.0, 0.1))
    grid = dqm.Grid((-7.0,), (7.0,), (64,))
    start = dqm.gaussian(grid, 0.5, 0.6, 0.7)
    stepper = dqm.SplitStep(h, grid, scheme)
    there = dqm.solve(stepper, start, np.array([0.0, 10.0]), substeps=10_000).final
    back = dqm.solve(stepper, there.conj(), np.array([0.0, 10.0]), substeps=10_000).final.conj()
    assert observables.norm(grid, there) == pytest.approx(1, abs=most)
    np.testing.assert_allclose(back, start, rtol=0, atol=most)


def test_energy_is_conserved():
    h = dqm.Hamiltonian(dqm.DoubleWell(2.0, 1.5))
    start = dqm.gaussian(LINE, -1.5, 0.5)
    final = dqm.solve(dqm.SplitStep(h, LINE), start, np.array([0.0, 1.0]), substeps=400).final
    before, after = (observables.energy(h, LINE, psi) for psi in (start, final))
    assert after == pytest.approx(float(before), abs=1e-9)


def test_absorbing_potential_reduces_the_norm_and_is_not_reversible():
    h = dqm.Hamiltonian(lambda x, t: -0.5j + 0 * x[0])
    stepper = dqm.SplitStep(h, LINE)
    final = dqm.solve(stepper, PACKET, np.array([0.0, 1.0])).final
    assert observables.norm(LINE, final) == pytest.approx(np.exp(-1), abs=1e-12)
    with pytest.raises(dqm.InputError, match="must have a reversible step"):
        dqm.solve(stepper, PACKET, np.array([0.0, 1.0]), adjoint=dqm.Reversible())


def test_parameter_sweep_compiles_once_and_batches():
    count = 0

    def final(omega, psi):
        nonlocal count
        count += 1
        stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(omega)), LINE)
        return dqm.solve(stepper, psi, np.array([0.0, 0.5]), substeps=4).final

    swept = jax.jit(final)
    each = [swept(jnp.array(w), PACKET) for w in (0.8, 1.1)]
    assert count == 1
    states = jnp.stack([PACKET, dqm.gaussian(LINE, -0.5, 0.7)])
    batch = jax.jit(jax.vmap(jax.vmap(final, (None, 0)), (0, None)))
    both = batch(jnp.array([0.8, 1.1]), states)
    assert both.shape == (2, 2, 64)
    np.testing.assert_allclose(both[:, 0], each, rtol=0, atol=1e-14)
    np.testing.assert_allclose(both[0, 1], swept(jnp.array(0.8), states[1]), rtol=0, atol=1e-14)


def test_single_precision():
    with jax.enable_x64(False):
        stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), LINE)
        start = dqm.coherent(LINE, 0.5)
        final = dqm.solve(stepper, start, np.array([0.0, 2 * np.pi]), substeps=60).final
        overlap = observables.fidelity(LINE, start, final)
    assert final.dtype == jnp.complex64
    assert overlap == pytest.approx(1, abs=1e-4)  # 60 steps × 21 stages × ε


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.complex64])
def test_states_of_other_types_are_promoted(dtype):
    ts = np.array([0.0, 0.1])
    stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), LINE)
    expected = dqm.solve(stepper, PACKET, ts, substeps=5).final
    final = dqm.solve(stepper, PACKET.real.astype(dtype), ts, substeps=5).final
    assert final.dtype == jnp.complex128
    np.testing.assert_allclose(final, expected, rtol=0, atol=1e-7)


def test_a_state_may_have_any_norm():
    stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), LINE)
    ts = np.array([0.0, 0.5])
    once, thrice = (dqm.solve(stepper, c * PACKET, ts, substeps=5).final for c in (1, 3))
    np.testing.assert_allclose(thrice, 3 * once, rtol=0, atol=1e-14)


def test_longest_step_is_where_a_phase_reaches_pi():
    """Of the drift of the shortest waves, or of the kick at the highest V."""
    h = dqm.Hamiltonian(dqm.Harmonic(), mass=1.3, hbar=0.8)
    k = np.pi / LINE.spacing[0]
    drift = 0.8 * k**2 / (2 * 1.3)
    assert dqm.SplitStep(h, LINE, dqm.strang).longest_step() == pytest.approx(np.pi / drift)
    steep = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(30.0)), LINE, dqm.strang)
    assert steep.longest_step() == pytest.approx(np.pi / (30**2 * 36 / 2))


def test_schemes_merge_the_last_kick_with_the_next_first():
    """The times of the kicks are those that the drifts have reached."""
    for scheme in SCHEMES:
        drifts, kicks, times = zip(*scheme.stages, strict=True)
        assert drifts == scheme.drifts
        assert kicks == (*scheme.kicks[1:-1], 2 * scheme.kicks[0])
        np.testing.assert_allclose(times, np.cumsum(drifts), rtol=1e-15)
        assert times[-1] == pytest.approx(1, abs=1e-14)


def test_schemes_have_short_names():
    assert repr(dqm.nystrom6) == "nystrom6"
    assert repr(dqm.Scheme("own", 2, (0.5, 0.5), (1.0,))) == "Scheme('own', order=2)"


@pytest.mark.parametrize(
    ("kicks", "drifts", "message"),
    [
        ((0.5, 0.4), (1.0,), "`kicks` must sum to 1"),
        ((0.5, 0.5), (0.9,), "`drifts` must sum to 1"),
        ((1.0, 0.0), (1.0,), "must be symmetric"),
        ((1.0,), (1.0,), "one entry more than `drifts`"),
    ],
)
def test_invalid_schemes_are_refused(kicks, drifts, message):
    with pytest.raises(dqm.InputError, match=message):
        dqm.Scheme("bad", 2, kicks, drifts)


@pytest.mark.parametrize(
    ("potential", "state", "message"),
    [
        (dqm.Harmonic(), jnp.ones(31, complex), r"`state` must have shape \(64,\)"),
        (dqm.Harmonic(), jnp.full(64, jnp.nan + 0j), "`state` must be finite"),
        (lambda x, t: x, jnp.ones(64, complex), "must return one number"),
    ],
)
def test_invalid_states_and_potentials_are_refused(potential, state, message):
    with pytest.raises(dqm.InputError, match=message):
        dqm.solve(dqm.SplitStep(dqm.Hamiltonian(potential), LINE), state, np.array([0.0, 1.0]))
