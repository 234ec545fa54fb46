"""Pure states by amplitudes, many modes, and cut-offs in the total number of quanta."""

import jax.numpy as jnp
import numpy as np
import pytest
import qutip
from systems import kerr_operator

import dqmjax as dqm
from dqmjax import readout

OPTIONS = {"atol": 1e-13, "rtol": 1e-11, "nsteps": 100_000}


def bose_hubbard(levels: int, modes: int, bonds, tunnelling: float, interaction: float):
    one = qutip.qeye(levels)
    a = [
        qutip.tensor([qutip.destroy(levels) if i == j else one for j in range(modes)])
        for i in range(modes)
    ]
    hopping = sum(a[i].dag() * a[j] + a[j].dag() * a[i] for i, j in bonds)
    return -tunnelling * hopping + interaction / 2 * sum(c.dag() ** 2 * c**2 for c in a)


CASES = {
    "dimer": (2, 2, [(0, 1)], 9, [0.7, 0.3j]),
    "trimer": (3, 3, [(0, 1), (1, 2)], 6, [0.4, 0.2j, 0.1]),
    "plaquette": ((2, 2), 4, [(0, 1), (2, 3), (0, 2), (1, 3)], 5, [0.3, 0.2j, 0.1, 0.1]),
}


@pytest.mark.parametrize("name", CASES)
def test_bose_hubbard_against_qutip(name):
    sites, modes, bonds, levels, alpha = CASES[name]
    basis = dqm.FockBargmann((levels,) * modes)
    stepper = dqm.KetStep(dqm.BoseHubbard(0.8, 1.5, sites), basis)
    start, ts = basis.coherent_ket(jnp.asarray(alpha), loss=1e-6), np.array([0.0, 0.6, 1.3])
    got = dqm.solve(stepper, start, ts, throw=False).saved
    ket = qutip.Qobj(np.asarray(start).ravel(), dims=[[levels] * modes, [1] * modes])
    operator = bose_hubbard(levels, modes, bonds, 0.8, 1.5)
    states = qutip.sesolve(operator, ket, ts, options=OPTIONS).states
    for ours, exact in zip(got, states, strict=True):
        overlap = np.vdot(exact.full(), ours)  # constants in H are left to the phase
        ours = ours.ravel() / (overlap / abs(overlap))
        np.testing.assert_allclose(ours, exact.full()[:, 0], rtol=0, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("sites", [3, (1, 2)])
def test_density_matrices_move_as_kets_do(sites):
    symbol = dqm.BoseHubbard(0.8, 1.5, sites)
    basis = dqm.FockBargmann((5,) * symbol.modes, quanta=4)
    ket = basis.kept_kets * (1.0 + np.arange(5**symbol.modes).reshape(basis.cutoff) % 7 + 0.5j)
    ket, ts = jnp.asarray(ket / np.linalg.norm(ket)), np.array([0.0, 0.7])
    flow = dqm.FokkerPlanck(symbol)
    pure = dqm.solve(dqm.KetStep(symbol, basis), ket, ts).final
    mixed = dqm.solve(dqm.HusimiStep(flow, basis), basis.pure(ket), ts)
    np.testing.assert_allclose(basis.pure(pure), mixed.final, rtol=0, atol=1e-12)
    assert mixed.status.size.max() == 0  # nothing leaves: quanta are conserved
    points = jnp.asarray(np.random.default_rng(0).normal(size=(9, 2 * symbol.modes)))
    np.testing.assert_allclose(
        basis.density(pure, points), basis.density(mixed.final, points), rtol=0, atol=1e-13
    )


@pytest.mark.slow
@pytest.mark.parametrize("C", [1.0, 0.5])
def test_a_cutoff_in_total_quanta_keeps_what_it_keeps(C):
    """Of number-conserving H: C ≠ 1 feeds higher totals only."""
    symbol, ts = dqm.BoseHubbard(0.8, 1.5, 2), np.array([0.0, 0.4])
    ends = []
    for levels, quanta in ((7, 4), (7, 5)):
        basis = dqm.FockBargmann((levels, levels), quanta=quanta)
        full = dqm.FockBargmann((16, 16)).coherent_ket(jnp.array([0.5, 0.3j]))[:levels, :levels]
        start = basis.pure(jnp.where(basis.kept_kets, full, 0.0))
        stepper = dqm.HusimiStep(dqm.FokkerPlanck(symbol, C=jnp.array(C)), basis)
        ends.append(dqm.solve(stepper, start, ts, throw=False).final)
    one, other, left, right = np.indices((7, 7, 7, 7))
    inside = (one + other <= 4) & (left + right <= 4)
    np.testing.assert_allclose(ends[0], np.where(inside, ends[1], 0), rtol=0, atol=1e-12)


def test_kets_in_physical_units():
    """κ and ℓ of the basis; a driven Kerr oscillator, which conserves nothing."""
    kappa, ell, levels = 1.3, 1.6, 24
    symbol = dqm.InUnits(dqm.Kerr(1.1, 0.4, 0.3), ell, kappa)
    basis = dqm.FockBargmann(levels, ell=ell, kappa=kappa)
    ts = np.array([0.0, 0.8])
    got = dqm.solve(dqm.KetStep(symbol, basis), basis.coherent_ket(0.5 + 0.2j), ts).final
    a = qutip.destroy(levels)
    operator = (kerr_operator(levels, 1.1, 0.4) + 0.3 * (a + a.dag())) / kappa
    start = qutip.coherent(levels, 0.5 + 0.2j, method="analytic")
    exact = qutip.sesolve(operator, start, ts, options=OPTIONS).states[-1].full()[:, 0]
    phase = np.vdot(exact, got)
    np.testing.assert_allclose(got / phase, exact, rtol=0, atol=1e-9)


def test_kets_of_what_is_not_its_own_time_reverse():
    """The amplifier: of a symmetric Ĥ a transposed one would do as well."""
    symbol, basis = dqm.ParametricAmplifier(0.4), dqm.FockBargmann(30)
    ts = np.array([0.0, 0.3])
    ket = dqm.solve(dqm.KetStep(symbol, basis), basis.coherent_ket(0.3 + 0.2j), ts).final
    stepper = dqm.HusimiStep(dqm.FokkerPlanck(symbol), basis)
    rho = dqm.solve(stepper, basis.coherent(0.3 + 0.2j), ts).final
    np.testing.assert_allclose(basis.pure(ket), rho, rtol=0, atol=1e-8)


def dimer_moment(parameters):
    """Re ⟨a_1†a_2⟩ and ⟨n_1⟩ of a damped dimer, by C, ℓ of both modes, U, J and γ."""
    C, ell_1, ell_2, interaction, tunnelling, rate = parameters
    symbol = dqm.BoseHubbard(tunnelling, interaction, 2)
    flow = dqm.FokkerPlanck(symbol, C=C, ell=jnp.stack([ell_1, ell_2]))
    basis = dqm.FockBargmann((4, 4))
    stepper = dqm.HusimiStep(dqm.Damped(flow, rate, 0.1), basis)
    start = basis.coherent_ket(jnp.array([0.15, 0.1j]), loss=1e-6)
    rho = dqm.solve(stepper, basis.pure(start), np.array([0.0, 0.1]), throw=False).final
    coherence = readout.moment(basis, rho, (1, 0), (0, 1))
    return coherence.imag + readout.moment(basis, rho, (1, 0), (1, 0)).real


@pytest.mark.slow
def test_gradients_three_ways(both_ways):
    at, step = jnp.array([0.9, 1.1, 0.95, 1.5, 0.8, 0.3]), 3e-4
    values = both_ways(dimer_moment)
    _, reverse, forward = values(at)
    value = lambda x: values(x)[0]
    central = lambda e: (value(at + e) - value(at - e)) / (2 * step)
    difference = [(4 * central(e) - central(2 * e) / 2) / 3 for e in step * np.eye(at.size)]
    assert np.abs(reverse).min() > 1e-5
    np.testing.assert_allclose(reverse, forward, rtol=1e-10)
    np.testing.assert_allclose(reverse, difference, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize(
    ("cutoff", "symbol", "message"),
    [
        (4, lambda q, p: jnp.cos(q[0]), "must be a polynomial"),
        (4, lambda q, p: (1 - 0.1j) * (q @ q + p @ p), "one real number"),
        ((4, 4), dqm.Kerr(1.0), "`basis` must have the 1 modes"),
    ],
)
def test_bad_input(cutoff, symbol, message):
    stepper = dqm.KetStep(symbol, dqm.FockBargmann(cutoff))
    with pytest.raises(dqm.InputError, match=message):
        stepper.make_step(jnp.array(0.1))
