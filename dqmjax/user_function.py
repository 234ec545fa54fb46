"""Functions of a user: V(x, t), H(q, p), densities."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend.core import ClosedJaxpr, Literal

from .errors import InputError

MISSING = "uses a coordinate or an index that its argument does not have"
EVALUATE: dict[str, Callable] = {  # what JAX does with an index before it reads there
    "lt": np.less,
    "add": np.add,
    "select_n": lambda which, *cases: cases[int(which)],
    "convert_element_type": lambda x: x,
}


def called_once(name: str, f, *arguments) -> jax.ShapeDtypeStruct:
    """Shape and type of `f(*arguments)`, without computing it; f is the argument `name`.

    An index that an argument does not have is refused. JAX would take the last coordinate instead,
    and the result would be finite and wrong.

    Raises:
        InputError: If f uses a coordinate that its argument does not have, cannot be traced by JAX
            or does not return numbers.
    """
    if not callable(f):
        raise InputError(f"`{name}` must be a function, but is {f!r}.")
    returned = lambda *given: _numbers_of(name, f(*given))
    try:
        with np.errstate(all="ignore"):
            jax.eval_shape(lambda: returned(*arguments))  # NumPy refuses an index that it lacks
    except IndexError as error:
        raise InputError(f"`{name}` {MISSING}: {error}.") from None
    except Exception:  # f may accept JAX's arrays only
        pass
    try:
        program, result = jax.make_jaxpr(returned, return_shape=True)(*arguments)
    except jax.errors.JAXTypeError as error:
        raise InputError(
            f"`{name}` must be written with functions of `jax.numpy`, and with `jnp.where` in "
            f"place of `if`: {str(error).splitlines()[0]}"
        ) from error
    if _reads_beyond(program, [None] * len(program.jaxpr.invars)):
        raise InputError(f"`{name}` {MISSING}.")
    return result


def _numbers_of(name: str, result) -> Array:
    """What a user's function returns, as an array."""
    try:
        return jnp.asarray(result)
    except (TypeError, ValueError):
        raise InputError(f"`{name}` must return numbers, but returns {result!r}.") from None


def _reads_beyond(program: ClosedJaxpr, given: list) -> bool:
    """Whether a program slices beyond an array at a constant index; `given` are known inputs."""
    known = dict(zip(program.jaxpr.invars, given, strict=True))
    for equation in program.jaxpr.eqns:
        values = [v.val if isinstance(v, Literal) else known.get(v) for v in equation.invars]
        kind, inner = (
            equation.primitive.name,
            equation.params.get("jaxpr", equation.params.get("call_jaxpr")),
        )
        if isinstance(inner, ClosedJaxpr) and len(inner.jaxpr.invars) == len(values):
            if _reads_beyond(inner, values):
                return True
        elif kind == "dynamic_slice" and _is_outside(equation, values[1:]):
            return True
        elif kind in EVALUATE and all(value is not None for value in values):
            known[equation.outvars[0]] = EVALUATE[kind](*values)
    return False


def _is_outside(equation, starts: list) -> bool:
    """Whether a slice begins or ends outside its array, along an axis where that is known."""
    shape, sizes = equation.invars[0].aval.shape, equation.params["slice_sizes"]
    axes = zip(starts, shape, sizes, strict=True)
    return any(s is not None and not 0 <= s <= n - size for s, n, size in axes)
