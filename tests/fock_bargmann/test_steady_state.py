"""Steady states against closed forms and QuTiP."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
from systems import kerr_operator

import dqmjax as dqm
from dqmjax import readout
from dqmjax.fock_bargmann.steady_state import _solved, steady_state
from dqmjax.phase_space.operators import operator


def driven(interaction=1.0, omega=-2.5, drive=1.3, rate=1.0, thermal=0.0):
    return dqm.Damped(dqm.FokkerPlanck(dqm.Kerr(interaction, omega, drive)), rate, thermal)


def series(a, b, z):
    """`0F2(; a, b; z)`."""
    term = total = 1.0 + 0j
    for k in range(200):
        term *= z / ((k + 1) * (a + k) * (b + k))
        total += term
    return total


def drummond_walls(up, down, interaction, omega, drive, rate):
    """`⟨â†^up â^down⟩` (1980, doi:10.1088/0305-4470/13/2/034)."""
    c, amplitude = 2 * (omega - 0.5j * rate) / interaction, -2 * drive / interaction
    rising = lambda x, n: math.prod(x + i for i in range(n))
    at = lambda m, n: series(c + n, np.conj(c) + m, 2 * amplitude**2)
    ratio = at(up, down) / at(0, 0) / (rising(c, down) * rising(np.conj(c), up))
    return amplitude ** (up + down) * ratio


def normal_moment(rho, up, down):
    a = qutip.destroy(len(rho)).full()
    product = np.linalg.matrix_power(a.T, up) @ np.linalg.matrix_power(a, down)
    return np.trace(product @ rho)


@pytest.mark.parametrize("drive", [1e-5, 0.3, 0.8, 1.2, 1.3, 1.4, 1.8, 2.5])
def test_bistable_kerr_oscillator_against_drummond_and_walls(drive):
    """⟨n⟩ rises from 1e-11 to 3.9; between F = 1 and 2 mean-field theory has two stable states."""
    at = {"interaction": 1.0, "omega": -2.5, "rate": 1.0}
    values = {name: jnp.array(value) for name, value in at.items()}  # arrays: compiled once
    got = steady_state(driven(drive=jnp.array(drive), **values), dqm.FockBargmann(20))
    assert got.residual < 1e-10
    for up, down in ((0, 1), (1, 1), (0, 2), (2, 2), (1, 3)):
        exact = drummond_walls(up, down, drive=drive, **at)
        assert abs(normal_moment(got.state, up, down) - exact) < 1e-9 * abs(exact)


def test_against_qutip():
    """Two-photon drive, loss, heating and dephasing."""
    levels = 16
    symbol = operator("-0.3*n + 0.4*n*(n-1) + 0.3*(a**2 + ad**2) + 0.2*(a + ad)")
    jumps = {"a": 1.0, "ad": 0.1, "n": 0.2, "a**2": 0.15}
    flow = dqm.Open(dqm.FokkerPlanck(symbol), *(dqm.Jump(j, r) for j, r in jumps.items()))
    a = qutip.destroy(levels)
    drives = 0.3 * (a**2 + a.dag() ** 2) + 0.2 * (a + a.dag())
    operators = [a, a.dag(), a.dag() * a, a**2]
    losses = [np.sqrt(rate) * c for rate, c in zip(jumps.values(), operators, strict=True)]
    exact = qutip.steadystate(kerr_operator(levels, 0.8, -0.3) + drives, losses).full()
    got = steady_state(flow, dqm.FockBargmann(levels)).state
    # heating differs in the highest level, where QuTiP's ↠is cut off before it is squared
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(got, got.conj().T)


@pytest.mark.parametrize("quanta", [None, 14])
def test_thermal_state_of_two_modes(quanta):
    """Of a dimer: loss and heating at the same rates do not see the hopping."""
    basis = dqm.FockBargmann((8, 8), quanta=quanta)
    flow = dqm.Damped(dqm.FokkerPlanck(dqm.BoseHubbard(0.7, 0.0, 2)), 0.4, 0.1)
    got = steady_state(flow, basis).state
    weights = (0.1 / 1.1) ** np.indices((8, 8)).sum(axis=0) / 1.1**2
    exact = np.diag((weights * basis.kept_kets).ravel()).reshape(basis.levels)
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-7)


def quanta(parameters):
    flow = driven(*parameters)
    state = steady_state(flow, dqm.FockBargmann(12)).state
    return readout.moment(dqm.FockBargmann(12), state, (1,), (1,)).real


@pytest.mark.slow
def test_gradients_three_ways(both_ways):
    """With respect to U, ω, F, γ and n̄; ⟨ââ†⟩ at n̄ = 0 is that of Drummond and Walls."""
    at = jnp.array([1.1, -1.2, 0.6, 0.9, 0.01])
    values = both_ways(quanta)
    _, reverse, forward = values(at)
    exact = lambda x: drummond_walls(1, 1, *x[:4]).real
    step, at_0 = 1e-5, at.at[4].set(0.0)
    closed = [(exact(at + e) - exact(at - e)) / (2 * step) for e in step * np.eye(5)[:4]]
    value = lambda x: values(x)[0]
    difference = [(value(at + e) - value(at - e)) / (2 * step) for e in step * np.eye(5)]
    assert np.abs(reverse).min() > 1e-2
    np.testing.assert_allclose(reverse, forward, rtol=1e-10)
    np.testing.assert_allclose(reverse, difference, rtol=1e-7)
    np.testing.assert_allclose(values(at_0)[1][:4], closed, rtol=1e-7)


def test_a_sweep_and_units_that_do_not_matter():
    """vmap over drives, in units of 1e9 per time; it compiles once."""
    drives = jnp.array([0.3, 0.5, 0.7])
    at = lambda drive: steady_state(driven(1e9, -1e9, 1e9 * drive, 1e9), dqm.FockBargmann(12))
    for drive, state in zip(drives, jax.jit(jax.vmap(at))(drives).state, strict=True):
        exact = drummond_walls(1, 1, 1.0, -1.0, float(drive), 1.0)
        assert normal_moment(state, 1, 1) == pytest.approx(exact, rel=1e-8)
    sizes = []
    for drive in drives:
        at(drive)
        sizes.append(_solved._cached._cache_size())
    assert sizes[0] == sizes[1] == sizes[2] > 0


def test_single_precision():
    jax.config.update("jax_enable_x64", False)
    try:
        got = steady_state(driven(1.0, -1.0, 0.7), dqm.FockBargmann(12)).state
    finally:
        jax.config.update("jax_enable_x64", True)
    assert got.dtype == jnp.complex64
    exact = drummond_walls(1, 1, 1.0, -1.0, 0.7, 1.0)
    assert normal_moment(got, 1, 1) == pytest.approx(exact, rel=1e-4)


def test_the_residual_counts_what_leaves_the_basis():
    """Too few levels for n̄ = 1, kept by a loss of the top level to nothing."""
    flow = dqm.Damped(dqm.FokkerPlanck(dqm.Kerr(0.0, 1.0)), 1.0, 1.0)
    sizes = [float(steady_state(flow, dqm.FockBargmann(n)).residual) for n in (12, 16, 20)]
    np.testing.assert_allclose(np.diff(np.log2(sizes)), -4, atol=0.3)  # p_n falls as 2^−n


@pytest.mark.parametrize("flow", [driven(rate=1e-13), driven(rate=0.0), driven(0.0, 0.0, 3.0)])
def test_traced_states_that_are_refused_are_nan(flow):
    flow = jax.tree.map(jnp.asarray, flow)
    with pytest.raises(dqm.InputError):
        steady_state(flow, dqm.FockBargmann(8))
    state = jax.jit(lambda flow: steady_state(flow, dqm.FockBargmann(8)).state)(flow)
    assert np.isnan(state).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flow", "basis", "message"),
    [
        (dqm.FokkerPlanck(dqm.Kerr(1.0)), 6, "one steady state"),
        (dqm.FokkerPlanck(dqm.Kerr(1.0, drive=0.5)), 6, "one steady state"),
        (dqm.Open(dqm.FokkerPlanck(dqm.Kerr(1.0)), dqm.Jump("n", 1.0)), 6, "one steady state"),
        (dqm.Open(dqm.FokkerPlanck(dqm.Kerr(1.0)), dqm.Jump("a**2", 1.0)), 6, "one steady state"),
        (dqm.Damped(dqm.FokkerPlanck(dqm.ParametricAmplifier(1.0)), 1.0), 12, "`cutoff` must hold"),
        (driven(), 64, "at most 4000"),
    ],
    ids=["closed", "driven", "dephasing", "two parities", "unstable", "too large"],
)
def test_no_steady_state(flow, basis, message):
    with pytest.raises(dqm.InputError, match=message):
        steady_state(flow, dqm.FockBargmann(basis))
