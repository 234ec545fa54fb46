import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip

import dqmjax as dqm
from dqmjax.phase_space.operators import Operator, ladder_terms, operator, terms_of
from dqmjax.phase_space.ordering import from_qutip, from_terms

POINTS = np.random.default_rng(2).normal(size=(4, 2, 2))
LEVELS = {1: 16, 2: 8}
PARAMETERS = {"U": 1.3, "J": -0.7, "x": 0.4}


def letters(modes, levels):
    """The operators as QuTiP matrices, by the names that texts have for them."""
    named = {}
    for i in range(modes):
        factors = [qutip.qeye(levels)] * modes
        a = qutip.tensor(*factors[:i], qutip.destroy(levels), *factors[i + 1 :])
        at = str(i + 1) if modes > 1 else ""
        both = {"a": a, "ad": a.dag(), "n": a.dag() * a}
        both |= {"q": (a + a.dag()) / 2**0.5, "p": (a - a.dag()) / (1j * 2**0.5)}
        named |= {letter + at: value for letter, value in both.items()}
    return named


def matrix_of(terms, modes, levels):
    """`Σ c a†^m a^n` as a QuTiP matrix, exact in all levels."""
    named = letters(modes, levels)
    at = [str(i + 1) if modes > 1 else "" for i in range(modes)]
    total = 0 * named["a" + at[0]]
    for row, c in terms.items():
        term = qutip.qeye_like(total)
        for i, n in enumerate(row):
            term = term * named[("ad" if i < modes else "a") + at[i % modes]] ** n
        total += complex(c) * term
    return total


def inner(matrix, modes, levels, degree):
    """The levels that a product of `degree` truncated matrices has right."""
    array = matrix.full().reshape((levels,) * 2 * modes)
    return array[(slice(levels - degree),) * 2 * modes]


def random_text(random, modes, degree) -> str:
    """A formula of at most this degree, from a grammar with all operations."""
    at = lambda: str(random.integers(1, modes + 1)) if modes > 1 else ""
    number = lambda: random.choice(
        ["2", "0.5", "1.5e-1", "1j", "pi", *PARAMETERS, "x**2", "2**0.5"]
    )
    kind = random.integers(6)
    if degree == 1 or kind == 0:
        return random.choice(["a", "ad", "q", "p"]) + at()
    if kind == 1:
        return f"({random_text(random, modes, degree // 2)})**2"
    half = degree // 2
    parts = [random_text(random, modes, half) for _ in range(2)]
    if kind == 2:
        return f"n{at()}*{number()} - ({parts[0]})*({parts[1]})"
    if kind == 3:
        return f"({parts[0]} + {number()})*(-{parts[1]})/({number()} + 3)"
    if kind == 4:
        return f"{number()}*({random_text(random, modes, degree)} - {number()})"
    return f"({parts[0]} - {parts[1]}/{number()})**2"


@pytest.mark.parametrize("modes", [1, 2])
def test_texts_mean_what_they_mean_to_qutip(modes):
    """Python itself evaluates the same text with QuTiP matrices."""
    random, levels = np.random.default_rng(modes), LEVELS[modes]
    names = letters(modes, levels) | PARAMETERS | {"pi": np.pi}
    for _ in range(40):
        text = random_text(random, modes, 4)
        text += " + 0*(n1 + n2)" if modes == 2 else " + 0*n"
        exact = eval(text, {}, names)
        used = {name: value for name, value in PARAMETERS.items() if name in text}
        got = matrix_of(ladder_terms(text, used), modes, levels)
        got, exact = (inner(m, modes, levels, 4) for m in (got, exact))
        np.testing.assert_allclose(
            got, exact, rtol=0, atol=1e-12 * np.abs(exact).max(), err_msg=text
        )


@pytest.mark.parametrize(
    ("text", "parameters", "degree"),
    [
        ("delta*n + U/2*n*(n-1) + F*(a + ad)", {"delta": 0.3, "U": 1.1, "F": 0.2}, 4),
        ("p**2/2 + q**2/2 + k*q**4", {"k": 0.1}, 4),
        ("g*ad**2 - h*a**2", {"g": 0.3j, "h": 0.3j}, 2),
        ("-J*(ad1*a2 + ad2*a1) + q2*p1*q2/x", {"J": 0.8, "x": 1.7}, 3),
        ("F*ad2 + Fc*a2 + n1*n2", {"F": 0.2 + 0.5j, "Fc": 0.2 - 0.5j}, 4),
    ],
)
def test_symbols_are_those_of_the_matrices(text, parameters, degree):
    symbol = operator(text, **parameters)
    levels = 2 * degree + 1
    named = letters(symbol.modes, levels)
    exact = from_qutip(eval(text, {}, named | parameters), degree)
    for q, p in POINTS[:, :, : symbol.modes]:
        got = symbol(jnp.asarray(q), jnp.asarray(p))
        assert got == pytest.approx(float(exact(jnp.asarray(q), jnp.asarray(p))), abs=1e-11)


