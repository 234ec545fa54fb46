"""Bad input for steady states, correlations, spectra and levels."""

import jax.numpy as jnp
import numpy as np

import dqmjax as dqm
from dqmjax.fock_bargmann.correlations import correlation, g2, spectrum
from dqmjax.fock_bargmann.levels import levels, operator_matrix
from dqmjax.fock_bargmann.steady_state import steady_state

from . import INF, NAN, OBJECT, POSITIVE_WHOLE, TEXT, TIMES, Entry, complex_field

BASIS = dqm.FockBargmann(5)
CLOSED = dqm.FokkerPlanck(dqm.Kerr(1.0, 1.0))
FLOW, HOT = (dqm.Damped(CLOSED, 1.0, jnp.array(n)) for n in (1e-3, 1.0))
DRIVEN, PUSHED = (dqm.FokkerPlanck(dqm.Kerr(1.0, 1.0, jnp.array(f))) for f in (0.1, 3.0))
MOVING = dqm.FokkerPlanck(lambda q, p, t: t * q[0])
STEPPER = dqm.HusimiStep(FLOW, BASIS)
RHO = np.diag((1e-3 / 1.001) ** np.arange(5) / 1.001)  # the steady state, to 1e-15
TAUS = np.array([0.0, 0.1])
FLOWS = [*TEXT, 1.0, NAN, dqm.Kerr(1.0), lambda q, p: q[0]]
RHOS = [*complex_field((5, 5)), np.eye(5)[0]]
OPERATORS = [None, 1.0, NAN, object(), b"a", [], {}, "text", "a +", "a1*a2", "a2", "a**-1", "a/n"]
OPERATORS += ["cos(a)", "a.dag()", "a**9", "2", {(1,): 1.0}, {(0, 1): NAN}, {(0, 1): "one"}]
OPERATORS += [{(0, -1): 1.0}, {(0, 0, 0, 1): 1.0}, {"a": 1.0}, {(0, 5): 1.0}]
TWO_TIMES = {"stepper": STEPPER, "rho": RHO, "taus": TAUS, "substeps": 1}
BAD_TIMES = {
    "stepper": OBJECT,
    "rho": RHOS,
    "taus": [*TIMES, np.array([0.1, 0.2]), np.array([-1.0, 0.0])],
    "substeps": POSITIVE_WHOLE,
}
SYMBOLS = [*TEXT, 1.0, NAN, lambda q: q[0], lambda q, p, t: q[0], lambda q, p: q[1]]
SYMBOLS += [
    lambda q, p: 1 / q[0],
    lambda q, p: 1j * q[0],
    lambda q, p: q,
    dqm.Driven(dqm.Kerr(1.0)),
]

ENTRIES = [
    Entry(
        "steady_state",
        steady_state,
        {"flow": FLOW, "basis": BASIS},
        {
            "flow": [*FLOWS, CLOSED, DRIVEN, MOVING, dqm.Damped(MOVING, 1.0)],
            "basis": [*OBJECT, 5, (5,), dqm.FockBargmann((3, 3))],
        },
    ),
    Entry(
        "steady_state beyond the cut-off",
        steady_state,
        {"flow": dqm.Damped(DRIVEN, 1.0), "basis": BASIS},
        {"flow": [HOT, dqm.Damped(PUSHED, 1.0)]},
        {"flow": "cutoff"},
    ),
    Entry(
        "correlation",
        correlation,
        {**TWO_TIMES, "after": "ad", "before": "a", "left": ""},
        {**BAD_TIMES, **dict.fromkeys(("after", "before", "left"), OPERATORS)},
    ),
    Entry(
        "correlation beyond the cut-off",
        correlation,
        {**TWO_TIMES, "after": "ad", "before": "a", "left": ""},
        {"before": ["ad**4"], "left": ["a**4"]},
        {"before": "cutoff", "left": "cutoff"},
    ),
    Entry("g2", g2, {**TWO_TIMES, "detected": "a"}, {**BAD_TIMES, "detected": OPERATORS}),
    Entry(
        "g2 of nothing",
        g2,
        {**TWO_TIMES},
        {"rho": [BASIS.coherent(0.0), np.zeros((5, 5)), -RHO]},
    ),
    Entry(
        "spectrum",
        spectrum,
        {"flow": FLOW, "basis": BASIS, "rho": RHO, "omega": TAUS, "after": "ad", "before": "a"},
        {
            "flow": [*FLOWS, MOVING],
            "basis": [*OBJECT, 5],
            "rho": [*RHOS, BASIS.coherent(0.1), 2 * RHO, 0 * RHO],
            "omega": [*TEXT, 1.0, [], [NAN], [INF], [1j], [[0.0]], ["1"]],
            "after": OPERATORS,
            "before": OPERATORS,
        },
    ),
    Entry(
        "operator_matrix",
        operator_matrix,
        {"symbol": dqm.Kerr(1.0), "basis": BASIS},
        {"symbol": SYMBOLS, "basis": [*OBJECT, 5, dqm.FockBargmann((3, 3))]},
    ),
    Entry(
        "levels",
        levels,
        {"symbol": dqm.Kerr(1.0), "basis": BASIS, "count": 2},
        {
            "symbol": SYMBOLS,
            "basis": [*OBJECT, 5, dqm.FockBargmann((3, 3)), dqm.FockBargmann(4001)],
            "count": [*POSITIVE_WHOLE, 6],
        },
    ),
    Entry(
        "levels beyond the cut-off",
        levels,
        {"symbol": dqm.Kerr(1.0, 1.0, 0.1), "basis": BASIS, "count": 1},
        {"count": [3, 5]},
        {"count": "cutoff"},
    ),
]
