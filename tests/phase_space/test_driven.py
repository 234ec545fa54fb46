"""Hamiltonians that depend on time, on phase space."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm

KERR = dqm.Kerr(0.7, 1.1)
FIELD = dqm.Kerr(0.0, 0.0, 1.0)
WAVE = lambda t: jnp.cos(1.3 * t)
DRIVEN = dqm.Driven(KERR, (WAVE, FIELD))
WRITTEN = lambda q, p, t: KERR(q, p) + WAVE(t) * FIELD(q, p)
XI = jnp.array([0.4, -0.9])


@pytest.mark.parametrize("symbol", [DRIVEN, WRITTEN], ids=["driven", "written"])
def test_an_equation_at_one_time_is_that_of_the_frozen_symbol(symbol):
    flow = dqm.FokkerPlanck(symbol)
    assert flow.depends_on_time
    same = dqm.FokkerPlanck(dqm.Kerr(0.7, 1.1, float(WAVE(2.0))))
    for get in (lambda f: f.drift(XI), lambda f: f.diffusion(XI), lambda f: f.tensor(2, XI)):
        np.testing.assert_allclose(get(flow.at(2.0)), get(same), rtol=0, atol=1e-14)


def test_no_time_is_ever_frozen_silently():
    """A symbol with `t=0.0` was taken at t = 0; the density was wrong by half its peak."""
    flow = dqm.FokkerPlanck(lambda q, p, t=0.0: KERR(q, p) + WAVE(t) * FIELD(q, p))
    grid = dqm.Grid((-4.0, -4.0), (4.0, 4.0), (8, 8))
    uses = (
        lambda: flow.drift(XI),
        lambda: flow.tensor(3, XI),
        lambda: flow.rhs(grid, jnp.ones((8, 8))),
        lambda: flow.is_exact,
        lambda: dqm.check(flow, 1),
        lambda: dqm.FokkerPlanck(dqm.InUnits(flow.symbol)),
        lambda: dqm.Driven(flow.symbol),
        lambda: dqm.Driven(KERR, (WAVE, flow.symbol)),
        lambda: KERR + flow.symbol,
        lambda: dqm.ordering.polynomial(flow.symbol, 1),
        lambda: dqm.solve(dqm.GridStep(flow, grid), jnp.ones((8, 8)), np.array([0.0, 0.1])),
        lambda: dqm.FockBargmann(6).generator(flow),
    )
    for use in uses:
        with pytest.raises(dqm.InputError, match=r"time|argument t"):
            use()


def test_characteristics_follow_a_driven_oscillator():
    """`q̈ = −q − √2 F cos wt` in closed form."""
    w, force, t = 1.7, 0.8, 2.5
    driven = dqm.Driven(dqm.Oscillators((1.0,)), (lambda t: force * jnp.cos(w * t), FIELD))
    flow = dqm.FokkerPlanck(driven)
    f = -np.sqrt(2) * force / (1 - w**2)  # of the particular solution f cos wt
    q0, p0 = 0.3, -0.5
    q = f * np.cos(w * t) + (q0 - f) * np.cos(t) + p0 * np.sin(t)
    p = -f * w * np.sin(w * t) - (q0 - f) * np.sin(t) + p0 * np.cos(t)
    start = jnp.array([[q0, p0]])
    run = dqm.solve(dqm.Characteristics(flow), start, np.array([0.0, t]), substeps=20)
    np.testing.assert_allclose(run.final, [[q, p]], rtol=0, atol=1e-8)
    back = dqm.liouville(flow, lambda xi: xi[0], run.final, t, substeps=20)
    np.testing.assert_allclose(back, [q0], rtol=0, atol=1e-8)


@pytest.mark.slow
def test_the_wigner_function_follows_a_driven_oscillator():
    """A coherent state stays one on the classical path."""
    w, t = 1.7, 1.5
    grid = dqm.Grid((-7.0, -7.0), (7.0, 7.0), (48, 48))
    force = lambda x, t: 0.5 * x[0] ** 2 + 0.8 * jnp.cos(w * t) * x[0]
    f = -0.8 / (1 - w**2)
    q = f * np.cos(w * t) - f * np.cos(t)
    p = -f * w * np.sin(w * t) + f * np.sin(t)
    packet = lambda q, p: jnp.exp(-((grid.points[0] - q) ** 2) - (grid.points[1] - p) ** 2) / jnp.pi
    stepper = dqm.WignerStep(dqm.Hamiltonian(force), grid)
    run = dqm.solve(stepper, packet(0.0, 0.0), np.array([0.0, t]), substeps=30)
    np.testing.assert_allclose(run.final, packet(q, p), rtol=0, atol=2e-8)
    shift = jax.grad(
        lambda size: grid.integrate(
            grid.points[0]
            * dqm.solve(
                dqm.WignerStep(dqm.Hamiltonian(lambda x, t: force(x, size * t)), grid),
                packet(0.0, 0.0),
                np.array([0.0, t]),
                substeps=30,
            ).final
        )
    )(jnp.array(1.0))
    assert np.isfinite(shift)


@pytest.mark.parametrize(
    ("drives", "text"),
    [
        ((FIELD,), "pairs"),
        (((WAVE, FIELD, FIELD),), "pairs"),
        (((lambda: 1.0, FIELD),), "`envelope`"),
        (((lambda t: jnp.ones(2) * t, FIELD),), "`envelope`"),
        (((lambda t: 1j * t, FIELD),), "`envelope`"),
        (((WAVE, dqm.Oscillators((1.0, 1.0))),), "modes"),
    ],
)
def test_what_is_no_drive_is_refused(drives, text):
    with pytest.raises(dqm.InputError, match=text):
        dqm.Driven(KERR, *drives)
