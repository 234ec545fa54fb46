"""How fast this machine is: kernels beside the floors of the same run, errors beside times."""

from .files import compare, read, table
from .kernels import Case, Work
from .suite import run
from .timing import measure

__all__ = ["Case", "Work", "compare", "measure", "read", "run", "table"]
