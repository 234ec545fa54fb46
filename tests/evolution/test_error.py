"""Error estimates against true errors, tolerances, and what a failing status does."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax import Reason
from dqmjax.evolution.error import summed
from dqmjax.wave import observables

LINE = dqm.Grid((-6.0,), (6.0,), (48,))
PLANE = dqm.Grid((-6.0, -6.0), (6.0, 6.0), (32, 32))
PACKET = dqm.gaussian(LINE, 0.7, 0.6)
TS = np.array([0.0, 0.4, 1.0, 1.4])
SCHEMES = [
    dqm.strang,
    dqm.yoshida4,
    dqm.blanes_moan4,
    dqm.nystrom4,
    dqm.blanes_moan6,
    dqm.nystrom6,
]
STATIC = dqm.Hamiltonian(dqm.Anharmonic(1.0, 0.1, 0.1), mass=1.2, hbar=0.9)
DRIVEN = dqm.Hamiltonian(lambda x, t: x[0] ** 2 / 2 + 0.7 * x[0] * jnp.cos(3 * t))


def wigner_state():
    q, p = PLANE.points
    return jnp.exp(-((q - 0.7) ** 2) - (p + 0.3) ** 2) / jnp.pi


def canonical(scheme):
    return dqm.CanonicalStep(STATIC, LINE, scheme)


def wigner(scheme):
    return dqm.WignerStep(dqm.Hamiltonian(dqm.Harmonic(1.1)), PLANE, scheme)


KINDS = {
    "static": (lambda scheme: dqm.SplitStep(STATIC, LINE, scheme), lambda: PACKET),
    "driven": (lambda scheme: dqm.SplitStep(DRIVEN, LINE, scheme), lambda: PACKET),
    "canonical": (canonical, lambda: dqm.to_canonical(PACKET, STATIC.hbar)),
    "wigner": (wigner, wigner_state),
}
SUBSTEPS = {2: 24, 4: 8, 6: 6}
CASES = [
    *((kind, scheme) for kind in ("static", "driven") for scheme in SCHEMES),
    *((kind, scheme) for kind in ("canonical", "wigner") for scheme in SCHEMES[::3]),
]


def norms(vectors):
    return np.linalg.norm(np.reshape(vectors, (len(TS), -1)), axis=1)


@functools.cache
def exact_vectors(kind):
    make, start = KINDS[kind]
    exact = dqm.solve(make(dqm.nystrom6), start(), TS, substeps=60)
    return np.asarray(jax.vmap(make(dqm.nystrom6).vector)(exact.saved))


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "scheme"), CASES, ids=[f"{k}-{s.name}" for k, s in CASES])
def test_estimates_of_the_error(kind, scheme):
    """Two tolerances for each of 16 equations and schemes: 32 cases.

    With a tolerance, from runs of two step lengths, the estimate is sharp at all times; without
    one, from a few single steps, within a factor of ten at the end.
    """
    make, start = KINDS[kind]
    stepper, true = make(scheme), exact_vectors(kind)
    vectors = jax.jit(jax.vmap(stepper.vector))
    for tolerance in (1e-2, 1e-4):
        run = dqm.solve(stepper, start(), TS, tolerance=tolerance)
        error = norms(vectors(run.saved) - true) / norms(true)
        assert error.max() <= tolerance
        np.testing.assert_allclose(run.error, error, rtol=0.5)
    substeps = SUBSTEPS[scheme.order]
    run = dqm.solve(stepper, start(), TS, substeps=substeps)
    error = norms(vectors(run.saved) - true) / norms(true)
    assert 0.1 < run.error[-1] / error[-1] < 10


def test_a_tolerance_is_reached_where_the_error_falls_unevenly():
    """Steps longer than `longest_step`: 1.2 times as many need not lower the error."""
    grid = dqm.Grid(-6.0, 6.0, 64)
    stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Anharmonic(quartic=0.1)), grid)
    start, ts = dqm.coherent(grid, 1.0), jnp.array([0.0, 100.0])
    run = dqm.solve(stepper, start, ts, tolerance=1e-6)
    exact = dqm.solve(dqm.DenseStep(stepper.hamiltonian, grid), start, ts).final
    error = np.linalg.norm(run.final - exact) / np.linalg.norm(exact)
    assert error <= 1e-6
    assert error == pytest.approx(float(run.error[-1]), rel=0.2)


def test_a_tolerance_needs_known_values_that_can_be_reached():
    stepper = dqm.SplitStep(STATIC, LINE, dqm.strang)
    with pytest.raises(dqm.InputError, match="`tolerance` must be given outside of `jit`"):
        jax.jit(lambda psi: dqm.solve(stepper, psi, TS, tolerance=1e-3).final)(PACKET)
    with pytest.raises(dqm.InputError, match="`tolerance` must be positive"):
        dqm.solve(stepper, PACKET, TS, tolerance=-1.0)
    with pytest.raises(dqm.InputError, match="`tolerance` must be larger here"):
        dqm.solve(KINDS["static"][0](dqm.nystrom6), PACKET, TS, tolerance=1e-18)


def test_a_coarse_run_says_that_it_is_inaccurate():
    """Without a tolerance one substep still runs; the true infidelity is a few per cent."""
    stepper = dqm.SplitStep(STATIC, LINE, dqm.strang)
    ts = np.array([0.0, 0.7, 1.4, 2.1])
    run = dqm.solve(stepper, PACKET, ts)
    exact = dqm.solve(dqm.Chebyshev(STATIC, LINE), PACKET, ts).final
    assert observables.fidelity(LINE, run.final, exact) < 0.99
    assert run.status.reason[-1] == Reason.INACCURATE
    assert not run.status.fails.any()
    assert "From t = 0.7: The estimated error" in repr(run)


def test_an_estimate_sees_a_barrier_that_a_single_long_interval_hides():
    """The packet is free at both ends of the run and meets the barrier within it."""
    line = dqm.Grid((-20.0,), (20.0,), (256,))
    h = dqm.Hamiltonian(lambda x, t: 12 * jnp.exp(-(x[0] ** 2)))
    start = dqm.gaussian(line, -8.0, 1.0, 4.0)
    run = dqm.solve(dqm.SplitStep(h, line, dqm.strang), start, np.array([0.0, 4.0]), substeps=64)
    exact = dqm.solve(dqm.Chebyshev(h, line), start, np.array([0.0, 4.0])).final
    true = np.linalg.norm(run.final - exact) / np.linalg.norm(exact)
    assert true > 0.01
    assert 0.2 < run.error[-1] / true < 10
    assert run.status.reason[-1] == Reason.INACCURATE


def test_a_wall_of_one_cell_is_not_called_accurate():
    """Found by trial: an error of 0.09 after 160 steps without a message."""
    line = dqm.Grid(-10.0, 10.0, 128)
    wall = dqm.Hamiltonian(lambda x, t: jnp.where(jnp.abs(x[0]) < 0.6 * 20 / 128, 50.0, 0.0))
    start, ts = dqm.gaussian(line, -4.0, 0.8, 3.0), np.array([0.0, 3.0])
    run = dqm.solve(dqm.SplitStep(wall, line, dqm.strang), start, ts, substeps=160)
    exact = dqm.solve(dqm.Chebyshev(wall, line), start, ts).final
    assert np.linalg.norm(run.final - exact) > 0.05 * np.linalg.norm(exact)
    assert run.status.reason[-1] == Reason.INACCURATE


class Random(dqm.AbstractSymbol):
    """A quartic of one mode, or of two coupled ones."""

    c: jax.Array
    modes: int = 1

    def __call__(self, q, p):
        n, c = (q**2 + p**2) / 2, self.c
        one = c[0] * n[0] + c[1] * q[0] + 0.1 * c[2] * n[0] ** 2 + c[3] * q[0] ** 2
        return one + (0.1 * c[4] * q[0] ** 3 if self.modes == 1 else c[4] * q[0] * q[1])


BOUNDED = [  # modes, levels, more levels, order, number of equations
    (1, (10,), (24,), 2, 7),
    (1, (10,), (24,), 4, 7),
    (2, (4, 4), (8, 8), 4, 6),
]


@pytest.mark.slow
@pytest.mark.parametrize(("modes", "cutoff", "more", "order", "count"), BOUNDED)
def test_the_truncation_bound_is_never_below_the_true_error(modes, cutoff, more, order, count):
    """20 random equations against twice as many levels; the bound is at most 10³ too large."""
    few, many = dqm.FockBargmann(cutoff), dqm.FockBargmann(more)
    inside = tuple(slice(n) for n in few.levels)
    rng, ts = np.random.default_rng(modes + order), np.array([0.0, 0.1, 0.2])
    for k in range(count):
        symbol = Random(jnp.asarray(0.3 * rng.normal(size=5)), modes)
        C = jnp.array([1.0, 0.8, 1.2, 0.0, 1.0, 0.5, 1.0][k])
        bath = jnp.array(0.2 if k % 2 else 0.0)
        flow = dqm.Damped(dqm.FokkerPlanck(symbol, C=C, order=order), bath, bath)
        alpha = 0.4 * (rng.normal(size=modes) + 1j * rng.normal(size=modes))
        start = few.coherent(jnp.asarray(alpha), loss=0.1)
        padded = jnp.zeros(many.levels, complex).at[inside].set(start)
        run = dqm.solve(dqm.HusimiStep(flow, few), start, ts, substeps=5, throw=False)
        exact = dqm.solve(dqm.HusimiStep(flow, many), padded, ts, throw=False).final
        back = jnp.zeros(many.levels, complex).at[inside].set(run.final)
        true = np.linalg.norm(back - exact) / np.linalg.norm(run.final)
        assert true > 1e-9
        assert true <= run.error[-1] <= 1e3 * true, (C, bath)


def test_the_truncation_bound_of_kets():
    few, many = dqm.FockBargmann(10), dqm.FockBargmann(24)
    symbol, ts = Random(jnp.array([0.5, 0.3, 0.2, 0.1, 0.2])), np.array([0.0, 0.2, 0.4])
    start = few.coherent_ket(0.4, loss=1e-6)
    run = dqm.solve(dqm.KetStep(symbol, few), start, ts, substeps=10, throw=False)
    padded = jnp.zeros(24, complex).at[:10].set(start)
    exact = dqm.solve(dqm.KetStep(symbol, many), padded, ts).final
    true = np.linalg.norm(jnp.zeros(24, complex).at[:10].set(run.final) - exact)
    assert 1e-9 < true <= run.error[-1] <= 10 * true


def test_an_isolated_box_says_when_its_edge_is_reached():
    h = dqm.Hamiltonian(lambda x, t: 0.0 * x[0])
    ts = np.linspace(0, 4, 9)
    for isolated in (False, True):
        line = dqm.Grid((-8.0,), (8.0,), (128,), isolated=isolated)
        start = dqm.gaussian(line, 0.0, 0.7, 2.0)
        run = dqm.solve(dqm.SplitStep(h, line), start, ts, throw=False)
        assert run.status.fails.any() == isolated
    first = ts[int(np.argmax(run.status.fails))]
    assert 1.0 < first < 3.0  # the centre would be there at t = 4
    with pytest.raises(RuntimeError, match=f"At t = {first:.6g}: The state reaches the edge"):
        dqm.checked(run)


def test_a_batch_is_checked_outside_of_jit():
    line = dqm.Grid((-8.0,), (8.0,), (64,), isolated=True)

    @jax.jit
    def run(momentum):
        start = dqm.gaussian(line, 0.0, 1.0) * jnp.exp(1j * momentum * line.points[0])
        free = dqm.Hamiltonian(lambda x, t: 0.0 * x[0])
        return dqm.solve(dqm.SplitStep(free, line), start, np.array([0.0, 1.0, 2.0]))

    good = jax.vmap(run)(jnp.array([0.0, 0.1]))
    assert dqm.checked(good) is good
    bad = jax.vmap(run)(jnp.array([0.0, 3.0]))
    np.testing.assert_array_equal(np.isnan(bad.saved).all(axis=-1)[:, -1], [False, True])
    assert np.isnan(bad.final[1]).all()
    with pytest.raises(RuntimeError, match=r"Run \(1,\), t = 1: The state reaches the edge"):
        dqm.checked(bad)
    with pytest.raises(dqm.InputError, match="`solution` must be known"):
        jax.jit(dqm.checked)(good)


def test_under_jit_what_is_saved_is_never_a_silent_number():
    """Found by trial: 3e11 without an error, since only `final` carried the refusal."""
    saved = jax.jit(
        lambda C: (
            dqm.solve(
                dqm.HusimiStep(dqm.FokkerPlanck(dqm.Kerr(2.0), C=C), dqm.FockBargmann(30)),
                dqm.FockBargmann(30).coherent(2.0),
                np.array([0.0, 1.0]),
            ).saved
        )
    )
    assert np.isnan(saved(0.5)[1]).all()
    assert np.isnan(saved(jnp.nan)).all()
    assert np.isfinite(saved(1.0)).all()


def test_under_jit_the_final_state_is_never_a_silent_number():
    """A finite one of a run that fails: a packet at the edge of an isolated box."""
    line = dqm.Grid(-6.0, 6.0, 48, isolated=True)
    stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Free()), line)
    final = jax.jit(lambda psi: dqm.solve(stepper, psi, np.array([0.0, 0.1])).final)
    assert np.isfinite(final(PACKET)).all()
    assert np.isnan(final(jnp.roll(PACKET, 20))).all()


def test_errors_of_all_steps_add_up():
    """Of order 2: the error of a step grows as dt³, that of an interval as its steps."""
    local, intervals = jnp.array([1e-3, 1e-3, 8e-3]), jnp.array([1.0, 1.0, 2.0])
    error = summed(local, intervals, 5, order=2)
    np.testing.assert_allclose(error, [0.0, 5e-3, 10e-3, 50e-3], rtol=1e-12)


SPLIT = dqm.SplitStep(STATIC, LINE, dqm.strang)


def test_save_times_that_contradict_themselves_are_refused():
    for ts, intervals, which in (
        ([0.0, 2.0, 1.0], [1.0], [0, 0]),
        ([0.0, 1.0, 2.0], [1.0], [0, 7]),
        ([0.0, 1.0, 2.0], [0.5], [0, 0]),
    ):
        with pytest.raises(dqm.InputError):
            dqm.SaveTimes(np.array(ts), np.array(intervals), np.array(which))


def test_integers_cannot_be_nan_and_are_refused_under_jit():
    where = lambda psi: jnp.argmax(jnp.abs(psi))
    run = lambda psi, throw: dqm.solve(SPLIT, psi, TS, substeps=20, save=where, throw=throw).saved
    assert run(PACKET, True).dtype.kind == "i"
    with pytest.raises(dqm.InputError, match="`save` must return floating-point numbers"):
        jax.jit(lambda psi: run(psi, True))(PACKET)
    np.testing.assert_array_equal(jax.jit(lambda psi: run(psi, False))(PACKET), run(PACKET, True))


def test_parameters_replaced_in_a_stepper_are_checked_again():
    replaced = lambda m: eqx.tree_at(lambda s: s.hamiltonian.mass, SPLIT, m)
    with pytest.raises(dqm.InputError, match="`mass` must be positive"):
        dqm.solve(replaced(-1.0), PACKET, TS, substeps=20)
    run = jax.jit(lambda m: dqm.solve(replaced(m), PACKET, TS, substeps=20, throw=False).status)
    assert (run(-1.0).reason == Reason.INVALID).all()
    assert (run(1.0).reason == Reason.OK).all()


def test_a_tolerance_ends_for_states_that_become_nan():
    breaks = dqm.Hamiltonian(lambda x, t: jnp.where(t > 0.4, jnp.nan, 1.0) * x[0] ** 2)
    with pytest.raises(dqm.InputError, match="`tolerance` must be larger here"):
        dqm.solve(dqm.SplitStep(breaks, LINE), PACKET, TS, tolerance=1e-3)


def test_a_series_that_is_cut_too_early_says_so():
    run = dqm.solve(dqm.Chebyshev(STATIC, LINE, tolerance=0.5), PACKET, TS)
    assert run.status.reason[-1] == Reason.INACCURATE


def test_short_times_in_single_precision_have_an_estimate():
    with jax.enable_x64(False):
        psi = PACKET.astype(jnp.complex64)
        run = dqm.solve(SPLIT, psi, np.linspace(0, 1e-5, 11))
    assert np.isfinite(run.error).all()
    assert (run.status.reason == Reason.OK).all()


def test_edges_that_do_not_absorb_are_named_by_the_stepper():
    thin = dqm.Hamiltonian(dqm.AbsorbingEdges(-6.0, 6.0, 0.2, 3.0))
    with pytest.raises(dqm.InputError, match="`width` of `AbsorbingEdges` must be at least"):
        dqm.SplitStep(thin, LINE)
