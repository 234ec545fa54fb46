"""No bad value is accepted silently, and none ends in an obscure error."""

import contextlib
import importlib
import pkgutil
import time

import bad_input
import jax
import jaxtyping
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.errors import field


@contextlib.contextmanager
def as_users_have_it():
    """Without the checks of types that only the tests make."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


with as_users_have_it():
    ENTRIES = [
        entry
        for module in pkgutil.iter_modules(bad_input.__path__)
        for entry in importlib.import_module(f"bad_input.{module.name}").ENTRIES
    ]
ARGUMENTS = [(entry, name) for entry in ENTRIES for name in entry.bad]
LEAST = 1800  # bad values in all


@pytest.fixture(autouse=True)
def no_checks_of_types():
    with as_users_have_it():
        yield


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_good_input_is_accepted(entry):
    entry.call(**entry.good)


@pytest.mark.parametrize(
    ("entry", "argument"), ARGUMENTS, ids=[f"{e.name}-{name}" for e, name in ARGUMENTS]
)
def test_bad_input_is_refused(entry, argument):
    problems = [p for bad in entry.bad[argument] if (p := _problem(entry, argument, bad))]
    assert not problems, "\n".join(problems)


def _problem(entry, argument, bad) -> str | None:
    """What is wrong with the answer to one bad value."""
    start = time.process_time()
    try:
        result = entry.call(**entry.good | {argument: bad})
    except dqm.InputError as error:
        said = f"`{entry.says.get(argument, argument)}`"
        if said not in str(error):
            return f"{bad!r}: does not name {said}: {error}"
    except Exception as error:
        return f"{bad!r}: {type(error).__name__}: {str(error)[:200]}"
    else:
        return f"{bad!r}: accepted, {str(result)[:80]}"
    seconds = time.process_time() - start
    return f"{bad!r}: took {seconds:.1f} s" if seconds > 5 else None


def test_there_are_enough_of_them():
    assert sum(len(bad) for entry in ENTRIES for bad in entry.bad.values()) >= LEAST


def test_checking_an_array_of_numpy_compiles_nothing(caplog):
    with jax.log_compiles():
        checked = field("x", np.arange(37.0).reshape(37, 1))
    assert isinstance(checked, jax.Array)
    assert "compil" not in caplog.text.lower()
