import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator, eigsh

import dqmjax as dqm
from dqmjax import observables
from dqmjax.wave.spectrum import _trust

LINE = dqm.Grid((-10.0,), (10.0,), (128,))
PLANE = dqm.Grid((-8.0, -8.0), (8.0, 8.0), (40, 40))


def test_levels_of_the_quartic_oscillator():
    levels, states = dqm.eigenstates(dqm.Hamiltonian(dqm.Anharmonic(1.0, 0.0, 0.1)), LINE, 6)
    known = [0.559146327183, 1.769502643949, 3.138624308498]
    known += [4.628882808888, 6.220300900006, 7.899767227871]
    np.testing.assert_allclose(levels, known, rtol=0, atol=1e-10)
    overlaps = LINE.cell * states @ states.T
    np.testing.assert_allclose(overlaps, np.eye(6), rtol=0, atol=1e-12)


def test_splitting_of_the_double_well():
    levels, _ = dqm.eigenstates(dqm.Hamiltonian(dqm.DoubleWell(1.0, 2.0)), LINE, 2)
    assert levels[1] - levels[0] == pytest.approx(0.115606989517, abs=1e-10)


def test_degenerate_levels_of_henon_heiles():
    h = dqm.Hamiltonian(dqm.HenonHeiles(80**-0.5))
    levels, states = dqm.eigenstates(h, PLANE, 3)
    np.testing.assert_allclose(
        levels, [0.998594772605, 1.990076760083, 1.990076760083], rtol=0, atol=1e-9
    )
    assert abs(PLANE.integrate(states[1] * states[2])) < 1e-9


def test_morse_levels_in_closed_form():
    """`E_n = ω(n + ½) − (ω(n + ½))²/4D`, ω = a√(2D/m)."""
    grid = dqm.Grid((-3.0,), (17.0,), (256,))
    levels, _ = dqm.eigenstates(dqm.Hamiltonian(dqm.Morse(8.0, 0.5)), grid, 4)
    ladder = 0.5 * np.sqrt(2 * 8.0) * (np.arange(4) + 0.5)
    np.testing.assert_allclose(levels, ladder - ladder**2 / 32, rtol=0, atol=1e-9)


def test_oscillator_states_agree_with_hermite_functions():
    h = dqm.Hamiltonian(dqm.Harmonic((1.0, 1.4), 0.7), mass=0.7, hbar=1.2)
    levels, states = dqm.eigenstates(h, PLANE, 4)
    quanta = [(0, 0), (1, 0), (0, 1), (2, 0)]
    np.testing.assert_allclose(
        levels, [1.2 * (n + 0.5 + 1.4 * (k + 0.5)) for n, k in quanta], rtol=0, atol=1e-10
    )
    for psi, n in zip(states, quanta, strict=True):
        exact = dqm.oscillator(PLANE, n, (1.0, 1.4), 0.7, 1.2)
        assert observables.fidelity(PLANE, psi + 0j, exact) == pytest.approx(1, abs=1e-12)


def test_gradient_of_an_energy():
    """Hellmann and Feynman's, through `jit`, against differences."""

    @jax.jit
    def third(quartic):
        h = dqm.Hamiltonian(dqm.Anharmonic(1.0, 0.0, quartic))
        return dqm.eigenstates(h, LINE, 3)[0][2]

    difference = (third(0.1 + 1e-4) - third(0.1 - 1e-4)) / 2e-4
    assert jax.grad(third)(0.1) == pytest.approx(float(difference), rel=1e-6)


def test_ground_state_is_stationary():
    h = dqm.Hamiltonian(dqm.DoubleWell(1.0, 2.0))
    energy, psi = dqm.ground_state(h, LINE, tolerance=1e-9)
    final = dqm.solve(dqm.SplitStep(h, LINE), psi + 0j, np.array([0.0, 0.5]), substeps=2000).final
    np.testing.assert_allclose(final, psi * np.exp(-0.5j * energy), rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("potential", "count", "message"),
    [
        (dqm.Harmonic(), 0, "`count` must be an integer of at least 1"),
        (dqm.Harmonic(), 129, "`count` must be between 1 and 128"),
        (lambda x, t: -1j * x[0] ** 2, 1, "`potential` must be real"),
    ],
)
def test_invalid_counts_and_potentials_are_refused(potential, count, message):
    with pytest.raises(dqm.InputError, match=message):
        dqm.eigenstates(dqm.Hamiltonian(potential), LINE, count)


def test_residuals_above_the_tolerance_raise():
    with pytest.raises(RuntimeError, match="did not converge"):
        dqm.eigenstates(dqm.Hamiltonian(dqm.Harmonic()), LINE, 2, tolerance=1e-18)


def level(omega):
    return dqm.ground_state(dqm.Hamiltonian(dqm.Harmonic(omega)), LINE)[0]


@pytest.mark.parametrize(
    "second",
    [jax.jacfwd(jax.grad(level)), jax.grad(jax.grad(level)), jax.hessian(level)],
    ids=["forward over reverse", "reverse over reverse", "hessian"],
)
def test_a_second_derivative_is_refused(second):
    with pytest.raises(dqm.InputError, match="differentiated once only"):
        jax.jit(second)(1.0)


