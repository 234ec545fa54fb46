import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import exact_evolution, free_packet, moved_packet

import dqmjax as dqm
from dqmjax import observables

SCHEMES = [
    dqm.strang,
    dqm.yoshida4,
    dqm.blanes_moan4,
    dqm.blanes_moan6,
    dqm.nystrom4,
    dqm.nystrom6,
]


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_free_packet_spreads_as_it_should(dim):
    hbar, mass = 0.8, (1.3, 0.9, 1.1)[:dim]
    points = (128, 72, 60)[dim - 1]
    grid = dqm.Grid((-11.0,) * dim, (11.0,) * dim, (points,) * dim)
    center, width, momentum = ((-1.0, 0.5, 0.2), (0.7, 0.8, 0.9), (0.9, -0.6, 0.4))
    packet = (center[:dim], width[:dim], momentum[:dim])
    step = dqm.SplitStep(dqm.Hamiltonian(dqm.Free(), mass, hbar), grid, dqm.strang)
    final = dqm.solve(step, dqm.gaussian(grid, *packet, hbar), np.array([0.0, 0.8])).final
    exact = free_packet(grid, *packet, 0.8, mass, hbar)
    np.testing.assert_allclose(final, exact, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_coherent_state_returns_with_its_phase(dim):
    """Center and momentum on the classical orbit, phase −ωt/2 − (x_t p_t − x_0 p_0)/2ħ."""
    omega, mass, hbar, t = np.array([1.0, 1.3, 0.8])[:dim], 1.2, 0.9, 0.7
    x0, p0 = np.array([0.9, -0.4, 0.3])[:dim], np.array([0.5, 0.2, -0.6])[:dim]
    points = (72, 60, 48)[dim - 1]
    grid = dqm.Grid((-8.5,) * dim, (8.5,) * dim, (points,) * dim)
    h = dqm.Hamiltonian(dqm.Harmonic(tuple(omega), mass), mass, hbar)
    start = dqm.coherent(grid, tuple(x0), tuple(p0), tuple(omega), mass, hbar)
    final = dqm.solve(dqm.SplitStep(h, grid), start, np.array([0.0, t]), substeps=40).final
    c, s = np.cos(omega * t), np.sin(omega * t)
    x, p = x0 * c + p0 * s / (mass * omega), p0 * c - mass * omega * x0 * s
    phase = -np.sum(omega) * t / 2 - np.sum(x * p - x0 * p0) / (2 * hbar)
    exact = dqm.coherent(grid, tuple(x), tuple(p), tuple(omega), mass, hbar) * np.exp(1j * phase)
    np.testing.assert_allclose(final, exact, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_squeezed_state_breathes(dim):
    """The moved Gaussian, up to one phase of all."""
    t, center, momentum, squeezing = 0.6, (0.4, -0.3, 0.2), (0.3, 0.1, -0.5), (0.3, -0.2, 0.1)
    numbers = [np.array(v[:dim]) for v in (center, squeezing, momentum)]
    grid = dqm.Grid((-9.0,) * dim, (9.0,) * dim, ((84, 84, 60)[dim - 1],) * dim)
    start = dqm.squeezed(grid, *(tuple(v) for v in numbers))
    stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), grid)
    final = dqm.solve(stepper, start, np.array([0.0, t]), substeps=40).final
    width = np.exp(-numbers[1]) / np.sqrt(2)
    *moved, covariance = moved_packet(numbers[0], width, numbers[2], 0, t, 1.0, 1.0, 1.0)
    exact = dqm.gaussian(grid, *(tuple(v) for v in moved), covariance=tuple(covariance))
    overlap = grid.integrate(exact.conj() * final)
    np.testing.assert_allclose(final, exact * overlap, rtol=0, atol=1e-10)


def driven(x, t):
    return 8 * (1 + 0.5 * jnp.sin(3 * t)) * jnp.sin(x[0]) ** 2 + jnp.cos(x[0])


RING = dqm.Grid((0.0,), (2 * np.pi,), (32,))


