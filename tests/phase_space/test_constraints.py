import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.phase_space.constraints import check, free_ell
from dqmjax.phase_space.open_system import Jump, Open

FIELD = dqm.ScalarField(2, 1.3, 0.2)
FIRST_FIVE = ("limit", "symmetry", "locality", "reversal", "energy")
NUMBERS = ("real", *FIRST_FIVE, "constant", "free", "traceless")
TUNNELLING, INTERACTION, COUPLING = 0.8, 1.5, 0.7


class Lattice(dqm.AbstractSymbol):
    """A free field on three sites of a ring, in the positions of the sites."""

    @property
    def modes(self):
        return 3

    def __call__(self, q, p):
        return jnp.sum(p**2 + 1.69 * q**2 + (jnp.roll(q, -1) - q) ** 2) / 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flow", "exact"),
    [
        (
            dqm.FokkerPlanck(dqm.InUnits(dqm.Kerr(1.2), 1.6, 1.3), ell=1.6, kappa=1.3, hbar=1.3),
            True,
        ),
        (dqm.FokkerPlanck(dqm.BoseHubbard(0.8, 1.5, 2)), True),
        (dqm.FokkerPlanck(dqm.ThreeWave(0.7)), True),
        (dqm.FokkerPlanck(FIELD, ell=FIELD.ell, order=4), True),
        (dqm.FokkerPlanck(dqm.HiggsPair(1.3, 0.5)), False),
    ],
    ids=["units", "dimer", "three-wave", "field", "higgs-2"],
)
def test_all_hold(flow, exact):
    found = check(flow)
    assert all(getattr(found, name) < 1e-14 for name in NUMBERS)
    assert found.is_exact == exact
    assert "FAILS" not in str(found)


def test_the_scale_of_each_wave_is_found_whatever_the_given_one():
    """ℓ_k = √(κ/ω_k), from symbols that are anti-Wick at another ℓ: here of a free field."""
    omega = np.array([0.7, 1.9])
    free = lambda q, p: jnp.sum(p**2 + omega**2 * q**2) / 2
    flow = dqm.FokkerPlanck(free, ell=(1.0, 1.0), kappa=1.7, hbar=1.7)
    np.testing.assert_allclose(free_ell(flow), np.sqrt(1.7 / omega), rtol=1e-14)
    assert check(flow).free > 0.1


def test_interactions_do_not_shift_the_scale():
    """Of the classical quadratic part, not of that of the ordered symbol."""
    flow = dqm.FokkerPlanck(FIELD, ell=FIELD.ell)
    np.testing.assert_allclose(free_ell(flow), FIELD.ell, rtol=1e-13)


@pytest.mark.parametrize(("omega", "quartic"), [(1.4, 0.3), (1.0, 0.2)])
def test_both_readings_of_the_quadratic_part_are_shown(omega, quartic):
    """The anti-Wick symbol of λq̂⁴ contains −3λq²/ω, so that its q² has the factor ω²/2 − 3λ/ω."""
    symbol = dqm.AnharmonicOscillator(omega, quartic)
    found = check(dqm.FokkerPlanck(symbol, ell=symbol.ell))
    assert found.free < 1e-14
    np.testing.assert_allclose(found.free_ell, omega**-0.5, rtol=1e-14)
    np.testing.assert_allclose(found.antiwick_free, 6 * quartic / omega**3, rtol=1e-12)
    left = omega**2 - 6 * quartic / omega
    weyl, antiwick = (line for line in str(found).splitlines() if "symbol" in line)
    assert weyl.startswith("holds")
    assert "FAILS" not in str(found)
    if left > 0:
        np.testing.assert_allclose(found.antiwick_ell, left**-0.25, rtol=1e-12)
        assert f"ℓ = {left**-0.25:.6g}" in antiwick
    else:
        assert found.antiwick_ell is None
        assert "no ℓ" in antiwick


def test_positions_on_a_lattice_have_no_scale():
    flow = dqm.FokkerPlanck(Lattice())
    found = check(flow)
    assert found.free_ell is None
    assert "normal modes" in str(found)
    with pytest.raises(dqm.InputError, match="normal modes"):
        free_ell(flow)


def test_what_is_not_its_own_time_reverse_is_reported():
    assert check(dqm.FokkerPlanck(dqm.ParametricAmplifier(0.4))).reversal > 0.1
    magnetic = lambda q, p: jnp.sum(p**2 + q**2) / 2 + 0.3 * (q[0] * p[1] - q[1] * p[0])
    found = check(dqm.FokkerPlanck(magnetic, ell=(1.0, 1.0)))
    assert found.reversal > 0.1
    assert found.energy < 1e-14
    assert "FAILS" in str(found)


