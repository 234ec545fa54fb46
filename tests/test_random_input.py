"""Random arguments for the whole public surface: accepted, or refused by name."""

import traceback

import hypothesis
import jaxtyping
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers
from test_bad_input import ARGUMENTS

import dqmjax as dqm

NUMBERS = st.one_of(
    st.floats(width=64),
    st.integers(-(10**6), 10**6),
    st.complex_numbers(),
    st.booleans(),
)
LISTS = st.lists(NUMBERS, max_size=4)
ARRAYS = st.builds(
    lambda values, shape: np.resize(np.asarray(values, complex), shape),
    st.lists(st.complex_numbers(), min_size=1, max_size=3),
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
)
OTHERS = st.one_of(
    st.none(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.dictionaries(st.text(max_size=1), NUMBERS, max_size=2),
)
JUNK = st.one_of(NUMBERS, LISTS, ARRAYS, OTHERS)


@pytest.fixture(autouse=True, scope="module")
def as_users_have_it():
    """Without the checks of types that only the tests make."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(autouse=True)
def same_examples(monkeypatch):
    """Without constants of the modules that are loaded by chance, which hypothesis tries, too."""
    none = providers.Constants()
    monkeypatch.setattr(providers, "_get_local_constants", lambda: none)


def has_nan(value) -> bool:
    if value is None:
        return False
    try:
        return bool(np.isnan(np.asarray(value, complex)).any())
    except (TypeError, ValueError):
        return False


@pytest.mark.parametrize("part", range(4))
def test_random_arguments_are_accepted_or_refused_by_name(part):
    """100 examples in each part, the same in every run."""

    @hypothesis.seed(part)
    @hypothesis.settings(max_examples=100, deadline=None, database=None)
    @hypothesis.given(st.sampled_from(ARGUMENTS), JUNK)
    def refuses(case, junk):
        entry, name = case
        if entry.name == "command line":
            junk = [str(word) for word in (junk if isinstance(junk, list) else [junk])]
        try:
            entry.call(**entry.good | {name: junk})
        except (dqm.InputError, RuntimeError):
            return
        except Exception as error:
            if "bad_input" in traceback.extract_tb(error.__traceback__)[-1].filename:
                return  # of the table, before anything of the package
            raise
        assert not has_nan(junk), "NaN was accepted"

    refuses()
