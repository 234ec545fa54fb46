"""Gradients and second derivatives through runs of ψ, by all adjoints."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax import observables

LINE = dqm.Grid((-6.0,), (6.0,), (48,))


def scene(dim, driven):
    """A loss that depends on every differentiable parameter."""
    edge, points = ((6.0, 48), (6.0, 24), (5.0, 20))[dim - 1]
    grid = dqm.Grid((-edge,) * dim, (edge,) * dim, (points,) * dim)

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
        stepper = dqm.SplitStep(h, grid, dqm.blanes_moan4 if driven else dqm.strang)
        run = dqm.solve(stepper, start, ts, substeps=7, adjoint=adjoint)
        mean = observables.mean_position(grid, run.saved[1])
        return mean[0] + observables.position_variance(grid, run.final)[-1]

    return loss


@pytest.mark.slow
@pytest.mark.parametrize(("dim", "driven"), [(1, False), (2, True), (3, False)])
def test_gradients_of_all_adjoints(dim, driven):
    """With respect to V, mass, ħ, final time and initial state, against differences."""
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


def strang(h):
    return dqm.SplitStep(h, LINE, dqm.strang)


def chebyshev(h):
    return dqm.Chebyshev(h, LINE)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "adjoint"),
    [
        (strang, dqm.Direct()),
        (strang, dqm.Checkpointed()),
        (strang, dqm.Reversible()),
        (chebyshev, dqm.Direct()),
    ],
)
def test_second_derivatives(make, adjoint):
    """Forward over reverse, with respect to V and mass, against differences of the gradient."""
    start = dqm.gaussian(LINE, 0.5, 0.7)

    def loss(parameters):
        omega, mass = parameters
        h = dqm.Hamiltonian(dqm.Anharmonic(omega, 0.0, 0.1), mass)
        ts = np.array([0.0, 0.4, 0.7])
        final = dqm.solve(make(h), start, ts, substeps=6, adjoint=adjoint).final
        return jnp.abs(final[21]) ** 2

    at, step = jnp.array([1.1, 0.9]), 1e-5

    def gradient(parameters):
        slope = jax.grad(loss)(parameters)
        return slope, slope

    both = jax.jit(jax.jacfwd(gradient, has_aux=True))  # one program
    hessian, _ = both(at)
    sides = [(both(at + e)[1] - both(at - e)[1]) / (2 * step) for e in step * jnp.eye(2)]
    assert np.abs(hessian).min() > 1e-3
    np.testing.assert_allclose(hessian, jnp.stack(sides), rtol=1e-6)


@pytest.mark.slow
def test_gradients_of_chebyshev_agree_with_splitting():
    """With respect to V, mass, ħ, final time and initial state, by three adjoints."""

    def loss(parameters, make, substeps, adjoint):
        quartic, mass, hbar, end, center = parameters
        h = dqm.Hamiltonian(dqm.Anharmonic(1.0, 0.0, quartic), mass, hbar)
        start = dqm.gaussian(LINE, center, 0.7, 0.4, hbar)
        ts = jnp.stack([0 * end, end / 3, end])
        final = dqm.solve(make(h, LINE), start, ts, substeps=substeps, adjoint=adjoint).final
        return observables.mean_position(LINE, final)[0] + jnp.abs(final[20]) ** 2

    at = jnp.array([0.11, 0.9, 1.2, 0.9, 0.8])
    gradient = jax.jit(jax.grad(loss), static_argnums=(1, 2, 3))
    expected = gradient(at, dqm.SplitStep, 150, dqm.Direct())
    for adjoint in (dqm.Direct(), dqm.Checkpointed(), dqm.Reversible()):
        got = gradient(at, dqm.Chebyshev, 3, adjoint)
        np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_memory_of_the_reversible_adjoint_is_independent_of_the_steps():
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
