import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.experiments.parameters import (
    Template,
    leaf_names,
    leaf_slices,
    parameter_names,
    set_values,
    to_vector,
)


def model(ell=(1.0, 2.0)):
    symbol = dqm.BoseHubbard(jnp.array(0.5), 0.25, 2)
    return dqm.FokkerPlanck(symbol, ell=jnp.array(ell), C=jnp.array(1.0))


def test_names_are_those_of_the_fields_numbered_where_an_array_has_more():
    assert leaf_names(model()) == ["tunnelling", "ell", "C"]
    assert parameter_names(model()) == ["tunnelling", "ell_1", "ell_2", "C"]


def test_ambiguous_names_have_their_full_path():
    two = {"a": dqm.Kerr(jnp.array(1.0)), "b": dqm.Kerr(jnp.array(2.0))}
    assert leaf_names(two) == ["a.interaction", "b.interaction"]


def test_an_array_in_a_tuple_has_its_number():
    assert leaf_names(dqm.Oscillators((jnp.array(1.0), 2.0))) == ["omega_1"]
    pulses = [(lambda t: t, dqm.Kerr(jnp.array(x))) for x in (1.0, 2.0)]
    names = leaf_names(dqm.Driven(dqm.Kerr(1.0), *pulses))
    assert names == ["drives_1_2.interaction", "drives_2_2.interaction"]


def test_floats_integers_and_numpy_arrays_are_constants():
    tree = {"x": 1.0, "n": jnp.arange(3), "y": np.ones(2), "z": jnp.ones(2)}
    assert leaf_names(tree) == ["z"]


def test_vector_and_template_are_inverse():
    vector = np.array([0.1, 0.2, 0.3, 0.4])
    np.testing.assert_array_equal(to_vector(Template.of(model())(vector)), vector)
    np.testing.assert_array_equal(to_vector(model()), [0.5, 1.0, 2.0, 1.0])
    assert leaf_slices(model()) == {"tunnelling": slice(0, 1), "ell": slice(1, 3), "C": slice(3, 4)}


def test_template_of_the_same_shapes_does_not_recompile():
    traced = []

    @jax.jit
    def total(vector):
        traced.append(1)
        return jnp.sum(vector)

    for ell in ((1.0, 2.0), (3.0, 4.0)):
        total(to_vector(model(ell)))
    assert len(traced) == 1


def test_a_fixed_parameter_becomes_a_constant():
    fixed = set_values(model(), {"ell": 3.0, "C": 0.5}, constant=True)
    assert fixed.ell == (3.0, 3.0)
    assert fixed.C == 0.5
    assert leaf_names(fixed) == ["tunnelling"]


def test_a_started_parameter_stays_trainable():
    started = set_values(model(), {"ell": [3.0, 4.0]}, constant=False)
    np.testing.assert_array_equal(to_vector(started), [0.5, 3.0, 4.0, 1.0])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"U": 1.0}, "parameter 'U' of `start` is unknown: the model has tunnelling, ell, C"),
        ({"C": np.inf}, r"`start\['C'\]` must be finite"),
        ({"ell": [1.0, 2.0, 3.0]}, r"`start\['ell'\]` must have 2 entries"),
    ],
)
def test_bad_values_are_refused(values, message):
    with pytest.raises(dqm.InputError, match=message):
        set_values(model(), values, constant=False)