@pytest.mark.parametrize(
    "potential", [dqm.OpticalLattice(8.0, 1.0), driven], ids=["V(x)", "V(x,t)"]
)
@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.name)
def test_order_of_each_scheme(scheme, potential):
    """On a ring, from a packet without a kink at its seam: a kink costs Nyström's order."""
    h, ts = dqm.Hamiltonian(potential), np.array([0.0, 1.0])
    start = jnp.exp(2 * jnp.cos(RING.points[0] - np.pi - 0.4) - 2) + 0j

    def final(scheme, substeps):
        return dqm.solve(dqm.SplitStep(h, RING, scheme), start, ts, substeps=substeps).final

    exact = final(dqm.blanes_moan6, 300)
    # below 20 steps of order 6 the highest waves turn too far; above 34 round-off shows
    counts = {2: [64, 80, 100, 128], 4: [32, 38, 45, 64], 6: [21, 24, 28, 34]}[scheme.order]
    errors = [jnp.linalg.norm(final(scheme, n) - exact) for n in counts]
    slope, _ = np.polyfit(np.log(counts), np.log(errors), 1)
    assert -slope == pytest.approx(scheme.order, abs=0.1)


@pytest.mark.parametrize(("scheme", "most"), [(dqm.strang, 1e-12), (dqm.nystrom6, 1e-11)])
def test_norm_and_reversal_over_ten_thousand_steps(scheme, most):
    """Every transform pair rounds by about 1e-16, and there are ten thousand or nine times that."""
    h = dqm.Hamiltonian(dqm.Anharmonic(1.0, 0.0, 0.1))
    grid = dqm.Grid((-7.0,), (7.0,), (64,))
    start = dqm.gaussian(grid, 0.5, 0.6, 0.7)
    stepper = dqm.SplitStep(h, grid, scheme)
    there = dqm.solve(stepper, start, np.array([0.0, 10.0]), substeps=10_000).final
    back = dqm.solve(stepper, there.conj(), np.array([0.0, 10.0]), substeps=10_000).final.conj()
    assert observables.norm(grid, there) == pytest.approx(1, abs=most)
    np.testing.assert_allclose(back, start, rtol=0, atol=most)


def test_energy_of_a_fine_run_stays():
    h, grid = dqm.Hamiltonian(dqm.DoubleWell(2.0, 1.5)), dqm.Grid((-6.0,), (6.0,), (96,))
    start = dqm.gaussian(grid, -1.5, 0.5)
    final = dqm.solve(dqm.SplitStep(h, grid), start, np.array([0.0, 1.0]), substeps=400).final
    before, after = (observables.energy(h, grid, psi) for psi in (start, final))
    assert after == pytest.approx(float(before), abs=1e-9)


def test_absorbing_potential_takes_norm_away_and_cannot_be_undone():
    grid = dqm.Grid((-8.0,), (8.0,), (64,))
    h = dqm.Hamiltonian(lambda x, t: -0.5j + 0 * x[0])
    start = dqm.gaussian(grid, 0.0, 1.0)
    stepper = dqm.SplitStep(h, grid)
    final = dqm.solve(stepper, start, np.array([0.0, 1.0])).final
    assert observables.norm(grid, final) == pytest.approx(np.exp(-1), abs=1e-12)
    with pytest.raises(dqm.InputError, match="must have a step that can be undone"):
        dqm.solve(stepper, start, np.array([0.0, 1.0]), adjoint=dqm.Reversible())


def scene(dim, driven):
    """A grid, a start and a loss of everything that has a gradient."""
    grid = dqm.Grid((-6.0,) * dim, (6.0,) * dim, ((48, 24, 16)[dim - 1],) * dim)

    class Well(dqm.AbstractPotential):
        strength: jax.Array

        def __call__(self, x, t=0.0):
            push = jnp.sin(2 * t) * x[0] if driven else 0.0
            return self.strength * jnp.sum(x**2) / 2 + 0.05 * jnp.sum(x**4) + push

    def loss(parameters, adjoint):
        strength, mass, hbar, end, center = parameters
        h = dqm.Hamiltonian(Well(strength), mass, hbar)
        start = dqm.gaussian(grid, center, 0.7, 0.4, hbar)
        ts = jnp.stack([0 * end, end / 3, end])
        stepper = dqm.SplitStep(h, grid, dqm.blanes_moan4)
        run = dqm.solve(stepper, start, ts, substeps=7, adjoint=adjoint)
        mean = observables.mean_position(grid, run.saved[1])
        return mean[0] + observables.position_variance(grid, run.final)[-1]

    return loss