def test_a_complex_hamiltonian_is_reported():
    lossy = lambda q, p: (1 - 0.1j) * (q[0] ** 2 + p[0] ** 2) / 2
    found = check(dqm.FokkerPlanck(lossy), modes=1)
    assert 0.09 < found.real < 0.11
    assert found.energy < 1e-14


class OfNothing(dqm.FokkerPlanck):
    """A diffusion matrix that is not made of H."""

    def diffusion(self, xi):
        return jnp.diag(1 + xi**2) + 0.1 * jnp.outer(xi, jnp.ones(xi.size))


class Elsewhere(dqm.FokkerPlanck):
    """The diffusion of another point."""

    def spread(self, xi):
        return dqm.FokkerPlanck(self.symbol).spread(xi + 0.3)


class Further(dqm.FokkerPlanck):
    """A third derivative of its own."""

    def tensor(self, k, xi):
        return jnp.ones((xi.size,) * k) if k == 3 else dqm.FokkerPlanck(self.symbol).tensor(k, xi)


@pytest.mark.parametrize(
    ("wrong", "broken"),
    [
        (OfNothing(dqm.Kerr(1.2)), (*FIRST_FIVE, "traceless")),
        (Elsewhere(dqm.Kerr(1.2)), ("locality", "energy")),
        (Further(dqm.Kerr(1.2), order=3), ("limit", "reversal")),
    ],
    ids=["of nothing", "elsewhere", "further"],
)
def test_another_equation_is_found_out(wrong, broken):
    found = check(wrong)
    for name in broken:
        assert getattr(found, name) > 1e-3, name
    assert "FAILS" in str(found)


class Dimer(dqm.BoseHubbard):
    """Two sites whose bosons also interact with those of the other site, `V n̂₁n̂₂`."""

    def __call__(self, q, p):
        one, two = (q**2 + p**2) / 2
        return super().__call__(q, p) + COUPLING * (one * two - one - two)


DIMER, KERR = Dimer(TUNNELLING, INTERACTION, 2), dqm.Kerr(1.2, 0.4)
APART = dqm.BoseHubbard(TUNNELLING, INTERACTION, 2)  # f₁₂ of no effect, since ∂²H/∂α₁∂α₂ = 0


def curvature(H, q, p):
    """f_ij = ∂²H/∂q_i∂q_j."""
    return jax.hessian(H)(q, p)


def test_a_factor_multiplies_the_diffusion_of_each_pair_of_modes():
    """Against `∂ρ/∂t = (iħ/2) Σ ∂_{α_i}∂_{α_j}(C f_ij ∂²H/∂α_i*∂α_j* ρ) + c.c.`, written out."""
    q, p = np.array([0.7, -0.4]), np.array([0.3, 1.1])
    alpha, n = (q + 1j * p) / np.sqrt(2), (q**2 + p**2) / 2
    own = INTERACTION * (n + q**2 - 2) + COUPLING * (n[::-1] - 1)
    factor = np.diag(own) + (COUPLING * q[0] * q[1] - TUNNELLING) * np.eye(2)[::-1]
    second = np.outer(alpha, alpha) * [[INTERACTION, COUPLING], [COUPLING, INTERACTION]]
    along = np.concatenate([np.eye(2), -1j * np.eye(2)]) / np.sqrt(2)  # ∂_α in (∂_q, ∂_p)
    expected = np.real(1j * along @ (0.6 * factor * second) @ along.T)
    assert abs(expected[0, 1]) > 0.05
    flow = dqm.FokkerPlanck(DIMER, C=0.6, factor=curvature)
    found = eqx.filter_jit(flow.tensor)(2, jnp.concatenate([q, p]))
    np.testing.assert_allclose(found, expected, atol=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("symbol", "factor", "broken"),
    [
        (KERR, lambda H, q, p: 2.0, ()),
        (KERR, lambda H, q, p: 1 + 0.1 * H(q, p), ("constant",)),
        (DIMER, curvature, ("constant",)),
        (APART, lambda H, q, p: jnp.array([[1.0, 0.5], [-0.5, 1.0]]), ("symmetry", "constant")),
        (KERR, lambda H, q, p: 1 + q[0] ** 2, ("locality", "constant")),
        (KERR, lambda H, q, p: 1 + 0.1 * H(q + 0.1, p), ("locality", "constant")),
        (KERR, lambda H, q, p: 1 + jax.grad(H, 1)(q, p)[0], ("reversal", "constant")),
    ],
    ids=["number", "of H", "matrix", "skew", "of q", "elsewhere", "odd"],
)
def test_rival_theories(symbol, factor, broken):
    """What is made of H and its derivatives there, even and symmetric, only C6 excludes."""
    found = check(dqm.FokkerPlanck(symbol, C=0.6, factor=factor))
    for name in NUMBERS:
        size = getattr(found, name)
        assert size > 1e-2 if name in broken else size < 1e-14, name
    assert str(found).count("FAILS") == len(broken)
    assert "anti-Wick" not in str(found)  # which has the same quadratic part but for a number
    np.testing.assert_equal(found.C, np.nan if broken else 1.2)
    assert not found.is_exact


