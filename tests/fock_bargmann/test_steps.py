import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
from systems import husimi, kerr_operator

import dqmjax as dqm
from dqmjax.evolution.solve import _solve
from dqmjax.fock_bargmann import steps

REVIVAL = np.pi  # of U = 2, at Kt = (U/2) t = π


def stepper(interaction=2.0, cutoff=30, **constants):
    return dqm.HusimiStep(
        dqm.FokkerPlanck(dqm.Kerr(interaction), **constants), dqm.FockBargmann(cutoff)
    )


@pytest.fixture(scope="module")
def revival():
    """From α = 2 at some times until the revival."""
    kerr = stepper()
    ts = np.array([0.0, np.pi / 8, np.pi / 2, 2.0, REVIVAL])
    return kerr.basis, dqm.solve(kerr, kerr.basis.coherent(2.0 + 0j), ts)


def test_kerr_to_its_revival_against_qutip(revival):
    basis, run = revival
    points = np.random.default_rng(0).normal(scale=2, size=(50, 2))
    start, operator = qutip.coherent(30, 2.0, method="analytic"), kerr_operator(30, 2.0)
    for t, coefficients in zip(run.ts, run.saved, strict=True):
        t = float(t)
        exact = husimi(((-1j * t * operator).expm() * start).proj(), points)
        got = basis.density(coefficients, jnp.asarray(points))
        np.testing.assert_allclose(got, exact, rtol=0, atol=1e-12)


def test_moments_of_the_kerr_state(revival):
    """⟨a⟩ and ⟨a²⟩ at Kt = π/8 and π/2, K = 1, α = 2, known to ten digits."""
    saved = revival[1].saved
    a = qutip.destroy(30).full()
    mean, square = (np.einsum("tmn,nm->t", saved, m) for m in (a, a @ a))
    assert mean[1] == pytest.approx(-0.5896152073 - 0.1909300233j, abs=1e-9)
    assert square[1] == pytest.approx(0.0053440887 + 0.0730673851j, abs=1e-9)
    assert mean[2] == pytest.approx(0.0006709253, abs=1e-9)
    assert square[2] == pytest.approx(-4, abs=1e-9)


def test_series_and_blocks_agree():
    """An ℓ that may differ from the basis's couples all blocks; at ℓ = 1 nothing else changes."""
    ts = np.array([0.0, 0.3, 0.6])
    blocks, series = stepper(cutoff=16), stepper(cutoff=16, ell=jnp.array(1.0))
    start = blocks.basis.coherent(1.0 + 0.5j)
    one, other = (dqm.solve(s, start, ts).saved for s in (blocks, series))
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)


def loss(parameters, ts=(0.0, 0.2, 0.5), ell=1.0, cutoff=12):
    interaction, C, alpha = parameters
    kerr = stepper(interaction, cutoff, C=C, ell=ell)
    start = kerr.basis.coherent(alpha + 0.2j)
    final = dqm.solve(kerr, start, jnp.asarray(ts), throw=False).final  # few levels will do here
    points = jnp.array([[0.5, 0.2], [-1.0, 0.7]])
    return jnp.sum(kerr.basis.density(final, points) * jnp.array([1.0, -2.0]))


@pytest.mark.slow
@pytest.mark.parametrize("ell", [1.0, jnp.array(1.1)], ids=["blocks", "series"])
def test_gradients_three_ways(ell, both_ways):
    at, values = jnp.array([1.3, 0.9, 0.8]), both_ways(lambda x: loss(x, ell=ell))
    _, reverse, forward = values(at)
    step, value = 1e-5, lambda x: values(x)[0]
    difference = [(value(at + e) - value(at - e)) / (2 * step) for e in step * np.eye(3)]
    assert np.abs(reverse).min() > 1e-4
    np.testing.assert_allclose(reverse, forward, rtol=1e-10)
    np.testing.assert_allclose(reverse, difference, rtol=1e-7)