@pytest.mark.slow
@pytest.mark.parametrize(("dim", "driven"), [(1, False), (2, True), (3, False)])
def test_gradients_of_all_adjoints(dim, driven):
    """To potential, mass, ħ, final time and initial state: three adjoints and differences."""
    loss = scene(dim, driven)
    at = jnp.array([1.1, 0.9, 1.2, 0.6, 0.8])
    adjoints = (dqm.Direct(), dqm.Checkpointed(), dqm.Reversible())
    direct, checkpointed, reversible = (
        jax.jit(jax.grad(loss), static_argnums=1)(at, a) for a in adjoints
    )
    assert np.abs(direct).min() > 1e-3
    np.testing.assert_allclose(checkpointed, direct, rtol=1e-10)
    np.testing.assert_allclose(reversible, direct, rtol=1e-10)
    value, step = jax.jit(lambda p: loss(p, adjoints[0])), 1e-4
    steps = step * jnp.eye(5)
    difference = jnp.stack(
        [
            (8 * (value(at + e) - value(at - e)) - value(at + 2 * e) + value(at - 2 * e))
            / (12 * step)
            for e in steps
        ]
    )
    np.testing.assert_allclose(direct, difference, rtol=1e-8)


@pytest.mark.parametrize(
    ("make", "adjoint"),
    [
        (dqm.SplitStep, dqm.Direct()),
        (dqm.SplitStep, dqm.Checkpointed()),
        (dqm.SplitStep, dqm.Reversible()),
        (dqm.Chebyshev, dqm.Direct()),
    ],
)
def test_second_derivatives(make, adjoint):
    """Forward over reverse, to potential and mass, against differences of the gradient."""
    grid = dqm.Grid((-6.0,), (6.0,), (32,))
    start = dqm.gaussian(grid, 0.5, 0.7)

    def loss(parameters):
        omega, mass = parameters
        h = dqm.Hamiltonian(dqm.Anharmonic(omega, 0.0, 0.1), mass)
        ts = np.array([0.0, 0.4, 0.7])
        final = dqm.solve(make(h, grid), start, ts, substeps=6, adjoint=adjoint).final
        return jnp.abs(final[14]) ** 2

    at, step = jnp.array([1.1, 0.9]), 1e-5
    gradient = jax.jit(jax.grad(loss))
    sides = [(gradient(at + e) - gradient(at - e)) / (2 * step) for e in step * jnp.eye(2)]
    hessian = jax.jit(jax.jacfwd(jax.grad(loss)))(at)
    assert np.abs(hessian).min() > 1e-3
    np.testing.assert_allclose(hessian, jnp.stack(sides), rtol=1e-6)


def test_reversible_memory_does_not_grow_with_the_number_of_steps():
    grid = dqm.Grid((-6.0,) * 2, (6.0,) * 2, (32, 32))
    start = dqm.gaussian(grid, 0.5, 0.7)

    def memory(adjoint, substeps):
        def loss(omega):
            stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(omega)), grid, dqm.strang)
            final = dqm.solve(
                stepper, start, np.array([0.0, 1.0]), substeps=substeps, adjoint=adjoint
            )
            return jnp.abs(final.final[3, 4]) ** 2

        compiled = jax.jit(jax.grad(loss)).lower(jnp.array(1.0)).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    few, many = (memory(dqm.Reversible(), n) for n in (100, 10_000))
    assert many < 1.2 * few + 1e6  # the list of times itself is 80 kB
    assert memory(dqm.Direct(), 1000) > 5 * many


def test_sweep_compiles_once_and_batches():
    grid = dqm.Grid((-6.0,), (6.0,), (32,))
    start = dqm.gaussian(grid, 0.5, 0.7)
    count = 0

    def final(omega, psi):
        nonlocal count
        count += 1
        stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(omega)), grid)
        return dqm.solve(stepper, psi, np.array([0.0, 0.5]), substeps=4).final

    swept = jax.jit(final)
    each = [swept(jnp.array(w), start) for w in (0.8, 1.1)]
    assert count == 1
    both = jax.vmap(final, (0, None))(jnp.array([0.8, 1.1]), start)
    np.testing.assert_allclose(both, each, rtol=0, atol=1e-14)
    states = jnp.stack([start, dqm.gaussian(grid, -0.5, 0.7)])
    assert jax.vmap(final, (None, 0))(jnp.array(0.8), states).shape == (2, 32)


def test_chebyshev_batches():
    grid = dqm.Grid((-6.0,), (6.0,), (32,))
    start = dqm.gaussian(grid, 0.5, 0.7)

    def final(omega):
        stepper = dqm.Chebyshev(dqm.Hamiltonian(dqm.Harmonic(omega)), grid)
        return dqm.solve(stepper, start, np.array([0.0, 0.5])).final

    omegas = jnp.array([0.8, 1.1, 3.0])
    each = jnp.stack([final(w) for w in omegas])
    np.testing.assert_allclose(jax.vmap(final)(omegas), each, rtol=0, atol=1e-13)
    slopes = jax.vmap(jax.grad(lambda w: jnp.abs(final(w)[14]) ** 2))(omegas)
    assert np.isfinite(slopes).all()


