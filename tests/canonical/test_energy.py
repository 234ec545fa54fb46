"""The energy as a functional of (ρ, S), the equations that it generates, and Poisson brackets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax import observables
from dqmjax.wave.potentials import potential_on

RING = dqm.Grid((0.0,), (2 * np.pi,), (48,))
TORUS = dqm.Grid((0.0, 0.0), (2 * np.pi, 4.0), (32, 32))


def bumpy(x, t=0.0):
    return jnp.cos(x[0]) + 0.3 * jnp.sum(jnp.sin(x) ** 2)


@pytest.mark.slow
@pytest.mark.parametrize("grid", [RING, TORUS], ids=["1-D", "2-D"])
def test_equations_agree_with_textbooks(grid, smooth):
    """`−∇·(ρ∇S/m)` and `−(∇S)²/2m − V + (ħ²/2m) Δ√ρ/√ρ`, and an added term; a mass per axis."""
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
    """Norm and momentum are conserved exactly on the grid, for any state."""
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


def test_brackets_agree_with_commutators():
    """For a localised state: {x̄, p̄} = N, {x̄, H} = p̄/m, {p̄, H} = −⟨V'⟩, and (1/iħ)⟨[Â, B̂]⟩."""
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


def test_momentum_generates_translations(smooth):
    """{ρ, p̄} = −∇ρ and {S, p̄} = −∇S, for p̄ = ∫ρ∇S and for the mean of −iħ∇."""
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


def test_hbar_sets_the_diffusion_constant(smooth):
    """An explicit energy with `m(D²/2)(∇ρ/ρ)²` generates the motion of ħ = 2mD."""
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


def test_bracket_with_the_energy_is_the_rate_of_change(smooth):
    """dA/dt = {A, H} along a run, with A = ∫ρ², which is no quantum mechanical mean."""
    h = dqm.Hamiltonian(bumpy)
    a = lambda rho, S: RING.integrate(rho**2)
    state, step = smooth(RING), 1e-3
    run = dqm.solve(dqm.CanonicalStep(h, RING), state, step * np.arange(5.0))
    values = [a(rho, S) for rho, S in zip(*run.saved, strict=True)]
    rate = (values[0] - 8 * values[1] + 8 * values[3] - values[4]) / (12 * step)
    middle = jax.tree.map(lambda y: y[2], run.saved)
    bracket = dqm.bracket(a, dqm.CanonicalEnergy(h, RING), RING)(*middle)
    assert rate == pytest.approx(float(bracket), rel=1e-9)


@pytest.mark.parametrize(
    ("energy", "message"),
    [
        (lambda rho, S: rho, "must return one real number"),
        (lambda rho, S: 1j * jnp.sum(rho), "must return one real number"),
        (lambda rho, S: jnp.sum(jnp.log(-rho) * S), "must have finite derivatives"),
    ],
)
def test_invalid_functionals_are_refused(energy, message, smooth):
    with pytest.raises(dqm.InputError, match=message):
        dqm.canonical_equations(energy, RING)(*smooth(RING))


def test_equations_need_a_positive_density(smooth):
    rho, S = smooth(RING)
    with pytest.raises(dqm.InputError, match="`rho` must be positive everywhere"):
        dqm.canonical_equations(lambda rho, S: jnp.sum(rho), RING)(0 * rho, S)


@pytest.mark.parametrize(
    ("potential", "message"),
    [
        (lambda x, t: -0.5j + 0 * x[0], "`potential` must be real"),
        (lambda x, t: jnp.sin(t) * x[0], "`potential` must not depend on t.*Give `t`"),
    ],
)
def test_potentials_without_an_energy_functional_are_refused(potential, message, smooth):
    energy = dqm.CanonicalEnergy(dqm.Hamiltonian(potential), RING)
    with pytest.raises(dqm.InputError, match=message):
        energy(*smooth(RING))


def test_energy_at_a_given_time(smooth):
    """`⟨V(x, t)⟩` is linear in `sin t` here."""
    h = dqm.Hamiltonian(lambda x, t: jnp.sin(t) * jnp.cos(x[0]))
    energy, (rho, S) = dqm.CanonicalEnergy(h, RING), smooth(RING)
    change = energy(rho, S, 1.0) - energy(rho, S, 0.0)
    exact = np.sin(1.0) * RING.integrate(rho * jnp.cos(RING.points[0]))
    assert change == pytest.approx(float(exact), abs=1e-13)


def test_energies_on_another_grid_are_refused():
    energy = dqm.CanonicalEnergy(dqm.Hamiltonian(dqm.Free()), RING)
    other = dqm.Grid(RING.lower, tuple(2 * edge for edge in RING.upper), RING.shape)
    with pytest.raises(dqm.InputError, match="`grid` must be that of `energy`"):
        dqm.canonical_equations(energy, other)
    with pytest.raises(dqm.InputError, match="`grid` must be that of `a`"):
        dqm.bracket(energy, energy, other)


def test_pairs_of_another_shape_are_refused(smooth):
    energy = dqm.CanonicalEnergy(dqm.Hamiltonian(dqm.Free()), RING)
    rho, S = smooth(RING)
    for call in (energy, dqm.canonical_equations(energy, RING)):
        with pytest.raises(dqm.InputError, match="`rho` must have shape"):
            call(rho[:1], S[:1])
        with pytest.raises(dqm.InputError, match="`S` must be finite"):
            call(rho, S.at[0].set(jnp.nan))
