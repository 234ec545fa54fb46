import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip

import dqmjax as dqm
from dqmjax import observables

GRID = dqm.Grid((-10.0,), (10.0,), (96,))
AXIS = np.linspace(-2.5, 2.5, 6)
POINTS = np.array([(q, p) for p in AXIS for q in AXIS])


def on_axis(f):
    """QuTiP's function, whose α is (q + ip) g/2, at POINTS."""
    return f(AXIS, AXIS, g=np.sqrt(2)).ravel()


STATES = {
    "level 3": (dqm.oscillator(GRID, 3), qutip.basis(30, 3)),
    "cat": (
        dqm.cat(GRID, 1.5, 2**-0.5),
        (qutip.coherent(60, 1.5 / 2**0.5) + qutip.coherent(60, -1.5 / 2**0.5)).unit(),
    ),
    "moving": (dqm.coherent(GRID, 0.7, -1.1), qutip.coherent(60, (0.7 - 1.1j) / 2**0.5)),
}


@pytest.mark.parametrize("name", STATES)
def test_densities_on_phase_space_agree_with_qutip(name):
    psi, state = STATES[name]
    scales = {"atol": 1e-10}
    np.testing.assert_allclose(
        dqm.husimi(GRID, psi, POINTS), on_axis(lambda *a, g: qutip.qfunc(state, *a, g)), **scales
    )
    np.testing.assert_allclose(
        dqm.wigner(GRID, psi, POINTS), on_axis(lambda *a, g: qutip.wigner(state, *a, g=g)), **scales
    )


def test_densities_in_other_units():
    """Closed forms of a packet with ħ, ℓ and a width that all differ from 1."""
    hbar, ell, width, q0, p0 = 0.7, 1.3, 0.8, 0.6, -0.9
    psi = dqm.gaussian(GRID, q0, width, p0, hbar)
    q, p = POINTS.T

    def normal(variance_q, variance_p):
        exponent = (q - q0) ** 2 / (2 * variance_q) + (p - p0) ** 2 / (2 * variance_p)
        return np.exp(-exponent) / (2 * np.pi * np.sqrt(variance_q * variance_p))

    spread = (hbar / (2 * width)) ** 2
    exact = normal(width**2, spread)
    np.testing.assert_allclose(dqm.wigner(GRID, psi, POINTS, hbar), exact, rtol=0, atol=1e-12)
    exact = normal(width**2 + ell**2 / 2, spread + (hbar / ell) ** 2 / 2)
    np.testing.assert_allclose(dqm.husimi(GRID, psi, POINTS, ell, hbar), exact, rtol=0, atol=1e-12)


def test_husimi_of_two_axes_is_a_product():
    plane = dqm.Grid((-8.0, -7.0), (8.0, 7.0), (64, 56))
    psi = dqm.gaussian(plane, (0.5, -0.4), (0.7, 0.9), (0.3, 0.8))
    points = np.random.default_rng(0).normal(size=(5, 4))
    product = np.ones(5)
    for axis, packet in enumerate([(0.5, 0.7, 0.3), (-0.4, 0.9, 0.8)]):
        product *= dqm.husimi(
            GRID, dqm.gaussian(GRID, *packet), points[:, axis::2], (1.2, 0.8)[axis]
        )
    got = dqm.husimi(plane, psi, points, (1.2, 0.8))
    np.testing.assert_allclose(got, product, rtol=0, atol=1e-13)


def test_correlated_packet():
    """⟨x²⟩ and ⟨p²⟩ as given, and what a contracting packet becomes."""
    hbar, width, covariance, mass = 0.8, 0.9, -0.6, 1.3
    psi = dqm.gaussian(GRID, 0.2, width, 0.5, hbar, covariance=covariance)
    assert observables.position_variance(GRID, psi)[0] == pytest.approx(width**2, abs=1e-12)
    spread = (hbar**2 / 4 + covariance**2) / width**2
    assert observables.momentum_variance(GRID, psi, hbar)[0] == pytest.approx(spread, abs=1e-12)
    stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Free(), mass, hbar), GRID)
    final = dqm.solve(stepper, psi, np.array([0.0, 0.7])).final
    t = 0.7 / mass
    exact = width**2 + 2 * covariance * t + spread * t**2
    assert observables.position_variance(GRID, final)[0] == pytest.approx(exact, abs=1e-11)
    assert exact < width**2