def test_single_precision():
    jax.config.update("jax_enable_x64", False)
    try:
        grid = dqm.Grid((-6.0,), (6.0,), (32,))
        stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), grid)
        start = dqm.coherent(grid, 0.5)
        final = dqm.solve(stepper, start, np.array([0.0, 2 * np.pi]), substeps=60).final
        overlap = observables.fidelity(grid, start, final)
    finally:
        jax.config.update("jax_enable_x64", True)
    assert final.dtype == jnp.complex64
    assert overlap == pytest.approx(1, abs=1e-4)  # 60 steps × 21 stages × ε


@pytest.mark.parametrize("t", [0.01, 1.0, 20.0])
def test_chebyshev_takes_any_step(t):
    grid = dqm.Grid((-7.0,), (7.0,), (64,))
    h = dqm.Hamiltonian(dqm.Anharmonic(1.0, 0.0, 0.1), mass=1.2, hbar=0.9)
    start = dqm.gaussian(grid, 0.5, 0.6, 0.7)
    final = dqm.solve(dqm.Chebyshev(h, grid), start, np.array([0.0, t])).final
    np.testing.assert_allclose(final, exact_evolution(h, grid, start, t), rtol=0, atol=1e-12)


def test_chebyshev_in_two_dimensions_and_to_its_tolerance():
    grid = dqm.Grid((-6.0,) * 2, (6.0,) * 2, (24, 24))
    h = dqm.Hamiltonian(dqm.HenonHeiles(0.1), mass=(1.0, 1.3))
    start = dqm.gaussian(grid, (0.5, -0.3), 0.7, (0.2, 0.4))
    exact = exact_evolution(h, grid, start, 3.0)
    errors = []
    for tolerance in (1e-3, 1e-6, 1e-12):
        stepper = dqm.Chebyshev(h, grid, tolerance=tolerance)
        final = dqm.solve(stepper, start, np.array([0.0, 3.0])).final
        errors.append(float(jnp.sqrt(grid.integrate(jnp.abs(final - exact) ** 2))))
        assert errors[-1] < tolerance
    assert errors[0] > 1e3 * errors[1] > 1e8 * errors[2]


@pytest.mark.slow
def test_chebyshev_gradients_are_those_of_the_splitting():
    """To potential, mass, ħ, final time and initial state; three adjoints."""
    grid = dqm.Grid((-6.0,), (6.0,), (48,))

    def loss(parameters, make, substeps, adjoint):
        strength, mass, hbar, end, center = parameters
        h = dqm.Hamiltonian(dqm.Anharmonic(1.0, 0.0, strength), mass, hbar)
        start = dqm.gaussian(grid, center, 0.7, 0.4, hbar)
        ts = jnp.stack([0 * end, end / 3, end])
        final = dqm.solve(make(h, grid), start, ts, substeps=substeps, adjoint=adjoint).final
        return observables.mean_position(grid, final)[0] + jnp.abs(final[20]) ** 2

    at = jnp.array([0.11, 0.9, 1.2, 0.9, 0.8])
    expected = jax.grad(loss)(at, dqm.SplitStep, 150, dqm.Direct())
    for adjoint in (dqm.Direct(), dqm.Checkpointed(), dqm.Reversible()):
        gradient = jax.grad(loss)(at, dqm.Chebyshev, 3, adjoint)
        np.testing.assert_allclose(gradient, expected, rtol=1e-9)


def test_chebyshev_refuses_what_it_cannot_do():
    grid, ts = dqm.Grid((-6.0,), (6.0,), (32,)), np.array([0.0, 1.0])
    start = dqm.gaussian(grid, 0.5, 0.7)
    for potential in (driven, lambda x, t: -0.5j + 0 * x[0]):
        with pytest.raises(dqm.InputError, match="`potential` must be real and without t"):
            dqm.solve(dqm.Chebyshev(dqm.Hamiltonian(potential), grid), start, ts)
    with pytest.raises(dqm.InputError, match="`tolerance` must be between 0 and 1"):
        dqm.Chebyshev(dqm.Hamiltonian(dqm.Harmonic()), grid, tolerance=0.0)
    stepper = dqm.Chebyshev(dqm.Hamiltonian(dqm.Harmonic()), grid)
    with pytest.raises(RuntimeError, match="too long for the series"):
        dqm.solve(stepper, start, np.array([0.0, 1e4]))