def test_gradient_with_respect_to_the_save_times():
    """Equal intervals share a step, but not where the times are differentiated."""
    at, ts = jnp.array([1.3, 1.0, 0.8]), jnp.array([0.0, 0.2, 0.4])
    values = jax.jit(jax.value_and_grad(lambda ts: loss(at, ts)))
    got, step = values(ts)[1], 1e-5
    above, below = (values(ts + s * np.array([0, 0, 1]))[0] for s in (step, -step))
    late = (above - below) / (2 * step)
    assert abs(late) > 1e-4
    np.testing.assert_allclose(got, [-late, 0, late], rtol=0, atol=1e-9)


def test_gradient_with_respect_to_ell():
    at = jnp.array([1.3, 1.0, 0.8])
    values = jax.jit(jax.value_and_grad(lambda ell: loss(at, (0.0, 0.1), ell=ell)))
    step = 1e-5
    difference = (values(1.05 + step)[0] - values(1.05 - step)[0]) / (2 * step)
    assert values(1.05)[1] == pytest.approx(float(difference), rel=1e-7)


def test_sweep_over_values_compiles_once():
    sizes = []
    for interaction in (0.5, 1.0, 1.5):
        kerr = stepper(jnp.array(interaction), 8, C=jnp.array(interaction))
        ts = np.array([0.0, 0.1 * interaction])
        dqm.solve(kerr, kerr.basis.coherent(0.5 + 0j), ts, throw=False)
        sizes.append(_solve._cached._cache_size())
    assert sizes[2] == sizes[1] == sizes[0] > 0


def test_batch_of_parameters():
    values = jnp.array([0.7, 1.3])
    at = jnp.stack([values, jnp.ones(2), jnp.full(2, 0.8)], axis=1)
    alone = jax.jit(loss)
    np.testing.assert_allclose(jax.jit(jax.vmap(loss))(at), [alone(x) for x in at], rtol=1e-12)


def test_uneven_times_and_substeps_change_nothing():
    kerr = stepper(cutoff=12)
    start = kerr.basis.coherent(0.9 + 0j)
    whole = dqm.solve(kerr, start, np.array([0, 1, 2])).saved[1]
    fine = dqm.solve(kerr, start, np.array([0.0, 0.1, 0.35, 0.6]))
    one, coarse = (dqm.solve(kerr, start, np.array([0.0, end]), substeps=3) for end in (1.0, 0.6))
    np.testing.assert_allclose(whole, one.final, rtol=0, atol=1e-14)
    np.testing.assert_allclose(fine.final, coarse.final, rtol=0, atol=1e-14)


def test_single_precision():
    jax.config.update("jax_enable_x64", False)
    try:
        kerr = stepper(cutoff=16)
        final = dqm.solve(kerr, kerr.basis.coherent(1.0 + 0j), np.array([0.0, REVIVAL])).final
        start = kerr.basis.coherent(1.0 + 0j)
    finally:
        jax.config.update("jax_enable_x64", True)
    assert final.dtype == jnp.complex64
    np.testing.assert_allclose(final, start, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("state", "ts", "substeps", "message"),
    [
        (jnp.ones((9, 9), complex), np.array([0.0, 1.0]), 1, r"`state` must have shape \(8, 8\)"),
        (jnp.full((8, 8), jnp.nan), np.array([0.0, 1.0]), 1, "`state` must be finite"),
        (jnp.ones((8, 8)), np.array([0.0]), 1, "two or more times"),
        (jnp.ones((8, 8)), np.array([0.0, 1.0, 1.0]), 1, "strictly increasing"),
        (jnp.ones((8, 8)), np.array([0.0, 1.0]), 0, "`substeps` must be an integer"),
    ],
)
def test_bad_input(state, ts, substeps, message):
    with pytest.raises(dqm.InputError, match=message):
        dqm.solve(stepper(cutoff=8), state, ts, substeps=substeps)


def test_a_solution_prints_whether_it_is_valid():
    kerr, ts = stepper(cutoff=8), np.array([0.0, 0.5, 1.0])
    good = dqm.solve(kerr, kerr.basis.coherent(0.1), ts)
    text = "Solution: 3 times from 0 to 1, c128[8,8]\nerror about 0e+00 at the end"
    assert str(good) == text
    status = dqm.Status(jnp.array([0, 6, 6]), jnp.array([0.0, 20.0, 20.0]))
    bad = eqx.tree_at(lambda s: s.status, good, status)
    with pytest.warns(DeprecationWarning, match="replaced by `Solution.status`"):
        assert bad.strain is status.size
    with pytest.warns(DeprecationWarning, match="replaced by `Solution.status`"):
        assert bad.finite
    assert "From t = 0.5: The basis is too small" in repr(bad)
    jax.jit(lambda ts: repr(eqx.tree_at(lambda s: s.ts, good, ts)) and ts)(good.ts)  # of tracers


