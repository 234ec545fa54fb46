"""Bad input for phase space: symbols, orderings, Fokker–Planck equations and their checks."""

import jax.numpy as jnp
import numpy as np
import qutip

import dqmjax as dqm
from dqmjax import ordering
from dqmjax.phase_space import operators
from dqmjax.phase_space.fokker_planck import current

from . import (
    INF,
    NAN,
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    POSITIVE_WHOLE,
    TEXT,
    Entry,
    complex_field,
    real_field,
)

ONE_NUMBER = [[1.0], (1.0, 2.0), np.ones(1), np.ones((1, 1))]  # lists where one number belongs
SCALAR, POSITIVE_SCALAR = [*NUMBER, *ONE_NUMBER], [*POSITIVE, *ONE_NUMBER]
LISTS = [(), [], (NAN,), (INF,), (1j,), ("1",), (None,), ((1.0,),), np.ones((1, 1))]
PER_SITE = [*NUMBER, *LISTS, (1.0,), np.ones(3), np.ones((1, 2))]
ELL = [*POSITIVE, *LISTS, (0.0,), (-1.0,), (1.0, 1.0), np.ones(3)]
COORDINATE = [NAN, 1.0, *TEXT, [], [NAN], [INF], [-INF], [1j], [0.0] * 4, [[0.0]], ["0"], [None]]
POINTS = [
    *[np.full((1, 2), x) for x in (NAN, INF, -INF, 1j)],
    *[np.zeros(shape) for shape in ((), (2,), (1, 1), (1, 3), (1, 4), (2, 1), (1, 1, 2))],
    *TEXT,
]
XI = [NAN, INF, *TEXT, [], [0.0], [0.0, NAN], [0.0, -INF], [0.0, 1j], [0.0] * 3, [[0.0, 0.0]]]
NO_SYMBOLS = [
    *TEXT,
    1.0,
    lambda: 0.0,
    lambda q: q[0],
    lambda q, p, r: q[0],
]
WITH_TIME = [
    lambda q, p, t: q[0],
    lambda q, p, t=0.0: q[0] * t,
    lambda q, p, *, t=0.0: q[0] * t,
]
AT_POINTS = [  # refused once they are evaluated
    lambda q, p: q[1],
    lambda q, p: q[0] * p[2],
    lambda q, p: q[-2],
    lambda q, p: q[0, 0],
    lambda q, p: q,
    lambda q, p: q[0] * jnp.ones(2),
    lambda q, p: 1j * q[0],
    lambda q, p: "text",
    lambda q, p: None,
    lambda q, p: q[0] if p[0] > 0 else -q[0],
    lambda q, p: float(q[0]),
]
NO_POLYNOMIALS = [
    *AT_POINTS,
    lambda q, p: 1 / q[0],
    lambda q, p: jnp.cos(q[0]),
    lambda q, p: jnp.abs(q[0]),
    lambda q, p: jnp.sqrt(q[0] ** 2 + p[0] ** 2),
    lambda q, p: jnp.exp(p[0]),
    lambda q, p: q[0] ** 9,
    lambda q, p: NAN * q[0],
    lambda q, p: INF * q[0],
    lambda q, p: jnp.where(q[0] > 0, q[0], 0.0),
    lambda q, p: jnp.floor(q[0]),
]
KERR = dqm.Kerr(1.0)
FLOW = dqm.FokkerPlanck(KERR)
DRIVEN_FLOW = dqm.FokkerPlanck(WITH_TIME[0])
CLASH = dqm.FokkerPlanck(dqm.BoseHubbard(1.0, 1.0, 2))
NUMBER_OPERATOR = ordering.from_terms({(1, 1): 1.0})
GRID = dqm.Grid((-4.0, -4.0), (4.0, 4.0), (8, 8))
LINE = dqm.Grid((-4.0,), (4.0,), (8,))
PSI = np.exp(-(np.asarray(LINE.points[0]) ** 2) / 2)
N, A = qutip.num(9), qutip.destroy(9)
CATALOGUE = [
    dqm.Kerr(1.0),
    dqm.ParametricAmplifier(1.0),
    dqm.AnharmonicOscillator(1.0, 1.0),
    dqm.BoseHubbard(1.0, 1.0, 1),
    dqm.Oscillators((1.0,)),
    dqm.ScalarField(1, 1.0, 1.0),
    dqm.InUnits(dqm.Kerr(1.0), 2.0, 3.0),
    dqm.InUnits(lambda q, p: q[0] * p[0], (2.0,), 3.0),
    NUMBER_OPERATOR,
    ordering.Smoothed(lambda q: q[0] ** 2, -1, 0, nodes=4),
    operators.operator("n + x*(a + ad)", x=0.3),
    2.0 * dqm.Kerr(1.0),
    dqm.Kerr(1.0) + (lambda q, p: q[0]),
]
NO_FORMULAS = [
    *TEXT,
    1.0,
    "",
    "n +",
    "2 n",
    "n*m",
    "sin(n)",
    "n.real",
    "n < 2",
    "n^2",
    "n**0.5",
    "n**5",
    "a**-1",
    "1/n",
    "n/0",
    "2**n",
    "a + a1",
    "n # 1",
    "'n'",
    "[n]",
    "2*pi",
    "1e400*n",
]
SCALAR_OR_COMPLEX = [x for x in SCALAR if not isinstance(x, complex)]
NO_TEXT = [x for x in TEXT if not isinstance(x, str)]
NOT_HERMITIAN = ["a", "1j*n", "q*p", "a**2 + ad", "ad + 2*a"]


