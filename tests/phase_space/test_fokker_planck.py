import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
from systems import husimi, kerr_operator, motion_at, random_symbol, von_neumann

import dqmjax as dqm

POINTS = np.random.default_rng(3).normal(size=(5, 6))


def symplectic(modes):
    zero, one = np.zeros((modes, modes)), np.eye(modes)
    return np.block([[zero, one], [-one, zero]])


@pytest.mark.parametrize("modes", [1, 2, 3])
def test_diffusion_is_symmetric_traceless_and_anticommutes_with_J(modes):
    flow = dqm.FokkerPlanck(
        random_symbol(modes), ell=jnp.linspace(0.7, 1.9, modes), kappa=1.3, hbar=0.8, C=0.6
    )
    J = symplectic(modes)
    for xi in POINTS[:, : 2 * modes]:
        D = flow.diffusion(jnp.asarray(xi))
        size = jnp.abs(D).max()
        assert size > 1e-2
        np.testing.assert_allclose(D, D.T, rtol=0, atol=1e-14 * size)
        np.testing.assert_allclose(D @ J, -J @ D, rtol=0, atol=1e-14 * size)
        assert abs(jnp.trace(D)) < 1e-14 * size


def test_diffusion_of_one_mode_in_closed_form():
    """D_QQ = −(C/2κ)·2H̃_QP, D_QP = (C/2κ)(H̃_QQ − H̃_PP)."""
    C, kappa, ell = 0.7, 1.4, 1.6
    flow = dqm.FokkerPlanck(lambda q, p: jnp.sum(q**3 * p + p**4), ell=ell, kappa=kappa, C=C)
    q, p = 0.4, -1.1
    qq, qp, pp = 6 * q * p, 3 * q**2, 12 * p**2
    upper = C / (2 * kappa) * (ell**2 * qq - kappa**2 / ell**2 * pp)
    corner = C / (2 * kappa) * 2 * kappa * qp
    expected = [[-corner, upper], [upper, corner]]
    np.testing.assert_allclose(flow.diffusion(jnp.array([q, p])), expected, rtol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("modes", [1, 2])
def test_real_and_complex_form_agree(modes):
    """arXiv:2603.20399 eq. (43) against (56), with every constant away from 1 but C."""
    kappa, hbar, ell = 1.3, 0.7, np.array([0.8, 1.7])[:modes]
    symbol = random_symbol(modes, seed=1)
    flow = dqm.FokkerPlanck(symbol, ell=jnp.asarray(ell), kappa=kappa, hbar=hbar)
    scale = np.concatenate([ell, kappa / ell])
    center = np.linspace(-0.5, 0.6, 2 * modes)

    def density(z):
        return jnp.exp(-jnp.sum((z - center) ** 2 / np.linspace(1.5, 2.5, 2 * modes)))

    def hamiltonian(z):
        q, p = jnp.split(scale * z, 2)
        return symbol(q, p)

    def d(f, i, sign):
        """∂/∂α_i (sign −1) or ∂/∂α_i* (sign +1), α = √(κ/2)(Q + iP)."""
        along = np.zeros((2, 2 * modes))
        along[0, i], along[1, modes + i] = 1, sign
        real = lambda z, v: jax.jvp(f, (z,), (jnp.asarray(v),))[1]
        return lambda z: (real(z, along[0]) + 1j * real(z, along[1])) / np.sqrt(2 * kappa)

    def rate(z):
        total = 0.0
        for i in range(modes):
            slope = d(hamiltonian, i, 1)
            total += 1j * d(lambda z, s=slope: s(z) * density(z), i, -1)(z)
            for j in range(modes):
                bend = d(d(hamiltonian, i, 1), j, 1)
                product = lambda z, b=bend: b(z) * density(z)
                total += 0.5j * hbar * d(d(product, i, -1), j, -1)(z)
        return 2 * total.real

    z = jnp.asarray(POINTS[:, : 2 * modes])
    real_form = motion_at(flow, lambda xi: density(xi / scale))
    np.testing.assert_allclose(
        jax.jit(jax.vmap(real_form))(z * scale), jax.jit(jax.vmap(rate))(z), rtol=1e-10
    )


@pytest.fixture(scope="module")
def mixed_state():
    levels = 24
    psi = (qutip.coherent(levels, 0.7 + 0.4j, method="analytic") + qutip.basis(levels, 2)).unit()
    return 0.7 * psi.proj() + 0.3 * qutip.basis(levels, 1).proj()


GRID = dqm.Grid((-10.0, -10.0), (10.0, 10.0), (64, 64))


def on_grid(state):
    """Its Husimi density."""
    return husimi(state, np.asarray(GRID.points.reshape(2, -1).T)).reshape(GRID.shape)


@pytest.fixture(scope="module")
def rho(mixed_state):
    return jnp.asarray(on_grid(mixed_state))


def test_right_hand_side_is_exact_quantum_mechanics(mixed_state, rho):
    exact = on_grid(von_neumann(kerr_operator(24, -2.04, 0.7), mixed_state))
    flow = dqm.FokkerPlanck(dqm.Kerr(-2.04, 0.7))
    assert np.abs(exact).max() > 0.05
    np.testing.assert_allclose(flow.rhs(GRID, rho), exact, rtol=0, atol=1e-11)


def test_the_printed_constant_of_the_kerr_symbol_is_wrong(mixed_state, rho):
    """With −3 for −4 (arXiv:2603.20399, eq. (68)) the equation is that of (U/2) n̂²."""

    def printed(q, p):
        quanta = jnp.sum(q**2 + p**2) / 2
        return -2.04 / 2 * (quanta**2 - 3 * quanta)

    n = qutip.num(24)
    got = dqm.FokkerPlanck(printed).rhs(GRID, rho)
    kerr, square = (
        on_grid(von_neumann(h, mixed_state)) for h in (kerr_operator(24, -2.04), -2.04 / 2 * n * n)
    )
    assert np.abs(got - kerr).max() > 0.01
    np.testing.assert_allclose(got, square, rtol=0, atol=1e-11)


def test_mean_energy_and_norm_do_not_change(rho):
    flow = dqm.FokkerPlanck(dqm.Kerr(1.3, 0.2), C=0.4)
    rate = flow.rhs(GRID, rho)
    energy = GRID.at_points(flow.hamiltonian)
    assert abs(GRID.integrate(rate)) < 1e-12
    assert abs(GRID.integrate(rate * energy)) < 1e-10


def test_first_order_is_liouville(rho):
    first = dqm.FokkerPlanck(dqm.Kerr(1.3), order=1).rhs(GRID, rho)
    without = dqm.FokkerPlanck(dqm.Kerr(1.3), C=0.0).rhs(GRID, rho)
    np.testing.assert_allclose(first, without, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("flow", "exact"),
    [
        (dqm.FokkerPlanck(dqm.Kerr(2.0, 0.3)), True),
        (dqm.FokkerPlanck(dqm.Kerr(2.0), C=0.5), False),
        (dqm.FokkerPlanck(dqm.Kerr(2.0), ell=1.3), False),
        (dqm.FokkerPlanck(dqm.Kerr(2.0), hbar=0.5), False),
        (dqm.FokkerPlanck(dqm.Kerr(2.0), order=1), False),
        (
            dqm.FokkerPlanck(dqm.InUnits(dqm.Kerr(2.0), 1.6, 1.3), ell=1.6, kappa=1.3, hbar=1.3),
            True,
        ),
        (
            dqm.FokkerPlanck(
                dqm.InUnits(dqm.Kerr(2.0), 1e-12, 1e-34), ell=1e-12, kappa=1e-34, hbar=3e-34
            ),
            False,
        ),
        (dqm.FokkerPlanck(lambda q, p: jnp.sum(p**2 + 3 * q**2) / 2), True),
        (dqm.FokkerPlanck(lambda q, p: jnp.sum(p**2 / 2 + q**4)), False),
        (dqm.FokkerPlanck(lambda q, p: jnp.sum(p**2 / 2 + q**4), order=3), False),
        (dqm.FokkerPlanck(lambda q, p: jnp.sum(p**2 / 2 + q**4), order=4), True),
        (dqm.FokkerPlanck(lambda q, p: jnp.sum(p**2 / 2 + q**4), order=4, C=0.9), False),
        (dqm.FokkerPlanck(lambda q, p: jnp.sum(p**2 + q**2), order=1), True),
        (dqm.FokkerPlanck(lambda q, p: q[0] * q[1] + p[0] * p[1], ell=(1.0, 1.0)), True),
    ],
)
def test_verdict_on_exactness(flow, exact):
    assert flow.is_exact is exact


KERR = dqm.Kerr(1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dqm.FokkerPlanck(KERR, kappa=0.0), "`kappa` must be positive"),
        (lambda: dqm.FokkerPlanck(KERR, ell=jnp.array([1.0, -1.0])), "`ell` must be positive"),
        (lambda: dqm.FokkerPlanck(KERR, order=0), "`order` must be an integer of at least 1"),
        (lambda: dqm.FokkerPlanck(KERR, C=np.inf), "`C` must be finite"),
        (lambda: dqm.FokkerPlanck(KERR, hbar=-1.0), "`hbar` must be finite and not negative"),
        (
            lambda: dqm.FokkerPlanck(dqm.BoseHubbard(1.0, 1.0, 2), ell=(1.0, 1.0, 1.0)),
            "`ell` must have one entry for each of the 2 modes",
        ),
        (lambda: dqm.Damped(dqm.FokkerPlanck(KERR), -0.1), "`rate` must be finite"),
        (lambda: dqm.Damped(dqm.FokkerPlanck(KERR), 0.1, -1.0), "`thermal` must be finite"),
        (
            lambda: dqm.FokkerPlanck(lambda q, p: (1 + 1j) * q[0] * p[0]).drift(jnp.ones(2)),
            "must return one real number",
        ),
        (
            lambda: dqm.FokkerPlanck(lambda q, p: q * p).drift(jnp.ones(2)),
            "must return one real number",
        ),
        (
            lambda: dqm.FokkerPlanck(KERR, order=3).rhs(GRID, jnp.zeros(GRID.shape)),
            "`order` must be 1 or 2 on a grid",
        ),
        (
            lambda: dqm.FokkerPlanck(KERR).rhs(GRID, jnp.zeros((4, 4))),
            r"`rho` must have shape \(64, 64\)",
        ),
        (
            lambda: dqm.FokkerPlanck(KERR).rhs(dqm.Grid((0.0,), (1.0,), (8,)), jnp.zeros(8)),
            "an axis for each q and p",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(dqm.InputError, match=message):
        call()


def test_a_symbol_that_closes_over_a_parameter_is_refused():
    basis = dqm.FockBargmann(6)

    def moved(omega):
        flow = dqm.FokkerPlanck(lambda q, p: omega * jnp.sum(q**2 + p**2) / 2)
        return dqm.solve(
            dqm.HusimiStep(flow, basis), basis.coherent(0.4, loss=1e-6), jnp.arange(2.0)
        ).final

    assert moved(1.0).shape == (6, 6)
    with pytest.raises(dqm.InputError, match="subclass `AbstractSymbol`"):
        jax.jacfwd(moved)(1.0)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "symbol of 1 a†²a² + const.\nThis is quantum mechanics."),
        ({"C": 0.5}, "NOT quantum mechanics: C = 0.5."),
        ({"hbar": 0.5}, "NOT quantum mechanics: κ = 1, but ħ = 0.5."),
        (
            {"symbol": dqm.AnharmonicOscillator(1.0, 0.1)},
            "NOT quantum mechanics: H has derivatives that `order=2` leaves out.",
        ),
    ],
)
def test_an_equation_tells_whether_it_is_quantum_mechanics(changes, verdict):
    flow = dataclasses.replace(dqm.FokkerPlanck(dqm.Kerr(2.0)), **changes)
    assert str(flow).startswith(repr(flow))
    assert verdict in str(flow)
    traced = lambda C: str(dataclasses.replace(flow, C=C)) and C
    assert jax.jit(traced)(1.0) == 1


