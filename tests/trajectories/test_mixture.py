"""The weight of mixed-time trajectories, against closed forms of cats and a Fourier integral."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.errors import InputError
from dqmjax.trajectories.mixture import Mixture, mixture_weight

BASIS = dqm.FockBargmann(24)
GRID = dqm.Grid((-22.0, -12.0), (22.0, 12.0), (100, 80))


def lossy_cat(alpha, eta):
    """The even cat after loss of the share 1 − η of its quanta, by its coherent states."""
    one, other = (BASIS.coherent_ket(sign * math.sqrt(eta) * alpha) for sign in (1, -1))
    cross = math.exp(-2 * (1 - eta) * alpha**2)
    rho = BASIS.pure(one) + BASIS.pure(other)
    rho += cross * (jnp.outer(one, other.conj()) + jnp.outer(other, one.conj()))
    return rho / jnp.trace(rho)


def cat_weight(alpha, eta, gain_time):
    """W of that cat: Gaussians in x of mean ±2aG, a = √η α, and an interference term."""
    (x, p), growth, a = GRID.points, math.exp(gain_time), math.sqrt(eta) * alpha
    width, cross = growth**2 + 1, math.exp(-2 * alpha**2)
    normal = lambda u, variance: jnp.exp(-(u**2) / 2 / variance) / math.sqrt(2 * np.pi * variance)
    pair = (normal(x - 2 * a * growth, width) + normal(x + 2 * a * growth, width)) / 2
    fringes = cross * normal(x, width) * math.exp(a**2) * jnp.cos(a * p)
    return (pair + fringes) * normal(p, 2.0) / (1 + cross)


@pytest.mark.parametrize(("eta", "gain_time"), [(1.0, 0.8), (0.6, 1e-6)])
def test_weight_of_cats(eta, gain_time):
    found = mixture_weight(BASIS, lossy_cat(1.2, eta), gain_time, GRID)
    assert jnp.allclose(found.weight, cat_weight(1.2, eta, gain_time), rtol=0, atol=1e-11)


def test_pure_cat_is_no_ensemble():
    found = mixture_weight(BASIS, BASIS.cat(1.2), 0.8, GRID)
    assert found.negative_mass == pytest.approx(0.00674, rel=0.01)
    assert found.smallest == pytest.approx(-0.066, rel=0.03)  # of the points of the grid
    assert "NOT an ensemble" in found.verdict
    assert "0.0067" in found.verdict


@pytest.mark.parametrize("state", ["fock", "squeezed"])
def test_weight_is_the_deconvolved_husimi_density(state):
    """`Ŵ(k, p) = Q̂₀(Gk, p) e^{k²(G²−1)/2}` by sums over the grid, with ℓ and κ."""
    basis = dqm.FockBargmann(24, ell=1.3, kappa=0.7)
    rho = basis.fock(1) if state == "fock" else basis.squeezed(0.3 + 0.4j, 0.3, 0.5)
    growth, k = math.exp(0.6), np.linspace(-0.9, 0.9, 5)[:, None]
    x, p = GRID.points[0, :, 0], GRID.points[1, 0]
    rows = GRID.points.reshape(2, -1).T * basis.space.scale / math.sqrt(2)
    density = basis.density(rho, rows).reshape(GRID.shape) * basis.kappa / 2  # per dx dp
    wanted = jnp.exp(-1j * growth * k * x) @ density * np.exp(k**2 * (growth**2 - 1) / 2)
    found = jnp.exp(-1j * k * x) @ mixture_weight(basis, rho, 0.6, GRID).weight
    assert jnp.allclose(found, wanted, rtol=0, atol=1e-9)
    assert p.shape == wanted.shape[1:]


@pytest.mark.parametrize(
    ("rho", "holds"),
    [
        (BASIS.coherent(0.7 - 0.4j), True),
        (BASIS.squeezed(0.0, 0.4, 0.0), True),
        (BASIS.squeezed(0.0, 0.4, np.pi), True),
        (BASIS.thermal(0.5), True),
        (BASIS.fock(1), False),
        (BASIS.cat(1.2, np.pi), False),
    ],
    ids=["coherent", "squeezed", "antisqueezed", "thermal", "fock", "odd cat"],
)
def test_gaussian_states_are_ensembles_and_other_pure_states_are_not(rho, holds):
    found = mixture_weight(BASIS, rho, 0.5, GRID)
    assert found.is_ensemble is holds
    assert ("NOT" in found.verdict) is not holds
    assert bool(found.negative_mass < 1e-8) is holds
    assert found.tolerance < 1e-4


def test_loss_makes_a_cat_an_ensemble():
    """From `η = 2(G² + 1)/(3G² + 1)` on, which does not depend on the size of the cat."""
    for alpha, gain_time in ((0.8, 0.8), (1.2, 0.3)):
        growth = math.exp(gain_time)
        most = 2 * (growth**2 + 1) / (3 * growth**2 + 1)
        below, above = (
            mixture_weight(BASIS, lossy_cat(alpha, most + change), gain_time, GRID)
            for change in (-0.02, 0.02)
        )
        assert below.is_ensemble
        assert not above.is_ensemble


def test_mass_over_gain_times():
    """A row of a phase diagram in one program: the negative mass grows with gT."""
    mass = lambda gain_time: mixture_weight(BASIS, BASIS.cat(1.2), gain_time, GRID).negative_mass
    masses = jax.jit(jax.vmap(mass))(jnp.array([0.2, 0.5, 0.8]))
    assert (jnp.diff(masses) > 0).all()
    assert masses[2] == pytest.approx(0.00674, rel=0.01)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"gain_time": 0.0}, "`gain_time` must be positive"),
        ({"gain_time": 2.5}, "wider box"),
        ({"rho": 2 * BASIS.fock(0)}, "trace 1"),
        ({"rho": BASIS.squeezed(0.0, 1.0, 0.0, loss=1.0), "gain_time": 0.1}, "more levels"),
        ({"rho": jnp.zeros((3, 3))}, "`rho` must have the basis's shape"),
        ({"basis": dqm.FockBargmann((3, 3))}, "one mode"),
        ({"grid": dqm.Grid(-1.0, 1.0, 8)}, "two axes"),
        ({"grid": dqm.Grid((-22.0, -12.0), (22.0, 12.0), (12, 12))}, "resolve"),
    ],
)
def test_bad_input(change, match):
    good = {"basis": BASIS, "rho": BASIS.cat(1.2), "gain_time": 0.8, "grid": GRID}
    with pytest.raises(InputError, match=match):
        mixture_weight(**{**good, **change})


def test_traced_gain_times_are_checked():
    weight = jax.jit(lambda t: mixture_weight(BASIS, BASIS.fock(0), t, GRID).weight)
    assert jnp.isnan(weight(-1.0)).all()
    assert isinstance(mixture_weight(BASIS, BASIS.fock_ket(0), 0.5, GRID), Mixture)
