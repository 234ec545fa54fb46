"""Coefficients from and to matrices, QuTiP, Husimi densities and wave functions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
import scipy
from systems import random_state

import dqmjax as dqm

BASIS = dqm.FockBargmann(10)
LINE = dqm.Grid((-14.0,), (14.0,), (128,))


def quanta(xi):
    """|β|² of the modes with ℓ = κ = 1."""
    q, p = jnp.split(xi, 2)
    return (q**2 + p**2) / 2


def thermal_density(nbar):
    return lambda xi: jnp.exp(-quanta(xi)[0] / (1 + nbar)) / (1 + nbar) / (2 * jnp.pi)


def test_matrices_are_qutip_s():
    state = random_state(12, 9)
    np.testing.assert_array_equal(BASIS.from_matrix(state.full()), BASIS.from_qutip(state))
    ket = qutip.rand_ket(10, seed=1)
    for array in (ket.full(), ket.full()[:, 0], jnp.asarray(ket.full())):
        np.testing.assert_allclose(BASIS.from_matrix(array), ket.proj().full(), atol=1e-16)


def test_modes_of_a_matrix_may_have_other_levels():
    state = qutip.tensor(qutip.basis(6, 2), qutip.coherent(5, 0.3)).full()
    basis = dqm.FockBargmann((4, 5))
    got = basis.from_matrix(state, levels=(6, 5))
    exact = np.zeros((4, 5), complex)
    exact[2] = qutip.coherent(5, 0.3).full()[:, 0]
    np.testing.assert_allclose(got, basis.pure(jnp.asarray(exact)), rtol=0, atol=1e-16)
    cut = got.reshape(20, 20)
    np.testing.assert_array_equal(basis.from_matrix(cut), got)
    with pytest.raises(dqm.InputError, match="give its `levels`"):
        basis.from_matrix(state)


def test_what_lies_beyond_is_refused_also_when_traced():
    state = np.diag([0.5, 0.0, 0.0, 0.5])
    basis = dqm.FockBargmann(3)
    with pytest.raises(dqm.InputError, match=r"but 0\.5 of its norm lies beyond"):
        basis.from_matrix(state)
    with pytest.raises(dqm.InputError, match="but 1 of its norm lies beyond"):
        basis.from_matrix(np.eye(4)[3])
    traced = jax.jit(basis.from_matrix)
    assert np.isnan(traced(state)).all()
    np.testing.assert_array_equal(traced(np.eye(4)[1]), np.diag([0, 1, 0]))
    slope = jax.grad(lambda x: basis.from_matrix(x * jnp.eye(4)[1])[1, 1].real)(3.0)
    assert slope == pytest.approx(6.0)


@pytest.mark.parametrize("cutoff", [7, (3, 4)])
def test_qutip_and_back(cutoff):
    basis = dqm.FockBargmann(cutoff)
    dims = list(basis.cutoff)
    ket = qutip.rand_ket(dims, seed=2)
    rho = qutip.rand_dm(dims, seed=3)
    amplitudes = jnp.asarray(ket.full().reshape(dims))
    assert basis.to_qutip(amplitudes) == ket
    assert basis.to_qutip(basis.from_qutip(ket)) == ket.proj()
    assert basis.to_qutip(basis.from_qutip(rho)) == rho


@pytest.mark.parametrize(
    ("density", "state"),
    [
        (lambda xi: jnp.exp(-quanta(xi)[0]) * quanta(xi)[0] ** 3 / 12 / jnp.pi, BASIS.fock(3)),
        (thermal_density(0.09), BASIS.thermal(0.09, loss=1e-7)),
        (
            lambda xi: (
                jnp.exp(-quanta(xi)[0] - np.tanh(0.05) * (xi[0] ** 2 - xi[1] ** 2) / 2)
                / (2 * jnp.pi * np.cosh(0.05))
            ),
            BASIS.squeezed(0.0, 0.05, 0.0),
        ),
        (
            lambda xi: (
                jnp.exp(-quanta(xi)[0] - 0.09)
                * (jnp.cosh(0.3 * np.sqrt(2) * xi[0]) + jnp.cos(0.3 * np.sqrt(2) * xi[1]))
                / (1 + np.exp(-0.18))
                / (2 * jnp.pi)
            ),
            BASIS.cat(0.3),
        ),
    ],
)
def test_coefficients_of_a_husimi_density(density, state):
    """Those of closed forms; 3^14 times round-off."""
    np.testing.assert_allclose(BASIS.from_husimi(density), state, rtol=0, atol=1e-9)


def test_coefficients_of_a_husimi_density_of_two_modes():
    """`Q ∝ e^{−|α|² − |β|² + 2λ Re αβ}` is the two-mode squeezed vacuum, `c_nn ∝ λⁿ`."""
    basis, squeeze = dqm.FockBargmann((5, 6), ell=(1.3, 0.8), kappa=1.2), 0.01

    def density(xi):
        a, b = basis.amplitude(xi)
        exponent = -(jnp.abs(a) ** 2) - jnp.abs(b) ** 2 + 2 * squeeze * (a * b).real
        return (1 - squeeze**2) * jnp.exp(exponent) / (2 * jnp.pi * 1.2) ** 2

    ket = np.zeros((5, 6))
    np.fill_diagonal(ket, squeeze ** np.arange(5) * np.sqrt(1 - squeeze**2))
    got = basis.from_husimi(density)
    np.testing.assert_allclose(got, basis.pure(jnp.asarray(ket)), rtol=0, atol=1e-8)


def test_a_husimi_density_is_differentiable_and_may_be_mixed():
    rho = np.asarray(BASIS.from_qutip(random_state(10, 8)))
    points = lambda xi: BASIS.density(jnp.asarray(rho), xi[None])[0]
    np.testing.assert_allclose(BASIS.from_husimi(points), rho, rtol=0, atol=1e-9)
    level = jax.jit(jax.grad(lambda nbar: BASIS.from_husimi(thermal_density(nbar))[1, 1].real))
    assert level(0.05) == pytest.approx((1 - 0.05) / 1.05**3, abs=1e-9)


@pytest.mark.parametrize(
    ("density", "message"),
    [
        (lambda xi: jnp.exp(-3 * quanta(xi)[0]), "lies beyond|change by more"),
        (lambda xi: jnp.exp(-quanta(xi)[0]) * (xi[0] > 0), "lies beyond|change by more"),
        (lambda xi: 1.0 * (quanta(xi)[0] < 1), "lies beyond|change by more"),
        (thermal_density(1.0), "lies beyond|change by more"),
        (lambda xi: jnp.exp(-quanta(xi)[0]) * (1 + 1e-7 * jnp.sin(30 * xi[0])), "lies|change"),
        (lambda xi: jnp.exp(1j * xi[0]), "`density` must return one real number"),
        (lambda xi: xi, "`density` must return one real number"),
        (lambda xi: 1 / (0 * xi[0]), "`density` must be finite"),
        (lambda xi: xi[2], "`density` uses a coordinate"),
    ],
)
def test_no_husimi_density_of_the_basis(density, message):
    with pytest.raises(dqm.InputError, match=message):
        BASIS.from_husimi(density)


def test_too_many_levels_for_a_husimi_density():
    basis = dqm.FockBargmann(16)
    with pytest.raises(dqm.InputError, match=r"`cutoff` must be lower than \(16,\), or `loss`"):
        basis.from_husimi(thermal_density(0.05))
    got = basis.from_husimi(thermal_density(0.05), loss=1e-7)
    np.testing.assert_allclose(got, basis.thermal(0.05), rtol=0, atol=1e-6)


def test_a_husimi_density_in_single_precision():
    with jax.enable_x64(False):
        basis = dqm.FockBargmann(5)
        got = basis.from_husimi(thermal_density(0.02), loss=1e-3)
        np.testing.assert_allclose(got, basis.thermal(0.02), rtol=0, atol=1e-3)


def packet(grid):
    """With q, p, width and their correlation different along each axis."""
    count = grid.dim
    options = {"momentum": (0.5, -0.3)[:count], "covariance": (0.1, -0.05)[:count]}
    return dqm.gaussian(grid, (0.4, -0.2)[:count], (0.65, 0.5)[:count], hbar=0.8, **options)


@pytest.mark.slow
@pytest.mark.parametrize("axes", [1, 2])
def test_a_wave_has_the_husimi_density_of_its_amplitudes(axes):
    grid = dqm.Grid((-7.0,) * axes, (7.0,) * axes, (64,) * axes)
    basis = dqm.FockBargmann((22,) * axes, ell=(0.9, 0.75)[:axes], kappa=0.8)
    psi = packet(grid)
    ket = basis.from_wave(grid, psi)
    points = jnp.asarray(np.random.default_rng(0).normal(size=(6, 2 * axes)))
    exact = dqm.husimi(grid, psi, points, (0.9, 0.75)[:axes], 0.8)
    np.testing.assert_allclose(basis.density(ket, points), exact, rtol=0, atol=1e-10)
    again = basis.to_wave(grid, ket)
    np.testing.assert_allclose(again, psi, rtol=0, atol=1e-6)
    np.testing.assert_allclose(basis.from_wave(grid, again), ket, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [0, 1, 12])
def test_number_states_are_the_oscillator_s(n):
    """ℓ = √(ħ/mω)."""
    basis = dqm.FockBargmann(14, ell=np.sqrt(0.5 / (2.0 * 0.7)), kappa=0.5)
    psi = dqm.oscillator(LINE, n, omega=0.7, mass=2.0, hbar=0.5)
    np.testing.assert_allclose(basis.to_wave(LINE, basis.fock_ket(n)), psi, rtol=0, atol=1e-12)
    np.testing.assert_allclose(basis.from_wave(LINE, psi), basis.fock_ket(n), rtol=0, atol=1e-12)


def test_a_thousand_levels():
    """e^{−x²/2} underflows in the box, where the level 990 is still large."""
    grid, basis = dqm.Grid((-52.0,), (52.0,), (2048,)), dqm.FockBargmann(1000)
    psi = basis.to_wave(grid, basis.fock_ket(990))
    assert grid.integrate(jnp.abs(psi) ** 2) == pytest.approx(1, abs=1e-11)
    kinetic = -grid.gradient(grid.gradient(psi)[..., 0])[..., 0] / 2
    energy = grid.integrate(psi.conj() * (kinetic + grid.points[0] ** 2 / 2 * psi))
    assert energy.real == pytest.approx(990.5, rel=1e-10)
    with pytest.raises(dqm.InputError, match="`grid` must resolve and contain all levels"):
        basis.to_wave(dqm.Grid((-40.0,), (40.0,), (2048,)), basis.fock_ket(990))


@pytest.mark.parametrize(
    ("grid", "levels"),
    [
        (dqm.Grid((-14.0,), (14.0,), (64,)), 36),  # πℓ/Δx = 7.2 < √73
        (dqm.Grid((-6.0,), (6.0,), (256,)), 36),
        (dqm.Grid((-3.0,), (14.0,), (256,)), 6),
    ],
)
def test_a_grid_that_does_not_hold_the_level(grid, levels):
    basis = dqm.FockBargmann(levels)
    with pytest.raises(dqm.InputError, match="`grid` must resolve and contain all levels"):
        basis.to_wave(grid, basis.fock_ket(levels - 1))
    assert basis.to_wave(LINE, basis.fock_ket(levels - 1)).shape == (128,)
    assert np.isnan(jax.jit(lambda x: basis.to_wave(grid, x))(basis.fock_ket(levels - 1))).all()


def test_a_wave_that_the_basis_does_not_hold():
    psi = dqm.coherent(LINE, 3.0)
    with pytest.raises(dqm.InputError, match="`cutoff` must hold the state"):
        dqm.FockBargmann(8).from_wave(LINE, psi)
    lost = scipy.special.gammainc(20, 4.5)
    basis = dqm.FockBargmann(20)
    basis.from_wave(LINE, psi, loss=1.01 * lost)
    with pytest.raises(dqm.InputError, match="`cutoff` must hold the state"):
        basis.from_wave(LINE, psi, loss=0.99 * lost)
    with pytest.raises(dqm.InputError, match="`grid` must have an axis for each of the 2 modes"):
        dqm.FockBargmann((8, 8)).from_wave(LINE, psi)


def test_a_wave_in_single_precision():
    with jax.enable_x64(False):
        basis = dqm.FockBargmann(24)
        ket = basis.from_wave(LINE, dqm.coherent(LINE, 1.0))
        assert ket.dtype == jnp.complex64
        np.testing.assert_allclose(ket, basis.coherent_ket(np.sqrt(0.5)), rtol=0, atol=1e-5)


def test_a_wave_is_differentiable():
    """d⟨n̂⟩/dx₀ of a coherent state at x₀ = √2 α."""
    basis, n = dqm.FockBargmann(24), np.arange(24)
    mean = lambda x: jnp.sum(n * jnp.abs(basis.from_wave(LINE, dqm.coherent(LINE, x))) ** 2)
    assert jax.jit(jax.grad(mean))(0.7) == pytest.approx(0.7, abs=1e-8)
