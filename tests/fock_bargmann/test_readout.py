import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
import scipy.special
from systems import motion_at, random_state, random_symbol

import dqmjax as dqm
from dqmjax import readout
from dqmjax.phase_space.fokker_planck import current

KEY = jax.random.key(0)


def kerr_run(times):
    """K = U/2 = 1 and α = 2."""
    basis = dqm.FockBargmann(34)
    stepper = dqm.HusimiStep(dqm.FokkerPlanck(dqm.Kerr(2.0)), basis)
    return basis, dqm.solve(stepper, basis.coherent(2.0 + 0j), np.array([0.0, *times])).saved


@pytest.mark.parametrize("modes", [1, 2])
def test_moments_are_antinormal(modes):
    levels, filled = (14, 8) if modes == 1 else (8, 4)
    state = random_state(levels, filled, modes)
    basis = dqm.FockBargmann((levels,) * modes)
    one = qutip.qeye(levels)
    lower = [
        qutip.tensor([qutip.destroy(levels) if i == j else one for j in range(modes)])
        for i in range(modes)
    ]
    for up, down in (((1,), (0,)), ((2,), (1,)), ((2,), (3,)), ((0,), (0,))):
        ups, downs = up * modes, (*down, 1)[:modes]
        word = qutip.tensor([one] * modes)
        for a, n in zip(lower, downs, strict=True):
            word = word * a**n
        for a, m in zip(lower, ups, strict=True):
            word = word * a.dag() ** m
        got = readout.moment(basis, basis.from_qutip(state), ups, downs)
        assert complex(got) == pytest.approx((word * state).tr(), rel=1e-12, abs=1e-12)


def test_energy_is_the_mean_of_the_symbol():
    levels, state = 16, random_state(16, 9)
    a = qutip.destroy(levels)
    operator = 0.7 * a.dag() * a + 0.65 * a.dag() ** 2 * a**2 + 0.2 * (a + a.dag())
    basis = dqm.FockBargmann(levels)
    text = dqm.operator("0.7*n + 0.65*ad**2*a**2 + 0.2*(a + ad)")
    for symbol in (dqm.ordering.from_qutip(operator, 4), text):
        got = readout.expectation(basis, basis.from_qutip(state), symbol)
        assert float(got) == pytest.approx((operator * state).tr().real, rel=1e-12)


def kerr_entropy(t: float) -> float:
    """By the amplitudes' closed form and a quadrature in polar coordinates."""
    n = np.arange(60)
    lengths = np.exp(n * np.log(2) - 2 - scipy.special.gammaln(n + 1) / 2)
    amplitudes = lengths * np.exp(-1j * t * n * (n - 1))
    x, w = np.polynomial.legendre.leggauss(400)
    radius, angle = 4.5 * (x + 1), 2 * np.pi * np.arange(512) / 512
    powers = np.exp(n * np.log(radius)[:, None] - scipy.special.gammaln(n + 1) / 2)
    waves = np.exp(-1j * np.outer(n, angle))
    husimi = np.abs((powers * amplitudes) @ waves) ** 2 * np.exp(-(radius[:, None] ** 2))
    ring = -np.mean(scipy.special.xlogy(husimi, husimi), axis=1)
    return float(2 * np.sum(4.5 * w * radius * ring))


@pytest.mark.slow
def test_kerr_at_an_eighth_and_at_half_of_its_period():
    times = [np.pi / 8, np.pi / 2]
    basis, states = kerr_run(times)
    grid = dqm.Grid((-9.5, -9.5), (9.5, 9.5), (432, 432))
    points = grid.points.reshape(2, -1).T
    entropy = [
        readout.wehrl_entropy(grid, basis.density(rho, points).reshape(grid.shape))
        for rho in states
    ]
    np.testing.assert_allclose(entropy, [1, *map(kerr_entropy, times)], rtol=0, atol=1e-8)
    np.testing.assert_allclose(entropy[1:], [2.1292108458, 1.6845573550], rtol=0, atol=1e-8)
    moments = [[readout.moment(basis, rho, (0,), (n,)) for n in (1, 2)] for rho in states[1:]]
    exact = [[-0.5896152073 - 0.1909300233j, 0.0053440887 + 0.0730673851j], [0.0006709253, -4]]
    np.testing.assert_allclose(moments, exact, rtol=0, atol=1e-9)


