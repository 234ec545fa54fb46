"""Every mistake in a scenario is refused with its line, its key and a remedy."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.scenario.building import build
from dqmjax.scenario.checking import read_scenario
from dqmjax.scenario.expressions import Expression
from dqmjax.scenario.lines import lines_of

from .conftest import KERR, WAVE

ROOT = Path(__file__).parents[2]
MASS, POTENTIAL, TIMES = "mass = 1.0", 'name = "Harmonic"', "count = 3"


def refused(path, line, *words):
    with pytest.raises(dqm.InputError) as found:
        build(read_scenario(path))
    said = str(found.value)
    assert said.startswith(f"{path}: " + (f"line {line}: " if line else "")), said
    assert said.isprintable()
    for word in words:
        assert word in said


def test_lines_are_those_of_tables_and_keys():
    text = 'a = """\n[x]\n"""\n[b.c] # [d]\n"e" = [\n 1,\n]\n[[f]]\ng = 1\n[[f]]\n[f.h]\ni.j = 2\n'
    assert lines_of(text) == {
        (): 1, ("a",): 1, ("b",): 4, ("b", "c"): 4, ("b", "c", "e"): 5, ("f",): 8, ("f", 0): 8,
        ("f", 0, "g"): 9, ("f", 1): 10, ("f", 1, "h"): 11, ("f", 1, "h", "i"): 12,
        ("f", 1, "h", "i", "j"): 12,
    }  # fmt: skip


WAVES = [  # what is replaced, the line of the problem, words of the message
    (MASS, "mas = 1.0", 4, "`model.mas` is unknown", "do you mean `mass`?"),
    ("[grid]", "[grd]", 7, "`grd` is unknown", "do you mean `grid`?"),
    ("until", "untill", 15, "`times.untill`", "`until`"),
    ("center = 1.0", "", 11, "`state.center` is missing: add it"),
    ("[grid]", "[output]", 1, "`grid` is missing"),
    (MASS, "mass = true", 4, "must be a finite number, but is true"),
    (MASS, 'mass = "heavy"', 4, "but is 'heavy'"),
    (MASS, "mass = nan", 4, "but is nan"),
    (MASS, "mass = [1.0, inf]", 4, "but has inf"),
    (MASS, "mass = 1e400", 4, "but is inf"),
    (MASS, f"mass = {'9' * 400}", 4, "must be a finite number", "…"),
    (MASS, f"mass = {'9' * 5000}", 4, "no valid TOML"),
    (MASS, "mass = 0x" + "f" * 5000, 4, "an integer of many digits"),
    (MASS, "mass = []", 4, "a list of 1 to"),
    (MASS, "mass = 1979-05-27", 4, "a date or a time"),
    (MASS, "mass = -1.0", 4, "`model.mass` is refused: `mass` must be positive"),
    (MASS, "mass = [1.0, 2.0]", 5, "`model.potential.mass` is missing: give one"),
    (
        f"{MASS}\n[model.potential]\n{POTENTIAL}",
        "mass = [1, 2]\npotential.name = 'Free'",
        4,
        "one per axis",
    ),
    (MASS, "mass = 1.0\nmass = 2.0", 5, "no valid TOML"),
    (MASS, "mass = ", 4, "no valid TOML"),
    ('"wave"', '"waves"', 3, "must be one of wave, canonical, husimi", "do you mean `wave`?"),
    ('"wave"', '"husimi"', 7, "`grid` is unknown"),
    ("mass", "scheme = 'nystrom5'\nmass", 4, "do you mean `nystrom6`?"),
    (POTENTIAL, 'name = "Harmonc"', 6, "do you mean `Harmonic`?"),
    (POTENTIAL, f"{POTENTIAL}\nomga = 1", 7, "do you mean `omega`?"),
    (POTENTIAL, f"{POTENTIAL}\nomega = -1", 7, "`omega` must be finite and not negative"),
    (POTENTIAL, 'name = "DoubleWell"', 5, "`model.potential.depth` is missing"),
    (POTENTIAL, "", 5, "`model.potential.name` is missing"),
    (POTENTIAL, f"{POTENTIAL}\nexpression = 'x'", 6, "`model.potential.name` is unknown"),
    (POTENTIAL, "expression = '1/x'", 5, "must be finite at every point"),
    (POTENTIAL, "expression = 'w*x'\nparameters = {w = 1, v = 2}", 6, "has no v"),
    (POTENTIAL, "expression = 'x'\nparameters = {x = 2}", 7, "names of their own"),
    (POTENTIAL, "expression = 'x'\nparameters = {w = 'a'}", 7, "parameters.w` must be a finite"),
    (
        "[model.potential]",
        "[[model.potential]]\nname = 'Free'\n[[model.potential]]\nm = 1",
        8,
        "[2].m",
    ),
    ("points = 32", "points = 3", 10, "integers from 4"),
    ("points = 32", "points = 32.0", 10, "but has 32.0"),
    ("points = 32", "points = [20000, 20000]", 10, "134217728 points in total"),
    ("points = 32", "points = 32\nisolated = 1", 11, "must be true or false"),
    ("lower = -8.0", "lower = 9", 8, "`lower` must be below `upper`"),
    ("lower = -8.0", "lower = [-8, -8]", 8, "one entry per axis"),
    ("center = 1.0", "center = 9.0", 13, "`center` must be inside `grid`"),
    ("center = 1.0", "center = 1.0\nhbar = 2.0", 14, "`state.hbar` is unknown"),
    ("[state]", "[[state]]", 11, "`state` must be a table, but is a list of 1"),
    (TIMES, "count = 1", 16, "an integer from 2 to 1000000"),
    (TIMES, "count = 2_000_000", 16, "an integer from 2 to 1000000"),
    ("substeps = 2", "substeps = 999999999", 17, "at most 1e+09 steps"),
    ("until = 1.0", "until = 0.0", 15, "later than `begin`"),
    ("until = 1.0", "list = [0.0, 1.0]", 16, "must not be beside `list`"),
    ("until = 1.0\ncount = 3", "list = [0.0, 1.0, 1.0]", 15, "must be increasing"),
    ("until = 1.0\ncount = 3", "list = 1.0", 15, "two or more times"),
    ("until = 1.0", "until = 1.0\nbegin = 0.9999999999999999", 17, "strictly increasing"),
    ("[times]", "[observe]\nnames = ['nrm']\n[times]", 15, "do you mean `norm`?"),
    ("[times]", "[observe]\nnames = ['norm', 'norm']\n[times]", 15, "has norm again"),
    ("[times]", "[observe]\nnames = ['norm']\n[output]\nfilm = true\n[times]", 17, '"density"'),
    ('"A packet in a well"', '"\\u001b[31m"', 1, "a text of one line"),
    ('"A packet in a well"', f'"{"a" * 3000}"', 1, "at most 2000 characters"),
    ('"A packet in a well"', "7", 1, "a text of one line, but is 7"),
]


@pytest.mark.parametrize(("old", "new", "line", "words"), [(a, b, n, w) for a, b, n, *w in WAVES])
def test_mistakes_of_waves(scenario, old, new, line, words):
    refused(scenario(WAVE, (old, new)), line, *words)


DENSITIES = [
    ("hamiltonian", "hamiltonan", 3, "do you mean `hamiltonian`?"),
    ("n*(n-1)", "n*(n-1) + a", 3, "Hermitian"),
    ("n*(n-1)", "n2", 3, "numbers at all operators", "(character 15)"),
    ("n*(n-1)", "V*n", 3, "V is unknown"),
    ("U = 2.0", "U = 2.0\nV = 1.0", 3, "must use all parameters"),
    ("[basis]", "[model.symbol]\nname = 'Kerr'\n[basis]", 1, "either `hamiltonian` or `symbol`"),
    ("[basis]", "[[model.jump]]\noperator = 'a'\n[basis]", 7, "`model.jump[1].rate` is missing"),
    ("[basis]", "[[model.jump]]\noperator = 'b'\nrate = 1\n[basis]", 8, "must have an operator"),
    ("[basis]", "[[model.jump]]\noperator = 'a2'\nrate = 1\n[basis]", 8, "modes"),
    ("[basis]", "[[model.jump]]\noperator = 'a'\nrate = -1\n[basis]", 9, "`rate` must be"),
    ("levels = 20", "levels = [20, 20]", 3, "modes"),
    ("levels = 20", "levels = 4", 9, "lies beyond"),
    ("levels = 20", "levels = [8000, 8000]", 8, "coefficients"),
    ("alpha = [1.0, 0.5]", "alpha = [1.0, 0.5, 2.0]", 11, "pair [re, im]"),
    ("alpha = [1.0, 0.5]", "alpha = 'a'", 11, "pair [re, im]"),
    ('name = "coherent"\nalpha = [1.0, 0.5]', 'name = "fock"\nn = 20', 11, "level of the basis"),
    ('"quanta"', '"position_variance"', 16, "`observe.names` must be names of"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "words"), [(a, b, n, w) for a, b, n, *w in DENSITIES]
)
def test_mistakes_of_densities(scenario, old, new, line, words):
    refused(scenario(KERR, (old, new)), line, *words)


def test_energy_needs_a_potential_without_time(scenario):
    driven = (POTENTIAL, "expression = 'x**2/2 + x*sin(t)'")
    named = ("[times]", "[observe]\nnames = ['norm', 'energy']\n[times]")
    refused(scenario(WAVE, driven, named), 15, '"energy"', 'keep "state"')
    assert "energy" not in build(read_scenario(scenario(WAVE, driven))).observe


HOSTILE = [
    "().__class__.__bases__[0].__subclasses__()", "__import__('os').system('touch x')",
    "x.__class__", "[y for y in (1, 2)]", "{1: x}", "(lambda: x)()", "f'{x}'", "(y := 1)",
    "9**9**9", "2**2**2**2**2", "x**1e9", "'a'*10**9", "b'a'", "exec('x')", "open('/etc/passwd')",
    "globals()", "x if x else t", "x and t", "not x", "x@x", "x//2", "x%2", "x<<9", "~1", "x[0]",
    "x, x", "*x", "1j*x", "True*x", "None", "...", "where(x, 1, 2)", "where(x < 1, 1)",
    "where(x == 1, 1, 2)", "sin(x=1)", "sin(*x)", "sin()", "sin", "sin(x)(x)", "1/0", "exp(1e9)",
    "log(-1)", "(-1)**0.5", "9e999", "x = 1", "x; x", "x\\\n+ x", "import os", "yield x",
    "await x", "x # x", "(" * 300 + "x" + ")" * 300, "-" * 1900 + "x", "sin(" * 90 + "x" + ")" * 90,
    "x" + "*x" * 2000, "1" * 1999, "z", "x2", "x0", "y", "pi(x)", "x^2", "2x", "", " ", "\0",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_expressions_are_read_and_never_executed(text):
    with pytest.raises(dqm.InputError):
        Expression(text, {}, 1)


def test_expressions_have_values_of_numpy():
    text = "a*x**2/2 - -y**-1 + where(0 <= x < 1, abs(-t), sqrt(4)) + cos(pi*t)*exp(-x2)"
    expression = Expression(text, {"a": 3.0}, 2)
    x, y, t = 0.5, 2.0, 0.25
    exact = 3 * x**2 / 2 + 1 / y + t + np.cos(np.pi * t) * np.exp(-y)
    assert float(expression(np.array([x, y]), t)) == pytest.approx(exact, rel=1e-15)
    long = Expression("x" + " + x" * 400, {}, 1)
    assert float(long(np.array([1.0]))) == 401


@pytest.mark.parametrize(
    ("content", "line", "word"),
    [
        (b"\x00\x01\xff", 1, "UTF-8"),
        (b"a = 1\n\xff", 2, "UTF-8"),
        (b"[" * 100_000, 1, "in one another"),
        (b"a = " + b"[" * 100_000, 1, "in one another"),
        (b"a = " + b"{a = " * 100_000, 1, "in one another"),
        (b".".join([b"a"] * 100_000) + b" = 1", 1, "in one another"),
        (b"[" + b".".join([b"a"] * 100_000) + b"]", 1, "in one another"),
        (b'a = """' + b'\\"""' * 50_000, None, "TOML"),
        (b"a = '''" + b"''" * 100_000, None, "TOML"),
        (b"a = " + b'"' * 100_001, None, "TOML"),
        (b"#" * 11_000_000, None, "at most 1 MiB"),
        (b"[x]\n" * 200_000, 5001, "keys and tables"),
        (b"[[x]]\n" * 4000, 1, "`model` is missing"),
        (b"x = [" + b"1.5, " * 50_000 + b"]", 1, "`model` is missing"),
        (b"", 1, "`model` is missing"),
        (b"\n\nmodel = 1", 3, "`model` must be a table"),
    ],
    ids=range(16),
)
def test_hostile_files(scenario, content, line, word):
    refused(scenario(content), line, word)


def test_files_that_are_none(tmp_path, scenario):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name, word in (
        ("pipe", "a pipe"),
        ("link", "a pipe"),
        ("no", "No such"),
        (".", "directory"),
    ):
        refused(tmp_path / name, None, word)
    refused(Path("/dev/zero"), None, "a pipe or a device")
    with pytest.raises(dqm.InputError, match="`path` must name a file"):
        read_scenario("a\0b")
    scenario()
    (tmp_path / "good").symlink_to(tmp_path / "scenario.toml")
    assert read_scenario(tmp_path / "good").title == "A packet in a well"


@pytest.fixture(scope="module")
def fuzzer():
    spec = importlib.util.spec_from_file_location("fuzz", ROOT / "bench" / "fuzz_scenarios.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_changed_scenarios_are_read_or_refused(fuzzer):
    found = fuzzer.fuzz(cases=2000, seed=1, every=300)
    assert found.refused > 1000
    assert found.accepted > 100
