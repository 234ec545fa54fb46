import jax
import jax.numpy as jnp
import pytest


@pytest.fixture(scope="session")
def both_ways():
    """f ↦ (x ↦ f, its gradient in reverse mode, its gradient in forward mode), one program.

    Reverse mode is the transpose of what forward mode does: compare both with differences of f.
    """

    def of(f):
        @jax.jit
        def values(at):
            value, push = jax.linearize(f, at)
            (reverse,) = jax.linear_transpose(push, at)(jnp.ones_like(value))
            return value, reverse, jax.vmap(push)(jnp.eye(at.size))

        return values

    return of
