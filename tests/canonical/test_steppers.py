import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import exact_evolution, free_packet, moved_packet

import dqmjax as dqm
from dqmjax import fields, observables
from dqmjax.wave.potentials import potential_on
from dqmjax.wave.states import normalised

RING = dqm.Grid((0.0,), (2 * np.pi,), (48,))
TORUS = dqm.Grid((0.0, 0.0), (2 * np.pi, 4.0), (32, 32))


def smooth(grid):
    """A density without nodes and a drift action, both periodic."""
    length = np.array(grid.upper) - np.array(grid.lower)
    phases = [2 * np.pi * x / n for x, n in zip(grid.points, length, strict=True)]
    rho = jnp.exp(sum(0.6 * jnp.cos(f + 0.3) for f in phases))
    return rho / grid.integrate(rho), sum(0.7 * jnp.sin(f - 0.2) for f in phases)


def bumpy(x, t=0.0):
    return jnp.cos(x[0]) + 0.3 * jnp.sum(jnp.sin(x) ** 2)


@pytest.mark.parametrize("grid", [RING, TORUS], ids=["1-D", "2-D"])
def test_equations_are_those_of_the_textbooks(grid):
    """`−∇·(ρ∇S/m)` and `−(∇S)²/2m − V + (ħ²/2m) Δ√ρ/√ρ`, a mass per axis, and a term added."""
    mass, hbar, g = jnp.array([1.3, 0.8])[: grid.dim], 0.9, 0.4
    h = dqm.Hamiltonian(bumpy if grid is RING else dqm.Free(), mass, hbar)
    energy = dqm.CanonicalEnergy(h, grid)
    interacting = lambda rho, S: energy(rho, S) + g / 2 * grid.integrate(rho**2)
    rho, S = smooth(grid)
    rho_dot, S_dot = dqm.canonical_equations(interacting, grid)(rho, S)
    root, v = jnp.sqrt(rho), grid.gradient(S) / mass
    bend = grid.divergence(grid.gradient(root) / mass)
    V = potential_on(h.potential, grid)
    kinetic = jnp.sum(mass * v**2, axis=-1) / 2
    np.testing.assert_allclose(rho_dot, -grid.divergence(rho[..., None] * v), rtol=0, atol=1e-11)
    textbook = -kinetic - V + hbar**2 / 2 * bend / root - g * rho
    np.testing.assert_allclose(S_dot, textbook, rtol=0, atol=1e-11)


def test_brackets_on_a_random_state():
    """What is exactly conserved on the grid, however rough the state."""
    key = jax.random.split(jax.random.key(0), 2)
    rho = jax.random.uniform(key[0], RING.shape, minval=0.1, maxval=1.0)
    S = 3 * jax.random.normal(key[1], RING.shape)
    energy = dqm.CanonicalEnergy(dqm.Hamiltonian(bumpy), RING)
    free = dqm.CanonicalEnergy(dqm.Hamiltonian(dqm.Free()), RING)
    count = lambda rho, S: RING.integrate(rho)
    momentum = lambda rho, S: observables.mean_momentum(RING, dqm.from_canonical(rho, S))[0]
    for a, b in ((count, energy), (momentum, free)):
        scale = np.abs(RING.cell * np.concatenate(dqm.canonical_equations(b, RING)(rho, S))).sum()
        assert abs(dqm.bracket(a, b, RING)(rho, S)) < 1e-12 * scale
    field = dqm.bracket(lambda rho, S: rho, lambda rho, S: RING.cell * jnp.sum(S * rho), RING)
    np.testing.assert_allclose(field(rho, S), rho, rtol=1e-13)  # {ρ_i, S_j} = δ_ij/w


