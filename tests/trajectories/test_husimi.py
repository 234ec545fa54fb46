"""Particles that a Husimi density carries along."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.trajectories import (
    Ordinary,
    free_propagator,
    husimi_diffusion,
    husimi_flow,
    ordinary,
    same_density,
)
from dqmjax.trajectories.husimi import _by_eigenvectors, _modulus

KEY = jax.random.key(1)
BASIS = dqm.FockBargmann(16)
KERR = dqm.Kerr(1.0, 0.3)
COUNT = 4000


def within(mean, exact, least=0.0):
    """Whether a mean at the last time agrees within 4 standard errors and its step error."""
    error = 4 * mean.sampling_error[-1] + mean.step_error[-1] + least
    return np.all(np.abs(np.asarray(mean.value[-1]) - np.asarray(exact)) < error)


def moments_agree(basis, paths, final):
    """Five antinormal moments of mode 1."""
    modes, scale = basis.modes, basis.space
    for up, down in ((0, 1), (0, 2), (1, 1), (1, 2), (2, 2)):
        powers = [(k, *[0] * (modes - 1)) for k in (up, down)]
        exact = dqm.readout.moment(basis, final, *powers)

        def product(xi, up=up, down=down):
            beta = scale.amplitude(xi)[0]
            value = beta.conj() ** up * beta**down
            return jnp.stack([value.real, value.imag])

        assert within(paths.mean(product), [exact.real, exact.imag], 1e-12), (up, down)


@pytest.mark.parametrize("kind", ["flow", "diffusion"])
def test_kerr_to_a_cat(kind):
    """Ut = π/4 of quantum mechanics; the joint density by two samples."""
    stepper = dqm.KetStep(KERR, BASIS)
    run = dqm.solve(stepper, BASIS.coherent_ket(1.0), jnp.linspace(0, np.pi / 4, 9))
    starts = jnp.asarray(dqm.readout.sample(KEY, BASIS, run.saved[0], COUNT))
    if kind == "flow":
        paths = husimi_flow(stepper, run, starts)
    else:
        paths = husimi_diffusion(stepper, run, starts, jax.random.key(2), substeps=32)
    moments_agree(BASIS, paths, run.final)
    exact = jnp.asarray(dqm.readout.sample(jax.random.key(3), BASIS, run.final, 2000))
    assert same_density(paths.positions[-1], exact, KEY).p_value > 0.01
    assert same_density(starts, exact, KEY).p_value < 0.01


@pytest.mark.parametrize(
    "flow",
    [
        dqm.FokkerPlanck(dqm.Kerr(0.3, 0.5), C=0.8),
        dqm.Damped(dqm.FokkerPlanck(dqm.Kerr(0.6, 0.2)), 0.7, 0.2),
    ],
    ids=["C = 0.8", "damped"],
)
def test_truncated_and_damped(flow):
    """Coefficients in place of amplitudes, and a B with a part ∝ 1."""
    basis = dqm.FockBargmann(26)
    stepper = dqm.HusimiStep(flow, basis)
    run = dqm.solve(stepper, basis.coherent(0.8), jnp.linspace(0, 0.3, 7))
    starts = jnp.asarray(dqm.readout.sample(KEY, basis, run.saved[0], COUNT))
    for paths in (
        husimi_flow(stepper, run, starts, substeps=2),
        husimi_diffusion(stepper, run, starts, jax.random.key(2), substeps=16),
    ):
        moments_agree(basis, paths, run.final)


def test_squeezing_in_units():
    """The amplifier, whose flow is linear for a Gaussian: `ξ_i(t) = ξ_i(0) σ_i(t)/σ_i(0)`."""
    basis = dqm.FockBargmann(40, ell=1.3, kappa=0.7)
    flow = dqm.FokkerPlanck(
        dqm.InUnits(dqm.ParametricAmplifier(0.6), 1.3, 0.7), ell=1.3, kappa=0.7, hbar=0.7
    )
    stepper = dqm.HusimiStep(flow, basis)
    run = dqm.solve(stepper, basis.coherent(0.0), jnp.linspace(0, 0.5, 9))
    starts = basis.space.scale * jnp.array([[0.5, -0.8], [1.0, 0.3]])
    paths = husimi_flow(stepper, run, starts)
    variance = lambda state: [
        float(np.sum(dqm.readout.moment(basis, state, (1,), (1,)).real))
        + sign * float(dqm.readout.moment(basis, state, (0,), (2,)).real)
        for sign in (1, -1)
    ]
    ratio = np.sqrt(np.array(variance(run.final)) / np.array(variance(run.saved[0])))
    assert ratio.max() > 1.2
    np.testing.assert_allclose(paths.positions[-1], starts * ratio, rtol=1e-5)


def test_a_compiled_function_gives_the_same_paths():
    stepper = dqm.KetStep(KERR, BASIS)
    run = dqm.solve(stepper, BASIS.coherent_ket(1.0), jnp.linspace(0, 0.2, 3))
    follow = lambda starts: husimi_flow(stepper, run, starts).positions
    np.testing.assert_allclose(jax.jit(follow)(START), follow(START), rtol=1e-12)


def test_modulus_of_a_matrix():
    random = np.random.default_rng(0)
    for size in (2, 4):
        half = random.normal(size=(size, size))
        matrix, change = jnp.asarray(half + half.T), jnp.asarray(half @ half.T)
        values, vectors = np.linalg.eigh(matrix)
        for power in (0.5, 1.0):
            exact = vectors * np.abs(values) ** power @ vectors.T
            np.testing.assert_allclose(_modulus(power, matrix), exact, atol=1e-13)
            at = lambda s, p=power, m=matrix, c=change: _modulus(p, m + s * c)
            slope = jax.jacfwd(at)(0.0)
            numbers = (at(1e-6) - at(-1e-6)) / 2e-6
            np.testing.assert_allclose(slope, numbers, rtol=1e-6, atol=1e-7)
        by_vectors = _by_eigenvectors(1.0, matrix)
        np.testing.assert_allclose(_modulus(1.0, matrix), by_vectors, atol=1e-13)
    assert np.isfinite(jax.jacfwd(lambda m: _modulus(0.5, m))(jnp.zeros((2, 2)))).all()


def test_ordinary_diffusion_with_a_rate_that_depends_on_place():
    """`dx = −x dt + √(1 + x²) dW`: `d⟨x²⟩/dt = −⟨x²⟩ + 1`, and the kernel for short times."""
    law = Ordinary(lambda x, t: -x, lambda x, t: jnp.diag(1 + x**2))
    starts = jnp.full((20_000, 1), 1.5)
    paths = ordinary(law, starts, jnp.array([0.0, 0.5, 1.0]), KEY, substeps=64)
    assert within(paths.mean(lambda x: x[0]), 1.5 * np.exp(-1.0))
    assert within(paths.mean(lambda x: x[0] ** 2), 1 + (1.5**2 - 1) * np.exp(-1.0))
    assert 0.001 < paths.step_error[-1].mean() < 0.1  # the same noise, in both runs
    x, dt = np.linspace(-1, 3, 4001), 1e-3
    kernel = jax.vmap(lambda x: law.kernel(x[None], jnp.array([1.5]), dt))(jnp.asarray(x))
    total = np.trapezoid(kernel, x)
    mean = np.trapezoid(kernel * x, x)
    assert total == pytest.approx(1, abs=1e-9)
    assert mean == pytest.approx(1.5 - 1.5e-3, abs=1e-9)
    variance = np.trapezoid(kernel * (x - mean) ** 2, x)
    assert variance == pytest.approx(3.25e-3, rel=1e-6)


def test_free_propagator_moves_a_packet():
    grid = dqm.Grid(-20.0, 20.0, 400)
    h = dqm.Hamiltonian(dqm.Free(), mass=1.3, hbar=0.8)
    psi = dqm.gaussian(grid, -0.5, 0.8, 0.4, hbar=0.8)
    exact = dqm.solve(dqm.Chebyshev(h, grid), psi, jnp.array([0.0, 2.0])).final
    x = grid.points[0]
    kernel = free_propagator(x[:, None], x[None], 2.0, mass=1.3, hbar=0.8)
    near = np.abs(np.asarray(x)) < 6
    np.testing.assert_allclose((kernel @ psi * grid.cell)[near], exact[near], atol=1e-8)


STEPPER = dqm.HusimiStep(dqm.FokkerPlanck(KERR), BASIS)
RUN = dqm.solve(STEPPER, BASIS.fock((1,)), jnp.linspace(0, 0.1, 3))
START = jnp.ones((1, 2))
OPEN = dqm.HusimiStep(dqm.Open(dqm.FokkerPlanck(KERR), dqm.Jump("a", 0.1)), BASIS)
CUBIC = dqm.HusimiStep(dqm.FokkerPlanck(dqm.AnharmonicOscillator(1.0, 0.1), order=4), BASIS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: husimi_flow(STEPPER, RUN, jnp.zeros((1, 2))), "`starts` must be where the dens"),
        (lambda: husimi_flow(STEPPER, RUN, jnp.ones((2, 1))), "`starts` must have shape"),
        (lambda: husimi_flow(STEPPER, RUN, START, substeps=5), "`substeps` must be even"),
        (lambda: husimi_diffusion(STEPPER, RUN, START, None), "`key` must be a key"),
        (lambda: husimi_flow(OPEN, RUN, START), "`stepper` must have an equation of two"),
        (lambda: husimi_flow(CUBIC, RUN, START), "`stepper` must have an equation of two"),
        (
            lambda: husimi_flow(dqm.KetStep(KERR, BASIS), RUN, START),
            "`solution` must have the states",
        ),
        (
            lambda: ordinary(
                Ordinary(lambda x, t: x, lambda x, t: -jnp.eye(1)),
                jnp.ones((1, 1)),
                jnp.array([0.0, 1.0]),
                KEY,
            ),
            "`diffusion` must be a symmetric matrix",
        ),
        (lambda: free_propagator(jnp.zeros(2), 0.0, 0.0), "`t` must be positive"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(dqm.InputError, match=message):
        call()


def test_a_density_with_a_shorter_horizon_is_refused():
    flow = dqm.FokkerPlanck(dqm.AnharmonicOscillator(1.0, 0.5))
    stepper = dqm.HusimiStep(flow, BASIS)
    run = dqm.solve(stepper, BASIS.coherent(1.0), jnp.linspace(0, 3.0, 4), throw=False)
    with pytest.raises(dqm.InputError, match="`solution` must be valid at all its times"):
        husimi_flow(stepper, run, START)
