import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st

import dqmjax as dqm
from dqmjax.phase_space.operators import ladder_terms, operator


def test_powers_of_parameters():
    """Whole powers are multiplied out; others, quotients and exponents are numbers of their own."""
    text = "(x**2 - 1/(x + y))*n + x**y*n**2 - (-x)**3/y**2 + n**(1 + 1) + x**-2*n"
    x, y = 1.7, 0.6
    exact = {
        (1, 1): x**2 - 1 / (x + y) + x**y + 1 + x**-2,
        (2, 2): x**y + 1,
        (0, 0): x**3 / y**2,
    }
    for number in (float, jnp.array):
        got = ladder_terms(text, {"x": number(x), "y": number(y)})
        assert got == pytest.approx(exact, rel=1e-14)
    traced = jax.jit(lambda x, y: list(ladder_terms(text, {"x": x, "y": y}).values()))(x, y)
    np.testing.assert_allclose(traced, list(got.values()), rtol=1e-14)


def test_traced_programs_are_small():
    """However long the text is: parameters are multiplied out before JAX sees them."""
    q, p = jnp.array([0.3, -0.2]), jnp.array([0.9, 1.1])
    count = lambda text: len(
        jax.make_jaxpr(lambda x, y: operator(text, x=x, y=y)(q, p))(0.3, 0.2).eqns
    )
    short, long = "x*n1 + y*n2", "(x*q1 + y*p2)**4 + (y*q1 + x*q2)**3"
    assert len(ladder_terms(long, {"x": 0.3, "y": 0.2})) > 40
    assert count(long) <= count(short) + 30


ALLOWED = "must consist of numbers"
BAD = [  # text, message, column of the mark
    ("2 n", "does not parse", 2),
    ("n +", "does not parse", 3),
    ("(n", "does not parse", 0),
    ("n)", "does not parse", 1),
    ("n # + a", "does not parse", 2),
    ("n\0", "does not parse", 2),
    ("n;n", "does not parse", 1),
    ("x = n", "does not parse", 2),
    ("n + w*a", f"{ALLOWED}.*w is unknown", 4),
    ("é*n + w*a", f"{ALLOWED}.*w is unknown", 6),
    ("n + sin(a)", f"{ALLOWED}.*a call", 4),
    ("n + a.real", f"{ALLOWED}.*an attribute", 4),
    ("n*a[0]", f"{ALLOWED}.*something else", 2),
    ("n + (a < ad)", f"{ALLOWED}.*a comparison", 5),
    ("n^2", rf"{ALLOWED}.*\^: write \*\* for a power", 2),
    ("n // 2", f"{ALLOWED}.*something else", 5),
    ("n + 'a'", f"{ALLOWED}.*something else", 4),
    ("n*True", f"{ALLOWED}.*something else", 2),
    ("n + ~n", f"{ALLOWED}.*something else", 4),
    ("(lambda: n)()", f"{ALLOWED}.*a call", 0),
    ("a + ad**0.5", "powers 0, 1, … 8", 8),
    ("a + ad**-1", "powers 0, 1, … 8", 8),
    ("a**9", "powers 0, 1, … 8", 3),
    ("n**é", "powers 0, 1, … 8", 3),
    ("2**n", "have as exponents numbers", 3),
    ("2/n", "divide by numbers", 2),
    ("1/(a + ad)", "divide by numbers", 3),
    ("a**5*n**2", "at most 8 factors", 5),
    ("n**5", "at most 8 factors", 3),
    ("a + a1", "numbers at all operators", 4),
    ("n1*q", "numbers at all operators", 3),
    ("n/0", "be finite", 2),
    ("n/(é - é)", "be finite", 3),
    ("n*10**400", "be finite", 6),
    ("-" * 700 + "n", "fewer brackets", 0),
    (
        "(" + "+".join(f"n{i} + p{i} + a{i}*a1" for i in range(1, 81)) + ")**2",
        "at most 100000",
        None,
    ),
]


@pytest.mark.parametrize(("text", "message", "column"), BAD)
def test_errors_mark_the_place(text, message, column):
    with pytest.raises(dqm.InputError, match=message) as error:
        ladder_terms(text, {"é": 2.0} if "é" in text else {})
    head, shown, mark = str(error.value).split("\n")
    assert head.startswith("`text` must")
    assert shown == "    " + text
    assert mark == "    " + " " * (len(text) - 1 if column is None else column) + "^"


TOKENS = [*"adnqpUx+-*/()., #1j\n'\"^~=<[]{}:;@é\0\ud800", "**", "n1", "ad2", "pi", "1e9", "if "]


@hypothesis.seed(0)
@hypothesis.settings(max_examples=300, deadline=None, database=None)
@hypothesis.given(st.one_of(st.text(max_size=20), st.lists(st.sampled_from(TOKENS)).map("".join)))
def test_any_text_is_accepted_or_refused(text):
    for parameters in ({}, {"U": 1.5, "x": 0.0}):
        try:
            value = operator(text, **parameters)
        except dqm.InputError:
            continue
        assert np.isfinite(list(value.terms.values())).all()


def test_nothing_in_a_text_is_executed():
    """Texts that Python could evaluate, each refused as it is read."""
    for text in ("__import__('os').getpid()*n", "().__class__*n", "[n for n in (1,)]*n", "f'{n}'"):
        with pytest.raises(dqm.InputError, match=ALLOWED):
            ladder_terms(text)