def test_states_of_other_types_are_promoted():
    grid, ts = dqm.Grid((-6.0,), (6.0,), (32,)), np.array([0.0, 0.1])
    start = dqm.gaussian(grid, 0.5, 0.7)
    h = dqm.Hamiltonian(dqm.Harmonic())
    for stepper in (dqm.SplitStep(h, grid), dqm.Chebyshev(h, grid)):
        expected = dqm.solve(stepper, start, ts, substeps=2).final
        for dtype in (jnp.float64, jnp.complex64):
            final = dqm.solve(stepper, start.real.astype(dtype), ts, substeps=2).final
            assert final.dtype == jnp.complex128
            np.testing.assert_allclose(final, expected, rtol=0, atol=1e-7)


def test_a_state_of_any_norm_is_evolved_as_it_is():
    grid, ts = dqm.Grid((-6.0,), (6.0,), (32,)), np.array([0.0, 0.5])
    start = dqm.gaussian(grid, 0.5, 0.7)
    for stepper in (
        dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), grid),
        dqm.Chebyshev(dqm.Hamiltonian(dqm.Harmonic()), grid),
    ):
        once, thrice = (dqm.solve(stepper, c * start, ts, substeps=5).final for c in (1, 3))
        np.testing.assert_allclose(thrice, 3 * once, rtol=0, atol=1e-14)


def test_longest_step_is_where_a_phase_reaches_pi():
    """Largest waves: the first that two neighbouring drifts or kicks cannot tell apart."""
    grid = dqm.Grid((-6.0,), (6.0,), (64,))
    h = dqm.Hamiltonian(dqm.Harmonic(), mass=1.3, hbar=0.8)
    k = np.pi / grid.spacing[0]
    drift = 0.8 * k**2 / (2 * 1.3)
    assert dqm.SplitStep(h, grid, dqm.strang).longest_step() == pytest.approx(np.pi / drift)
    steep = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(30.0)), grid, dqm.strang)
    assert steep.longest_step() == pytest.approx(np.pi / (30**2 * 36 / 2))


def test_bad_input_is_refused():
    grid = dqm.Grid((-6.0,), (6.0,), (32,))
    ts = np.array([0.0, 1.0])
    good = dqm.Hamiltonian(dqm.Harmonic())
    with pytest.raises(dqm.InputError, match="`state` must have the shape"):
        dqm.solve(dqm.SplitStep(good, grid), jnp.ones(31, complex), ts)
    with pytest.raises(dqm.InputError, match="`state` must be finite"):
        dqm.solve(dqm.SplitStep(good, grid), jnp.full(32, jnp.nan + 0j), ts)
    with pytest.raises(dqm.InputError, match="`state` must be finite"):
        dqm.solve(dqm.Chebyshev(good, grid), jnp.full(32, jnp.inf + 0j), ts)
    with pytest.raises(dqm.InputError, match="must return one number"):
        dqm.solve(dqm.SplitStep(dqm.Hamiltonian(lambda x, t: x), grid), jnp.ones(32, complex), ts)
    with pytest.raises(dqm.InputError, match=r"`potential` must be a function of \(x, t\)"):
        dqm.Hamiltonian(lambda x: jnp.sum(x**2))
    with pytest.raises(dqm.InputError, match="`mass` must be positive"):
        dqm.Hamiltonian(dqm.Free(), mass=-1.0)
    with pytest.raises(dqm.InputError, match="`width` must be positive"):
        dqm.gaussian(grid, 0.0, 0.0)
    with pytest.raises(dqm.InputError, match="`center` must be one number or one per axis"):
        dqm.gaussian(grid, (0.0, 1.0), 1.0)
    with pytest.raises(dqm.InputError, match="whole number from 0"):
        dqm.oscillator(grid, -1)
    with pytest.raises(dqm.InputError, match="must add up to 1"):
        dqm.Scheme("bad", 2, (0.5, 0.4), (1.0,))
    with pytest.raises(dqm.InputError, match="must be symmetric"):
        dqm.Scheme("bad", 1, (1.0, 0.0), (1.0,))
    with pytest.raises(dqm.InputError, match="point of two dimensions"):
        dqm.HenonHeiles(0.1)(jnp.ones(3))
