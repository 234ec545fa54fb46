import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip

import dqmjax as dqm
from dqmjax.phase_space.ordering import from_qutip

POINTS = np.random.default_rng(3).normal(size=(6, 2, 6))


def lattice(tunnelling, interaction, sites, bonds, levels, omega=0.0):
    a = [
        qutip.tensor(
            [qutip.destroy(levels) if i == j else qutip.qeye(levels) for j in range(sites)]
        )
        for i in range(sites)
    ]
    hopping = sum(a[i].dag() * a[j] + a[j].dag() * a[i] for i, j in bonds)
    interaction, omega = np.broadcast_to(interaction, sites), np.broadcast_to(omega, sites)
    pairs = sum(float(u) / 2 * c.dag() ** 2 * c**2 for u, c in zip(interaction, a, strict=True))
    single = sum(float(w) * c.dag() * c for w, c in zip(omega, a, strict=True))
    return -tunnelling * hopping + pairs + single


def pair(levels):
    one = qutip.qeye(levels)
    return qutip.tensor(qutip.destroy(levels), one), qutip.tensor(one, qutip.destroy(levels))


def higgs(mass, coupling, levels=9):
    a, b = pair(levels)
    field = (a + b.dag()) / np.sqrt(2 * mass)
    momentum = 1j * np.sqrt(mass / 2) * (b - a.dag())
    square = field.dag() * field
    return momentum.dag() * momentum + mass**2 * square + coupling / 2 * square**2


def kerr(levels=11):
    a = qutip.destroy(levels)
    pairs = 0.9 / 2 * a.dag() ** 2 * a**2 + 0.6 / 2 * (a**2 + a.dag() ** 2)
    return 0.7 * a.dag() * a + pairs + 0.4 * (a + a.dag())


def amplifier(levels=9):
    a = qutip.destroy(levels)
    return 0.3j / 2 * (a.dag() ** 2 - a**2)


def anharmonic(levels=11):
    x, p = qutip.position(levels), qutip.momentum(levels)
    return p**2 / 2 + x**2 / 2 + 0.2 * x**4


def three_wave(levels=7):
    a, b, c = (
        qutip.tensor([qutip.destroy(levels) if i == j else qutip.qeye(levels) for j in range(3)])
        for i in range(3)
    )
    word = a.dag() * b.dag() * c
    return 0.6 * (word + word.dag())


CATALOGUE = [
    (dqm.Kerr(0.9, 0.7, 0.4, 0.6), kerr(), 4),
    (dqm.ParametricAmplifier(0.3), amplifier(), 2),
    (dqm.AnharmonicOscillator(1.0, 0.2), anharmonic(), 4),
    (dqm.ThreeWave(0.6), three_wave(), 3),
    (dqm.HiggsPair(1.3, 0.5), higgs(1.3, 0.5), 4),
    (dqm.BoseHubbard(0.8, 1.5, 2), lattice(0.8, 1.5, 2, [(0, 1)], 9), 4),
    (
        dqm.BoseHubbard(0.8, (1.5, -0.4), 2, jnp.array([0.3, 0.9]), periodic=True),
        lattice(0.8, (1.5, -0.4), 2, [(0, 1)], 9, (0.3, 0.9)),
        4,
    ),
    (
        dqm.BoseHubbard(0.8, 0.0, 3, 0.3, periodic=True),
        lattice(0.8, 0.0, 3, [(0, 1), (1, 2), (2, 0)], 5, 0.3),
        2,
    ),
    (
        dqm.Oscillators((0.7, 1.9)),
        sum(w * c.dag() * c for w, c in zip((0.7, 1.9), pair(5), strict=True)),
        2,
    ),
]


@pytest.mark.parametrize(("symbol", "operator", "degree"), CATALOGUE)
def test_symbols_are_those_of_their_operators(symbol, operator, degree):
    """Up to a constant; operators are read off their QuTiP matrices."""
    exact = from_qutip(operator, degree)
    for q, p in POINTS[:, :, : symbol.modes]:
        got, zero = symbol(jnp.asarray(q), jnp.asarray(p)), jnp.zeros(symbol.modes)
        expected = exact(jnp.asarray(q), jnp.asarray(p)) - exact(zero, zero)
        assert got - symbol(zero, zero) == pytest.approx(float(expected), abs=1e-10)


def field_energy(field):
    """`Σ π²/2 + (φ_{x+1} − φ_x)²/2 + m²φ²/2 + λφ⁴` over the sites, from waves."""

    def weyl(q, p):
        phi, pi = field.waves @ q, field.waves @ p
        slope = jnp.roll(phi, -1) - phi
        squares = pi**2 + slope**2 + field.mass**2 * phi**2
        return jnp.sum(squares / 2 + field.coupling * phi**4)

    return weyl