PSI, PLANE = dqm.coherent(GRID, 0.0), dqm.Grid((-1.0, -1.0), (1.0, 1.0), (8, 8))


@pytest.mark.parametrize(
    ("density", "message"),
    [
        (lambda: dqm.husimi(GRID, PSI, jnp.ones((3, 1))), "`points` must be rows of 2 numbers"),
        (lambda: dqm.wigner(GRID, PSI, jnp.ones((3, 4))), "`points` must be rows of 2 numbers"),
        (lambda: dqm.wigner(PLANE, PSI, POINTS), "`grid` must have one axis"),
        (lambda: dqm.husimi(GRID, PSI, POINTS, 0.0), "`ell` must be positive"),
    ],
)
def test_invalid_points_and_scales_are_refused(density, message):
    with pytest.raises(dqm.InputError, match=message):
        density()


def test_densities_are_zero_beyond_the_momenta_of_the_grid():
    """A sampled wave is the same at p and p + 2ħk_max; its densities are set to 0 there."""
    grid = dqm.Grid((-10.0,), (10.0,), (32,))
    psi, most = dqm.coherent(grid, 0.0), 0.8 * np.pi * 32 / 20
    points = np.array([[0.0, 0.0], [0.0, 2 * most]])
    for density in (dqm.husimi(grid, psi, points, hbar=0.8), dqm.wigner(grid, psi, points, 0.8)):
        assert density[0] > 0.1
        assert density[1] == 0


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (lambda: dqm.gaussian(GRID, 0.0, 1.0, 1000.0), "`momentum` must be below"),
        (lambda: dqm.gaussian(GRID, 500.0, 700.0), "`center` must be inside `grid`"),
        (lambda: dqm.gaussian(GRID, 0.3 * GRID.spacing[0], 1e-4), "`grid` must hold the state"),
        (lambda: dqm.gaussian(GRID, 0.0, 0.0), "`width` must be positive"),
        (lambda: dqm.gaussian(GRID, 0.0, 0.4 * GRID.spacing[0]), "another `width`"),
        (lambda: dqm.gaussian(GRID, 0.0, 5.0), "another `width`"),
        (lambda: dqm.gaussian(GRID, 9.0, 0.7), "another `width`, `center`"),
        (lambda: dqm.gaussian(GRID, 0.0, 0.7, covariance=8.0), "or `covariance`"),
        (lambda: dqm.gaussian(GRID, 0.0, 0.7, hbar=-1.0), "`hbar` must be positive"),
        (lambda: dqm.coherent(GRID, 0.0, omega=-1.0), "`omega` must be positive"),
        (lambda: dqm.coherent(GRID, 0.0, mass=0.0), "`mass` must be positive"),
        (lambda: dqm.squeezed(GRID, 0.0, 50.0), "another .*`squeezing`"),
        (lambda: dqm.squeezed(GRID, 0.0, -50.0), "another .*`squeezing`"),
        (lambda: dqm.cat(GRID, 0.0, 0.7, phase=np.pi), "`center` must keep .* apart"),
        (lambda: dqm.cat(GRID, 1.0, 0.7, phase=1j), "`phase` must be real"),
        (lambda: dqm.oscillator(GRID, 60), "another `level`"),
        (lambda: dqm.oscillator(GRID, 10**12), "`level` must be below the 96 points"),
        (
            lambda: dqm.gaussian(GRID, (0.0, 1.0), 1.0),
            "`center` must be one number or one per axis",
        ),
        (lambda: dqm.oscillator(GRID, -1), "`level` must be an integer of at least 0"),
        (lambda: dqm.oscillator(GRID, (1, 2)), "`level` must have one entry per axis"),
    ],
)
def test_states_that_the_grid_cannot_represent_are_refused(state, message):
    with pytest.raises(dqm.InputError, match=message):
        state()