def test_a_coherent_state_has_the_mean_of_its_amplitude():
    """`⟨α|Ĥ|α⟩` by QuTiP of 60 levels."""
    text = "q**4 + 0.3*(q*p + p*q) + n**2"
    exact = eval(text, {}, letters(1, 60))
    terms = ladder_terms(text)
    for q, p in POINTS[:, :, 0]:
        alpha = (q + 1j * p) / np.sqrt(2)
        mean = sum(c * np.conj(alpha) ** m * alpha**n for (m, n), c in terms.items())
        state = qutip.coherent(60, alpha, method="analytic")
        assert mean == pytest.approx(qutip.expect(exact, state), abs=1e-9)


def test_modes_and_names():
    assert operator("n2").modes == 2
    assert ladder_terms("n2") == {(0, 1, 0, 1): 1.0}
    assert operator("a12 + ad12").modes == 12
    assert ladder_terms(" a1 \n + ad1 + 0*n2 ") == {(0, 0, 1, 0): 1.0, (1, 0, 0, 0): 1.0}
    assert operator("ω*n", ω=2.0).terms == {(1, 1): 2.0}
    assert operator("n - n").terms == {(0, 0): 0.0}
    assert operator("U*n", U=2).terms == {(1, 1): 2.0}


KERR = "omega*n + U/2*n*(n-1) + F*(a + ad)"


@pytest.mark.slow
def test_gradients_are_those_of_the_catalogue():
    """Of the motion of a density, in reverse and forward mode, for each parameter."""
    basis, values = dqm.FockBargmann(8), {"U": 0.9, "omega": 0.4, "F": 0.3}
    rho = basis.coherent(0.3 + 0.2j, loss=1e-6)
    rate = lambda symbol: jnp.imag(basis.generator(dqm.FokkerPlanck(symbol))(rho)[0, 1])
    ours = lambda v: rate(operator(KERR, **v))
    theirs = lambda v: rate(dqm.Kerr(v["U"], v["omega"], v["F"]))
    exact = jax.tree.map(float, jax.grad(theirs)(values))
    for slope in (jax.grad, jax.jacfwd):
        assert jax.tree.map(float, slope(ours)(values)) == pytest.approx(exact, rel=1e-10)


def test_floats_are_constants_and_arrays_trainable():
    symbol = operator(KERR, U=jnp.array(1.0), omega=0.5, F=jnp.array(0.1))
    assert jax.tree.leaves(symbol) == [0.1, 1.0, 0.5]  # by name
    moved = jax.tree.map(lambda leaf: 2 * leaf, symbol)
    exact = operator(KERR, U=2.0, omega=1.0, F=0.2)
    q, p = jnp.asarray(POINTS[0, :, :1])
    assert moved(q, p) == pytest.approx(float(exact(q, p)), rel=1e-14)


def test_a_sweep_compiles_once():
    traces = []

    @jax.jit
    def value(symbol, q, p):
        traces.append(symbol)
        return symbol(q, p)

    q, p = jnp.asarray(POINTS[0, :, :1])
    for U in (0.5, 1.0, 0.0):
        symbol = operator(KERR, U=jnp.array(U), omega=jnp.array(0.2), F=jnp.array(0.1))
        assert value(symbol, q, p) == pytest.approx(float(symbol(q, p)), rel=1e-14)
    assert len(traces) == 1
    swept = jax.vmap(lambda U: operator(KERR, U=U, omega=0.2, F=0.1)(q, p))(jnp.array([0.5, 1.0]))
    exact = [float(operator(KERR, U=U, omega=0.2, F=0.1)(q, p)) for U in (0.5, 1.0)]
    np.testing.assert_allclose(swept, exact, rtol=1e-14)


