"""Distributions of quanta and quadratures, and Wigner's function."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
import scipy
from systems import random_state

import dqmjax as dqm
from dqmjax import readout


def test_distributions_of_quanta():
    """Of a squeezed vacuum and a thermal state, and of two coherent modes."""
    basis, n, r = dqm.FockBargmann(60), np.arange(30), 0.7
    p = readout.photon_numbers(basis, basis.squeezed(0.0, r, 0.2))
    binomial = scipy.special.binom(2 * n, n) * (np.tanh(r) / 2) ** (2 * n)
    np.testing.assert_allclose(p[::2], binomial / np.cosh(r), rtol=0, atol=1e-15)
    assert readout.parity(basis, basis.thermal(0.8)) == pytest.approx(1 / (2 * 0.8 + 1), rel=1e-13)
    assert readout.parity(basis, basis.cat_ket(2.0, np.pi)) == pytest.approx(-1, rel=1e-13)
    two = dqm.FockBargmann((14, 18))
    p = readout.photon_numbers(two, two.coherent_ket(np.array([0.7, 0.9j])))
    exact = [scipy.stats.poisson.pmf(np.arange(c), a**2) for c, a in ((14, 0.7), (18, 0.9))]
    np.testing.assert_allclose(p, np.multiply.outer(*exact), rtol=0, atol=1e-15)


@pytest.mark.parametrize("angle", [0.0, 0.9])
def test_quadratures_of_a_squeezed_state(angle):
    """A Gaussian of mean √2 Re αe^{−iθ} and variance (cosh 2r − sinh 2r cos(φ − 2θ))/2."""
    basis, x, r, phi, alpha = dqm.FockBargmann((60, 3)), np.linspace(-3, 3, 7), 0.3, 0.6, 0.8 - 0.3j
    ket = basis.squeezed_ket(np.array([alpha, 0.0]), np.array([r, 0.0]), np.array([phi, 0.0]))
    variance = (np.cosh(2 * r) - np.sinh(2 * r) * np.cos(phi - 2 * angle)) / 2
    mean = np.sqrt(2) * (alpha * np.exp(-1j * angle)).real
    got = readout.quadratures(basis, ket, x, angle)
    exact = scipy.stats.norm.pdf(x, mean, np.sqrt(variance))
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-13)
    vacuum = np.exp(-(x**2)) / np.sqrt(np.pi)
    np.testing.assert_allclose(
        readout.quadratures(basis, ket, x, angle, mode=1), vacuum, atol=1e-14
    )


def test_wigner_function_is_qutip_s():
    state, axis = random_state(12, 9), np.linspace(-3, 3, 7)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    basis = dqm.FockBargmann(12)
    got = readout.wigner(basis, basis.from_qutip(state), points)
    exact = qutip.wigner(state, axis, axis, g=np.sqrt(2)).ravel()
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("n", "single"), [(3, False), (80, False), (100, True)])
def test_wigner_function_of_a_number_state(n, single):
    """`(−1)ⁿ e^{−2|β|²} L_n(4|β|²)/πκ`; in single precision the exponential underflows."""
    radius = np.append(np.linspace(0, 1.1, 8) * np.sqrt(n), 0.3)
    laguerre = scipy.special.eval_laguerre(n, 4 * radius**2)
    exact = (-1) ** n * laguerre * np.exp(-2 * radius**2) / np.pi / 1.2
    with jax.enable_x64(not single):
        basis = dqm.FockBargmann(n + 1, ell=0.7, kappa=1.2)
        points = np.stack([np.sqrt(2) * 0.7 * radius, 0 * radius], axis=1)
        got = readout.wigner(basis, basis.fock_ket(n), points)
    np.testing.assert_allclose(got, exact, rtol=0, atol=4e-5 if single else 1e-13)


def test_wigner_function_of_400_quanta():
    """`e^{−2|β − α|²}/π`; e^{−2|β|²} underflows."""
    basis, q = dqm.FockBargmann(640), np.sqrt(2) * np.array([20.0, 20.4, 19.0])
    got = readout.wigner(basis, basis.coherent_ket(20.0), np.stack([q, [0.0, 0.3, 1.0]], axis=1))
    square = (q - np.sqrt(2) * 20) ** 2 + np.array([0.0, 0.3, 1.0]) ** 2
    np.testing.assert_allclose(got, np.exp(-square) / np.pi, rtol=0, atol=1e-12)


def test_wigner_function_of_a_wave():
    """That of ψ on a grid, by its Fourier integral; two modes have the product."""
    grid, basis = dqm.Grid((-9.0,), (9.0,), (96,)), dqm.FockBargmann(30, ell=0.9, kappa=0.8)
    psi = dqm.gaussian(grid, 0.4, 0.65, 0.5, 0.8, covariance=0.1)
    points = np.random.default_rng(0).normal(size=(5, 2))
    exact = dqm.wigner(grid, psi, points, 0.8)
    ket = basis.from_wave(grid, psi)
    np.testing.assert_allclose(readout.wigner(basis, ket, points), exact, rtol=0, atol=1e-9)
    two = dqm.FockBargmann((30, 3), ell=(0.9, 1.1), kappa=0.8)
    both = jnp.multiply.outer(ket, jnp.array([0.0, 1.0, 0.0]))
    q, p = np.array([0.3, -0.2]), np.array([0.1, 0.4])
    got = readout.wigner(two, both, np.array([[points[0, 0], q[0], points[0, 1], p[0]]]))
    square = (q[0] / 1.1) ** 2 + (1.1 * p[0] / 0.8) ** 2
    one = (2 * square - 1) * np.exp(-square) / np.pi / 0.8
    assert got[0] == pytest.approx(float(exact[0] * one), abs=1e-9)


def test_wigner_function_is_differentiable():
    """dW(0)/dn̄ of a thermal state, `W(0) = 1/π(2n̄ + 1)`."""
    basis, origin = dqm.FockBargmann(20), np.zeros((1, 2))
    value = lambda nbar: readout.wigner(basis, basis.thermal(nbar), origin)[0]
    for nbar in (0.0, 0.2):
        slope = jax.jit(jax.grad(value))(nbar)
        assert slope == pytest.approx(-2 / np.pi / (2 * nbar + 1) ** 2, rel=1e-11)