def test_states_are_constants_to_differentiation():
    overlap = lambda omega: dqm.ground_state(dqm.Hamiltonian(dqm.Harmonic(omega)), LINE)[1].sum()
    assert jax.grad(overlap)(1.0) == 0


def test_levels_of_a_batch_and_in_single_precision():
    omegas = np.array([0.8, 1.3])
    np.testing.assert_allclose(jax.vmap(level)(omegas), omegas / 2, rtol=0, atol=1e-10)
    h = dqm.Hamiltonian(lambda x, t: (x[0] ** 2 / 2).astype(np.float32))
    with jax.enable_x64(False):
        energy, state = dqm.ground_state(h, dqm.Grid((-7.0,), (7.0,), (48,)))
    assert state.dtype == np.float32
    assert energy == pytest.approx(0.5, abs=1e-5)


class Wells(dqm.AbstractPotential):
    """Gaussian wells in a plane; one program for all of them."""

    centers: jax.Array
    widths: jax.Array
    depths: jax.Array

    def __call__(self, x, t=0.0):
        away = jnp.sum((x - self.centers) ** 2, axis=1) / (2 * self.widths**2)
        return -jnp.sum(self.depths * jnp.exp(-away))


def wells(seed):
    """Six Gaussian wells at random places of a plane."""
    random = np.random.default_rng(seed)
    centers, widths = random.uniform(-6, 6, (6, 2)), random.uniform(0.8, 1.5, 6)
    return dqm.Hamiltonian(Wells(*map(jnp.asarray, (centers, widths, random.uniform(2, 12, 6)))))


@pytest.mark.parametrize("seed", range(4))
def test_levels_of_random_wells_agree_with_lanczos(seed):
    h = wells(seed)
    levels, _ = dqm.eigenstates(h, PLANE, 6)
    kinetic, potential = (np.asarray(f) for f in (h.kinetic(PLANE), h.potential_on(PLANE)))

    def image(v):
        psi = v.reshape(potential.shape)
        return (np.fft.ifft2(kinetic * np.fft.fft2(psi)).real + potential * psi).ravel()

    operator = LinearOperator((potential.size,) * 2, matvec=image, dtype=float)
    known = np.sort(eigsh(operator, 6, which="SA", ncv=60, return_eigenvectors=False))
    np.testing.assert_allclose(levels, known, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("grid", "potential"),
    [
        (dqm.Grid((-12.0,), (12.0,), (1100,)), dqm.Harmonic()),
        (PLANE, dqm.Harmonic()),
    ],
    ids=["line", "plane"],
)
def test_levels_beyond_the_dense_matrix(grid, potential):
    h = dqm.Hamiltonian(potential, mass=1.3, hbar=0.8)
    levels, _ = dqm.eigenstates(h, grid, 4)
    first = 0.8 * potential.omega / 1.3**0.5
    ladder = [0, 1, 2, 3] if grid.dim == 1 else [0, 1, 1, 2]
    exact = first * (np.array(ladder) + grid.dim / 2)
    np.testing.assert_allclose(levels, exact, rtol=0, atol=1e-9)


@pytest.mark.slow
def test_levels_in_space_are_sums_of_those_on_lines():
    edges, points, mass = (4.0, 4.5, 5.0), (14, 15, 16), (1.0, 1.2, 1.4)
    h = dqm.Hamiltonian(dqm.Harmonic(), mass)
    space = dqm.Grid([-a for a in edges], edges, points)
    levels, _ = dqm.eigenstates(h, space, 4)
    lines = [
        dqm.eigenstates(dqm.Hamiltonian(dqm.Harmonic(), m), dqm.Grid(-a, a, n), 2)[0]
        for m, a, n in zip(mass, edges, points, strict=True)
    ]
    ground = sum(line[0] for line in lines)
    excited = sorted(float(ground + line[1] - line[0]) for line in lines)
    np.testing.assert_allclose(levels, [float(ground), *excited], rtol=0, atol=1e-9)


def test_free_levels_and_a_large_rest_energy():
    """`E = 0` has no scale of its own."""
    grid = dqm.Grid((0.0, 0.0), (2 * np.pi, 2 * np.pi), (34, 34))
    levels, _ = dqm.eigenstates(dqm.Hamiltonian(dqm.Free(), rest_energy=1e6), grid, 5)
    np.testing.assert_allclose(levels - 1e6, [0, 0.5, 0.5, 0.5, 0.5], rtol=0, atol=1e-8)  # 1e6 ε


def test_all_levels_of_the_grid():
    """The trace of Ĥ is their sum; the highest ones are not resolved."""
    h, grid = dqm.Hamiltonian(dqm.Harmonic()), dqm.Grid((-5.0,), (5.0,), (16,))
    levels, _ = dqm.eigenstates(h, grid, 16, tolerance=1.0)
    trace = jnp.mean(h.kinetic(grid)) * 16 + jnp.sum(h.potential_on(grid))
    assert levels.sum() == pytest.approx(float(trace), rel=1e-12)
    with pytest.raises(dqm.InputError, match="short waves that `grid` does not resolve"):
        dqm.eigenstates(h, grid, 16)


