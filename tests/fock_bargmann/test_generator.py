import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
from systems import (
    bose_hubbard,
    kerr_operator,
    motion_at,
    random_state,
    random_symbol,
    von_neumann,
)

import dqmjax as dqm
from dqmjax.phase_space.ordering import ANTINORMAL, NORMAL, reorder
from dqmjax.phase_space.polynomial import polynomial


@pytest.mark.slow
def test_kerr_generator_is_the_commutator():
    basis, state = dqm.FockBargmann(14), random_state(14, 14)
    operator = basis.generator(dqm.FokkerPlanck(dqm.Kerr(-2.04, 0.7)))
    exact = von_neumann(kerr_operator(14, -2.04, 0.7), state).full()
    assert operator.shifts == ((0, 0),)
    np.testing.assert_allclose(operator(basis.from_qutip(state)), exact, rtol=0, atol=1e-13)


@pytest.mark.slow
def test_two_modes_of_bose_and_hubbard():
    symbol, operator = bose_hubbard(0.8, 1.5)
    basis, state = dqm.FockBargmann((8, 8)), random_state(8, 6, modes=2)
    got = basis.generator(dqm.FokkerPlanck(symbol, ell=(1.0, 1.0)))
    exact = basis.from_qutip(von_neumann(operator(8), state))
    assert len(got.shifts) == 5
    np.testing.assert_allclose(got(basis.from_qutip(state)), exact, rtol=0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("modes", "constants"),
    [
        (1, {"C": 1.7, "ell": 1.3, "kappa": 1.2, "hbar": 0.7}),
        (1, {"C": 0.6, "order": 3, "ell": 1.2}),
        (2, {"C": 0.4, "ell": (1.3, 0.8)}),
    ],
)
def test_any_C_and_ell_against_derivatives_at_points(modes, constants):
    """The generator of a random Hamiltonian, quartic or of two modes cubic, against the equation
    itself."""
    levels, filled, degree = (10, 6, 4) if modes == 1 else (6, 3, 3)  # it connects degree levels
    flow = dqm.FokkerPlanck(random_symbol(modes, degree, seed=4), **constants)
    basis = dqm.FockBargmann((levels,) * modes, ell=0.9, kappa=constants.get("kappa", 1.0))
    state = basis.from_qutip(random_state(levels, filled, modes))
    rate = basis.generator(flow)(state)
    points = jnp.asarray(np.random.default_rng(2).normal(size=(6, 2 * modes)))
    rate_at = motion_at(flow, lambda xi: basis.density(state, xi[None])[0])
    exact = jax.jit(jax.vmap(rate_at))(points)
    np.testing.assert_allclose(
        basis.density(rate, points), exact, rtol=0, atol=1e-11 * np.abs(exact).max()
    )


@pytest.mark.slow
@pytest.mark.parametrize("C", [0.0, 0.5, 2.0])
def test_low_coefficients_do_not_depend_on_the_cutoff(C):
    """For number-conserving symbols C ≠ 1 feeds higher levels only."""
    finals = []
    for levels in (12, 20):
        basis = dqm.FockBargmann(levels)
        flow = dqm.FokkerPlanck(dqm.Kerr(2.0), C=jnp.array(C))  # an array: compiled once
        stepper = dqm.HusimiStep(flow, basis)
        ts, start = np.array([0.0, 0.4]), basis.coherent(1.0 + 0.5j)
        finals.append(dqm.solve(stepper, start, ts, throw=False).final)
    np.testing.assert_allclose(finals[0], finals[1][:12, :12], rtol=1e-12, atol=1e-13)


def test_oscillator_of_another_scale_squeezes():
    """`H = p²/2 + q²/2` in the basis of ℓ = 1.3: exact, though L is then no commutator of n̂."""
    flow = dqm.FokkerPlanck(lambda q, p: jnp.sum(q**2 + p**2) / 2, ell=1.3)
    basis = dqm.FockBargmann(40, ell=1.3)
    final = dqm.solve(
        dqm.HusimiStep(flow, basis), basis.coherent(0.4 + 0j), np.array([0.0, np.pi / 2])
    ).final
    grid = dqm.Grid((-9.0, -9.0), (9.0, 9.0), (64, 64))
    q, p = grid.points
    rho = basis.density(final, grid.points.reshape(2, -1).T).reshape(grid.shape)
    mean = grid.integrate(p * rho)
    # a quarter turn swaps q and p of the state, Var q = ℓ²/2, and the detector adds its own noise
    assert mean == pytest.approx(-np.sqrt(2) * 1.3 * 0.4, abs=1e-6)
    assert grid.integrate((p - mean) ** 2 * rho) == pytest.approx(
        1.3**2 / 2 + 1.3**-2 / 2, abs=1e-6
    )
    assert grid.integrate(q**2 * rho) == pytest.approx(1.3**-2 / 2 + 1.3**2 / 2, abs=1e-6)


