"""Every drift and diffusion coefficient of the catalogue against qpsgen, which derives them
symbolically from the operator."""

import itertools
import math

import jax
import numpy as np
import pytest
import sympy
from qpsgen import LindbladChannel, MasterEquation, boson_modes, derive_kramers_moyal

import dqmjax as dqm
from dqmjax.fock_bargmann.sources import components
from dqmjax.fock_bargmann.terms import derivatives


def quadratures(modes, ell):
    """q̂ and p̂ of each mode, from its ladder operators."""
    q = [sympy.Float(s, 17) / sympy.sqrt(2) * (a + a.dag) for a, s in zip(modes, ell, strict=True)]
    p = [
        sympy.I / (sympy.Float(s, 17) * sympy.sqrt(2)) * (a.dag - a)
        for a, s in zip(modes, ell, strict=True)
    ]
    return q, p


def kerr(a, drive=0.0):
    return 0.7 * a.dag * a + 0.65 * a.dag * a.dag * a * a + drive * (a + a.dag)


def bose_hubbard(*sites):
    local = sum((0.75 * a.dag * a.dag * a * a for a in sites), 0 * sites[0])
    return local - sum(
        (0.8 * (a.dag * b + b.dag * a) for a, b in itertools.pairwise(sites)), 0 * sites[0]
    )


def anharmonic(a):
    (q,), (p,) = quadratures([a], [1.4**-0.5])
    return 0.5 * p * p + 0.98 * q * q + 0.3 * q * q * q * q


def scalar_field(*waves):
    """Two sites: φ = (q₀ ± q₁)/√2, ω² = m², m² + 4."""
    q, p = quadratures(waves, [(1.2**2) ** -0.25, (1.2**2 + 4) ** -0.25])
    half = sympy.Rational(1, 2)
    root = sympy.sqrt(half)
    sites = [root * (q[0] + q[1]), root * (q[0] - q[1])]
    total = half * (p[0] * p[0] + p[1] * p[1]) + 2 * (q[1] * q[1])
    for x in sites:
        total = total + 0.72 * x * x + 0.1 * x * x * x * x
    return total


def higgs(a, b):
    """φ = (a + b†)/√(2m), π = i√(m/2)(b − a†), so that π†π + m²φ†φ = m(a†a + b†b) + const."""
    square = (1 / 2.6) * (a.dag + b) * (a + b.dag)
    return 1.3 * (a.dag * a + b.dag * b) + 0.25 * square * square


CATALOGUE = {
    "kerr": (dqm.Kerr(1.3, 0.7), 1, kerr),
    "driven": (dqm.Kerr(1.3, 0.7, 0.4), 1, lambda a: kerr(a, 0.4)),
    "dimer": (dqm.BoseHubbard(0.8, 1.5, 2), 2, bose_hubbard),
    "trimer": (dqm.BoseHubbard(0.8, 1.5, 3), 3, bose_hubbard),
    "amplifier": (
        dqm.ParametricAmplifier(0.4),
        1,
        lambda a: 0.2 * sympy.I * (a.dag * a.dag - a * a),
    ),
    "three-wave": (
        dqm.ThreeWave(0.3),
        3,
        lambda a, b, c: 0.3 * (a.dag * b.dag * c + c.dag * b * a),
    ),
    "anharmonic": (dqm.AnharmonicOscillator(1.4, 0.3), 1, anharmonic),
    "scalar": (dqm.ScalarField(2, 1.2, 0.1), 2, scalar_field),
    "higgs": (dqm.HiggsPair(1.3, 0.5), 2, higgs),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "bath"), [*((name, False) for name in CATALOGUE), ("kerr", True), ("dimer", True)]
)
def test_every_coefficient(name, bath):
    symbol, modes, operator = CATALOGUE[name]
    ladder = boson_modes(*(f"a{i}" for i in range(modes)))
    rate, thermal = 0.3, 0.7
    channels = [
        channel
        for a in ladder
        for channel in (
            LindbladChannel(a, rate * (thermal + 1)),
            LindbladChannel(a.dag, rate * thermal),
        )
    ]
    master = MasterEquation(
        modes=list(ladder), hamiltonian=operator(*ladder), channels=channels if bath else []
    )
    exact = derive_kramers_moyal(master, representation="q")
    order = 4 if name in ("anharmonic", "scalar", "higgs") else 2
    ell = tuple(np.asarray(getattr(symbol, "ell", np.ones(modes))).tolist())
    flow = dqm.FokkerPlanck(symbol, ell=ell, order=order)
    if bath:
        flow = dqm.Damped(flow, rate, thermal)
    random = np.random.default_rng(3)
    beta = random.normal(size=(5, modes)) + 1j * random.normal(size=(5, modes))
    space = dqm.FockBargmann((6,) * modes, ell).space
    got = np.asarray(jax.jit(lambda beta: components(space, flow, beta))(beta))
    axes = derivatives(modes, order)
    at = np.concatenate([beta, beta.conj()], axis=1)
    scale = np.abs(got).max()
    found = {tuple(row.count(i) for i in range(2 * modes)): k for k, row in enumerate(axes)}
    every = sorted(set(found) | set(exact.coefficients))
    values = sympy.lambdify(exact.variables, [exact.coefficients.get(k, 0) for k in every])
    values = np.array([values(*row) for row in at], complex)
    for powers, value in zip(every, values.T, strict=True):
        expected = value * (-1) ** sum(powers) / math.prod(map(math.factorial, powers))
        column = got[:, found[powers]] if powers in found else 0.0
        np.testing.assert_allclose(column, expected, rtol=0, atol=1e-12 * scale)
