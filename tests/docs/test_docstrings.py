"""Every public name has an example in its docstring that runs and prints what it shows."""

import doctest
import inspect
import types

import jax
import jax.numpy as jnp
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import dqmjax as dqm

jax.config.update("jax_enable_x64", True)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def members(module: types.ModuleType) -> list[str]:
    """What a public module exports: `__all__`, or what it defines or, a package, imports."""
    is_own = lambda x: (
        hasattr(module, "__path__") or getattr(x, "__module__", "") == module.__name__
    )
    names = [n for n, x in vars(module).items() if not n.startswith("_") and is_own(x)]
    return getattr(module, "__all__", names)


def public() -> dict[str, object]:
    """Every public class and function by the name that users write."""
    found: dict[str, object] = {}
    for name in dir(dqm):
        value = getattr(dqm, name)
        if isinstance(value, types.ModuleType):
            found |= {f"{name}.{member}": getattr(value, member) for member in members(value)}
        else:
            found[name] = value
    return {name: x for name, x in found.items() if inspect.isclass(x) or inspect.isfunction(x)}


PUBLIC = public()


@pytest.mark.parametrize("name", PUBLIC)
def test_example(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mpl.use("Agg")
    names = {"dqm": dqm, "jax": jax, "jnp": jnp, "np": np}
    tests = doctest.DocTestFinder(recurse=False).find(PUBLIC[name], name, globs=names)
    examples = [test for test in tests if test.examples]
    assert examples, f"dqmjax.{name} has no example"
    report: list[str] = []
    for test in examples:
        doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append)
    plt.close("all")
    assert not report, "".join(report)