def test_a_factor_has_the_units_of_the_user():
    length, action, rate = 1e-5, 1e-3, 1e4

    def found(ell, kappa, unit):
        in_units = dqm.InUnits(dqm.Kerr(1.2, 0.4, 0.3), ell, kappa)
        symbol = lambda q, p: unit * in_units(q, p)
        factor = lambda H, q, p: H(q, p) / unit + (q[0] / ell) ** 2 + p[0] * ell / kappa
        units = {"ell": (ell,), "kappa": kappa, "hbar": kappa}
        return check(dqm.FokkerPlanck(symbol, **units, factor=factor))

    one, other = found(1.0, 1.0, 1.0), found(length, action, action * rate)
    assert min(one.locality, one.reversal, one.constant) > 0.1
    for name in NUMBERS:
        expected = pytest.approx(getattr(one, name), rel=1e-10, abs=1e-13)
        assert getattr(other, name) == expected, name


def test_a_drive_is_judged_at_one_time():
    driven = dqm.FokkerPlanck(lambda q, p, t: (p @ p + q @ q) / 2 + jnp.sin(t) * q[0] * p[0])
    assert check(driven.at(0.3), 1).reversal > 0.1


def test_units_do_not_matter():
    """Two oscillators of masses 1 or 10¹⁰ and a rotation, which breaks time reversal."""

    def found(mass):
        def symbol(q, p):
            turning = q[0] * p[1] - q[1] * p[0]
            return jnp.sum(p**2 / mass + mass * q**2) / 2 + 0.5 * turning

        return check(dqm.FokkerPlanck(symbol, ell=(mass**-0.5,) * 2))

    one, other = found(1.0), found(1e10)
    assert one.reversal > 0.1
    assert other.reversal == pytest.approx(one.reversal, rel=1e-6)


def test_a_sextic_oscillator_keeps_its_classical_scale():
    """The third Laplacian matters where the second has no Hessian at 0 of its own."""
    sixth = lambda x: x**6 - 7.5 * x**4 + 11.25 * x**2  # anti-Wick, of x̂⁶
    flow = dqm.FokkerPlanck(lambda q, p: (p @ p + q @ q) / 2 + 0.2 * sixth(q[0]))
    np.testing.assert_allclose(free_ell(flow, modes=1), 1.0, rtol=1e-14)


@pytest.mark.slow
def test_single_precision():
    with jax.enable_x64(False):
        found = check(dqm.FokkerPlanck(dqm.BoseHubbard(0.8, 1.5, 2)))
    assert "FAILS" not in str(found)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check(dqm.Damped(dqm.FokkerPlanck(dqm.Kerr(1.0)), 0.1)), "a bath has none"),
        (lambda: check(Open(dqm.FokkerPlanck(dqm.Kerr(1.0)), Jump("a", 0.1))), "a bath has none"),
        (lambda: check(dqm.FokkerPlanck(dqm.Kerr(1.0)), modes=2), "`modes` must be the 1 of"),
        (lambda: check(dqm.FokkerPlanck(lambda q, p: q @ q + p @ p)), "`modes` must be given"),
        (lambda: check(dqm.FokkerPlanck(lambda q, p, t: t * q[0]), modes=1), r"`flow\.at\(t\)`"),
        (
            lambda: free_ell(dqm.FokkerPlanck(lambda q, p: p @ p / 2 - jnp.cos(q[0])), modes=1),
            "`symbol` must be a polynomial",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(dqm.InputError, match=message):
        call()


def test_small_energies_are_judged_as_large_ones():
    assert check(dqm.FokkerPlanck(dqm.ParametricAmplifier(4e-10))).reversal > 0.1
