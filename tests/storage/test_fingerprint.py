"""Every change of what a computation consists of is noticed, and nothing else."""

import functools
import subprocess
import sys
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.storage.fingerprint import difference, fingerprint

BEFORE = """
import functools
import jax, jax.numpy as jnp, numpy as np, equinox as eqx
import dqmjax as dqm
number, table, pair, small = 1.0, {"w": 1.0}, (1.0, [2.0]), np.float32(1.0)
class Names: w = 1.0
class Point:
    __slots__ = ("w",)
    def __init__(self): self.w = 1.0
class Well(dqm.AbstractPotential):
    k: float
    def __call__(self, x, t=0.0): return self.k * jnp.sum(x**2)
class Base:
    factor = 1.0
    @property
    def scale(self): return 1.0
    @staticmethod
    def fixed(): return 1.0
    def inner(self): return 1.0
    def method(self, x): return x
class Child(Base): pass
def helper(x): return x + 1.0
@jax.jit
def compiled(x): return x + 1.0
point, well, trap = Point(), Well(0.5), dqm.Hamiltonian(Well(0.5))
def function(x, y=1.0, *, z=1.0):
    return (helper(x), compiled(x), number, table, pair, small, Names.w, point, well, trap, y, z)
partial = functools.partial(function, 1.0)
method, mask = Child().method, jnp.ones(3, jnp.uint8)
value = (function, partial, method, well, mask, np.ones(3), jnp.ones(3), np.float64(1.0))
"""
CHANGES = {
    "a number": ("number, table, pair, small = 1.0", "number, table, pair, small = 1.5"),
    "a dictionary": ('{"w": 1.0}', '{"w": 2.0}'),
    "a list in a tuple": ("[2.0]", "[3.0]"),
    "a number of NumPy": ("np.float32(1.0)", "np.float32(2.0)"),
    "its precision": ("np.float32(1.0)", "np.float64(1.0)"),
    "a value of a class": ("class Names: w = 1.0", "class Names: w = 2.0"),
    "a slot": ("self.w = 1.0", "self.w = 2.0"),
    "the sign of a potential": ("return self.k *", "return -self.k *"),
    "a field": ("Well(0.5), dqm", "Well(0.6), dqm"),
    "a field inside": ("dqm.Hamiltonian(Well(0.5))", "dqm.Hamiltonian(Well(0.6))"),
    "a value of the base class": ("factor = 1.0", "factor = 2.0"),
    "a property": ("def scale(self): return 1.0", "def scale(self): return 2.0"),
    "a static method": ("def fixed(): return 1.0", "def fixed(): return 2.0"),
    "another method": ("def inner(self): return 1.0", "def inner(self): return 2.0"),
    "a helper": ("def helper(x): return x + 1.0", "def helper(x): return x - 1.0"),
    "a compiled helper": ("def compiled(x): return x + 1.0", "def compiled(x): return x * 1.0"),
    "a default": ("y=1.0", "y=2.0"),
    "a default by name": ("z=1.0", "z=2.0"),
    "an argument of a partial": ("partial(function, 1.0)", "partial(function, 2.0)"),
    "small integers": ("jnp.ones(3, jnp.uint8)", "jnp.ones(3, jnp.uint8) * 2"),
    "half precision": ("jnp.ones(3, jnp.uint8)", "jnp.ones(3, jnp.float16)"),
    "an array": ("np.ones(3), jnp", "np.full(3, 1 + 1e-15), jnp"),
}


def described(text: str) -> dict[str, str]:
    names: dict[str, Any] = {"__name__": "script"}
    exec(text, names)
    return fingerprint({"value": names["value"]})


@pytest.fixture(scope="module")
def before():
    return described(BEFORE)


def test_the_same_script_is_the_same(before):
    assert difference(before, described(BEFORE)) is None


@pytest.mark.parametrize("name", CHANGES)
def test_changes_are_noticed(name, before):
    old, new = CHANGES[name]
    assert BEFORE.count(old) == 1
    assert difference(before, described(BEFORE.replace(old, new))) is not None


def test_equal_arrays_are_equal():
    """Of NumPy and of JAX, on one device and on several."""
    x = np.arange(32.0).reshape(8, 4) * (1 + 2j)
    text = fingerprint({"x": x})
    assert fingerprint({"x": jnp.asarray(x)}) == text
    assert fingerprint({"x": x[::-1]}) != text
    changed = jnp.asarray(x).at[3, 2].set(np.nextafter(14.0, 15) * (1 + 2j))
    assert fingerprint({"x": changed}) != text
    if len(jax.devices()) >= 4:
        mesh = dqm.sharding.mesh(jax.devices()[:4])
        assert fingerprint({"x": dqm.sharding.place(x, mesh)}) == text


def test_precision_counts():
    one, other = jnp.asarray(1.0), jnp.asarray(1.0, jnp.float32)
    assert fingerprint({"x": one}) != fingerprint({"x": other})
    assert fingerprint({"x": one}) == fingerprint({"x": np.float64(1.0)})


class Node:
    """With links in all directions."""

    def __init__(self):
        self.links: list = []

    def observe(self, psi):
        return psi


def test_cycles_end():
    one, other = Node(), Node()
    one.links, other.links = [other, one, other], [one, other, one]
    begun = time.monotonic()
    assert fingerprint({"f": one.observe})
    assert time.monotonic() - begun < 2


def test_other_processes_find_the_same():
    """Also of a set of texts, whose order differs from process to process."""
    code = (
        "from dqmjax.storage.fingerprint import fingerprint\n"
        "f = eval(\"lambda x: x if 'a' in {'a', 'b', 'c', 'd'} else {'e', 'f', 'g'}\")\n"
        "print(fingerprint({'f': f, 's': {'a', 'b', 'c'}}))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": str(seed), "JAX_PLATFORMS": "cpu", "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2)
    }
    assert len(said) == 1


def test_functions_of_packages_are_not_followed():
    flow = dqm.FokkerPlanck(dqm.Kerr(1.0))
    stepper = dqm.HusimiStep(flow, dqm.FockBargmann(4))
    found = fingerprint({"stepper": stepper, "norm": functools.partial(jnp.linalg.norm, axis=0)})
    assert len(found) < 40
    assert found["stepper.fokker_planck.symbol.interaction"] == "1.0"
    assert isinstance(stepper, eqx.Module)