def test_single_precision():
    with jax.enable_x64(False):
        symbol = operator("U*(q*p + p*q) + x**2*n", U=jnp.float32(0.3), x=jnp.float32(0.7))
        q, p = jnp.array([0.5]), jnp.array([-1.2])
        value = symbol(q, p)
        assert value.dtype == jnp.float32
        traced = jax.jit(lambda U: operator("U*(q*p + p*q) + x**2*n", U=U, x=0.7)(q, p))(0.3)
    exact = 0.3 * 2 * 0.5 * -1.2 + 0.49 * ((0.25 + 1.44) / 2 - 1)
    np.testing.assert_allclose([value, traced], exact, rtol=1e-6)


def test_traced_operators_that_are_not_hermitian_are_nan():
    q, p = jnp.zeros(1), jnp.ones(1)
    value = lambda x, y: operator("x*a + y*ad", x=x, y=y)(q, p)
    assert jnp.isnan(jax.jit(value)(1.0, 2.0))
    assert jnp.isnan(jax.jit(jax.grad(value))(1.0, 2.0))
    drive = lambda F: operator("F*ad + G*a", F=F, G=jnp.conj(F))(q, p)
    # H = Fα* + F*α with α = i/√2
    assert jax.jit(drive)(0.3 + 0.4j) == pytest.approx(0.4 * 2**0.5, rel=1e-14)
    found = operator("x*a + y*ad", x=jnp.array(1.0), y=jnp.array(1.0))
    with pytest.raises(dqm.InputError, match=r"`text` must be Hermitian, but has 1\.1 a†"):
        Operator(found.text, found.parameters | {"y": jnp.array(1.1)})


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_hermitian_is_relative(unit):
    assert operator("u*(q*p + p*q)", u=unit).terms
    with pytest.raises(dqm.InputError, match="must be Hermitian"):
        operator("u*q*p", u=unit)


@pytest.mark.parametrize(
    ("text", "parameters", "message"),
    [
        ("U*n", {}, "U is unknown .parameters given: none"),
        ("u*n", {"U": 1.0}, "u is unknown .parameters given: U"),
        ("n", {"U": 1.0}, "`text` must use all parameters, but has no U"),
        ("n1", {"q1": 1.0}, "`q1` must not be a parameter"),
        ("pi*n", {"pi": 3.0}, "`pi` must not be a parameter"),
        ("U*n", {"U": np.nan}, "`U` must be finite"),
        ("U*n", {"U": np.ones(2)}, "`U` must have shape"),
        ("U*n", {"U": complex(0, np.inf)}, "`U` must be finite"),
        ("U*n", {"U": 1j}, "`text` must be Hermitian, but has 1i a†a without its adjoint"),
        ("U*U*n", {"U": 1e200}, "`text` must be finite"),
        ("a", {}, "`text` must be Hermitian, but has 1 a without its adjoint"),
        ("2*pi", {}, "`text` must have an operator"),
    ],
)
def test_bad_input(text, parameters, message):
    with pytest.raises(dqm.InputError, match=message):
        operator(text, **parameters)


def test_terms_of_any_operator():
    number = {(0, 1, 0, 1): 1.0}
    assert terms_of("n2", 2) == number
    assert terms_of("a1", 3) == {(0, 0, 0, 1, 0, 0): 1.0}
    assert terms_of(operator("n2"), 2) == number
    assert terms_of(number, 2) == number
    read = terms_of(from_terms(number), 2)
    assert read[(0, 1, 0, 1)] == 1.0
    assert all(abs(c) < 1e-15 for row, c in read.items() if row != (0, 1, 0, 1))
    half = dqm.ordering.Polynomial(((1, 0),), jnp.array([2.0 + 2j]))  # Re (2 + 2i)α*
    assert terms_of(half, 1) == {(1, 0): 1 + 1j, (0, 1): 1 - 1j}


@pytest.mark.parametrize(
    ("operator", "modes", "message"),
    [
        ("a", 2, "must have 2 modes, or numbered operators"),
        ("a3", 2, "must have 2 modes, but has 3"),
        ({(1, 0): 1.0}, 2, "must have 2 modes"),
        ({(1, 0, 0): 1.0}, 1, "must have rows"),
        ({(1, 0): np.nan}, 1, "must be finite"),
        (dqm.Kerr(1.0), 1, "must be text, such as 'a1'"),
        ("a", 0, "`modes` must be an integer"),
    ],
)
def test_other_operators_are_refused(operator, modes, message):
    with pytest.raises(dqm.InputError, match=message):
        terms_of(operator, modes)
