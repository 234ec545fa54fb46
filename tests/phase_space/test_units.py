"""The same answers in SI, in other units and without units; an electron and an atom."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm

HBAR = 1.054571817e-34  # J s
BODIES = {  # mass in kg and frequency in 1/s
    "an electron in a quantum dot": (0.067 * 9.1093837e-31, 4.6e12),
    "a rubidium atom in a trap": (1.443160e-25, 2 * np.pi * 120.0),
}
UNITS = {  # length, time and mass in SI
    "SI": (1.0, 1.0, 1.0),
    "atomic": (5.29177e-11, 2.418884e-17, 9.1093837e-31),
    "nm, ps, meV": (1e-9, 1e-12, 1.602177e-22 * 1e-24 / 1e-18),
}
ELECTRON, ATOM = BODIES
SCALES = [(ELECTRON, "SI"), (ELECTRON, "atomic"), (ATOM, "SI")]
QUARTIC, LEVELS, ALPHA = 0.02, 16, 0.4 + 0.2j


class Trap(dqm.AbstractSymbol):
    """`p²/2m + mω²q²/2 + λħω ((q/ℓ)⁴ − 3(q/ℓ)²)`, anti-Wick."""

    mass: float
    omega: float
    hbar: float

    @property
    def modes(self):
        return 1

    @property
    def ell(self):
        return (self.hbar / (self.mass * self.omega)) ** 0.5

    def __call__(self, q, p):
        x = q[0] / self.ell
        quartic = QUARTIC * self.hbar * self.omega * (x**4 - 3 * x**2)
        return p[0] ** 2 / (2 * self.mass) + self.mass * self.omega**2 * q[0] ** 2 / 2 + quartic


def trap(body: str, unit: str) -> Trap:
    (mass, omega), (metre, second, kilogram) = BODIES[body], UNITS[unit]
    hbar = HBAR / (kilogram * metre**2 / second)
    return Trap(mass / kilogram, omega * second, hbar)


PLAIN = Trap(1.0, 1.0, 1.0)


def flow_of(symbol: Trap, plain: bool = False, **changes) -> dqm.FokkerPlanck:
    law = (lambda q, p: symbol(q, p)) if plain else symbol
    constants = {"ell": symbol.ell, "kappa": symbol.hbar, "hbar": symbol.hbar, "order": 4}
    return dqm.FokkerPlanck(law, **constants | changes)


@functools.cache
def run(symbol: Trap, plain: bool, ket: bool, arrays: bool = True):
    """With `arrays` for the constants of a symbol: compiled once."""
    if arrays and not plain:
        symbol = jax.tree.map(jnp.asarray, symbol)
    basis = dqm.FockBargmann(LEVELS, ell=symbol.ell, kappa=symbol.hbar)
    flow = flow_of(symbol, plain)
    step = dqm.KetStep(flow.symbol, basis) if ket else dqm.HusimiStep(flow, basis)
    start = (basis.coherent_ket if ket else basis.coherent)(ALPHA)
    ts = np.array([0.0, 0.02, 0.05]) / symbol.omega
    return basis, dqm.solve(step, start, ts, throw=False).saved


@pytest.mark.slow
@pytest.mark.parametrize("ket", [True, False], ids=["ket", "husimi"])
@pytest.mark.parametrize("plain", [True, False], ids=["function", "symbol"])
@pytest.mark.parametrize(("body", "unit"), SCALES)
def test_runs(body, unit, plain, ket):
    """Also of a plain function, whose own constants are hidden."""
    symbol = trap(body, unit)
    (basis, found), (_, exact) = run(symbol, plain, ket), run(PLAIN, plain, ket)
    assert np.abs(exact[-1] - exact[0]).max() > 1e-3
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-10)
    point = np.array([[symbol.ell, 0.3 * symbol.hbar / symbol.ell]])
    density = basis.density(found[-1], jnp.asarray(point)) * symbol.hbar
    there = dqm.FockBargmann(LEVELS).density(exact[-1], jnp.array([[1.0, 0.3]]))
    np.testing.assert_allclose(density, there, rtol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("plain", [True, False], ids=["function", "symbol"])
@pytest.mark.parametrize(("body", "unit"), SCALES)
def test_verdicts(body, unit, plain):
    symbol = trap(body, unit)
    flow = flow_of(symbol, plain)
    assert flow.is_exact
    assert not dataclasses.replace(flow, order=2).is_exact
    assert not dataclasses.replace(flow, C=0.99).is_exact
    for name in ("hbar", "kappa"):
        other = dataclasses.replace(flow, **{name: 1.5 * symbol.hbar})
        assert not other.is_exact
        assert "but ħ =" in str(other)
    np.testing.assert_allclose(dqm.free_ell(flow, 1), symbol.ell, rtol=1e-10)


@pytest.mark.slow
def test_constraints():
    found, exact = (dqm.check(flow_of(s)) for s in (trap(ELECTRON, "SI"), PLAIN))
    for name in ("real", "limit", "symmetry", "locality", "reversal", "energy", "free"):
        assert getattr(found, name) == pytest.approx(getattr(exact, name), abs=1e-10)
    assert found.is_exact == exact.is_exact


@pytest.mark.parametrize(("body", "unit"), SCALES)
def test_densities_of_waves(body, unit):
    """Also their momenta, in units of ħ/ℓ."""
    symbol = trap(body, unit)

    def densities(ell, hbar):
        grid = dqm.Grid((-6 * ell,), (6 * ell,), (32,))
        x = grid.points[0] / ell
        psi = jnp.exp(-((x - 0.4) ** 2) / 2 + 0.7j * x) / jnp.sqrt(ell * jnp.sqrt(jnp.pi))
        points = np.array([[0.4, 0.7], [1.0, -0.5]]) * [ell, hbar / ell]
        given = grid, psi, jnp.asarray(points)
        return jnp.stack([dqm.husimi(*given, ell, hbar), dqm.wigner(*given, hbar)]) * hbar

    np.testing.assert_allclose(
        densities(symbol.ell, symbol.hbar), densities(1.0, 1.0), rtol=1e-10, atol=1e-10
    )


def test_single_precision_agrees_or_refuses():
    with jax.enable_x64(False):
        single = run.__wrapped__  # what `run` keeps is in double precision
        exact = single(PLAIN, False, True, False)[1]
        for unit in UNITS:
            symbol = trap(ELECTRON, unit)
            try:
                found = single(symbol, False, True, False)[1]
            except dqm.InputError as error:
                assert "`kappa`" in str(error)  # noqa: PT017
                assert unit == "SI"
                continue
            np.testing.assert_allclose(found, exact, rtol=0, atol=1e-5)


def test_a_traced_scale_that_underflows_gives_nan():
    """Without double precision, (ħ/ℓ)² of SI units is 0, and a packet would not move."""
    with jax.enable_x64(False):
        density = jax.jit(
            lambda kappa: dqm.FockBargmann(8, ell=1.9e-8, kappa=kappa).density(
                jnp.eye(8, dtype=complex), jnp.zeros((1, 2))
            )
        )
        assert np.isnan(density(1.05e-34)).all()
        assert np.isfinite(density(1e-15)).all()