@pytest.mark.slow
def test_entropy_of_a_coherent_state_is_the_number_of_modes():
    basis = dqm.FockBargmann((12, 12), ell=(1.3, 0.8), kappa=1.2)
    box = (10.0, 6.5, 7.5, 12.0)
    grid = dqm.Grid(tuple(-x for x in box), box, (24, 24, 24, 24))
    ket = basis.coherent_ket(jnp.array([0.3, 0.2j]))
    rho = basis.density(ket, grid.points.reshape(4, -1).T)
    entropy = readout.wehrl_entropy(grid, rho.reshape(grid.shape), 1.2)
    assert float(entropy) == pytest.approx(2, abs=1e-6)


def test_reduced_density_integrates_the_other_mode_out():
    basis = dqm.FockBargmann((7, 7))
    state = random_state(7, 4, 2)
    grid = dqm.Grid((-9.0, -9.0), (9.0, 9.0), (48, 48))
    q, p = (x.ravel() for x in grid.points)
    at = np.array([0.4, -0.3])  # of the second mode
    points = np.stack([q, np.full(q.shape, at[0]), p, np.full(q.shape, at[1])], axis=1)
    rho = basis.from_qutip(state)
    whole = grid.integrate(basis.density(rho, jnp.asarray(points)).reshape(grid.shape))
    single = dqm.FockBargmann(7)
    alone = readout.reduced(basis, rho, (1,))
    np.testing.assert_allclose(alone, single.from_qutip(state.ptrace(1)), rtol=0, atol=1e-15)
    assert float(whole) == pytest.approx(
        float(single.density(alone, jnp.asarray(at[None]))[0]), abs=1e-12
    )


def test_marginal_of_a_coherent_state_is_a_gaussian():
    basis = dqm.FockBargmann(20, ell=1.3)
    grid = dqm.Grid((-12.0, -8.0), (12.0, 8.0), (64, 64))
    rho = basis.density(basis.coherent(0.8 + 0.3j), grid.points.reshape(2, -1).T)
    got = readout.marginal(grid, rho.reshape(grid.shape), (0,))
    q, middle = grid.points[0][:, 0], np.sqrt(2) * 1.3 * 0.8
    exact = np.exp(-(((q - middle) / 1.3) ** 2) / 2) / np.sqrt(2 * np.pi) / 1.3
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("constants", [{}, {"C": 0.6, "ell": 1.2}, {"order": 3}, {"order": 1}])
def test_continuity(constants):
    """∂ρ/∂t = −∇·j at points."""
    flow = dqm.FokkerPlanck(random_symbol(1, seed=5), **constants)
    basis = dqm.FockBargmann(12)
    state = basis.from_qutip(random_state(12, 6))
    density = lambda xi: basis.density(state, xi[None])[0]
    divergence = lambda xi: jnp.trace(jax.jacfwd(current(flow, density))(xi))
    points = jnp.asarray(np.random.default_rng(0).normal(size=(5, 2)))
    got, exact = (jax.jit(jax.vmap(f))(points) for f in (divergence, motion_at(flow, density)))
    np.testing.assert_allclose(-got, exact, rtol=0, atol=1e-12 * np.abs(exact).max())