@pytest.mark.parametrize("name", ["ell", "kappa", "hbar", "C"])
def test_bad_values_under_jit_become_nan(name):
    drift = jax.jit(lambda x: dqm.FokkerPlanck(KERR, **{name: x}).spread(jnp.ones(2)))
    bad = np.nan if name == "C" else -1.0
    assert np.isnan(drift(bad)).any()
    assert np.isfinite(drift(0.5)).all()
    rate = jax.jit(lambda x: dqm.Damped(dqm.FokkerPlanck(KERR), x).tensor(1, jnp.ones(2)))
    assert np.isnan(rate(-0.1)).all()


def test_a_sweep_compiles_once():
    """Converters keep arrays and floats as they are."""
    count = []

    @jax.jit
    def spread(C, hbar):
        count.append(1)
        return dqm.FokkerPlanck(KERR, C=C, hbar=hbar).spread(jnp.ones(2))

    for x in (0.3, 0.7, -1.0):
        spread(x, 2 * x)
    assert len(count) == 1
    assert dqm.FokkerPlanck(KERR, C=0.3).C == 0.3
    assert isinstance(dqm.FokkerPlanck(KERR, C=0.3).C, float)
    assert isinstance(dqm.FokkerPlanck(KERR, ell=(1.0,)).ell, tuple)


