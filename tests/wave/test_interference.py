import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import free_packet

import dqmjax as dqm
from dqmjax.canonical.ordinary_diffusion import diffuse
from dqmjax.wave.interference import fringe_visibility, two_way_density

LINE = dqm.Grid((-30.0,), (30.0,), (512,))


def two_slits(t, distance=2.0, width=0.4):
    """The packets behind Gaussian slits at ±d/2, in closed form."""
    packet = lambda c: free_packet(LINE, (c,), (width,), (0.0,), t, (1.0,), 1.0)
    return packet(distance / 2), packet(-distance / 2)


def test_fringes_of_two_gaussian_slits():
    """`ρ = ρ₁ + ρ₂ + 2γ√(ρ₁ρ₂) cos(y d t/4w²w_t²)`, visibility `γ sech(yd/2w_t²)`."""
    t, d, w, gamma = 3.0, 2.0, 0.4, 0.6
    one, other = two_slits(t, d, w)
    y = LINE.points[0]
    spread = w**2 + (t / (2 * w)) ** 2
    np.testing.assert_allclose(
        fringe_visibility(one, other, gamma),
        gamma / np.cosh(y * d / (2 * spread)),
        rtol=0,
        atol=1e-12,
    )
    wave = d * t / (4 * w**2 * spread)
    rho = [np.exp(-((y - c) ** 2) / (2 * spread)) for c in (d / 2, -d / 2)]
    exact = rho[0] + rho[1] + 2 * gamma * np.sqrt(rho[0] * rho[1]) * np.cos(wave * y)
    exact /= np.sqrt(2 * np.pi * spread)
    np.testing.assert_allclose(two_way_density(one, other, gamma), exact, rtol=0, atol=1e-12)


@pytest.fixture(scope="module")
def behind_slits():
    """A plane, and ψ behind the one, the other and both slits of a wall."""
    grid = dqm.Grid((-12.0, -12.0), (12.0, 12.0), (144, 144))
    start = dqm.gaussian(grid, (-4.0, 0.0), (0.9, 2.0), (6.0, 0.0))

    def through(*centers):
        h = dqm.Hamiltonian(dqm.Slits(100.0, 0.3, 0.35, centers))
        ts = np.array([0.0, 1.5])
        return dqm.solve(dqm.SplitStep(h, grid), start, ts, substeps=150).final

    return grid, through(1.5), through(-1.5), through(1.5, -1.5)


@pytest.mark.slow
@pytest.mark.parametrize("gamma", [0.0, 0.35, 1.0])
def test_detecting_the_path_removes_the_fringes_behind_real_slits(gamma, behind_slits):
    """Contrast of the fringes at the centre against γ, in two dimensions."""
    grid, one, other, together = behind_slits
    line = np.argmin(np.abs(grid.points[0][:, 0] - 5))  # a screen
    pattern = np.asarray(two_way_density(one, other, gamma))[line]
    envelope = np.asarray(two_way_density(one, other, 0.0))[line]
    visible = np.asarray(fringe_visibility(one, other, gamma))[line]
    middle = 72
    dark = middle + np.argmin(two_way_density(one, other, 1.0)[line, middle : middle + 14])
    assert visible[middle] == pytest.approx(gamma, abs=1e-12)
    assert pattern[middle] / envelope[middle] == pytest.approx(1 + gamma, abs=1e-9)
    assert pattern[dark] / envelope[dark] == pytest.approx(1 - visible[dark], abs=0.03)
    if gamma == 1:
        both = jnp.abs(together[line]) ** 2
        difference = np.abs(pattern - both).sum() / both.sum()
        assert difference < 0.05  # the part that leaks through the wall counts twice in one of them


def test_dissipative_and_conservative_diffusion():
    """Variances w² + 2Dt and w² + (Dt/w)² of the same packet and the same D."""
    hbar, mass, w, t = 0.8, 1.3, 0.6, 2.0
    D = hbar / (2 * mass)
    psi = dqm.gaussian(LINE, 0.3, w, 0.0, hbar)
    variance = lambda rho: LINE.integrate((LINE.points[0] - 0.3) ** 2 * rho)
    ordinary = diffuse(LINE, jnp.abs(psi) ** 2, D, t)
    exact = np.exp(-((LINE.points[0] - 0.3) ** 2) / (2 * (w**2 + 2 * D * t)))
    exact /= np.sqrt(2 * np.pi * (w**2 + 2 * D * t))
    np.testing.assert_allclose(ordinary, exact, rtol=0, atol=1e-13)
    stepper = dqm.CanonicalStep(dqm.Hamiltonian(dqm.Free(), mass, hbar), LINE)
    start = dqm.to_canonical(psi, hbar)
    rho, _ = dqm.solve(stepper, start, np.array([0.0, t]), substeps=4).final
    assert variance(rho) == pytest.approx(w**2 + (D * t / w) ** 2, abs=1e-10)
    np.testing.assert_allclose(diffuse(LINE, ordinary, D, 0.0), ordinary, rtol=0, atol=1e-15)


ONE, OTHER = two_slits(1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: two_way_density(ONE, OTHER, 1.2), "`coherence` must be between 0 and 1"),
        (lambda: fringe_visibility(ONE, OTHER, -0.1), "`coherence` must be between 0 and 1"),
        (lambda: two_way_density(ONE[0], OTHER[0], 0.5), "`one` must have one or more axes"),
        (lambda: diffuse(LINE, jnp.abs(ONE) ** 2, -0.1, 1.0), "`diffusion` must be positive"),
        (
            lambda: diffuse(LINE, jnp.abs(ONE) ** 2, 0.1, -1.0),
            "`t` must be finite and not negative",
        ),
    ],
)
def test_invalid_input_is_refused(call, message):
    with pytest.raises(dqm.InputError, match=message):
        call()


def test_a_traced_coherence_beyond_its_range_is_nan():
    density = jax.jit(two_way_density)
    assert jnp.isnan(density(ONE, OTHER, 1.2)).all()
    assert jnp.isfinite(density(ONE, OTHER, 1.0)).all()