CLOSED = {
    "conserved quanta": lambda: (dqm.BoseHubbard(1.0, 0.8, 2), dqm.FockBargmann((5, 4))),
    "one block": lambda: (dqm.Kerr(1.0, drive=0.5), dqm.FockBargmann(12)),
    "few quanta": lambda: (dqm.BoseHubbard(1.0, 0.8, 2), dqm.FockBargmann((5, 5), quanta=4)),
    "series": lambda: (dqm.Kerr(0.3, drive=0.5), dqm.FockBargmann(12)),
    "driven": lambda: (
        dqm.Driven(dqm.Kerr(1.0), (lambda t: jnp.cos(3 * t), dqm.operator("a + ad"))),
        dqm.FockBargmann(12),
    ),
}


@pytest.mark.parametrize("case", CLOSED)
def test_a_closed_system_moves_from_both_sides(case, monkeypatch):
    """As with an unknown C, for which the coefficients do not separate; a random matrix, also one
    that is not Hermitian, with the bound of what leaves the basis."""
    if case == "series":
        monkeypatch.setattr(steps, "MAX_DENSE_SIDE", 4)
    symbol, basis = CLOSED[case]()
    both = dqm.HusimiStep(dqm.FokkerPlanck(symbol), basis)
    general = dqm.HusimiStep(dqm.FokkerPlanck(symbol, C=jnp.asarray(1.0)), basis)
    assert basis.pattern(both.fokker_planck).side is not None
    assert basis.pattern(general.fokker_planck).side is None
    parts = np.random.default_rng(0).normal(size=(2, *basis.levels))
    start = jnp.asarray((parts[0] + 1j * parts[1]) * basis.kept)
    ts = np.array([0.0, 0.3, 0.5])
    one, other = (
        dqm.solve(stepper, start, ts, substeps=20, throw=False) for stepper in (both, general)
    )
    np.testing.assert_allclose(one.saved, other.saved, rtol=0, atol=1e-11)
    np.testing.assert_allclose(one.error[1:], other.error[1:], rtol=1e-6, atol=1e-12)


def test_a_bath_or_another_C_does_not_separate():
    basis, kerr = dqm.FockBargmann(8), dqm.FokkerPlanck(dqm.Kerr(1.0))
    laws = (
        dqm.Damped(kerr, 0.1),
        dqm.Open(kerr, dqm.Jump("a", 0.1)),
        dqm.FokkerPlanck(dqm.Kerr(1.0), C=0.5),
        dqm.FokkerPlanck(lambda q, p: q[0] ** 4),  # more derivatives than two
    )
    for law in laws:
        assert basis.pattern(law).side is None
    exact = dqm.FokkerPlanck(lambda q, p: q[0] ** 4, order=4)
    assert basis.pattern(exact).side is not None


def test_derivatives_of_a_closed_system():
    """With respect to its constants, as those with an unknown C."""
    basis = dqm.FockBargmann((4, 4))
    start = basis.coherent(jnp.array([0.3, 0.2j]), loss=1.0)

    def moment(values, C):
        flow = dqm.FokkerPlanck(dqm.BoseHubbard(values[0], values[1], 2), C=C)
        final = dqm.solve(dqm.HusimiStep(flow, basis), start, np.array([0.0, 0.7]), throw=False)
        return jnp.real(dqm.readout.moment(basis, final.final, (0, 1), (1, 0)))

    at = jnp.array([1.0, 0.8])
    for way in (jax.jacfwd, jax.jacrev):
        one = jax.jit(way(lambda values: moment(values, 1.0)))(at)
        other = jax.jit(way(moment))(at, jnp.asarray(1.0))
        np.testing.assert_allclose(one, other, rtol=1e-10)
