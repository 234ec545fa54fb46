"""One dense matrix for any length of time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.wave.dense import unitary

LINE = dqm.Grid(-8.0, 8.0, 64)
PACKET = dqm.gaussian(LINE, 1.0, np.sqrt(0.5))


def position(stepper, t, adjoint=dqm.Direct()):  # noqa: B008
    run = dqm.solve(stepper, PACKET, jnp.array([0.0, t]), adjoint=adjoint)
    return dqm.observables.mean_position(LINE, run.final)[0]


def test_a_thousand_periods_of_an_oscillator():
    stepper = dqm.DenseStep(dqm.Hamiltonian(dqm.Harmonic()), LINE)
    ts = 2 * np.pi * np.array([0.0, 1.0, 1000.25])
    run = dqm.solve(stepper, PACKET, ts)
    x = LINE.axes[0]
    for psi, center in ((run.saved[1], 1.0), (run.final, 0.0)):
        exact = jnp.exp(-((x - center) ** 2)) / np.sqrt(np.pi)
        np.testing.assert_allclose(jnp.abs(psi) ** 2, exact, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dim", [1, 2])
def test_it_agrees_with_chebyshev(dim):
    grid = dqm.Grid([-5.0] * dim, [5.0] * dim, (16,) * dim)
    h = dqm.Hamiltonian(dqm.DoubleWell(0.3, 1.0), 1.3, 0.9, 0.2)
    psi = jnp.exp(-0.4 * jnp.sum((grid.points - 0.5) ** 2, axis=0)) + 0j
    ts = np.array([0.0, 0.7, 2.0])
    got = dqm.solve(dqm.DenseStep(h, grid), psi, ts, throw=False).saved
    expected = dqm.solve(dqm.Chebyshev(h, grid), psi, ts, throw=False).saved
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("adjoint", [dqm.Direct(), dqm.Reversible()], ids=["direct", "reversible"])
def test_gradients(adjoint):
    """`⟨x⟩ = cos ωt`; in both modes, and backwards."""

    def mean(w, t):
        return position(dqm.DenseStep(dqm.Hamiltonian(dqm.Harmonic(w)), LINE), t, adjoint)

    w, t = 1.0, 3.0
    got = jax.grad(mean, argnums=(0, 1))(w, t)
    np.testing.assert_allclose(got, [-t * np.sin(w * t), -w * np.sin(w * t)], rtol=1e-8)
    if isinstance(adjoint, dqm.Direct):
        forward = jax.jvp(lambda w: mean(w, t), (w,), (1.0,))[1]
        np.testing.assert_allclose(forward, got[0], rtol=1e-10)


def test_derivatives_of_equal_and_of_close_eigenvalues():
    """Of waves to the left and to the right, and where the quotient changes to its series."""
    random = np.random.default_rng(0)
    vectors = np.linalg.qr(random.normal(size=(6, 6)))[0]
    change = random.normal(size=(6, 6))
    change = change + change.T
    for apart in (0.0, 1e-9, 0.99e-3, 1.01e-3, 0.1):
        values = np.array([0.3, 0.3 + apart, 1.0, 1.0 + apart, -2.0, 4.0])
        matrix = jnp.asarray(vectors * values @ vectors.T)
        slope = jax.jvp(unitary, (matrix,), (jnp.asarray(change),))[1]
        reference = lambda a: jax.scipy.linalg.expm(-1j * a)
        expected = jax.jvp(reference, (matrix,), (jnp.asarray(change),))[1]
        np.testing.assert_allclose(slope, expected, rtol=0, atol=1e-11)


def test_what_it_cannot_do_is_refused():
    with pytest.raises(dqm.InputError, match="at most 2048 points, but has 4096"):
        dqm.DenseStep(dqm.Hamiltonian(dqm.Free()), dqm.Grid([0, 0], [1, 1], (64, 64)))
    for potential, said in (
        (lambda x, t: x[0] * t, "must not depend on t"),
        (lambda x, t: -1j * x[0] ** 2, "must be real"),
    ):
        with pytest.raises(dqm.InputError, match=said):
            dqm.solve(dqm.DenseStep(dqm.Hamiltonian(potential), LINE), PACKET, np.array([0.0, 1.0]))