@pytest.mark.slow
@pytest.mark.parametrize("modes", [1, 2])
def test_samples_follow_the_density(modes):
    """Moments of 20,000 draws within 4 errors, and the shares of eight sectors.

    False-alarm probability 1e-3 for another key.
    """
    basis = dqm.FockBargmann((12,) * modes if modes == 1 else (6, 6), ell=1.3, kappa=1.2)
    state = basis.from_qutip(random_state(basis.cutoff[0], 5 if modes == 1 else 3, modes))
    draws = readout.sample(jax.random.key(1), basis, state, 20_000)
    assert draws.shape == (20_000, 2 * modes)
    beta = np.asarray(jax.vmap(basis.amplitude)(jnp.asarray(draws)))
    for up, down in ((0, 1), (1, 1), (0, 2), (2, 2)):
        values = np.prod(beta.conj() ** up * beta**down, axis=1)
        exact = readout.moment(basis, state, (up,) * modes, (down,) * modes)
        error = values.std() / np.sqrt(len(values))
        assert abs(values.mean() - exact) < 4 * error
    if modes == 1:
        edges = np.linspace(0, 2 * np.pi, 9)
        counts = np.histogram(np.angle(beta[:, 0]) % (2 * np.pi), edges)[0]
        radius, angle = np.linspace(0, 8, 400), np.linspace(0, 2 * np.pi, 801)
        r, a = np.meshgrid(radius, angle, indexing="ij")
        points = np.stack([r * np.cos(a), r * np.sin(a)], -1).reshape(-1, 2) * np.sqrt(2)
        points = jnp.asarray(points * np.array([1.3, 1.2 / 1.3]))
        rho = np.asarray(basis.density(state, points)).reshape(r.shape) * 2 * 1.2
        ring = np.trapezoid(rho * r, radius, axis=0)
        shares = [np.trapezoid(ring[i : i + 101], angle[i : i + 101]) for i in range(0, 800, 100)]
        assert sum(shares) == pytest.approx(1, abs=1e-4)
        expected = np.array(shares) * 20_000
        assert np.sum((counts - expected) ** 2 / expected) < 30  # 7 degrees of freedom


def random_ket(basis: dqm.FockBargmann):
    parts = np.random.default_rng(4).normal(size=(2, *basis.cutoff))
    ket = parts[0] + 1j * parts[1]
    return jnp.asarray(ket / np.linalg.norm(ket))


def test_kets_have_the_readouts_of_their_coefficients():
    basis = dqm.FockBargmann((3, 4), ell=(1.3, 0.8), kappa=1.2)
    ket, x = random_ket(basis), np.linspace(-2, 2, 5)
    points = np.random.default_rng(0).normal(size=(3, 4))
    symbol = dqm.ordering.from_terms({(1, 0, 0, 1): 0.3, (0, 1, 1, 0): 0.3, (0, 2, 0, 2): 1.0})
    for read in (
        lambda state: readout.moment(basis, state, (1, 0), (2, 1)),
        lambda state: readout.expectation(basis, state, symbol),
        lambda state: readout.reduced(basis, state, (1,)),
        lambda state: readout.photon_numbers(basis, state),
        lambda state: readout.parity(basis, state),
        lambda state: readout.wigner(basis, state, points),
        lambda state: readout.quadratures(basis, state, x, 0.4, mode=1),
        lambda state: readout.sample(KEY, basis, state, 3),
    ):
        np.testing.assert_allclose(read(ket), read(basis.pure(ket)), rtol=0, atol=1e-14)


BASIS = dqm.FockBargmann(5)


@pytest.fixture(scope="module")
def rho():
    return BASIS.coherent(0.2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rho: readout.moment(BASIS, rho, (1, 0), (0,)), "`up` must have a power"),
        (lambda rho: readout.moment(BASIS, rho, (1,), (-1,)), "`down` must have a power"),
        (lambda rho: readout.moment(BASIS, rho[:4], (1,), (0,)), r"or \(5,\) of a ket"),
        (lambda rho: readout.sample(KEY, BASIS, -rho, 10), "must be a density matrix"),
        (lambda rho: readout.sample(KEY, BASIS, rho * (1 + 0.1j), 10), "must be a density matrix"),
        (lambda rho: readout.sample(KEY, BASIS, rho, -3), "`count` must be an integer"),
        (lambda rho: readout.reduced(BASIS, rho, (1,)), "`keep` must contain some of 0 … 0"),
        (
            lambda rho: readout.expectation(BASIS, rho, dqm.ordering.from_terms({(0,) * 4: 1.0})),
            "`symbol` must have the 1 modes",
        ),
    ],
)
def test_bad_input(rho, call, message):
    with pytest.raises(dqm.InputError, match=message):
        call(rho)


@pytest.mark.parametrize("axes", [(-1,), (1, 0), (2,), (0, 0), ()])
def test_axes_must_increase(axes):
    grid = dqm.Grid((-1.0, -1.0), (1.0, 1.0), (4, 4))
    with pytest.raises(dqm.InputError, match="in increasing order"):
        readout.marginal(grid, jnp.ones((4, 4)), axes)
