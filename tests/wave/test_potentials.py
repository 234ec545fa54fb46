"""Potentials at a point, their parameters and their gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm


def test_potentials_at_a_point():
    x = jnp.array([0.4, -0.7])
    cases = [
        (dqm.Harmonic((1.0, 2.0), 1.5), 1.5 * (0.16 + 4 * 0.49) / 2),
        (
            dqm.Anharmonic(1.0, 0.3, 0.2),
            (0.65 / 2 + 0.3 * (0.064 - 0.343) + 0.2 * (0.0256 + 0.2401)),
        ),
        (dqm.DoubleWell(2.0, 0.5), 2 * (0.64 - 1) ** 2),
        (dqm.SechBarrier(3.0, 2.0), 3 / np.cosh(0.8) ** 2),
        (dqm.GaussianBarrier(2.0, (0.5, 1.0)), 2 * np.exp(-(0.64 + 0.49) / 2)),
        (dqm.Morse(2.0, 1.5), 2 * (1 - np.exp(-0.6)) ** 2),
        (dqm.OpticalLattice(2.0, 3.0), 2 * (np.sin(1.2) ** 2 + np.sin(2.1) ** 2)),
        (dqm.HenonHeiles(0.3), 0.65 / 2 + 0.3 * (0.16 * -0.7 + 0.343 / 3)),
        (dqm.SoftCoulomb(2.0, 0.1), -2 / np.sqrt(0.66)),
        (dqm.Free() + dqm.Harmonic() + (lambda x, t: t * x[0]), 0.65 / 2 + 0.8),
    ]
    for potential, value in cases:
        assert float(potential(x, 2.0)) == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(dqm.Harmonic((1.0, 2.0)).force(x), [-0.4, 2.8], rtol=1e-14)


@pytest.mark.parametrize(
    "potential",
    [
        dqm.Harmonic((1.0, 1.3)),
        dqm.GaussianBarrier(1.0, (1.0, 2.0)),
        dqm.OpticalLattice(1.0, (1.0, 2.0)),
        dqm.AbsorbingEdges((-1.0, -1.0), (1.0, 1.0), 0.5, 1.0),
    ],
    ids=lambda potential: type(potential).__name__,
)
def test_parameters_have_one_number_or_one_per_axis(potential):
    with pytest.raises(dqm.InputError, match=r"must be one number or one per axis \(1\)"):
        potential(jnp.zeros(1))


def test_gradients_are_finite_far_from_a_barrier():
    height = lambda rate: dqm.SechBarrier(2.0, rate)(jnp.array([500.0]))
    assert jax.grad(height)(2.0) == 0
    edges = lambda width: dqm.AbsorbingEdges(-np.inf, 5.0, width, 1.0)(jnp.array([4.5])).imag
    assert jax.grad(edges)(1.0) == pytest.approx(-0.375, abs=1e-12)  # −(1 − 0.5/w)³
    assert jax.grad(edges)(0.1) == 0


def test_absorbing_edges_of_one_axis_only():
    edges = dqm.AbsorbingEdges((-5.0, -np.inf), (5.0, np.inf), 2.0, 3.0)
    assert edges(jnp.array([0.0, 100.0])) == 0
    assert edges(jnp.array([-5.0, 0.0])) == pytest.approx(-3j)
    assert edges(jnp.array([4.0, 0.0])) == pytest.approx(-3j / 8)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dqm.AbsorbingEdges(-5.0, 5.0, 0.0, 1.0), "`width` must be positive"),
        (lambda: dqm.AbsorbingEdges(5.0, -5.0, 1.0, 1.0), "`lower` must be below `upper`"),
        (lambda: dqm.Spline((1.0, 2.0, 3.0), 0.0, 1.0), "`coefficients` must be four or more"),
        (lambda: dqm.Spline((1.0, 2.0, 3.0, 4.0), 1.0, 1.0), "`lower` must be below `upper`"),
        (lambda: dqm.HenonHeiles(0.1)(jnp.ones(3)), r"`x` must have shape \(2,\)"),
        (lambda: dqm.Slits(1.0, 1.0, 1.0, 0.0)(jnp.ones(1)), r"`x` must have shape \(2,\)"),
    ],
)
def test_invalid_parameters_and_points_are_refused(make, message):
    with pytest.raises(dqm.InputError, match=message):
        make()


LINE = dqm.Grid(-4.0, 4.0, 16)


@pytest.mark.parametrize(
    "potential",
    [
        lambda x, t: x[0] ** 2 + x[1] ** 2,
        lambda x, t: x[5],
        dqm.Harmonic() + (lambda x, t: x[1]),
    ],
)
@pytest.mark.parametrize("traced", [False, True])
def test_coordinates_that_the_grid_does_not_have_are_refused(potential, traced):
    """JAX would take the last one in their place."""
    h = dqm.Hamiltonian(potential)
    values = lambda t: h.potential_on(LINE, t)
    with pytest.raises(dqm.InputError, match="`potential` uses a coordinate"):
        (jax.jit(values) if traced else values)(0.0)
    for examine in (h.is_real, h.depends_on_time):
        with pytest.raises(dqm.InputError, match="`potential` uses a coordinate"):
            examine(1)


def test_infinite_values_are_refused_where_they_are_known():
    pole = dqm.Hamiltonian(lambda x, t: 1 / x[0])
    with pytest.raises(
        dqm.InputError, match=r"`potential` must be finite at every point.* x = \[0.\]"
    ):
        pole.potential_on(LINE)
    assert jnp.isinf(jax.jit(lambda t: pole.potential_on(LINE, t))(0.0)).any()


@pytest.mark.parametrize(
    ("make", "bad"),
    [
        (lambda v: dqm.Harmonic(1.0, v), -1.0),
        (lambda v: dqm.Harmonic(v), -1.0),
        (lambda v: dqm.GaussianBarrier(1.0, v), 0.0),
        (lambda v: dqm.SoftCoulomb(1.0, v), -2.0),
        (lambda v: dqm.Morse(1.0, v), jnp.nan),
        (lambda v: dqm.DoubleWell(v, 1.0), jnp.inf),
        (lambda v: dqm.Spline(jnp.ones(4), v, 1.0), 2.0),
        (lambda v: dqm.AbsorbingEdges(v, 1.0, 0.5, 1.0), 2.0),
    ],
)
def test_bad_parameters_become_nan_where_they_are_traced(make, bad):
    """A good value in the same compiled program does not."""
    value = jax.jit(lambda v: make(v)(jnp.array([0.3])))
    assert jnp.isnan(value(bad))
    assert jnp.isfinite(value(0.7))


def test_parameters_keep_their_type():
    """Floats are constants, arrays are trainable."""
    leaves = jax.tree.leaves(dqm.Morse(2.0, jnp.array(1.5), np.array(0.1)))
    assert [type(leaf) for leaf in leaves] == [float, type(jnp.array(1.5)), np.ndarray]
    assert dqm.Harmonic((1.0, 2.0)).omega == (1.0, 2.0)


@pytest.mark.parametrize(("mass", "hbar"), [(1.0, 1.0), (0.3, 2.0)])
def test_layers_that_absorb_at_no_energy_are_refused(mass, hbar):
    """At `w √(2mη) = 4ħ` the best energy keeps an eighth, see test_scattering."""
    least = 4 * hbar / np.sqrt(2 * mass * 3.0)
    layer = lambda width: dqm.Free() + dqm.AbsorbingEdges(-4.0, 4.0, width, 3.0)
    values = lambda width: dqm.Hamiltonian(layer(width), mass, hbar).potential_on(LINE)
    assert jnp.isfinite(values(1.01 * least)).all()
    with pytest.raises(dqm.InputError, match="`width` of `AbsorbingEdges` must be at least"):
        values(0.99 * least)
    assert jnp.isnan(jax.jit(values)(0.99 * least)).all()
    assert jnp.isfinite(jax.jit(values)(1.01 * least)).all()


def test_only_absorbing_axes_need_wide_layers():
    edges = dqm.AbsorbingEdges((-4.0, -np.inf), (4.0, np.inf), (4.0, 0.1), 2.0)
    plane = dqm.Grid((-4.0, -3.0), (4.0, 3.0), (8, 8))
    assert jnp.isfinite(dqm.Hamiltonian(edges).potential_on(plane)).all()


def test_the_minimum_of_a_morse_potential():
    """V = 0 at the equilibrium, D far beyond it, more before it."""
    morse = dqm.Morse(2.0, 0.5, 1.5)
    low, least, high = (morse(jnp.array([x])) for x in (0.0, 1.5, 60.0))
    assert least == 0
    assert low == pytest.approx(2 * (1 - np.exp(0.75)) ** 2)
    assert high == pytest.approx(2.0)


def test_splines_of_constant_and_linear_coefficients():
    knots = np.linspace(-3, 3, 7)
    for coefficients, exact in ((np.ones(7), lambda x: 1.0), (knots, lambda x: x)):
        spline = dqm.Spline(coefficients, -2.0, 2.0)
        for x in (-2.0, -0.7, 0.0, 1.3, 2.0):
            assert spline(jnp.array([x])) == pytest.approx(exact(x), abs=1e-14)
