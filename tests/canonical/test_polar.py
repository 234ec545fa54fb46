"""Density and phase of ψ: branches, windings, vortices and accuracy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm

RING = dqm.Grid((0.0,), (2 * np.pi,), (48,))
LINE = dqm.Grid((-9.0,), (9.0,), (96,))


def test_action_is_continuous_on_both_sides_of_a_node():
    """Two parts whose phases separate by more than 2π."""
    grid = dqm.Grid((-16.0,), (16.0,), (96,))
    one, other = (dqm.gaussian(grid, c, 0.7) for c in (-6.0, 6.0))
    S = None
    for phase in np.arange(0, 8, 0.5):
        _, S = dqm.to_canonical(0.8 * one + np.exp(1j * phase) * other, like=S)
        assert S[66] - S[30] == pytest.approx(phase, abs=1e-9)


def test_action_is_accurate_down_to_a_relative_density_of_1e_10():
    """A squeezed packet, S in closed form; and the winding of a ring."""
    grid, width, covariance = dqm.Grid((-10.0,), (10.0,), (128,)), 0.8, 0.6
    psi = dqm.gaussian(grid, 0.3, width, 1.7, covariance=covariance)
    rho, S = dqm.to_canonical(psi)
    x = grid.points[0]
    exact = covariance * (x - 0.3) ** 2 / (2 * width**2) + 1.7 * x
    lit = rho > 1e-10 * rho.max()
    error = (S - exact)[lit]
    np.testing.assert_allclose(error, error[0], rtol=0, atol=1e-10)
    for turns in (-3, 0, 5):
        around = jnp.exp(1j * turns * RING.points[0]) * (1 + 0.3 * jnp.cos(RING.points[0]))
        assert dqm.polar.windings(around)[0] == turns
        assert jnp.ptp(dqm.to_canonical(around)[1]) == pytest.approx(
            abs(turns) * 2 * np.pi * 47 / 48, abs=1e-12
        )


def test_density_is_differentiable_at_a_node():
    levels = [dqm.oscillator(LINE, n) for n in (0, 1)]
    rho = lambda c: dqm.to_canonical(levels[1] + c * levels[0])[0][48]
    assert levels[1][48] == 0
    assert jax.grad(jax.grad(rho))(0.0) == pytest.approx(2 / np.sqrt(np.pi), abs=1e-12)


def test_accuracy_must_exceed_the_machine_epsilon():
    psi = dqm.gaussian(LINE, 0.0, 0.7).astype(jnp.complex64)
    with pytest.raises(dqm.InputError, match="`accuracy` must be above 1"):
        dqm.polar.inspect_phase(LINE, psi, 1e-8)


@pytest.mark.parametrize("accuracy", [1e-6, 1e-14])
def test_mask_of_a_phase(accuracy):
    psi = dqm.gaussian(LINE, 0.0, 0.7)
    report = dqm.polar.inspect_phase(LINE, psi, accuracy)
    outside = 1 - float(LINE.integrate(jnp.abs(psi) ** 2 * report.mask))
    assert report.unknown == pytest.approx(outside, abs=1e-14)
    if accuracy == 1e-14:  # only the middle is as accurate
        assert 1e-5 < report.unknown < 1e-3


def test_vortex_of_a_given_charge(moving_vortex, check_vortex):
    _, state = moving_vortex
    check_vortex(0.5, *dqm.to_canonical(state(0.5)), 1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dqm.to_canonical(jnp.ones(8, complex), hbar=-1.0), "`hbar` must be positive"),
        (lambda: dqm.from_canonical(-jnp.ones(8), jnp.ones(8)), "`rho` must not be negative"),
    ],
)
def test_invalid_input_is_refused(call, message):
    with pytest.raises(dqm.InputError, match=message):
        call()