def test_a_symbol_of_more_modes_than_the_basis_is_refused():
    """JAX would clamp the index, and the state would turn at twice the frequency."""
    two = lambda q, p: (q[0] ** 2 + p[0] ** 2 + q[1] ** 2 + p[1] ** 2) / 2
    basis = dqm.FockBargmann(6)
    for step in (dqm.HusimiStep(dqm.FokkerPlanck(two), basis), dqm.KetStep(two, basis)):
        start = basis.coherent(0.1) if isinstance(step, dqm.HusimiStep) else basis.coherent_ket(0.1)
        with pytest.raises(dqm.InputError, match="`symbol` uses a coordinate"):
            dqm.solve(step, start, np.array([0.0, 0.1]))


def test_tensors_of_powers_of_q_in_closed_form():
    """`G_qp = Cħkℓ²/4κ` of kq²/2, and `G_ppp = −(Cħ)²/4` of q³, as in Moyal's equation."""
    constants = {"ell": 1.3, "kappa": 0.8, "hbar": 0.7, "C": 0.6, "order": 3}
    xi = jnp.array([0.4, -0.2])
    square = dqm.FokkerPlanck(lambda q, p: 1.1 * q[0] ** 2 / 2, **constants).tensor(2, xi)
    expected = 0.6 * 0.7 * 1.1 * 1.3**2 / (4 * 0.8)
    np.testing.assert_allclose(square, [[0, expected], [expected, 0]], rtol=1e-13, atol=1e-15)
    cube = dqm.FokkerPlanck(lambda q, p: q[0] ** 3, **constants).tensor(3, xi)
    assert cube[1, 1, 1] == pytest.approx(-((0.6 * 0.7) ** 2) / 4, rel=1e-13)