def test_brackets_are_those_of_quantum_mechanics():
    """Localised: {x̄, p̄} = N, {x̄, H} = p̄/m, {p̄, H} = −⟨V'⟩, and (1/iħ)⟨[Â, B̂]⟩."""
    grid, mass, hbar = dqm.Grid((-9.0,), (9.0,), (96,)), 1.3, 0.9
    well = dqm.Anharmonic(1.0, 0.2, 0.1)
    h = dqm.Hamiltonian(well, mass, hbar)
    psi = dqm.gaussian(grid, 0.4, 0.8, 0.7, hbar, covariance=0.2)
    rho, S = dqm.to_canonical(psi, hbar)
    chart = lambda f: lambda rho, S: f(dqm.from_canonical(rho, S, hbar))
    position = chart(lambda psi: observables.mean_position(grid, psi)[0])
    momentum = chart(lambda psi: observables.mean_momentum(grid, psi, hbar)[0])
    kinetic = chart(lambda psi: observables.kinetic_energy(h, grid, psi))
    potential = chart(lambda psi: observables.potential_energy(h, grid, psi))
    energy = dqm.CanonicalEnergy(h, grid)
    at = lambda a, b: dqm.bracket(a, b, grid)(rho, S)
    force = grid.integrate(grid.at_points(lambda x: well.force(x)[0]) * rho)
    assert at(position, momentum) == pytest.approx(1, abs=1e-12)
    assert at(position, energy) == pytest.approx(float(momentum(rho, S)) / mass, abs=1e-12)
    assert at(momentum, energy) == pytest.approx(float(force), abs=1e-12)
    T = lambda psi: jnp.fft.ifftn(h.kinetic(grid) * jnp.fft.fftn(psi))
    V = lambda psi: potential_on(well, grid) * psi
    commutator = grid.integrate(psi.conj() * (T(V(psi)) - V(T(psi)))) / (1j * hbar)
    assert at(kinetic, potential) == pytest.approx(complex(commutator).real, abs=1e-11)


def test_momentum_generates_translations():
    """{ρ, p̄} = −∇ρ and {S, p̄} = −∇S, p̄ = ∫ρ∇S and as the mean of −iħ∇."""
    rho, S = smooth(TORUS)
    for axis in (0, 1):
        integral = lambda rho, S, axis=axis: TORUS.integrate(rho * TORUS.gradient(S)[..., axis])
        mean = lambda rho, S, axis=axis: observables.mean_momentum(
            TORUS, dqm.from_canonical(rho, S)
        )[axis]
        for momentum in (integral, mean):
            moved = dqm.bracket(lambda rho, S: (rho, S), momentum, TORUS)(rho, S)
            for got, field in zip(moved, (rho, S), strict=True):
                np.testing.assert_allclose(
                    got, -TORUS.gradient(field)[..., axis], rtol=0, atol=1e-11
                )


def test_a_diffusion_constant_beside_hbar():
    """`m(D²/2)(∇ρ/ρ)²` in place of D = ħ/2m, written out, moves as ħ = 2mD does."""
    mass, D = 1.3, 0.21
    by_hand = lambda rho, S: RING.integrate(
        rho * RING.gradient(S)[..., 0] ** 2 / (2 * mass)
        + mass * D**2 / 2 * RING.gradient(rho)[..., 0] ** 2 / rho
        + rho * RING.at_points(bumpy)
    )
    state = smooth(RING)
    energy = dqm.CanonicalEnergy(dqm.Hamiltonian(bumpy, mass, 2 * mass * D), RING)
    got, exact = (dqm.canonical_equations(f, RING)(*state) for f in (energy, by_hand))
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-10)


def test_what_changes_is_what_the_bracket_says():
    """dA/dt = {A, H} along a run, A = ∫ρ², no quantum mechanical mean."""
    h = dqm.Hamiltonian(bumpy)
    a = lambda rho, S: RING.integrate(rho**2)
    state, step = smooth(RING), 1e-3
    run = dqm.solve(dqm.CanonicalStep(h, RING), state, step * np.arange(5.0))
    values = [a(rho, S) for rho, S in zip(*run.saved, strict=True)]
    rate = (values[0] - 8 * values[1] + 8 * values[3] - values[4]) / (12 * step)
    middle = jax.tree.map(lambda y: y[2], run.saved)
    bracket = dqm.bracket(a, dqm.CanonicalEnergy(h, RING), RING)(*middle)
    assert rate == pytest.approx(float(bracket), rel=1e-9)


@pytest.mark.parametrize("boost", [0.0, 5.37])
def test_free_packet_with_any_boost(boost):
    """Against the closed form, S included up to a whole number of 2πħ."""
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
    assert np.abs(np.diff(S[lit] - momentum * x[lit])).max() < 1.5  # and continuous