def gauge_energy(gauge):
    def weyl(q, p):
        a = q.reshape(gauge.directions, 3)
        crosses = jnp.cross(a[:, None], a[None])
        return jnp.sum(p**2 + gauge.omega**2 * q**2) / 2 + gauge.coupling**2 / 4 * jnp.sum(
            crosses**2
        )

    return weyl


FIELD, GAUGE = dqm.ScalarField(4, 0.8, 0.3), dqm.GaugeQuartic(1.3, 0.7)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("symbol", "weyl"), [(FIELD, field_energy(FIELD)), (GAUGE, gauge_energy(GAUGE))]
)
def test_field_symbols_are_smoothed_energies_undone(symbol, weyl):
    """`H = e^{−Δ_z/4} H_Weyl`, two Laplacians being all that a quartic has; up to a constant."""
    scale = jnp.concatenate([symbol.ell, 1 / symbol.ell])
    scaled = lambda f: jax.jit(jax.vmap(lambda z: f(*jnp.split(scale * z, 2))))
    h, unit = scaled(weyl), np.eye(2 * symbol.modes)

    def laplacian(f, weights):
        """By differences, exact for the degree of f."""
        steps = [(n, w) for n, w in weights.items() if n]
        return lambda z: sum(
            (w * f(z + n * e) for e in unit for n, w in steps), weights[0] * len(unit) * f(z)
        )

    quartic = {0: -5 / 2, 1: 4 / 3, -1: 4 / 3, 2: -1 / 12, -2: -1 / 12}
    first = laplacian(lambda z: np.asarray(h(z)), quartic)
    second = laplacian(first, {0: -2.0, 1: 1.0, -1: 1.0})
    points = np.random.default_rng(0).normal(size=(3, 2 * symbol.modes))
    shift = scaled(symbol)(points) - (h(points) - first(points) / 4 + second(points) / 32)
    np.testing.assert_allclose(shift, shift[0], rtol=0, atol=1e-12)
    assert abs(scaled(symbol)(points) - h(points))[0] > 0.1


def test_waves_of_the_field_diagonalise_its_free_energy():
    np.testing.assert_allclose(FIELD.waves.T @ FIELD.waves, np.eye(4), rtol=0, atol=1e-14)
    q = jnp.asarray(POINTS[0, 0, :4])
    free = dqm.ScalarField(4, 0.8, 0.0)
    exact = field_energy(free)(q, 0 * q)
    assert jnp.sum(free.omega**2 * q**2) / 2 == pytest.approx(float(exact), abs=1e-13)
    flow = dqm.FokkerPlanck(free, ell=free.ell)
    np.testing.assert_allclose(flow.diffusion(jnp.ones(8)), 0, rtol=0, atol=1e-14)


def test_lattice_bonds():
    """A plaquette has four, a chain of three two, a torus two for each site."""
    ones, zeros = jnp.ones(4), jnp.zeros(4)
    assert dqm.BoseHubbard(1.0, 0.0, (2, 2))(ones, zeros) == pytest.approx(-4)
    assert dqm.BoseHubbard(1.0, 0.0, (2, 2), periodic=True)(ones, zeros) == pytest.approx(-4)
    assert dqm.BoseHubbard(1.0, 0.0, 3)(ones[:3], zeros[:3]) == pytest.approx(-2)
    assert dqm.BoseHubbard(1.0, 0.0, 4, periodic=True)(zeros, ones) == pytest.approx(-4)
    torus = dqm.BoseHubbard(1.0, 0.0, (3, 4), periodic=True)
    assert torus(jnp.ones(12), jnp.zeros(12)) == pytest.approx(-24)
    site = jnp.zeros(12).at[5].set(1.0)  # row 1, column 1
    assert np.flatnonzero(jax.grad(torus)(site, jnp.zeros(12))).tolist() == [1, 4, 6, 9]
    assert dqm.BoseHubbard(1.0, 0.0, 1, periodic=True)(ones[:1], zeros[:1]) == 0


