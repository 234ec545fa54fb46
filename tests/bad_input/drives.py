"""Bad input for drives, baths and moving frames."""

import jax.numpy as jnp
import numpy as np

import dqmjax as dqm

from . import (
    INF,
    NAN,
    NOT_NEGATIVE,
    NUMBER,
    OBJECT,
    POSITIVE_WHOLE,
    TEXT,
    TIMES,
    Entry,
    complex_field,
    one,
)

BASIS, PAIR = dqm.FockBargmann(8), dqm.FockBargmann((4, 4))
KERR, FIELD = dqm.Kerr(1.0), dqm.operator("a + ad")
FLOW = dqm.FokkerPlanck(KERR)
EDGES = (0.0, 0.5, 1.0)
PULSE = dqm.Pulse(EDGES, (0.1, -0.1))
DRIVEN = dqm.Driven(KERR, (PULSE, FIELD))
WAVE = lambda t: jnp.cos(t)
OF_TWO = dqm.Driven(dqm.Oscillators((1.0, 1.0)), (WAVE, dqm.operator("a1 + ad1", 2)))
FLOW_OF_TWO = dqm.FokkerPlanck(OF_TWO)
PLAIN = dqm.FokkerPlanck(lambda q, p: q @ q + p @ p)  # which does not say how many modes it has
LOSS, OF_SECOND, OF_THIRD = (dqm.Jump(text, 0.1) for text in ("a", "a2", "a1*ad3"))
STEP, KET_STEP = dqm.HusimiStep(FLOW, BASIS), dqm.KetStep(DRIVEN, BASIS)
FRAME, KET_FRAME = dqm.MovingFrame(STEP), dqm.MovingFrame(KET_STEP)
START, KET_START = FRAME.start(1.0), KET_FRAME.start(0.0)
NO_STEPPERS = [
    *[*OBJECT, FLOW, BASIS, KERR, dqm.HusimiStep, FRAME, dqm.Characteristics(FLOW)],
    dqm.HusimiStep(FLOW, dqm.FockBargmann(8, ell=0.9)),
    dqm.HusimiStep(FLOW, dqm.FockBargmann(8, kappa=2.0)),
    dqm.HusimiStep(dqm.FokkerPlanck(KERR, factor=lambda H, q, p: 1.0), BASIS),
    dqm.HusimiStep(FLOW_OF_TWO, BASIS),
    dqm.HusimiStep(dqm.Open(dqm.Damped(FLOW_OF_TWO, 1.0), OF_SECOND), BASIS),
    dqm.KetStep(OF_TWO, BASIS),
]
POINTS = [*TEXT, np.zeros(2), np.zeros((1, 1)), np.zeros((1, 4)), np.full((1, 2), NAN)]
POWERS = [*TEXT, 1, (), (-1,), (1.5,), (True,), (1, 0), [[1]]]
ALPHA = [NAN, INF, 1j * INF, *TEXT, [], [1.0, 1.0], [[1.0]], np.ones((1, 1))]
VALUES = [*TEXT, 1.0, [], [0.1], [0.1] * 3, [[0.1, 0.1]], [0.1, NAN], [0.1, INF], [0.1, 1j]]
VALUES += [["a", "b"], [0.1, None], np.ones((2, 1))]
NOT_COVERED = [[0.0, 0.5, 1.5], [-0.5, 0.0, 0.5], [2.0, 3.0]]
ACROSS_A_JUMP = [[0.0, 1.0], [0.0, 0.4, 1.0], [0.4, 0.6]]
NO_ENVELOPES = [
    *[*TEXT, 1.0, NAN, [], (0.0, 1.0), dqm.Pulse, KERR, lambda: 1.0, lambda s, t: s],
    *[lambda t: "text", lambda t: None, lambda t: 1j * t, lambda t: t * jnp.ones(2)],
    *[lambda t: 1.0 if t > 0 else 0.0, lambda t: float(t), lambda t: t > 0, lambda t: t[0]],
]
NO_SYMBOLS = [
    *[*TEXT, 1.0, NAN, [], lambda q: q[0], lambda q, p, r: q[0], DRIVEN],
    *[lambda q, p, t: q[0], lambda q, p, t=0.0: q[0], lambda q, p, *, t: q[0]],
]
AT_POINTS = [  # refused once they are evaluated
    *[lambda q, p: q[1], lambda q, p: jnp.sin(q[0]), lambda q, p: q, lambda q, p: 1j * q[0]],
    *[lambda q, p: 1 / q[0], lambda q, p: NAN * q[0], lambda q, p: float(q[0])],
    *[lambda q, p: q[0] ** 10, lambda q, p: "text"],
]
OPERATORS = [
    *[*TEXT, 1.0, [], "", "2", "a +", "sin(a)", "a/ad", "a**-1", "a**9", "a + a1", "b", "a.dag()"],
    *["a; a", "a if 1 else ad", "1e400*a", "nan*a", "a*c", FIELD, {(0, 1): 1.0}],
]