def test_no_motion_without_a_hamiltonian():
    basis = dqm.FockBargmann(6)
    operator = basis.generator(dqm.FokkerPlanck(lambda q, p: 0 * jnp.sum(q)))
    assert not np.any(operator(basis.coherent(0.5 + 0j, loss=1e-6)))


@pytest.mark.parametrize(
    ("cutoff", "symbol", "message"),
    [
        (20, lambda q, p: jnp.sum(p**2) / 2 + jnp.sum(jnp.cos(q)), "must be a polynomial"),
        (20, lambda q, p: jnp.sum(q**12), "must be a polynomial"),
        (4, lambda q, p: jnp.sum(q**4), "`cutoff` must exceed the 4 levels"),
        ((6, 6), dqm.Kerr(1.0), "must have the 1 modes of the equation, but has 2"),
    ],
)
def test_bad_input(cutoff, symbol, message):
    with pytest.raises(dqm.InputError, match=message):
        dqm.FockBargmann(cutoff).generator(dqm.FokkerPlanck(symbol))


def test_sizes_of_constants_do_not_matter():
    """A frequency 25,000 times the interaction, one a constant and one trainable."""
    omega, basis = 2 * np.pi * 5e9, dqm.FockBargmann(8)
    state = random_state(8, 8)

    def rate(U):
        generator = basis.generator(dqm.FokkerPlanck(dqm.Kerr(U, omega=omega)))
        return generator(basis.from_qutip(state))

    U = jnp.array(2 * np.pi * 2e5)
    exact = von_neumann(kerr_operator(8, float(U), omega), state).full()
    slope = von_neumann(kerr_operator(8, 1.0), state).full()
    np.testing.assert_allclose(rate(U), exact, rtol=0, atol=1e-13 * np.abs(exact).max())
    got = jax.jacfwd(rate)(U)
    np.testing.assert_allclose(got, slope, rtol=0, atol=1e-11 * np.abs(slope).max())


def operator_of(symbol, modes: int, levels: int) -> qutip.Qobj:
    """The operator of an anti-Wick symbol, by its normal-ordered words."""
    words = reorder(polynomial(symbol, modes), ANTINORMAL, NORMAL)
    one = qutip.qeye(levels)
    lower = [
        qutip.tensor([qutip.destroy(levels) if i == j else one for j in range(modes)])
        for i in range(modes)
    ]
    total = 0
    for row, coefficient in zip(words.powers, np.asarray(words.coefficients), strict=True):
        word = qutip.tensor([one] * modes)
        for i in range(modes):
            word = lower[i].dag() ** row[i] * word * lower[i] ** row[modes + i]
        total = total + coefficient * word
    return total


@pytest.mark.slow
@pytest.mark.parametrize(
    ("symbol", "modes"), [(random_symbol(1, seed=2), 1), (dqm.HiggsPair(1.3, 0.5), 2)]
)
def test_order_of_the_degree_is_quantum_mechanics(symbol, modes):
    """Against the commutator; order 2 is none here."""
    levels, filled = (14, 8) if modes == 1 else (8, 3)
    state = random_state(levels, filled, modes)
    exact = von_neumann(operator_of(symbol, modes, levels), state)
    basis = dqm.FockBargmann((levels,) * modes)
    rates = [
        basis.generator(dqm.FokkerPlanck(symbol, ell=(1.0,) * modes, order=order))(
            basis.from_qutip(state)
        )
        for order in (2, 4)
    ]
    size = np.abs(exact.full()).max()
    assert np.abs(rates[0] - basis.from_qutip(exact)).max() > 0.01 * size
    np.testing.assert_allclose(rates[1], basis.from_qutip(exact), rtol=0, atol=1e-11 * size)


def test_anharmonic_motion_against_qutip():
    """`p²/2 + ω²q²/2 + λq⁴` with every number of derivatives, in its own units."""
    omega, quartic, levels = 1.4, 0.05, 36
    symbol = dqm.AnharmonicOscillator(omega, quartic)
    basis = dqm.FockBargmann(levels, ell=tuple(symbol.ell.tolist()))
    flow = dqm.FokkerPlanck(symbol, ell=symbol.ell, order=4)
    ts = np.array([0.0, 0.3])
    final = dqm.solve(dqm.HusimiStep(flow, basis), basis.coherent(0.6 + 0.3j), ts).final
    x = qutip.position(levels) / np.sqrt(omega)
    p = qutip.momentum(levels) * np.sqrt(omega)
    operator = p**2 / 2 + omega**2 * x**2 / 2 + quartic * x**4
    start = qutip.coherent(levels, 0.6 + 0.3j, method="analytic")
    options = {"atol": 1e-13, "rtol": 1e-11, "nsteps": 100_000}
    exact = basis.from_qutip(qutip.sesolve(operator, start, ts, options=options).states[-1])
    np.testing.assert_allclose(final[:14, :14], exact[:14, :14], rtol=0, atol=1e-9)