@pytest.mark.parametrize(
    ("symbol", "exact"),
    [
        (dqm.Kerr(0.9, 0.7, 0.4), True),
        (dqm.BoseHubbard(0.8, 1.5, (2, 2)), True),
        (dqm.ParametricAmplifier(0.3), True),
        (dqm.ThreeWave(0.6), True),
        (dqm.Oscillators((0.7, 1.9)), True),
        (dqm.AnharmonicOscillator(1.4, 0.2), False),
        (dqm.ScalarField(3, 0.8, 0.3), False),
        (dqm.ScalarField(3, 0.8, 0.0), True),
        (dqm.HiggsPair(1.3, 0.5), False),
        (dqm.GaugeQuartic(1.1, 0.5), False),
    ],
)
def test_verdicts_on_the_catalogue(symbol, exact):
    ell = getattr(symbol, "ell", jnp.ones(symbol.modes))
    assert dqm.FokkerPlanck(symbol, ell=ell).is_exact is exact
    assert dqm.FokkerPlanck(symbol, ell=ell, order=4).is_exact


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dqm.BoseHubbard(1.0, 1.0, 0), "`sites` must be an integer of at least 1"),
        (lambda: dqm.ScalarField(0, 1.0, 1.0), "`sites` must be an integer of at least 1"),
        (lambda: dqm.HiggsPair(0.0, 1.0), "`mass` must be positive"),
        (lambda: dqm.GaugeQuartic(-1.0, 1.0), "`omega` must be positive"),
        (lambda: dqm.BoseHubbard(1.0, jnp.ones(3), (2, 2)), "`interaction` must be .* 4 sites"),
        (lambda: dqm.BoseHubbard(1.0, 1.0, 2, (1.0,)), "`omega` must be .* 2 sites"),
        (lambda: dqm.Kerr(1.0) + dqm.ThreeWave(1.0), "`symbol` must have the modes"),
        (lambda: dqm.Kerr(1.0) - (lambda q, p, t: t), "has an argument t"),
        (lambda: dqm.Kerr(1.0) * dqm.Kerr(1.0), "`factor` must be numbers"),
        (lambda: 1j * dqm.Kerr(1.0), "`factor` must be real"),
        (lambda: jnp.ones(2) * dqm.Kerr(1.0), "`factor` must have shape"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(dqm.InputError, match=message):
        call()


@pytest.mark.parametrize(
    "symbol",
    [
        dqm.Kerr(1.0),
        dqm.ParametricAmplifier(1.0),
        dqm.AnharmonicOscillator(1.0, 1.0),
        dqm.BoseHubbard(1.0, 1.0, 2),
        dqm.ThreeWave(1.0),
        dqm.HiggsPair(1.0, 1.0),
        FIELD,
        GAUGE,
    ],
    ids=lambda symbol: type(symbol).__name__,
)
def test_points_of_other_modes_are_refused(symbol):
    with pytest.raises(dqm.InputError, match="one entry per mode"):
        symbol(jnp.ones(5), jnp.ones(5))


def test_symbols_add_and_scale():
    """As their values do, with plain functions as well, on either side."""
    a, b, f = dqm.Kerr(0.9, 0.7), dqm.ParametricAmplifier(0.3), lambda q, p: q[0] ** 3
    q, p = jnp.array([0.7]), jnp.array([-1.1])
    A, B, F = (float(h(q, p)) for h in (a, b, f))
    cases = {
        "a + b": (a + b, A + B),
        "a + f": (a + f, A + F),
        "f + a": (f + a, F + A),
        "a - b": (a - b, A - B),
        "f - a": (f - a, F - A),
        "-a": (-a, -A),
        "scaled": (
            2.0 * a - b * np.float64(0.5) + jnp.array(3.0) * (f + b),
            2 * A + 2.5 * B + 3 * F,
        ),
    }
    for name, (symbol, exact) in cases.items():
        assert symbol.modes == 1
        assert symbol(q, p) == pytest.approx(exact, rel=1e-14), name


def test_factors_are_trainable_and_sums_are_exact_where_their_terms_are():
    energy = lambda g: (dqm.Kerr(1.0) + g * dqm.ParametricAmplifier(2.0))(q, p)
    q, p = jnp.array([0.7]), jnp.array([-1.1])
    assert jax.grad(energy)(0.3) == pytest.approx(2 * 0.7 * -1.1, rel=1e-14)
    assert jnp.isnan(jax.jit(energy)(jnp.inf))
    both = dqm.Oscillators((1.0, 2.0)) + 0.5 * dqm.BoseHubbard(0.8, 1.5, 2)
    assert dqm.FokkerPlanck(both).is_exact
    assert not dqm.FokkerPlanck(both + (lambda q, p: 0.1 * q[0] ** 3), ell=(1.0, 1.0)).is_exact
    with pytest.raises(dqm.InputError, match="one entry per mode"):
        both(q, p)
