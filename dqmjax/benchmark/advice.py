"""What makes a computation faster on this machine, as lines of text."""

import jax

from ..fock_bargmann.steps import MAX_DENSE, MAX_DENSE_SIDE
from ..wave.dense import MOST_POINTS

NEWER = (0, 11)  # the first version of JAX whose transforms use all cores after a product


def advice(version: tuple[int, ...] = jax.__version_info__) -> list[tuple[str, str]]:
    """Pairs of a subject and a line: which method is taken for small problems, and what is slow.

    Args:
        version: Of JAX.
    """
    lines = [
        ("small grid", f"take `DenseStep`, up to {MOST_POINTS} points, for a constant H"),
        (
            "few levels",
            f"`HusimiStep` takes dense matrices if H connects at most {MAX_DENSE_SIDE} number "
            f"states, with baths or C ≠ 1 at most {MAX_DENSE} coefficients; else series",
        ),
    ]
    if version < NEWER:
        name = ".".join(map(str, version))
        lines.append(
            (
                "slow",
                f"JAX {name} runs many transforms on one core (openxla/xla#46345): Python 3.12 or "
                "newer gets JAX 0.12, with split steps 1.5 to 2.5 times as fast on two cores",
            )
        )
    return lines