def lindblad(state: qutip.Qobj, rate: float, thermal: float) -> qutip.Qobj:
    a = qutip.destroy(state.shape[0])
    total = 0
    for factor, jump in ((rate * (thermal + 1), a), (rate * thermal, a.dag())):
        square = jump.dag() * jump
        total = total + factor * (jump * state * jump.dag() - (square * state + state * square) / 2)
    return total


def test_a_bath_is_that_of_the_master_equation():
    rate, thermal, levels = 0.3, 0.7, 16
    state, basis = random_state(levels, 10), dqm.FockBargmann(levels)
    flow = dqm.Damped(dqm.FokkerPlanck(dqm.Kerr(-2.04, 0.7)), rate, thermal)
    exact = von_neumann(kerr_operator(levels, -2.04, 0.7), state) + lindblad(state, rate, thermal)
    got = basis.generator(flow)(basis.from_qutip(state))
    np.testing.assert_allclose(got, basis.from_qutip(exact), rtol=0, atol=1e-12)


def test_damped_motion_against_qutip():
    rate, levels, ts = 0.2, 24, np.array([0.0, 0.4, 1.1])
    basis = dqm.FockBargmann(levels)
    flow = dqm.Damped(dqm.FokkerPlanck(dqm.Kerr(1.3)), rate)
    got = dqm.solve(dqm.HusimiStep(flow, basis), basis.coherent(1.2 + 0.3j), ts).saved
    options = {"atol": 1e-13, "rtol": 1e-11, "nsteps": 100_000}
    start = qutip.coherent(levels, 1.2 + 0.3j, method="analytic").proj()
    jump = [np.sqrt(rate) * qutip.destroy(levels)]
    states = qutip.mesolve(kerr_operator(levels, 1.3), start, ts, jump, options=options).states
    for rho, exact in zip(got, states, strict=True):
        np.testing.assert_allclose(rho, basis.from_qutip(exact), rtol=0, atol=1e-9)


def test_amplifier_widens_and_narrows():
    """Var q of the Husimi density in units of ½: `e^{2gt} + 1`, of p `e^{−2gt} + 1`."""
    gain, t = 0.4, 0.5
    basis = dqm.FockBargmann(44)
    stepper = dqm.HusimiStep(dqm.FokkerPlanck(dqm.ParametricAmplifier(gain)), basis)
    final = dqm.solve(stepper, basis.coherent(0.3 + 0.2j), np.array([0.0, t])).final
    grid = dqm.Grid((-11.0, -11.0), (11.0, 11.0), (80, 80))
    rho = basis.density(final, grid.points.reshape(2, -1).T).reshape(grid.shape)
    for axis, sign in ((0, 1), (1, -1)):
        x = grid.points[axis]
        mean = grid.integrate(x * rho)
        exact = np.exp(2 * sign * gain * t) + 1
        assert 2 * grid.integrate((x - mean) ** 2 * rho) == pytest.approx(exact, abs=1e-10)


class Coupled(dqm.AbstractSymbol):
    """Hopping where a table of whole numbers says so."""

    table: jax.Array

    @property
    def modes(self):
        return 2

    def __call__(self, q, p):
        return jnp.sum(self.table * (jnp.outer(q, q) + jnp.outer(p, p))) / 2


def test_whole_numbers_in_a_symbol_belong_to_its_structure():
    """The structure is found once for all values of parameters, which these are not."""
    basis = dqm.FockBargmann((4, 4))
    tables = (np.eye(2, dtype=int), np.array([[1, 3], [3, 1]]))
    shifts = [
        set(basis.generator(dqm.FokkerPlanck(Coupled(jnp.asarray(table)))).shifts)
        for table in tables
    ]
    assert len(shifts[0]) == 1
    assert len(shifts[1]) == 5


def test_the_pattern_of_one_equation_is_found_once():
    """Whatever the values of its trainable parameters."""
    basis = dqm.FockBargmann(12)
    flow = lambda value: dqm.FokkerPlanck(dqm.Kerr(jnp.array(value)), C=jnp.array(value))
    assert basis.pattern(flow(0.7)) is basis.pattern(flow(1.3))
    assert basis.pattern(flow(0.7)).shifts != basis.pattern(dqm.FokkerPlanck(dqm.Kerr(0.7))).shifts


def test_on_some_of_the_coefficients_it_is_the_same_generator():
    """With sums of more than 32 terms, which are split."""
    symbol = dqm.BoseHubbard(0.7, 0.4, 2, omega=jnp.array([0.2, -0.1]))
    flow = dqm.FokkerPlanck(symbol, C=0.8, ell=jnp.array([1.1, 0.9]))
    some, every = dqm.FockBargmann((10, 10), quanta=9), dqm.FockBargmann((10, 10))
    random = np.random.default_rng(0)
    rho = some.kept * (random.normal(size=some.levels) + 1j * random.normal(size=some.levels))
    few, many = some.generator(flow), every.generator(flow)
    assert few.parts().sources.shape[1] > 32
    np.testing.assert_allclose(
        few(jnp.asarray(rho)), some.kept * many(jnp.asarray(rho)), rtol=0, atol=1e-12
    )