def others(state, inside):
    """States that are not those of a frame whose state is `state`."""
    replaced = [{"inside": inside}, {"inside": None}, {"inside": NAN * state.inside}]
    replaced += [{"angle": NAN}, {"angle": np.zeros(2)}, {"center": np.ones(4)}]
    return [*OBJECT, state.inside, tuple(state), *(state._replace(**new) for new in replaced)]


def ket(symbol, basis):
    return dqm.KetStep(symbol, basis), basis.coherent_ket(np.zeros(basis.modes))


def husimi(symbol, basis):
    flow = dqm.FokkerPlanck(symbol)
    return dqm.HusimiStep(flow, basis), basis.coherent(np.zeros(basis.modes))


def characteristics(symbol, basis):
    return dqm.Characteristics(dqm.FokkerPlanck(symbol)), jnp.ones((1, 2))


def runs(make, bad):
    """The table of a driven stepper."""

    def run(base, symbol, basis, ts, substeps):
        stepper, state = make(dqm.Driven(base, (PULSE, symbol)), basis)
        return dqm.solve(stepper, state, np.array(ts), substeps=substeps)

    good = {"base": KERR, "symbol": FIELD, "basis": BASIS, "ts": EDGES, "substeps": 1}
    times = {"ts": [*NOT_COVERED, *ACROSS_A_JUMP]}
    return Entry(f"solve with a pulse, {make.__name__}", run, good, bad | times, {"base": "symbol"})


def frame_methods(kind, frame, start, other):
    """The tables of the methods of a frame; `other` is not one of its β'."""
    states, inside = others(start, other), complex_field(start.inside.shape)
    inside = [other, *(bad for bad in inside if bad is not None)]  # None is the vacuum
    tables = {
        "start": ({"alpha": 10.0, "inside": start.inside}, {"alpha": ALPHA, "inside": inside}),
        "density": (
            {"state": start, "points": np.zeros((1, 2))},
            {"state": states, "points": POINTS},
        ),
        "moment": (
            {"state": start, "up": (0,), "down": (1,)},
            {"state": states, "up": POWERS, "down": POWERS},
        ),
    }
    for name, (good, bad) in tables.items():
        yield Entry(f"MovingFrame.{name} of a {kind}", getattr(frame, name), good, bad)


