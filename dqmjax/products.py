"""Products of matrices at full precision."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Inexact


def product(
    left: Inexact[Array, "*batch rows inner"], right: Inexact[Array, "*batch inner columns"]
) -> Inexact[Array, "*batch rows columns"]:
    """`A B`; on a CPU as one real product of `(Re A; Im A)` and `(Re B, Im B)`.

    XLA multiplies complex matrices on a CPU more slowly than real ones (bench/NOTES.md). On a GPU
    it rounds factors in single precision to fewer digits by default, which `highest` forbids.
    """
    plain = partial(jnp.matmul, precision="highest")
    return jax.lax.platform_dependent(left, right, cpu=_real_product, default=plain)


def _real_product(left, right):
    has_rows, has_columns = jnp.iscomplexobj(left), jnp.iscomplexobj(right)
    rows, columns = left.shape[-2], right.shape[-1]
    if has_rows:
        left = jnp.concatenate([left.real, left.imag], axis=-2)
    if has_columns:
        right = jnp.concatenate([right.real, right.imag], axis=-1)
    both = jnp.matmul(left, right, precision="highest")
    if not has_columns:
        return jax.lax.complex(both[..., :rows, :], both[..., rows:, :]) if has_rows else both
    real, imag = both[..., :columns], both[..., columns:]
    if not has_rows:
        return jax.lax.complex(real, imag)
    return jax.lax.complex(
        real[..., :rows, :] - imag[..., rows:, :], imag[..., :rows, :] + real[..., rows:, :]
    )
