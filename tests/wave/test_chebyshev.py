"""Chebyshev expansion of the propagator, against diagonalisation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import exact_evolution

import dqmjax as dqm

LINE = dqm.Grid((-6.0,), (6.0,), (64,))
PACKET = dqm.gaussian(LINE, 0.5, 0.7)
HARMONIC = dqm.Hamiltonian(dqm.Harmonic())


@pytest.mark.parametrize("t", [0.01, 1.0, 20.0])
def test_steps_of_any_length(t):
    h = dqm.Hamiltonian(dqm.Anharmonic(1.0, 0.0, 0.1), mass=1.2, hbar=0.9)
    start = dqm.gaussian(LINE, 0.5, 0.6, 0.7)
    final = dqm.solve(dqm.Chebyshev(h, LINE), start, np.array([0.0, t])).final
    np.testing.assert_allclose(final, exact_evolution(h, LINE, start, t), rtol=0, atol=1e-12)


def test_error_in_two_dimensions_is_below_the_tolerance():
    grid = dqm.Grid((-5.5,) * 2, (5.5,) * 2, (20, 20))
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


def test_batches_over_a_parameter():

    def final(omega):
        stepper = dqm.Chebyshev(dqm.Hamiltonian(dqm.Harmonic(omega)), LINE)
        return dqm.solve(stepper, PACKET, np.array([0.0, 0.5])).final

    omegas = jnp.array([0.8, 1.1, 3.0])
    each = jnp.stack([final(w) for w in omegas])
    np.testing.assert_allclose(jax.jit(jax.vmap(final))(omegas), each, rtol=0, atol=1e-13)
    slopes = jax.jit(jax.vmap(jax.grad(lambda w: jnp.abs(final(w)[28]) ** 2)))(omegas)
    assert np.isfinite(slopes).all()


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.complex64])
def test_states_of_other_types_are_promoted(dtype):
    ts, stepper = np.array([0.0, 0.1]), dqm.Chebyshev(HARMONIC, LINE)
    expected = dqm.solve(stepper, PACKET, ts).final
    final = dqm.solve(stepper, PACKET.real.astype(dtype), ts).final
    assert final.dtype == jnp.complex128
    np.testing.assert_allclose(final, expected, rtol=0, atol=1e-7)


def test_a_state_may_have_any_norm():
    stepper, ts = dqm.Chebyshev(HARMONIC, LINE), np.array([0.0, 0.5])
    once, thrice = (dqm.solve(stepper, c * PACKET, ts).final for c in (1, 3))
    np.testing.assert_allclose(thrice, 3 * once, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("potential", "message"),
    [
        (lambda x, t: jnp.sin(t) * x[0], "`potential` must not depend on t"),
        (lambda x, t: -0.5j + 0 * x[0], "`potential` must be real"),
    ],
)
def test_driven_and_absorbing_potentials_are_refused(potential, message):
    stepper = dqm.Chebyshev(dqm.Hamiltonian(potential), LINE)
    with pytest.raises(dqm.InputError, match=f"{message}.*Use `SplitStep`"):
        dqm.solve(stepper, PACKET, np.array([0.0, 1.0]))


def test_tolerance_must_be_between_0_and_1():
    with pytest.raises(dqm.InputError, match="`tolerance` must be between 0 and 1"):
        dqm.Chebyshev(HARMONIC, LINE, tolerance=0.0)


def test_steps_of_too_many_terms_raise():
    with pytest.raises(RuntimeError, match="step is too long"):
        dqm.solve(dqm.Chebyshev(HARMONIC, LINE), PACKET, np.array([0.0, 1e4]))


def test_infinite_states_are_refused():
    with pytest.raises(dqm.InputError, match="`state` must be finite"):
        dqm.solve(dqm.Chebyshev(HARMONIC, LINE), jnp.full(64, jnp.inf + 0j), np.array([0.0, 1.0]))
