import jax
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax import observables

LINE = dqm.Grid((-10.0,), (10.0,), (128,))
PLANE = dqm.Grid((-8.0, -8.0), (8.0, 8.0), (48, 48))


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
        (dqm.Harmonic(), 0, "`count` must be between 1 and 32"),
        (dqm.Harmonic(), 33, "`count` must be between 1 and 32"),
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