PACKETS = {  # center, width, momentum, covariance, ω; width √(ħ/2mω) = 0.588 is coherent
    "at rest": (0.3, 0.7, 0.0, 0.0, 0.0),
    "moving": (-0.5, 0.7, 1.1, 0.2, 0.0),
    "coherent": (0.8, 0.8**0.5 / (2 * 1.3) ** 0.5, 0.5, 0.0, 1.0),
    "squeezed": (0.6, 0.5, -0.4, 0.1, 1.0),
}


CASES = [(packet, dim, False) for packet in PACKETS for dim in (1, 2)] + [("coherent", 3, False)]
CASES += [pytest.param(packet, 1, True, marks=pytest.mark.slow) for packet in PACKETS]
CASES += [
    pytest.param(packet, 2, True, marks=pytest.mark.slow) for packet in ("moving", "squeezed")
]


@pytest.mark.parametrize(("packet", "dim", "atlas"), CASES)
def test_gaussians_move_as_they_should(packet, dim, atlas):
    """ρ, and phases up to one, of a free packet and in an oscillator, against closed forms."""
    *numbers, omega = PACKETS[packet]
    hbar, mass, t = 0.8, 1.3, 0.4
    half, points = (6.5, 48) if dim == 3 else (9.0, 64)
    grid = dqm.Grid((-half,) * dim, (half,) * dim, (points,) * dim)
    well = dqm.Harmonic(omega, mass) if omega else dqm.Free()
    h = dqm.Hamiltonian(well, mass, hbar)
    start = dqm.to_canonical(packet_on(grid, numbers, hbar), hbar)
    steppers = dqm.CanonicalStep(h, grid), dqm.AtlasStep(dqm.CanonicalEnergy(h, grid), grid, hbar)
    substeps, most = ((40, 1e-10), (100, 1e-9))[atlas]
    run = dqm.solve(steppers[atlas], start, np.array([0.0, t]), substeps=substeps)
    exact = packet_on(grid, moved_packet(*numbers, t, omega, mass, hbar), hbar)
    rho, S = run.final
    assert grid.integrate(jnp.abs(rho - jnp.abs(exact) ** 2)) < most
    psi = dqm.from_canonical(rho, S, hbar)
    overlap = grid.integrate(exact.conj() * psi)
    np.testing.assert_allclose(psi, exact * overlap, rtol=0, atol=most)
    assert np.abs(jnp.abs(exact) ** 2 - start[0]).max() > 0.01


def packet_on(grid, numbers, hbar):
    *packet, covariance = (tuple(np.broadcast_to(v, grid.dim)) for v in numbers)
    return dqm.gaussian(grid, *packet, hbar, covariance=covariance)


def two_packets():
    grid = dqm.Grid((-10.0,), (10.0,), (128,))
    psi = dqm.cat(grid, 2.5, 0.6, -1.5)
    return dqm.Hamiltonian(dqm.Free()), grid, psi, 1.6


def barrier():
    grid = dqm.Grid((-14.0,), (14.0,), (192,))
    psi = dqm.gaussian(grid, -4.0, 0.7, 2.0)
    return dqm.Hamiltonian(dqm.SechBarrier(2.0, 1.5)), grid, psi, 2.0


def phase_slip():
    """Two windings of a ring in one state, their weights exchanged by V: the winding slips."""
    psi = 1 + 0.8 * jnp.exp(1j * RING.points[0])
    psi = normalised(RING, psi)
    return dqm.Hamiltonian(lambda x, t: 0.6 * jnp.cos(x[0])), RING, psi, 3.0


def quartic():
    grid = dqm.Grid((-7.0,), (7.0,), (96,))
    return dqm.Hamiltonian(dqm.Anharmonic(1.0, 0.0, 0.1)), grid, dqm.cat(grid, 1.5, 0.6), 2.0


