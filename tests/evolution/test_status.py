"""Injected faults: none of them ends in a status that says `OK`.

Each equation is compiled once for each precision; the faults are values of its arguments.
"""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax import Reason
from dqmjax.evolution.status import Status, beyond, judge, with_errors

LINE = dqm.Grid((-6.0,), (6.0,), (32,), isolated=True)
PLANE = dqm.Grid((-6.0, -6.0), (6.0, 6.0), (32, 32), isolated=True)
BASIS = dqm.FockBargmann(8)
TS = np.array([0.0, 0.1, 0.2])


@dataclasses.dataclass(frozen=True)
class System:
    """An equation of motion by its parameters, a good state, and bad ones by name."""

    stepper: Callable
    state: Callable
    parameters: dict[str, float]
    bad_states: dict[str, tuple[Callable, Reason]]
    last: tuple[dict[str, float], float, set[Reason] | None]  # a step that is too long


def hamiltonian(p, driven=False):
    force = lambda x, t: p["omega"] ** 2 * x[0] ** 2 / 2 * (jnp.cos(t) if driven else 1.0)
    return dqm.Hamiltonian(force, p["mass"], p["hbar"])


def alternating(values):
    """The shortest wave, under the envelope of a state."""
    return values * (-1.0) ** np.arange(values.shape[-1])


PACKET = lambda: dqm.gaussian(LINE, 0.3, 0.8)
AT_EDGE = lambda: jnp.exp(-((LINE.points[0] - 5.8) ** 2)) + 0j
WAVES = {
    "rough": (lambda: alternating(PACKET()), Reason.UNRESOLVED),
    "edge": (AT_EDGE, Reason.EDGE),
}
CONSTANTS = {"omega": 1.0, "mass": 1.0, "hbar": 1.0}


def pair(psi):
    return jnp.abs(psi) ** 2, jnp.angle(psi)


def canonical_pair(psi):
    rho = jnp.abs(psi) ** 2
    return rho / jnp.sum(rho) / LINE.cell, jnp.angle(psi)


PAIRS = {
    "rough": (lambda: canonical_pair(alternating(PACKET())), Reason.UNRESOLVED),
    "edge": (lambda: canonical_pair(AT_EDGE()), Reason.EDGE),
    "negative": (lambda: (pair(PACKET())[0] - 0.01, pair(PACKET())[1]), Reason.NOT_A_DENSITY),
    "unnormalised": (lambda: (2 * pair(PACKET())[0], pair(PACKET())[1]), Reason.NOT_A_DENSITY),
}


def density(center: float = 0.3):
    q, p = PLANE.points
    return jnp.exp(-((q - center) ** 2) - p**2) / jnp.pi


DENSITIES = {
    "rough": (lambda: alternating(density()), Reason.UNRESOLVED),
    "edge": (lambda: density(5.8), Reason.EDGE),
}


def split(scheme, driven=False):
    stepper = lambda p: dqm.SplitStep(hamiltonian(p, driven), LINE, scheme)
    return System(stepper, PACKET, CONSTANTS, WAVES, ({"omega": 10.0}, 1.0, None))


def flow(p):
    oscillator = lambda q, s: p["omega"] * (q[0] ** 2 + s[0] ** 2) / 2
    return dqm.FokkerPlanck(oscillator, kappa=p["kappa"], hbar=p["kappa"], C=p["C"])


def squeezed_flow(p):
    symbol = dqm.ParametricAmplifier(p["omega"])
    return dqm.FokkerPlanck(symbol, kappa=p["kappa"], hbar=p["kappa"], C=p["C"])


def highest(shape):
    return jnp.zeros(shape, complex).at[(-1,) * len(shape)].set(1.0)


PHASE_CONSTANTS = {"omega": 0.3, "kappa": 1.0, "C": 1.0}
SYSTEMS = {
    "split-strang": split(dqm.strang),
    "split-nystrom6": split(dqm.nystrom6),
    "split-driven": split(dqm.strang, driven=True),
    "chebyshev": System(
        lambda p: dqm.Chebyshev(hamiltonian(p), LINE),
        PACKET,
        CONSTANTS,
        WAVES,
        ({}, 1e5, {Reason.STEP_TOO_LONG}),
    ),
    "canonical": System(
        lambda p: dqm.CanonicalStep(hamiltonian(p), LINE, dqm.strang),
        lambda: dqm.to_canonical(PACKET()),
        CONSTANTS,
        PAIRS,
        ({"omega": 10.0}, 1.0, None),
    ),
    "atlas": System(
        lambda p: dqm.AtlasStep(dqm.CanonicalEnergy(hamiltonian(p), LINE), LINE, p["hbar"]),
        lambda: dqm.to_canonical(PACKET()),
        CONSTANTS,
        PAIRS,
        ({}, 10.0, {Reason.STEP_TOO_LONG}),
    ),
    "wigner": System(
        lambda p: dqm.WignerStep(hamiltonian(p), PLANE, dqm.strang),
        density,
        CONSTANTS,
        DENSITIES,
        ({"omega": 10.0}, 1.0, None),
    ),
    "grid": System(
        lambda p: dqm.GridStep(flow(p), PLANE),
        density,
        PHASE_CONSTANTS,
        DENSITIES,
        ({"omega": 30.0}, 10.0, None),
    ),
    "husimi-blocks": System(
        lambda p: dqm.HusimiStep(squeezed_flow(p), BASIS),
        lambda: BASIS.coherent(0.05),
        PHASE_CONSTANTS,
        {"few levels": (lambda: highest(BASIS.levels), Reason.LEVELS)},
        ({"omega": 1e9}, 1.0, {Reason.EXPONENT}),
    ),
    "ket": System(
        lambda p: dqm.KetStep(squeezed_flow(p).symbol, BASIS),
        lambda: BASIS.coherent_ket(0.05),
        PHASE_CONSTANTS,
        {"few levels": (lambda: highest(BASIS.cutoff), Reason.LEVELS)},
        ({"omega": 1e9}, 1.0, {Reason.EXPONENT}),
    ),
    "characteristics": System(
        lambda p: dqm.Characteristics(flow(p)),
        lambda: jnp.ones((3, 2)),
        PHASE_CONSTANTS,
        {},
        ({"omega": 50.0}, 10.0, {Reason.STEP_TOO_LONG}),
    ),
}
USED = {"ket": {"omega"}, "characteristics": {"omega"}}  # parameters that matter, if not all


