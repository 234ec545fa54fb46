"""How fast this machine is: run time, error and lower bound of the run time of each kernel."""

from .files import compare, read, table
from .kernels import Case, Work
from .suite import row, run
from .timing import Timing, measure

__all__ = ["Case", "Timing", "Work", "compare", "measure", "read", "row", "run", "table"]