@pytest.mark.parametrize(
    ("state", "good", "bad"),
    [
        (lambda v: dqm.gaussian(GRID, 0.0, v), 0.7, 0.01),
        (lambda v: dqm.gaussian(GRID, 0.0, v), 0.7, -0.7),
        (lambda v: dqm.gaussian(GRID, v, 0.7), 1.0, 12.0),
        (lambda v: dqm.gaussian(GRID, 0.0, 0.7, v), 1.0, 20.0),
        (lambda v: dqm.gaussian(GRID, 0.0, 0.7, 0.0, v), 1.0, -1.0),
        (lambda v: dqm.coherent(GRID, 0.0, omega=v), 1.0, -1.0),
        (lambda v: dqm.squeezed(GRID, 0.0, v), 0.5, 50.0),
        (lambda v: dqm.cat(GRID, v, 0.7, phase=np.pi), 1.0, 0.0),
        (lambda v: dqm.oscillator(GRID, 3, v), 1.0, 0.01),
    ],
)
def test_they_are_nan_where_a_parameter_is_traced(state, good, bad):
    psi = jax.jit(state)
    np.testing.assert_allclose(psi(good), state(good), rtol=0, atol=1e-12)
    assert jnp.isnan(psi(bad)).all()
    slope = jax.jit(jax.grad(lambda v: jnp.real(state(v)).sum()))
    assert jnp.isfinite(slope(good))
    assert jnp.isnan(slope(bad))


@pytest.mark.parametrize("width", [1.2 * GRID.spacing[0], 0.5, 1.5])
def test_states_that_the_grid_holds_are_accurate(width):
    """What is accepted has the moments of its closed form."""
    psi = dqm.gaussian(GRID, 0.3, width, 1.0)
    spread = 1 / (4 * width**2)
    assert observables.position_variance(GRID, psi)[0] == pytest.approx(width**2, rel=1e-3)
    assert observables.momentum_variance(GRID, psi)[0] == pytest.approx(spread, rel=1e-3)


def test_the_unit_of_length_does_not_matter():
    """A trapped atom in SI units and in those of its oscillator."""
    hbar, mass, omega = 1.054571817e-34, 1.443e-25, 2 * np.pi * 100
    length = np.sqrt(hbar / (mass * omega))
    trap = dqm.Grid(-10 * length, 10 * length, 96)
    for in_si, natural in [
        (
            dqm.coherent(trap, length, hbar / length, omega, mass, hbar),
            dqm.coherent(GRID, 1.0, 1.0),
        ),
        (dqm.oscillator(trap, 5, omega, mass, hbar), dqm.oscillator(GRID, 5)),
        (dqm.cat(trap, length, length, 0.0, np.pi, hbar), dqm.cat(GRID, 1.0, 1.0, 0.0, np.pi)),
    ]:
        np.testing.assert_allclose(in_si * np.sqrt(length), natural, rtol=0, atol=1e-12)


def test_the_two_halves_of_a_cat_move_apart():
    """Under a reflection they change places."""
    grid = dqm.Grid(-8.0, 8.0, 96)
    psi = dqm.cat(grid, 2.0, 0.7, 1.5)[1:]
    np.testing.assert_allclose(psi[::-1], psi, rtol=0, atol=1e-14)
    assert jnp.abs(jnp.imag(psi)).max() > 0.1


@pytest.mark.parametrize("derivative", [jax.grad, jax.jacfwd])
def test_a_refusal_while_differentiating_names_the_argument(derivative):
    """It once ended in the formatting of a tracer; under `jit` the derivative is NaN."""
    value = lambda c: jnp.sum(dqm.gaussian(GRID, c, 0.5).real)
    with pytest.raises(dqm.InputError, match="`center` must be inside `grid`"):
        derivative(value)(100.0)
    assert np.isnan(jax.jit(derivative(value))(100.0))