def faults_of(name: str):
    """Each as its name, changed parameters, the state, the times and the expected reasons."""
    system = SYSTEMS[name]
    for parameter in USED.get(name, system.parameters):
        for value in (jnp.nan, jnp.inf, -jnp.inf):
            yield f"{parameter}={value}", {parameter: value}, system.state, TS, None
        if parameter in ("mass", "hbar", "kappa"):
            yield f"{parameter}<0", {parameter: -1.0}, system.state, TS, {Reason.INVALID}
            yield f"{parameter}=0", {parameter: 0.0}, system.state, TS, {Reason.INVALID}
    yield "overflow", {"omega": 1e30}, system.state, TS, None
    for value in (jnp.nan, jnp.inf):
        broken = lambda value=value: jax.tree.map(lambda y: y.at[0].set(value), system.state())
        yield f"state {value}", {}, broken, TS, {Reason.INVALID}
    for title, ts in {
        "times fall": np.array([0.0, 0.1, 0.05]),
        "times repeat": np.array([0.0, 0.0, 0.1]),
        "time NaN": np.array([0.0, 0.1, np.nan]),
        "time inf": np.array([0.0, 0.1, np.inf]),
    }.items():
        yield title, {}, system.state, ts, {Reason.INVALID}
    for title, (state, reason) in system.bad_states.items():
        yield title, {}, state, TS, {reason}
    change, length, reasons = system.last
    yield "steps too long", change, system.state, length * TS, reasons


@functools.cache
def runner(name: str, single: bool):
    system = SYSTEMS[name]

    @jax.jit
    def run(parameters, state, ts):
        return dqm.solve(system.stepper(parameters), state, ts, substeps=4, throw=False).status

    kind = np.float32 if single else np.float64

    def cast(y):
        return np.asarray(y, np.result_type(kind, np.complex64) if np.iscomplexobj(y) else kind)

    def status(change, state, ts):
        parameters = {k: kind(v) for k, v in (system.parameters | change).items()}
        with jax.enable_x64(not single):
            return run(parameters, jax.tree.map(cast, state), cast(ts))

    return status


CASES = [(name, single) for name in SYSTEMS for single in (False, True)]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "single"), CASES)
def test_no_fault_is_silent(name, single):
    status, made = runner(name, single), functools.cache(lambda state: state())
    good = status({}, made(SYSTEMS[name].state), TS)
    assert (good.reason == Reason.OK).all(), Reason(int(good.reason[-1]))
    silent = []
    for title, change, state, ts, reasons in faults_of(name):
        reason = Reason(int(status(change, made(state), ts).reason[-1]))
        if reason == Reason.OK or (reasons is not None and reason not in reasons):
            silent.append(f"{title}: {reason.name}")
    assert not silent, "; ".join(silent)


def test_there_are_enough_faults():
    assert 2 * sum(1 for name in SYSTEMS for _ in faults_of(name)) >= 100


def test_the_first_fault_beyond_its_limit_is_judged():
    status = judge({Reason.UNRESOLVED: jnp.array(50.0), Reason.EDGE: jnp.array(2.0)})
    assert (status.reason, status.size) == (Reason.EDGE, 2.0)
    status = judge({Reason.UNRESOLVED: jnp.array(0.2), Reason.EDGE: jnp.array(0.1)})
    assert (status.reason, status.size) == (Reason.OK, 0.2)


def test_a_size_that_is_nan_is_judged_infinite():
    status = judge({Reason.UNRESOLVED: jnp.array(0.2), Reason.LEVELS: jnp.array(jnp.nan)})
    assert (status.reason, status.size) == (Reason.LEVELS, jnp.inf)


def test_sizes_of_sudden_faults():
    for size, expected in ((0.9, 0.0), (1.0, 0.0), (1.5, 1.5), (np.nan, np.nan)):
        np.testing.assert_equal(float(beyond(jnp.array(size))), expected)


def test_an_error_that_is_nan_is_inaccurate():
    status = Status(jnp.full(3, int(Reason.OK)), jnp.full(3, 0.1))
    reasons = with_errors(status, jnp.array([1e-3, 0.02, jnp.nan]), None)[0].reason
    np.testing.assert_array_equal(reasons, [Reason.OK, Reason.INACCURATE, Reason.INACCURATE])
