"""What a run returns."""

import os
import warnings
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from ..errors import InputError, InputFileError, is_known, is_traced, require_type
from ..grid import Grid
from ..storage.archive import Archive, as_path, reader, write_archive
from ..storage.trees import flattened, restored
from .status import Reason, Status, is_finite

if TYPE_CHECKING:
    import xarray

KIND, FIELDS = "solution", ("ts", "saved", "final", "status", "error")


class Solution(eqx.Module):
    """What `solve` returns: states, and how far they are to be trusted.

    `saved` contains `save(state)` at each of `ts`, with a leading axis of times, and `final` the
    state at `ts[-1]`. `status` gives the fault of each state and its size, see `Reason`; `error` is
    the estimate of ‖δ‖/‖state‖ at each time, or None if the stepper has no estimate.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> step = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), grid)
        >>> run = dqm.solve(step, dqm.coherent(grid, 1.0), jnp.linspace(0.0, 1.0, 5), substeps=4)
        >>> run.saved.shape, bool(run.error[-1] < 1e-6), bool(run.status.fails.any())
        ((5, 64), True, False)
    """

    ts: Float[Array, " times"]  # save times
    saved: PyTree[Array]  # `save(state)` at every save time, leading axis `times`
    final: PyTree[Array]  # the state at `ts[-1]`
    status: Status  # why and how far each state is not to be trusted
    error: Float[Array, " times"] | None  # estimate of ‖δ‖/‖state‖, if the stepper has one

    @property
    def finite(self) -> Bool[Array, ""]:
        """Whether `final` is finite."""
        _warn_of("finite")
        return is_finite(self.final)

    @property
    def strain(self) -> Float[Array, " times"]:
        """The size of the fault, above 1 beyond its limit."""
        _warn_of("strain")
        return self.status.size

    def save(self, path: str | os.PathLike[str]):
        """Writes everything to a file, whole or not at all; `dqmjax.load` reads it.

        The file is an uncompressed `.npz` with a checksum for each array, and NumPy opens it.

        Args:
            path: The file; it is replaced if it exists.

        Raises:
            InputError: If the solution is traced or contains something else than numbers in
                tuples, lists and dictionaries.
            InputFileError: If the file cannot be written.

        Example:
            >>> grid = dqm.Grid(-8.0, 8.0, 64)
            >>> step = dqm.DenseStep(dqm.Hamiltonian(dqm.Harmonic()), grid)
            >>> run = dqm.solve(step, dqm.coherent(grid, 1.0), jnp.array([0.0, 1.0, 2.0]))
            >>> run.save("run.npz")
            >>> dqm.load("run.npz").ts.tolist()
            [0.0, 1.0, 2.0]
        """
        if not is_known(self):
            raise InputError("`solution` must be known to be saved: save it outside of `jit`.")
        places, arrays = {}, {}
        for name in FIELDS:
            value = getattr(self, name)
            value = (value.reason, value.size) if name == "status" else value
            places[name], more = flattened(name, value)
            arrays |= more
        write_archive(as_path("path", path), KIND, arrays, {"places": places})

    def to_xarray(self, grid: Grid | None = None) -> "xarray.Dataset":
        """What was saved, with names and coordinates, for xarray and netCDF.

        Arrays have the dimension `time`, and where their shape is that of `grid`, its axes: x, y, z
        or x1, x2, …. Status and error are variables, too. Entries of a dictionary keep their names.

        Args:
            grid: That of the states.

        Raises:
            InputError: If xarray is not installed, the solution is traced or a batch, or nothing in
                it is on `grid`.

        Example:
            >>> grid = dqm.Grid(-8.0, 8.0, 64)
            >>> step = dqm.DenseStep(dqm.Hamiltonian(dqm.Harmonic()), grid)
            >>> run = dqm.solve(step, dqm.coherent(grid, 1.0), jnp.array([0.0, 1.0, 2.0]))
            >>> data = run.to_xarray(grid)  # then data.to_netcdf("run.nc", invalid_netcdf=True)
            >>> data.saved.dims
            ('time', 'x')
        """
        try:
            import xarray
        except ImportError:
            raise InputError("xarray is not installed: pip install 'dqmjax[data]'.") from None
        require_type((Grid, type(None)), grid=grid)
        if not is_known(self) or self.ts.ndim != 1:
            raise InputError("`solution` must be one known run, but is traced or a batch.")
        saved = named_leaves("saved", self.saved)
        shapes = [x.shape[1 : 1 + grid.dim] for _, x in saved] if grid is not None else []
        if grid is not None and grid.shape not in shapes:
            raise InputError(f"`grid` must be that of the states, but has shape {grid.shape}.")
        found: dict[str, Any] = {name: _variable(name, x, grid) for name, x in saved}
        found["reason"] = ("time", np.asarray(self.status.reason))
        found["fault_size"] = ("time", np.asarray(self.status.size))
        if self.error is not None:
            found["error"] = ("time", np.asarray(self.error))
        axes = (
            {} if grid is None else dict(zip(_axes(grid), map(np.asarray, grid.axes), strict=True))
        )
        return xarray.Dataset(found, {"time": np.asarray(self.ts), **axes})

    def __repr__(self) -> str:
        if not is_known(self) or self.ts.ndim != 1:
            return eqx.tree_pformat(self)
        state = eqx.tree_pformat(self.final)
        ts, reasons = np.asarray(self.ts), np.asarray(self.status.reason)
        lines = [f"Solution: {ts.size} times from {ts[0]:g} to {ts[-1]:g}, {state}"]
        if self.error is not None:
            lines.append(f"error about {float(self.error[-1]):.0e} at the end")
        if reasons.any():
            first = int(np.argmax(reasons != Reason.OK))
            lines.append(f"From t = {ts[first]:g}: {Reason(reasons[first]).message}")
        return "\n".join(lines)


