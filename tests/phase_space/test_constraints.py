import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.phase_space.constraints import check, free_ell

FIELD = dqm.ScalarField(3, 1.3, 0.2)
NUMBERS = ("real", "limit", "symmetry", "locality", "reversal", "energy", "free", "traceless")


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
        (dqm.FokkerPlanck(dqm.Kerr(1.2, 0.4)), True),
        (
            dqm.FokkerPlanck(dqm.InUnits(dqm.Kerr(1.2), 1.6, 1.3), ell=1.6, kappa=1.3, hbar=1.3),
            True,
        ),
        (dqm.FokkerPlanck(dqm.BoseHubbard(0.8, 1.5, 2)), True),
        (dqm.FokkerPlanck(dqm.ThreeWave(0.7)), True),
        (dqm.FokkerPlanck(FIELD, ell=FIELD.ell, order=4), True),
        (dqm.FokkerPlanck(FIELD, ell=FIELD.ell), False),
        (dqm.FokkerPlanck(dqm.HiggsPair(1.3, 0.5)), False),
    ],
    ids=["kerr", "units", "dimer", "three-wave", "field", "field-2", "higgs-2"],
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
    quartic = dqm.AnharmonicOscillator(1.4, 0.3)
    found = free_ell(dqm.FokkerPlanck(quartic, ell=quartic.ell))
    np.testing.assert_allclose(found, 1.4**-0.5, rtol=1e-14)
    np.testing.assert_allclose(
        free_ell(dqm.FokkerPlanck(FIELD, ell=FIELD.ell)), FIELD.ell, rtol=1e-13
    )


def test_positions_on_a_lattice_have_no_scale():
    flow = dqm.FokkerPlanck(Lattice())
    assert check(flow).free_ell is None
    assert "normal modes" in str(check(flow))
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
        (OfNothing(dqm.Kerr(1.2)), ("limit", "symmetry", "reversal", "energy", "traceless")),
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
        (lambda: check(dqm.FokkerPlanck(dqm.Kerr(1.0)), modes=2), "`modes` must be the 1 of"),
        (lambda: check(dqm.FokkerPlanck(lambda q, p: q @ q + p @ p)), "`modes` must be given"),
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