ENTRIES = [
    Entry("Pulse", dqm.Pulse, {"ts": EDGES, "values": (0.1, 0.2)}, {"ts": TIMES, "values": VALUES}),
    Entry(
        "Interpolated",
        dqm.Interpolated,
        {"ts": EDGES[:2], "values": (0.1, 0.2)},
        {"ts": TIMES, "values": VALUES},
    ),
    *(
        Entry(f"{type(envelope).__name__}()", envelope, {"t": 0.1}, {"t": one(NUMBER)})
        for envelope in (PULSE, dqm.Interpolated(EDGES, (0.0, 1.0, 0.0)))
    ),
    Entry(
        "Driven",
        lambda base, envelope, symbol: dqm.Driven(base, (envelope, symbol)),
        {"base": KERR, "envelope": WAVE, "symbol": FIELD},
        {"base": NO_SYMBOLS, "envelope": NO_ENVELOPES, "symbol": NO_SYMBOLS},
        {"base": "symbol"},
    ),
    Entry(
        "Driven by what is no pair",
        lambda drives: dqm.Driven(KERR, drives),
        {"drives": (WAVE, FIELD)},
        {
            "drives": [
                *[*OBJECT, FIELD, WAVE, PULSE, (WAVE,), (WAVE, FIELD, FIELD), {WAVE: FIELD}],
                *[(WAVE, dqm.operator("a1 + ad1", 2)), (WAVE, dqm.Oscillators((1.0,) * 3))],
            ]
        },
    ),
    *(
        Entry(name, at, {"t": 0.1}, {"t": [*one(NUMBER), -0.1, 1.1]})
        for name, at in (
            ("Driven()", lambda t: DRIVEN(jnp.ones(1), jnp.ones(1), t)),
            ("Driven.at", DRIVEN.at),
            ("FokkerPlanck.at", dqm.FokkerPlanck(DRIVEN).at),
        )
    ),
    runs(ket, {"base": AT_POINTS[:2], "symbol": AT_POINTS, "basis": [PAIR]}),
    runs(husimi, {"base": AT_POINTS[:2], "symbol": AT_POINTS, "basis": [PAIR]}),
    runs(characteristics, {}),
    Entry(
        "Jump",
        dqm.Jump,
        {"operator": "a + s*ad", "rate": 0.1, "s": 0.2},
        {
            "operator": OPERATORS,
            "rate": one(NOT_NEGATIVE),
            "s": [NAN, INF, 1j * INF, *TEXT, [], [1.0], np.ones(2)],
        },
    ),
    Entry(
        "Open",
        lambda flow, jumps: dqm.Open(flow, *jumps),
        {"flow": FLOW, "jumps": [LOSS]},
        {
            "flow": [*OBJECT, KERR, STEP, dqm.Open(FLOW, LOSS), dqm.FokkerPlanck],
            "jumps": [[], *([bad] for bad in OBJECT), ["a"], [("a", 0.1)], [FLOW], [dqm.Jump]],
        },
    ),
    Entry(
        "Open of other modes",
        lambda flow, jump: dqm.Open(flow, jump),
        {"flow": FLOW, "jump": LOSS},
        {"flow": [FLOW_OF_TWO, dqm.Damped(FLOW_OF_TWO, 0.1)], "jump": [OF_SECOND, OF_THIRD]},
        {"flow": "operator", "jump": "operator"},
    ),
    Entry(
        "Open in a basis",
        lambda jump, kappa: dqm.FockBargmann(4, kappa=kappa).pattern(dqm.Open(PLAIN, jump)),
        {"jump": LOSS, "kappa": 1.0},
        {"jump": [OF_SECOND, OF_THIRD], "kappa": [0.5, 2.0, np.array(1.1)]},
        {"jump": "operator", "kappa": "basis"},
    ),
    Entry(
        "Damped.diffusive_quanta",
        lambda modes, symbol: dqm.Damped(dqm.FokkerPlanck(symbol), 0.1).diffusive_quanta(modes),
        {"modes": 1, "symbol": KERR},
        {"modes": [*POSITIVE_WHOLE, 2, 22022], "symbol": [DRIVEN]},
        {"symbol": "flow"},
    ),
    Entry("MovingFrame", dqm.MovingFrame, {"stepper": STEP}, {"stepper": NO_STEPPERS}),
    *frame_methods("ket", KET_FRAME, KET_START, START.inside),
    *frame_methods("density", FRAME, START, KET_START.inside),
    Entry(
        "MovingFrame.start of two modes",
        dqm.MovingFrame(dqm.KetStep(OF_TWO, PAIR)).start,
        {"alpha": (1.0, 2j)},
        {"alpha": [1.0, (1.0,), (1.0, NAN), (1.0,) * 3]},
    ),
    Entry(
        "solve in a frame",
        lambda state, ts: dqm.solve(KET_FRAME, state, np.array(ts)),
        {"state": KET_START, "ts": EDGES},
        {
            "state": others(KET_START, START.inside),
            "ts": [*NOT_COVERED, *ACROSS_A_JUMP],
        },
    ),
    Entry(
        "cutoff_for",
        lambda most, n: dqm.cutoff_for(lambda levels: dqm.FockBargmann(levels).fock(n), most=most),
        {"most": 8, "n": 3},
        {"most": [2, 3, 1, True, "8", None, 8.0, NAN, -1, 0], "n": [8, 100]},
        {"n": "most"},
    ),
]