@pytest.mark.parametrize("case", [two_packets, barrier, phase_slip, quartic])
def test_through_nodes_vacuum_and_slips(case):
    h, grid, psi, t = case()
    ts = np.linspace(0, t, 5)
    run = dqm.solve(dqm.CanonicalStep(h, grid), dqm.to_canonical(psi), ts, substeps=60)
    for i in (2, 4):
        exact = exact_evolution(h, grid, psi, ts[i])
        assert grid.integrate(jnp.abs(run.saved[0][i] - jnp.abs(exact) ** 2)) < 1e-10
    if case is phase_slip:
        turns = [
            dqm.polar.windings(dqm.from_canonical(rho, S))[0]
            for rho, S in zip(*run.saved, strict=True)
        ]
        assert len({int(n) for n in turns}) > 1
    contrast = run.saved[0].min() / run.saved[0].max()
    assert contrast < (1e-2 if case is phase_slip else 1e-20)


@pytest.mark.slow
@pytest.mark.parametrize("case", [two_packets, barrier, phase_slip, quartic])
def test_atlas_through_nodes_vacuum_and_slips(case):
    h, grid, psi, t = case()
    stepper = dqm.AtlasStep(dqm.CanonicalEnergy(h, grid), grid)
    run = dqm.solve(stepper, dqm.to_canonical(psi), np.array([0.0, t]), substeps=int(500 * t))
    exact = exact_evolution(h, grid, psi, t)
    rho, S = run.final
    assert grid.integrate(jnp.abs(rho - jnp.abs(exact) ** 2)) < 1e-9
    assert grid.integrate(rho) == pytest.approx(1, abs=5e-15 * 500 * t + 1e-13)
    overlap = grid.integrate(exact.conj() * dqm.from_canonical(rho, S))
    assert overlap == pytest.approx(1, abs=1e-9)  # phases too


def test_atlas_takes_any_functional():
    """The moving bright soliton of −|ψ|⁴/2, whose form and phase are known."""
    grid, speed = dqm.Grid((-24.0,), (24.0,), (256,)), 0.7
    free = dqm.CanonicalEnergy(dqm.Hamiltonian(dqm.Free()), grid)

    def energy(rho, S):
        return free(rho, S) - grid.integrate(rho**2) / 2

    def soliton(t):
        x = grid.points[0]
        phase = speed * x + (1 - speed**2) * t / 2
        return jnp.exp(1j * phase) / jnp.cosh(x - speed * t)

    stepper = dqm.AtlasStep(energy, grid, total=2.0)
    ts = np.array([0.0, 0.5, 1.0])
    run = dqm.solve(stepper, dqm.to_canonical(soliton(0.0)), ts, substeps=120)
    for t, rho, S in zip(ts, *run.saved, strict=True):
        np.testing.assert_allclose(dqm.from_canonical(rho, S), soliton(t), rtol=0, atol=1e-9)


