"""Properties of a Hamiltonian that several steppers rely on."""

import jax
import jax.numpy as jnp
import pytest

import dqmjax as dqm


@pytest.mark.parametrize(
    ("potential", "is_driven", "is_real"),
    [
        (dqm.Harmonic(), False, True),
        (lambda x, t: jnp.sin(t) * x[0], True, True),
        (lambda x, t: -0.5j + 0 * x[0], False, False),
        (dqm.Harmonic() + dqm.AbsorbingEdges(-5.0, 5.0, 1.0, 1.0), False, False),
        (lambda x, t: 1.0, False, True),
    ],
)
def test_time_dependence_and_absorption(potential, is_driven, is_real):
    h = dqm.Hamiltonian(potential)
    assert h.depends_on_time(1) is is_driven
    assert h.is_real(1) is is_real


def test_a_traced_potential_is_examined_as_well():
    @jax.jit
    def examine(omega):
        h = dqm.Hamiltonian(dqm.Harmonic(omega))
        assert h.is_real(2)
        assert not h.depends_on_time(2)
        return omega

    examine(jnp.array(1.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: dqm.Hamiltonian(lambda x: jnp.sum(x**2)),
            r"`potential` must be a function of \(x, t\)",
        ),
        (lambda: dqm.Hamiltonian(dqm.Free(), mass=-1.0), "`mass` must be positive"),
        (lambda: dqm.Hamiltonian(dqm.Free(), hbar=-0.1), "`hbar` must be positive"),
        (
            lambda: dqm.Hamiltonian(dqm.Free(), mass=lambda x: 1.0),
            "`mass` must be numbers",
        ),
        (lambda: dqm.Hamiltonian(dqm.Free(), rest_energy=1j), "`rest_energy` must be real"),
        (
            lambda: dqm.Hamiltonian(dqm.Free(), (1.0, 2.0)).masses(dqm.Grid((0.0,), (1.0,), (8,))),
            r"`mass` must be one number or one per axis \(1\)",
        ),
    ],
)
def test_invalid_parameters_are_refused(make, message):
    with pytest.raises(dqm.InputError, match=message):
        make()


@pytest.mark.parametrize("name", ["mass", "hbar"])
def test_bad_parameters_become_nan_where_they_are_traced(name):
    box = dqm.Grid(-1.0, 1.0, 8)
    kinetic = jax.jit(lambda v: dqm.Hamiltonian(dqm.Free(), **{name: v}).kinetic(box)[1])
    assert jnp.isnan(kinetic(-1.0))
    assert jnp.isfinite(kinetic(1.0))


def test_a_sweep_over_a_parameter_compiles_once():
    traces = []

    @jax.jit
    def energy(h):
        traces.append(h)
        return h.kinetic(dqm.Grid(-1.0, 1.0, 8))[1]

    for mass in (1.0, 2.0, 3.0):
        energy(dqm.Hamiltonian(dqm.Harmonic(jnp.array(mass)), jnp.array(mass)))
    assert len(traces) == 1


def test_a_kinetic_energy_that_underflows_is_refused():
    """ħ²k²/2m of an atom in a box of a metre, in SI: below the least number of float32."""
    h, grid = dqm.Hamiltonian(dqm.Free(), 1.4e-25, 1.05e-34), dqm.Grid(0.0, 1.0, 16)
    assert h.kinetic(grid).max() > 0
    with jax.enable_x64(False), pytest.raises(dqm.InputError, match="underflows to 0"):
        h.kinetic(grid)