@reader(KIND)
def _loaded(archive: Archive) -> Solution:
    """The solution in a file."""
    places, arrays = archive.get("places", dict), archive.arrays
    try:
        found = {name: restored(places.get(name), arrays) for name in FIELDS}
        found["status"] = Status(*found["status"])
        solution = Solution(**found)
    except InputError as error:
        raise InputFileError(archive.path, str(error)) from None
    except TypeError:
        raise InputFileError(archive.path, "is no complete solution: write it again.") from None
    times = getattr(solution.ts, "shape", None)
    rows = [solution.saved, solution.status, solution.error]
    if times is None or any(x.shape[: len(times)] != times for x in jax.tree.leaves(rows)):
        raise InputFileError(archive.path, "has other numbers of times in its arrays.")
    return solution


def named_leaves(name: str, tree: PyTree[Array]) -> list[tuple[str, np.ndarray]]:
    """The arrays of a tree by names such as `energy`, from a dictionary, or `saved_0`."""
    found = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        keys = [str(getattr(k, "key", getattr(k, "name", getattr(k, "idx", k)))) for k in path]
        begin = keys if path and isinstance(path[0], jax.tree_util.DictKey) else [name, *keys]
        found.append(("_".join(begin), np.asarray(leaf)))
    return found


def _variable(name: str, array: np.ndarray, grid: Grid | None) -> tuple[list[str], np.ndarray]:
    """An array with the names of its dimensions, time first."""
    inner = array.shape[1:]
    if grid is not None and inner[: grid.dim] == grid.shape:
        rest = [f"{name}_{i}" for i in range(len(inner) - grid.dim)]
        return ["time", *_axes(grid), *rest], array
    return ["time", *(f"{name}_{i}" for i in range(len(inner)))], array


def _axes(grid: Grid) -> list[str]:
    """Names of the axes of a grid."""
    return list("xyz"[: grid.dim]) if grid.dim <= 3 else [f"x{i + 1}" for i in range(grid.dim)]


def _warn_of(name: str):
    text = f"`Solution.{name}` is replaced by `Solution.status`; it will be removed in version 0.3."
    warnings.warn(text, DeprecationWarning, stacklevel=3)


def checked(solution: Solution) -> Solution:
    """`solution`, unless the status of one of its states fails; on the host.

    For solutions that a function under `jax.jit` or `jax.vmap` returns.

    Raises:
        InputError: If `solution` is traced.
        RuntimeError: If a state fails, with the time and the reason.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> step = dqm.DenseStep(dqm.Hamiltonian(dqm.Harmonic()), grid)
        >>> ts = jnp.linspace(0.0, 1.0, 5)
        >>> evolve = jax.jit(lambda psi: dqm.solve(step, psi, ts, throw=False))
        >>> run = dqm.checked(evolve(dqm.coherent(grid, 1.0)))
        >>> round(float(dqm.observables.norm(grid, run.final)), 3)
        1.0
    """
    if is_traced(solution):
        raise InputError("`solution` must be known, but is traced: check what `jax.jit` returns.")
    fails = np.asarray(solution.status.fails)
    if fails.any():
        first = np.unravel_index(np.argmax(fails), fails.shape)
        reason = Reason(int(solution.status.reason[first]))
        where = f"Run {tuple(map(int, first[:-1]))}, t" if fails.ndim > 1 else "At t"
        time = float(np.broadcast_to(np.asarray(solution.ts), fails.shape)[first])
        raise RuntimeError(f"{where} = {time:.6g}: {reason.message}")
    return solution