COARSE = [
    (dqm.Grid((-10.0,), (10.0,), (16,)), dqm.DoubleWell(10.0, 3.0), "short waves"),
    (dqm.Grid((-8.0,), (8.0,), (16,)), dqm.GaussianBarrier(-50.0, 0.1, 0.5), "between the points"),
    (dqm.Grid((-8.0,), (8.0,), (64,)), dqm.GaussianBarrier(-250.0, 0.02, 0.13), "between the"),
    (dqm.Grid((-2.0,), (2.0,), (64,), isolated=True), dqm.Harmonic(), "reach the edge"),
]


@pytest.mark.parametrize(("grid", "potential", "message"), COARSE)
def test_levels_that_the_grid_does_not_resolve_are_refused(grid, potential, message):
    h = dqm.Hamiltonian(potential)
    with pytest.raises(dqm.InputError, match=message):
        dqm.eigenstates(h, grid, 2)
    energies, states = jax.jit(lambda h: dqm.eigenstates(h, grid, 2))(h)
    assert jnp.isnan(energies).all()
    assert jnp.isnan(states).all()
    slope = jax.jit(jax.grad(lambda m: dqm.ground_state(dqm.Hamiltonian(potential, m), grid)[0]))(
        1.0
    )
    assert jnp.isnan(slope)


def test_a_square_well_is_accepted():
    """Its ψ has kinks; E₀ from `k tan ka = κ`."""
    h = dqm.Hamiltonian(lambda x, t: jnp.where(jnp.abs(x[0]) < 1.0, -10.0, 0.0))
    energy, _ = dqm.ground_state(h, dqm.Grid((-8.0,), (8.0,), (128,)))
    assert energy == pytest.approx(-9.1853, abs=0.1)


def test_grids_are_isolated_only_if_they_say_so():
    grid = dqm.Grid((-2.0,), (2.0,), (64,))
    assert dqm.ground_state(dqm.Hamiltonian(dqm.Harmonic()), grid)[0] < 0.5


LARGE = dqm.Grid((-9.0,), (9.0,), (1100,))


@pytest.mark.parametrize("grid", [LINE, LARGE], ids=["dense", "iterated"])
@pytest.mark.parametrize("derivative", [lambda f: f, jax.grad], ids=["value", "gradient"])
def test_levels_are_exported_for_each_platform(grid, derivative):
    f = lambda omega: dqm.eigenstates(dqm.Hamiltonian(dqm.Harmonic(omega)), grid, 3)[0][2]
    platforms = ("cpu", "cuda", "tpu")
    exported = jax.export.export(jax.jit(derivative(f)), platforms=platforms)
    assert exported(jax.ShapeDtypeStruct((), float)).platforms == platforms


def test_batches_and_gradients_beyond_the_dense_matrix():
    f = lambda omega: dqm.ground_state(dqm.Hamiltonian(dqm.Harmonic(omega)), LARGE)[0]
    levels, slopes = jax.jit(jax.vmap(jax.value_and_grad(f)))(jnp.array([0.8, 1.3]))
    np.testing.assert_allclose(levels, [0.4, 0.65], rtol=0, atol=1e-10)
    np.testing.assert_allclose(slopes, 0.5, rtol=0, atol=1e-8)


def test_a_sweep_compiles_once():
    traces = []

    @jax.jit
    def f(omega, tolerance):
        traces.append(omega)
        return dqm.ground_state(dqm.Hamiltonian(dqm.Harmonic(omega)), LINE, tolerance=tolerance)[0]

    assert [float(f(w, t)) for w, t in [(0.8, 1e-7), (1.2, 1e-8)]] == pytest.approx([0.4, 0.6])
    assert len(traces) == 1


def test_traced_parameters_that_are_not_valid_give_nan():
    assert jnp.isnan(jax.jit(level)(jnp.nan))
    energy = lambda mass: dqm.ground_state(dqm.Hamiltonian(dqm.Harmonic(), mass), LINE)[0]
    assert jnp.isnan(jax.jit(energy)(-1.0))


def test_residuals_are_relative_in_any_unit():
    """No residual is below ε; in SI all are below it as numbers."""
    hbar, mass, length = 1.05e-34, 1.4e-25, 1e-6
    line, spring = dqm.Grid(-8 * length, 8 * length, 64), hbar**2 / (mass * length**4)
    h = dqm.Hamiltonian(lambda x, t: spring * x[0] ** 2 / 2, mass, hbar)
    levels, _ = dqm.eigenstates(h, line, 2)
    np.testing.assert_allclose(levels / (spring / mass) ** 0.5 / hbar, [0.5, 1.5], rtol=1e-10)
    with pytest.raises(RuntimeError, match="did not converge to `tolerance`"):
        dqm.eigenstates(h, line, 2, tolerance=1e-17)


def test_faults_that_are_nan_are_refused():
    with pytest.raises(RuntimeError, match="Levels 1 did not converge"):
        _trust([jnp.array([0.1, jnp.nan])])