@pytest.mark.parametrize("atlas", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_moving_vortex_keeps_its_charge(atlas):
    """`(x + iy) e^{−r²/2}` moved off the middle of an oscillator: it goes round, charge +1."""
    grid = dqm.Grid((-9.0,) * 2, (9.0,) * 2, (72, 72))
    x, y = grid.points

    def state(t):
        a = 1.3 * jnp.exp(-1j * t)  # the middle of the vortex on its classical orbit
        x0, p0 = a.real, a.imag
        packet = jnp.exp(-((x - x0) ** 2 + y**2) / 2 + 1j * p0 * (x - x0 / 2))
        core = (x - x0) + 1j * y
        return core * packet * jnp.exp(-2j * t) / jnp.sqrt(jnp.pi)

    h = dqm.Hamiltonian(dqm.Harmonic())
    stepper, ts, substeps, most = dqm.CanonicalStep(h, grid), [0.0, 0.7, 1.9], 40, 1e-10
    if atlas:
        stepper = dqm.AtlasStep(dqm.CanonicalEnergy(h, grid), grid)
        ts, substeps, most = [0.0, 0.2, 0.4], 50, 1e-9
    run = dqm.solve(stepper, dqm.to_canonical(state(0.0)), np.array(ts), substeps=substeps)
    for t, rho, S in zip(ts, *run.saved, strict=True):
        assert grid.integrate(jnp.abs(rho - jnp.abs(state(t)) ** 2)) < most
        report = dqm.polar.inspect_phase(grid, dqm.from_canonical(rho, S))
        ((position, axes, charge),) = report.vortices
        assert (axes, charge) == ((0, 1), 1)
        assert np.abs(np.array(position) - [1.3 * np.cos(t), 0]).max() < 0.75 * grid.spacing[0]


def test_action_is_continuous_from_save_to_save():
    """−E dt without a jump, for a level of energy 3.5: more than 2πħ in the end."""
    grid = dqm.Grid((-9.0,), (9.0,), (96,))
    start = dqm.to_canonical(dqm.oscillator(grid, 3))
    stepper = dqm.CanonicalStep(dqm.Hamiltonian(dqm.Harmonic()), grid)
    ts = np.linspace(0, 5, 11)
    run = dqm.solve(stepper, start, ts, substeps=20)
    middle = np.argmax(start[0])
    np.testing.assert_allclose(
        run.saved[1][:, middle] - start[1][middle], -3.5 * ts, rtol=0, atol=1e-9
    )


def test_action_is_continuous_on_both_sides_of_a_node():
    """Two parts whose phases drift apart by more than a turn."""
    grid = dqm.Grid((-16.0,), (16.0,), (96,))
    one, other = (dqm.gaussian(grid, c, 0.7) for c in (-6.0, 6.0))
    S = None
    for phase in np.arange(0, 8, 0.5):
        _, S = dqm.to_canonical(0.8 * one + np.exp(1j * phase) * other, like=S)
        assert S[66] - S[30] == pytest.approx(phase, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    "scheme", [dqm.strang, dqm.blanes_moan4, dqm.blanes_moan6, dqm.nystrom6, "atlas"]
)
def test_order(scheme):
    """In ρ and in S, through steps of (ρ, S)."""
    points, height = (16, 1) if scheme == "atlas" else (32, 8)
    ring = dqm.Grid((0.0,), (2 * np.pi,), (points,))
    h, start = dqm.Hamiltonian(lambda x, t: height * jnp.cos(x[0])), smooth(ring)
    if scheme == "atlas":
        make = dqm.AtlasStep(dqm.CanonicalEnergy(h, ring), ring, iterations=60)
        counts, order = [16, 20, 24, 28], 6
    else:
        make = dqm.CanonicalStep(h, ring, scheme)
        order = scheme.order
        counts = {2: [40, 80, 160, 320], 4: [20, 28, 40, 56], 6: [6, 7, 8, 10]}[order]
    ends = np.array([0.0, 0.5])
    exact = dqm.solve(dqm.CanonicalStep(h, ring), start, ends, substeps=60).final
    errors = []
    for n in counts:
        final = dqm.solve(make, start, ends, substeps=n).final
        errors.append(np.linalg.norm(np.concatenate(final) - np.concatenate(exact)))
    slope, _ = np.polyfit(np.log(counts), np.log(errors), 1)
    assert -slope == pytest.approx(order, abs=0.2)


def test_action_is_exact_where_the_density_is_a_ten_billionth():
    """A squeezed packet, S in closed form; and the winding of a ring."""
    grid, width, covariance = dqm.Grid((-10.0,), (10.0,), (128,)), 0.8, 0.6
    psi = dqm.gaussian(grid, 0.3, width, 1.7, covariance=covariance)
    rho, S = dqm.to_canonical(psi)
    x = grid.points[0]
    exact = covariance * (x - 0.3) ** 2 / (2 * width**2) + 1.7 * x
    lit = rho > 1e-10 * rho.max()
    error = (S - exact)[lit]
    np.testing.assert_allclose(error, error[0], rtol=0, atol=1e-10)
    for turns in (-3, 0, 5):
        around = jnp.exp(1j * turns * RING.points[0]) * (1 + 0.3 * jnp.cos(RING.points[0]))
        assert dqm.polar.windings(around)[0] == turns
        assert jnp.ptp(dqm.to_canonical(around)[1]) == pytest.approx(
            abs(turns) * 2 * np.pi * 47 / 48, abs=1e-12
        )


def test_a_whole_run_is_symplectic():
    """`MᵀJM = J` for the Jacobian of (ρ, S) at the end to (ρ, S) at the start."""
    ring = dqm.Grid((0.0,), (2 * np.pi,), (16,))
    rho, S = smooth(ring)
    stepper = dqm.CanonicalStep(dqm.Hamiltonian(bumpy), ring, dqm.strang)

    def run(z):
        final = dqm.solve(stepper, tuple(z.reshape(2, -1)), np.array([0.0, 0.5]), substeps=20).final
        return jnp.concatenate(final)

    M = jax.jacfwd(run)(jnp.concatenate([rho, S]))
    J = np.kron([[0, 1], [-1, 0]], np.eye(16))
    assert np.abs(M - np.eye(32)).max() > 0.1
    np.testing.assert_allclose(M.T @ J @ M, J, rtol=0, atol=1e-13)


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
    assert abs(trend) < 2e-11  # what the norm loses


def test_atlas_is_symplectic_though_its_charts_change():
    """From a state without nodes through one that has some."""
    ring = dqm.Grid((0.0,), (2 * np.pi,), (16,))
    psi = normalised(ring, 1 + 0.9 * jnp.exp(1j * ring.points[0]))
    h = dqm.Hamiltonian(lambda x, t: 0.6 * jnp.cos(x[0]))
    energy = dqm.CanonicalEnergy(h, ring)
    start = jnp.concatenate(dqm.to_canonical(psi))

    def run(z):
        stepper = dqm.AtlasStep(energy, ring, threshold=0.3, iterations=40)
        state = tuple(z.reshape(2, -1))
        final = dqm.solve(stepper, state, np.array([0.0, 0.6]), substeps=30).final
        return jnp.concatenate(final)

    lit = lambda z: np.sqrt(z[:16]) > 0.3 * np.sqrt(z[:16].max())
    assert (lit(start) != lit(run(start))).any()
    M = jax.jacfwd(run)(start)
    J = np.kron([[0, 1], [-1, 0]], np.eye(16))
    np.testing.assert_allclose(M.T @ J @ M, J, rtol=0, atol=1e-13)


def losses(rho, S, flow, lit):
    """A functional of ρ, a difference of S and a current, at points of some density."""
    return jnp.stack([jnp.sum(rho**2), S[lit[1]] - S[lit[0]], flow[lit[1]]])


@pytest.mark.slow
@pytest.mark.parametrize("adjoint", [dqm.Checkpointed(), dqm.Reversible()])
@pytest.mark.parametrize("case", ["nodes", "vacuum"])
def test_gradients_through_nodes_and_vacuum(case, adjoint):
    """To ħ, m and a potential, in reverse: as differences, and as those of the wave function."""
    grid = dqm.Grid((-10.0,), (10.0,), (96,))
    psi = dqm.cat(grid, 2.5, 0.6, -1.5) if case == "nodes" else dqm.gaussian(grid, -4.0, 0.7, 2.0)
    lit, t = ((44, 53), 1.6) if case == "nodes" else ((38, 60), 2.5)

    def values(parameters, canonical=True):
        hbar, mass, height = parameters
        h = dqm.Hamiltonian(dqm.SechBarrier(height, 1.5), mass, hbar)
        start = dqm.to_canonical(psi, hbar) if canonical else psi
        make = dqm.CanonicalStep if canonical else dqm.SplitStep
        ts = np.array([0.0, t])
        final = dqm.solve(make(h, grid), start, ts, substeps=30, adjoint=adjoint).final
        rho, S = final if canonical else dqm.to_canonical(final, hbar)
        flow = fields.current(h, grid, dqm.from_canonical(rho, S, hbar))[..., 0]
        return losses(rho, S, flow, lit)

    at, step = jnp.array([0.9, 1.1, 0.8]), 1e-3
    got = jax.jit(jax.jacrev(values))(at)
    exact = jax.jit(jax.jacrev(lambda at: values(at, False)))(at)
    np.testing.assert_allclose(got, exact, rtol=1e-8)
    rho = jnp.abs(psi) ** 2
    assert rho.min() < 1e-20 * rho.max()
    value = jax.jit(values)
    for i, e in enumerate(step * jnp.eye(3)):
        f = [value(at + n * e) for n in (-3, -2, -1, 1, 2, 3)]
        difference = (45 * (f[3] - f[2]) - 9 * (f[4] - f[1]) + f[5] - f[0]) / (60 * step)
        np.testing.assert_allclose(got[:, i], difference, rtol=1e-7)


@pytest.mark.slow
def test_gradients_of_the_atlas():
    """Through nodes and changes of chart: as those of the split step."""
    ring = dqm.Grid((0.0,), (2 * np.pi,), (16,))
    psi = normalised(ring, 1 + 0.9 * jnp.exp(1j * ring.points[0]))

    def values(parameters, atlas):
        hbar, mass, height = parameters
        h = dqm.Hamiltonian(lambda x, t: height * jnp.cos(x[0]), mass, hbar)
        stepper = dqm.CanonicalStep(h, ring)
        if atlas:
            stepper = dqm.AtlasStep(dqm.CanonicalEnergy(h, ring), ring, hbar, threshold=0.3)
        start, ts = dqm.to_canonical(psi, hbar), np.array([0.0, 0.6])
        rho, S = dqm.solve(stepper, start, ts, substeps=30).final
        flow = fields.current(h, ring, dqm.from_canonical(rho, S, hbar))[..., 0]
        return losses(rho, S, flow, (0, 3))

    at = jnp.array([0.9, 1.1, 0.6])
    got, exact = (jax.jit(jax.jacrev(values), static_argnums=1)(at, a) for a in (True, False))
    np.testing.assert_allclose(got, exact, rtol=1e-7)


def test_bad_input_is_refused():
    rho, S = smooth(RING)
    stepper, ts = dqm.CanonicalStep(dqm.Hamiltonian(bumpy), RING), np.array([0.0, 0.1])
    jump = S + jnp.where(RING.points[0] > 3, 1.0, 0.0)
    fine = dqm.Grid((-10.0,), (10.0,), (2048,))
    small = jnp.where(fine.points[0] > 0, 0.3, 0.0)
    packet = (jnp.abs(dqm.gaussian(fine, 0.0, 0.7)) ** 2, small)
    with pytest.raises(RuntimeError, match="S must not jump"):
        dqm.solve(dqm.CanonicalStep(dqm.Hamiltonian(dqm.Free()), fine), packet, ts)
    for message, error, state in (
        ("`rho` must be real and of shape", dqm.InputError, (rho[1:], S)),
        ("`S` must be real", dqm.InputError, (rho, S + 0j)),
        ("`state` must be finite", dqm.InputError, (rho, S / 0)),
        ("`rho` must not be negative", RuntimeError, (rho - 0.1, S)),
        ("`rho` must integrate to 1.0", RuntimeError, (1.01 * rho, S)),
        ("S must not jump", RuntimeError, (rho, jump)),
    ):
        with pytest.raises(error, match=message):
            dqm.solve(stepper, state, ts)
    for wrong in (lambda rho, S: rho, lambda rho, S: 1j * jnp.sum(rho)):
        with pytest.raises(dqm.InputError, match="must return one real number"):
            dqm.canonical_equations(wrong, RING)(rho, S)
    with pytest.raises(dqm.InputError, match="must have finite derivatives"):
        dqm.canonical_equations(lambda rho, S: jnp.sum(jnp.log(-rho) * S), RING)(rho, S)
    with pytest.raises(dqm.InputError, match="`rho` must be positive everywhere"):
        dqm.canonical_equations(lambda rho, S: jnp.sum(rho), RING)(0 * rho, S)
    with pytest.raises(dqm.InputError, match="`rho` must not be negative"):
        dqm.from_canonical(rho - 1, S)
    absorbing, moving = (lambda x, t: -0.5j + 0 * x[0]), (lambda x, t: jnp.sin(t) * x[0])
    for potential, message in ((absorbing, "must be real"), (moving, "`t` must be given")):
        energy = dqm.CanonicalEnergy(dqm.Hamiltonian(potential), RING)
        with pytest.raises(dqm.InputError, match=message):
            dqm.solve(dqm.AtlasStep(energy, RING), (rho, S), ts)
    with pytest.raises(dqm.InputError, match="`hbar` must be positive"):
        dqm.to_canonical(jnp.ones(8, complex), hbar=-1.0)
    with pytest.raises(dqm.InputError, match="`hbar` must be positive"):
        dqm.Hamiltonian(bumpy, hbar=-0.1)


def test_absorbed_density_is_not_missed():
    """Where V absorbs, less than all may be left from save time to save time."""
    h = dqm.Hamiltonian(lambda x, t: -0.5j + 0 * x[0])
    stepper, ts = dqm.CanonicalStep(h, RING), np.array([0.0, 0.5, 1.0])
    run = dqm.solve(stepper, smooth(RING), ts)
    np.testing.assert_allclose(
        [RING.integrate(rho) for rho in run.saved[0]], np.exp(-ts), rtol=1e-8
    )


@pytest.mark.parametrize(("iterations", "what"), [(20, "did not converge"), (100, "reached ρ = 0")])
def test_a_step_too_long_for_the_atlas_is_told(iterations, what):
    """A node passes a site that is still polar."""
    ring = dqm.Grid((0.0,), (2 * np.pi,), (16,))
    psi = normalised(ring, 1 + 0.9 * jnp.exp(1j * ring.points[0]))
    energy = dqm.CanonicalEnergy(dqm.Hamiltonian(lambda x, t: 0.6 * jnp.cos(x[0])), ring)
    start, ts = dqm.to_canonical(psi), np.array([0.0, 0.6])
    stepper = dqm.AtlasStep(energy, ring, threshold=1e-4, iterations=iterations)
    with pytest.raises(RuntimeError, match=what):
        dqm.solve(stepper, start, ts, substeps=4)


def test_atlas_takes_the_boost_of_its_energy():
    h, boost = dqm.Hamiltonian(bumpy), 0.37
    rho, S = smooth(RING)
    state, ts = (rho, S + boost * RING.points[0]), np.array([0.0, 0.1])
    atlas = dqm.AtlasStep(dqm.CanonicalEnergy(h, RING, boost), RING)
    got = dqm.solve(atlas, state, ts, substeps=100).final
    exact = dqm.solve(dqm.CanonicalStep(h, RING, boost=boost), state, ts, substeps=10).final
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-11)


