"""How much memory a run needs, and how much there is."""

import os
from typing import Any

import jax

GIBI = 2**30


def of_program(compiled) -> int:
    """Bytes on the device that a compiled program needs, as XLA states them."""
    found = compiled.memory_analysis()
    if found is None:
        return 0
    held = found.argument_size_in_bytes + found.output_size_in_bytes - found.alias_size_in_bytes
    return held + found.temp_size_in_bytes


def of_device(device: Any) -> int:
    """Bytes that a device has."""
    stats = device.memory_stats() if device.platform != "cpu" else None
    return stats["bytes_limit"] if stats and "bytes_limit" in stats else of_host()


def of_host() -> int:
    """Bytes of the main memory; very many where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return 2**62


def size_of(tree) -> int:
    """Bytes of the arrays of a tree, or of their shapes."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def as_text(size: int) -> str:
    """A number of bytes with its unit."""
    return f"{size / GIBI:.3g} GiB"
