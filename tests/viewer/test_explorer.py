"""The closed forms of `docs/explorer.py` against the solvers of the package."""

import explorer
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax import readout

POINTS = np.random.default_rng(0).uniform(-3.5, 3.5, size=(60, 2))
RASTER = 3e-5  # error of cubic splines on the polar raster, below a step of 1/254 of 0.1


@pytest.mark.parametrize(("C", "t"), [(1.0, 1.3), (0.9, 0.4), (1.25, 0.7)])
def test_kerr_is_the_solution_of_the_fokker_planck_equation(C, t):
    basis = dqm.FockBargmann(40)
    stepper = dqm.HusimiStep(dqm.FokkerPlanck(dqm.Kerr(explorer.KERR_U), C=jnp.array(C)), basis)
    run = dqm.solve(stepper, basis.coherent(explorer.KERR_ALPHA), jnp.array([0.0, t]))
    exact = basis.density(run.final, jnp.asarray(POINTS))
    found = explorer.kerr_density(C, np.array([t]), POINTS)[0]
    np.testing.assert_allclose(found, exact, atol=RASTER)
    mean = abs(readout.moment(basis, run.final, (0,), (1,)))
    assert explorer.kerr_mean(C, t) == pytest.approx(float(mean), abs=1e-4)


def test_kerr_without_diffusion_is_liouville():
    flow = dqm.FokkerPlanck(dqm.Kerr(explorer.KERR_U))
    center = jnp.array([2**0.5 * explorer.KERR_ALPHA, 0.0])
    density = lambda xi: jnp.exp(-jnp.sum((xi - center) ** 2) / 2) / (2 * jnp.pi)
    exact = dqm.liouville(flow, density, jnp.asarray(POINTS), 0.3, 60)
    found = explorer.kerr_density(0.0, np.array([0.3]), POINTS)[0]
    np.testing.assert_allclose(found, exact, atol=10 * RASTER)


def test_amplifier_is_the_solution_of_the_fokker_planck_equation():
    basis = dqm.FockBargmann(50)
    stepper = dqm.HusimiStep(dqm.FokkerPlanck(dqm.ParametricAmplifier(1.0)), basis)
    run = dqm.solve(stepper, basis.cat(explorer.CAT), jnp.array([0.0, 0.4]))
    exact = basis.density(run.final, jnp.asarray(POINTS))
    found, slope = explorer.amplifier_terms(1.0, POINTS, 0.4)
    np.testing.assert_allclose(found, exact, atol=1e-6)  # the cut-off
    ahead, _ = explorer.amplifier_terms(1.0, POINTS + np.array([1e-6, 0.0]), 0.4)
    np.testing.assert_allclose((ahead - found) / 1e-6, slope[:, 0], atol=1e-6)


@pytest.mark.parametrize("C", [0.5, 2.5])
def test_amplifier_for_another_C_obeys_the_equation(C):
    """`∂ρ/∂t = −q∂_qρ + p∂_pρ + (C/2)(∂_p² − ∂_q²)ρ`, by differences."""
    h, xi, at = 1e-3, POINTS / 2, lambda xi, t: explorer.amplifier_terms(C, xi, t)[0]
    q, p = np.eye(2) * h
    rate = (at(xi, 0.2 + h) - at(xi, 0.2 - h)) / (2 * h)
    slope = [(at(xi + e, 0.2) - at(xi - e, 0.2)) / (2 * h) for e in (q, p)]
    curve = [(at(xi + e, 0.2) - 2 * at(xi, 0.2) + at(xi - e, 0.2)) / h**2 for e in (q, p)]
    rhs = -xi[:, 0] * slope[0] + xi[:, 1] * slope[1] + C / 2 * (curve[1] - curve[0])
    np.testing.assert_allclose(rate, rhs, atol=1e-4 * np.abs(rate).max())


def test_dimer_is_the_solution_of_schroedingers_equation():
    rho, means, quanta = explorer.dimer_run(1.0, np.array([0.0, 0.8]), POINTS)
    basis = dqm.FockBargmann((15, 15), quanta=14)
    stepper = dqm.KetStep(dqm.BoseHubbard(1.0, explorer.DIMER_U, sites=2), basis)
    ket = basis.coherent_ket((explorer.DIMER_ALPHA, 0.0), loss=1e-6)
    final = dqm.solve(stepper, ket, jnp.array([0.0, 0.8])).final
    one = dqm.FockBargmann(15)
    for well in (0, 1):
        kept = readout.reduced(basis, final, (well,))
        exact = one.density(kept, jnp.asarray(POINTS))
        np.testing.assert_allclose(rho[well, 1], exact, atol=1e-5)  # the cut-off
        mean = readout.moment(one, kept, (0,), (1,))
        np.testing.assert_allclose(means[1, well], mean, atol=1e-4)
        number = readout.moment(one, kept, (1,), (1,)).real - 1
        np.testing.assert_allclose(quanta[well, 1], number, atol=1e-4)


@pytest.mark.slow
def test_dimer_for_another_C_is_the_solution_of_the_fokker_planck_equation(monkeypatch):
    """In number states of ħ, not of Cħ. There only few quanta are exact for long."""
    monkeypatch.setattr(explorer, "DIMER_ALPHA", 0.7)
    C, t = 0.8, 0.4
    times, points = np.array([0.0, t]), POINTS / 2
    rho, means, quanta = explorer.dimer_run(C, times, points)
    basis = dqm.FockBargmann((11, 11), quanta=10)
    law = dqm.BoseHubbard(1.0, explorer.DIMER_U, sites=2)
    flow = dqm.FokkerPlanck(law, ell=(1.0, 1.0), C=jnp.array(C))
    start = basis.coherent((0.7, 0.0), loss=1e-6)
    final = dqm.solve(dqm.HusimiStep(flow, basis), start, jnp.asarray(times), throw=False).final
    one = dqm.FockBargmann(11)
    for well in (0, 1):
        kept = readout.reduced(basis, final, (well,))
        exact = one.density(kept, jnp.asarray(points))
        np.testing.assert_allclose(rho[well, 1], exact, atol=5e-5)  # of 2e-2 that C changes
        mean = readout.moment(one, kept, (0,), (1,))
        np.testing.assert_allclose(means[1, well], mean, atol=3e-4)  # the cut-off, as below
        number = readout.moment(one, kept, (1,), (1,)).real - 1
        np.testing.assert_allclose(quanta[well, 1], number, atol=3e-3)


@pytest.mark.slow
def test_particles_of_kerr_have_its_density():
    """The mean of α over particles is that of the density, within 4 σ: by chance 1 in 16,000."""
    basis = dqm.FockBargmann(40)
    starts = readout.sample(jax.random.key(0), basis, basis.coherent(2.0), 100)
    times = np.linspace(0.0, 0.3, 4)
    moved = explorer.kerr_paths(1.0, times, np.asarray(starts), 60)[-1]
    assert np.isfinite(moved).all()
    alpha = moved @ [1, 1j] / 2**0.5
    assert abs(abs(alpha.mean()) - explorer.kerr_mean(1.0, 0.3)) < 4 * alpha.std() / 100**0.5