def test_single_precision():
    h, grid, psi, t = barrier()
    with jax.enable_x64(False):
        start = dqm.to_canonical(jnp.asarray(psi, jnp.complex64))
        ts = jnp.array([0.0, t])
        rho, S = dqm.solve(dqm.CanonicalStep(h, grid), start, ts, substeps=60).final
    assert rho.dtype == S.dtype == jnp.float32
    exact = jnp.abs(exact_evolution(h, grid, psi, t)) ** 2
    assert grid.integrate(jnp.abs(rho - exact)) < 1e-4


def test_a_run_that_leaves_the_grid_is_told_at_its_end():
    grid = dqm.Grid((-6.0,), (6.0,), (48,))
    stepper = dqm.CanonicalStep(dqm.Hamiltonian(dqm.Harmonic(20.0)), grid)
    start = dqm.to_canonical(dqm.gaussian(grid, 1.5, 0.5))
    with pytest.raises(RuntimeError, match="not resolved by the grid"):
        dqm.solve(stepper, start, np.array([0.0, np.pi / 40]), substeps=50)


def test_density_has_all_its_derivatives_at_a_node():
    grid = dqm.Grid((-9.0,), (9.0,), (96,))
    levels = [dqm.oscillator(grid, n) for n in (0, 1)]
    rho = lambda c: dqm.to_canonical(levels[1] + c * levels[0])[0][48]
    assert levels[1][48] == 0
    assert jax.grad(jax.grad(rho))(0.0) == pytest.approx(2 / np.sqrt(np.pi), abs=1e-12)


def test_what_single_precision_and_a_mask_leave_out():
    grid = dqm.Grid((-9.0,), (9.0,), (96,))
    psi = dqm.gaussian(grid, 0.0, 0.7)
    with pytest.raises(dqm.InputError, match="`accuracy` must be above 1"):
        dqm.polar.inspect_phase(grid, psi.astype(jnp.complex64), 1e-8)
    for accuracy in (1e-6, 1e-14):
        report = dqm.polar.inspect_phase(grid, psi, accuracy)
        outside = 1 - float(grid.integrate(jnp.abs(psi) ** 2 * report.mask))
        assert report.unknown == pytest.approx(outside, abs=1e-14)
    assert 1e-5 < report.unknown < 1e-3  # with digits asked for that only the middle has