def at_point(symbol) -> Entry:
    """The value of a symbol of one mode."""
    return Entry(
        f"{type(symbol).__name__}.__call__",
        symbol,
        {"q": np.zeros(1), "p": np.zeros(1)},
        {"q": COORDINATE, "p": COORDINATE},
    )


def drift_of(symbol):
    return dqm.FokkerPlanck(symbol).drift(np.zeros(2))


def polynomial_of(symbol, modes=1, ell=1.0, kappa=1.0):
    return ordering.polynomial(symbol, modes, ell, kappa)


def value_in_units(symbol):
    return dqm.InUnits(symbol, 2.0, 3.0)(np.zeros(1), np.zeros(1))


def checked(symbol):
    return dqm.check(dqm.FokkerPlanck(symbol), 1)


ENTRIES = [
    *map(at_point, CATALOGUE),
    Entry(
        "Kerr",
        dqm.Kerr,
        {"interaction": 1.0, "omega": 0.0, "drive": 0.0, "pump": 0.0},
        dict.fromkeys(("interaction", "omega", "drive", "pump"), SCALAR),
    ),
    Entry("Oscillators", dqm.Oscillators, {"omega": (1.0,)}, {"omega": [*NUMBER, *LISTS]}),
    Entry(
        "BoseHubbard",
        dqm.BoseHubbard,
        {"tunnelling": 1.0, "interaction": 1.0, "sites": 2, "omega": 0.0, "periodic": False},
        {
            "tunnelling": SCALAR,
            "interaction": PER_SITE,
            "sites": [*POSITIVE_WHOLE, 2.0, (), (2, 0), (2, 2.0), (2, -1), ("2",), [None]],
            "omega": PER_SITE,
            "periodic": [*TEXT, 1, 0.0, NAN],
        },
    ),
    Entry("ParametricAmplifier", dqm.ParametricAmplifier, {"gain": 1.0}, {"gain": SCALAR}),
    Entry("ThreeWave", dqm.ThreeWave, {"coupling": 1.0}, {"coupling": SCALAR}),
    Entry(
        "AnharmonicOscillator",
        dqm.AnharmonicOscillator,
        {"omega": 1.0, "quartic": 1.0},
        {"omega": POSITIVE_SCALAR, "quartic": SCALAR},
    ),
    Entry(
        "ScalarField",
        dqm.ScalarField,
        {"sites": 2, "mass": 1.0, "coupling": 1.0},
        {"sites": [*POSITIVE_WHOLE, 2.0, (2,)], "mass": POSITIVE_SCALAR, "coupling": SCALAR},
    ),
    Entry(
        "HiggsPair",
        dqm.HiggsPair,
        {"mass": 1.0, "coupling": 1.0},
        {"mass": POSITIVE_SCALAR, "coupling": SCALAR},
    ),
    Entry(
        "GaugeQuartic",
        dqm.GaugeQuartic,
        {"omega": 1.0, "coupling": 1.0, "directions": 2},
        {
            "omega": POSITIVE_SCALAR,
            "coupling": SCALAR,
            "directions": [*POSITIVE_WHOLE, 2.0, (2,)],
        },
    ),
    Entry(
        "InUnits",
        dqm.InUnits,
        {"symbol": KERR, "ell": 1.0, "kappa": 1.0},
        {"symbol": [*NO_SYMBOLS, *WITH_TIME], "ell": ELL, "kappa": POSITIVE_SCALAR},
    ),
    Entry(
        "a symbol plus",
        lambda symbol: KERR + symbol,
        {"symbol": KERR},
        {"symbol": [*NO_SYMBOLS, *WITH_TIME, 0, CLASH.symbol]},
    ),
    Entry("a symbol times", lambda factor: factor * KERR, {"factor": 2.0}, {"factor": SCALAR}),
    Entry(
        "operator",
        lambda text, x: operators.operator(text, x=x),
        {"text": "n + x*(a + ad)", "x": 0.5},
        {"text": [*NO_FORMULAS, *NOT_HERMITIAN, "n", "n + y"], "x": SCALAR_OR_COMPLEX},
    ),
    Entry(
        "Operator",
        operators.Operator,
        {"text": "n", "parameters": {}},
        {
            "text": [*NO_FORMULAS, *NOT_HERMITIAN],
            "parameters": [*TEXT[:-1], 1.0, [], {1: 1.0}],
        },
    ),
    Entry(
        "ladder_terms",
        operators.ladder_terms,
        {"text": "a", "parameters": {}},
        {"text": NO_FORMULAS, "parameters": [b"bytes", 1.0, ["x"], {1: 1.0}]},
    ),
    Entry(
        "terms_of",
        operators.terms_of,
        {"operator": {(0, 1): 1.0}, "modes": 1},
        {
            "operator": [
                *NO_TEXT,
                1.0,
                [],
                "a2",
                KERR,
                {(1,): 1.0},
                {(1, 1): NAN},
                {(0, 0, 0, 1): 1.0},
            ],
            "modes": [*POSITIVE_WHOLE, 1.0, -1],
        },
    ),
    Entry("InUnits.__call__ of", value_in_units, {"symbol": KERR}, {"symbol": AT_POINTS}),
    Entry(
        "FokkerPlanck",
        dqm.FokkerPlanck,
        {"symbol": KERR, "ell": 1.0, "kappa": 1.0, "hbar": 1.0, "C": 1.0, "order": 2},
        {
            "symbol": NO_SYMBOLS,
            "ell": [*ELL, 1e-200, 1e200],
            "kappa": [*POSITIVE_SCALAR, 1e-200, 1e200],
            "hbar": [*NOT_NEGATIVE, *ONE_NUMBER],
            "C": SCALAR,
            "order": [*[x for x in POSITIVE_WHOLE if np.ndim(x) == 0], 2.0, -1, (2,)],
        },
    ),
    Entry("FokkerPlanck.drift of", drift_of, {"symbol": KERR}, {"symbol": AT_POINTS}),
    Entry("FokkerPlanck.hamiltonian", FLOW.hamiltonian, {"xi": np.zeros(2)}, {"xi": XI}),
    Entry("FokkerPlanck.drift", FLOW.drift, {"xi": np.zeros(2)}, {"xi": XI}),
    Entry("FokkerPlanck.diffusion", FLOW.diffusion, {"xi": np.zeros(2)}, {"xi": XI}),
    Entry("FokkerPlanck.spread", FLOW.spread, {"xi": np.zeros(2)}, {"xi": XI}),
    Entry("FokkerPlanck.scale", FLOW.scale, {"xi": np.zeros(2)}, {"xi": XI}),
    Entry(
        "FokkerPlanck.tensor",
        FLOW.tensor,
        {"k": 1, "xi": np.zeros(2)},
        {"k": [*POSITIVE_WHOLE, 1.0, -1], "xi": XI},
    ),
    Entry(
        "FokkerPlanck.space",
        FLOW.space,
        {"modes": 1},
        {"modes": [*POSITIVE_WHOLE, 2.0, -1]},
    ),
    Entry(
        "FokkerPlanck.rhs",
        FLOW.rhs,
        {"grid": GRID, "rho": np.ones((8, 8))},
        {"grid": [*TEXT, 1.0, LINE], "rho": real_field((8, 8))},
    ),
    Entry(
        "Damped",
        dqm.Damped,
        {"flow": FLOW, "rate": 0.1, "thermal": 0.0},
        {
            "flow": [*TEXT, 1.0, KERR, lambda q, p: q[0]],
            "rate": [*NOT_NEGATIVE, *ONE_NUMBER],
            "thermal": [*NOT_NEGATIVE, *ONE_NUMBER],
        },
    ),
    Entry(
        "Damped.tensor",
        dqm.Damped(FLOW, 0.1).tensor,
        {"k": 1, "xi": np.zeros(2)},
        {"k": [*POSITIVE_WHOLE, 1.0, -1], "xi": XI},
    ),
    Entry(
        "current",
        current,
        {"flow": FLOW, "density": lambda xi: xi[0]},
        {"flow": [*TEXT, 1.0, KERR], "density": [*TEXT, 1.0]},
    ),
    Entry(
        "check",
        dqm.check,
        {"flow": FLOW},
        {
            "flow": [*TEXT, 1.0, KERR, dqm.Damped(FLOW, 0.1), DRIVEN_FLOW],
            "modes": [2, *[x for x in POSITIVE_WHOLE if x is not None], 1.0, -1],
        },
    ),
    Entry(
        "check of",
        checked,
        {"symbol": KERR},
        {"symbol": [f for f in NO_POLYNOMIALS if f is not AT_POINTS[6]]},
    ),
    Entry(
        "check of a factor",
        lambda factor: dqm.check(dqm.FokkerPlanck(KERR, factor=factor)),
        {"factor": lambda H, q, p: H(q, p)},
        {
            "factor": [
                "text",
                1.0,
                lambda H, q, p: "text",
                lambda H, q, p: None,
                lambda H, q, p: q,
                lambda H, q, p: q[1],
                lambda H, q, p: jnp.ones((2, 2)),
                lambda H, q, p: 1j,
                lambda H, q, p: 1.0 if q[0] > 0 else 2.0,
            ]
        },
    ),
    Entry(
        "free_ell",
        dqm.free_ell,
        {"flow": FLOW},
        {
            "flow": [*TEXT, 1.0, KERR, dqm.Damped(FLOW, 0.1), DRIVEN_FLOW],
            "modes": [2, *[x for x in POSITIVE_WHOLE if x is not None], 1.0, -1],
        },
    ),
    Entry(
        "ordering.polynomial",
        polynomial_of,
        {"symbol": KERR, "modes": 1, "ell": 1.0, "kappa": 1.0},
        {
            "symbol": [*NO_SYMBOLS, *WITH_TIME, *NO_POLYNOMIALS],
            "modes": [*POSITIVE_WHOLE, 1.0, -1, 2],
            "ell": ELL,
            "kappa": POSITIVE_SCALAR,
        },
    ),
    *[
        Entry(
            f"ordering.{f.__name__}",
            f,
            {"symbol": KERR, "modes": 1, "ell": 1.0, "kappa": 1.0},
            {
                "symbol": [*NO_SYMBOLS, *WITH_TIME, *NO_POLYNOMIALS[-4:]],
                "modes": [*POSITIVE_WHOLE, 1.0, -1, 2],
                "ell": [NAN, 0.0, (1.0, 1.0)],
                "kappa": [NAN, 0.0, [1.0]],
            },
        )
        for f in (ordering.to_terms, ordering.operator_text)
    ],
    Entry(
        "ordering.Polynomial",
        ordering.Polynomial,
        {"powers": ((1, 1),), "coefficients": np.ones(1, complex)},
        {
            "powers": [
                *TEXT,
                1.0,
                (),
                ((),),
                ((1,),),
                ((1, 1, 1),),
                ((1, -1),),
                ((1, 1.0),),
                ((1, NAN),),
                ((1, "1"),),
                ((1, None),),
                ((1, 1), (1, 1, 0, 0)),
            ],
            "coefficients": complex_field((1,)),
        },
    ),
    Entry(
        "ordering.reorder",
        ordering.reorder,
        {"symbol": NUMBER_OPERATOR, "source": 1, "target": -1},
        {"symbol": [*TEXT, 1.0, KERR, lambda q, p: q[0]], "source": SCALAR, "target": SCALAR},
    ),
    Entry(
        "ordering.from_terms",
        ordering.from_terms,
        {"terms": {(1, 1): 1.0}},
        {
            "terms": [
                *TEXT,
                1.0,
                [((1, 1), 1.0)],
                {(): 1.0},
                {(1,): 1.0},
                {(1, 1, 1): 1.0},
                {(1, -1): 1.0},
                {(1, 1.0): 1.0},
                {(1, 1): 1.0, (1, 1, 0, 0): 1.0},
                {1: 1.0},
                {"ab": 1.0},
                *[{(1, 1): x} for x in (NAN, INF, -INF, 1j, "1", None, [1.0], {}, complex(0, NAN))],
                {(1, 0): 1.0},
                {(1, 0): 1.0, (0, 1): 1j},
                {(1, 0): 1.0, (0, 1): -1.0},
            ]
        },
    ),
    Entry(
        "ordering.from_qutip",
        ordering.from_qutip,
        {"operator": N, "degree": 2},
        {
            "operator": [
                *TEXT,
                1.0,
                np.eye(9),
                A,
                1j * N,
                qutip.basis(9, 0),
                qutip.to_super(N),
                NAN * N,
                INF * N,
                qutip.num(4),
                (A + A.dag()).cosm(),
                (A + A.dag()) ** 3,
                N**2,
            ],
            "degree": [*TEXT, NAN, INF, -1, 1.5, 2.0, True, 1j, [2]],
        },
    ),
    Entry(
        "ordering.from_qutip of too few levels",
        ordering.from_qutip,
        {"operator": N, "degree": 2},
        {"degree": [5, 8, 100]},
        {"degree": "operator"},
    ),
    Entry(
        "ordering.Smoothed",
        ordering.Smoothed,
        {"potential": lambda q: q[0] ** 2, "source": -1, "target": 0, "ell": (1.0,), "nodes": 4},
        {
            "potential": [
                *TEXT,
                1.0,
                lambda: 0.0,
                lambda q, t: q[0],
                lambda q: q[1],
                lambda q: q,
                lambda q: 1j * q[0],
                lambda q: "text",
            ],
            "source": SCALAR,
            "target": [*SCALAR, -1, -2.0],
            "ell": [*POSITIVE, *LISTS, (0.0,), (-1.0,)],
            "nodes": [*POSITIVE_WHOLE, 4.0, -1, 1000],
        },
    ),
    Entry(
        "husimi",
        dqm.husimi,
        {"grid": LINE, "psi": PSI, "points": np.zeros((1, 2)), "ell": 1.0, "hbar": 1.0},
        {
            "grid": [*TEXT, 1.0],
            "psi": complex_field((8,)),
            "points": POINTS,
            "ell": ELL,
            "hbar": POSITIVE_SCALAR,
        },
    ),
    Entry(
        "wigner",
        dqm.wigner,
        {"grid": LINE, "psi": PSI, "points": np.zeros((1, 2)), "hbar": 1.0},
        {
            "grid": [*TEXT, 1.0, GRID],
            "psi": complex_field((8,)),
            "points": POINTS,
            "hbar": POSITIVE_SCALAR,
        },
    ),
]
