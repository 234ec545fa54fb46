"""What the programs of a divided problem exchange, on four H100s.

    JAX_PLATFORMS=cpu python bench/sharded_programs.py

XLA compiles for four H100s; no GPU is needed, and nothing runs. Counted in each loop and outside of
the loops, as each device does them: exchanges between devices by kind with the bytes that one
device has of the result, transforms, kernels, and kernels that only move numbers. `loops` has one
entry for each loop that does such work; `depth` is the number of loops around it.

Needs the plugin of JAX for CUDA, see `dqmjax.benchmark.topologies`. Writes
bench/results/sharded_programs.json.
"""

import argparse
import dataclasses
import json
import math
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

import dqmjax as dqm
from dqmjax import sharding
from dqmjax.benchmark.compiled import counted
from dqmjax.benchmark.topologies import compile_for, mesh_for, shapes_on
from dqmjax.runs.pieces import Observed, Pieces, advanced, prepared

RESULTS = pathlib.Path(__file__).parent / "results" / "sharded_programs.json"
TARGET, COUNT = "h100", 4
TS = np.array([0.0, 0.1, 0.2])
SUBSTEPS = 20


def box(dim: int, n: int, mesh: Mesh | None) -> dqm.Grid:
    return dqm.Grid(
        [-8.0] * dim, [8.0] * dim, (n,) * dim, mesh=mesh if mesh and mesh.size > 1 else None
    )


def driven(x, t):
    """V(x, t)."""
    return jnp.sum(x**2) / 2 + 0.1 * x[0] * jnp.sin(t)


def static_stepper(grid: dqm.Grid, w=1.1):
    return dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(w)), grid, dqm.strang)


def driven_stepper(grid: dqm.Grid):
    return dqm.SplitStep(dqm.Hamiltonian(driven), grid, dqm.strang)


def final(stepper, psi, adjoint: Any = dqm.Direct()):  # noqa: B008
    return dqm.solve(stepper, psi, TS, substeps=SUBSTEPS, throw=False, adjoint=adjoint).final


@dataclasses.dataclass
class Program:
    """A function with the shapes of its arguments and how they are divided."""

    function: Callable
    arguments: list[Any]
    parts: list[PartitionSpec]
    state: int  # bytes of a whole state


def wave(dim: int, n: int, mesh: Mesh, stepper: Callable = static_stepper) -> Program:
    """ψ to its last time."""
    grid = box(dim, n, mesh)
    psi = jax.ShapeDtypeStruct(grid.shape, jnp.result_type(complex))
    size = psi.size * psi.dtype.itemsize
    run = lambda psi: final(stepper(grid), psi)
    return Program(run, [psi], [PartitionSpec(mesh.axis_names)], size)


def gradient(dim: int, n: int, mesh: Mesh) -> Program:
    """Of a potential energy to the frequency and to ψ."""
    grid = box(dim, n, mesh)
    trap = dqm.Hamiltonian(dqm.Harmonic(1.0))

    def loss(w, psi):
        last = final(static_stepper(grid, w), psi, dqm.Reversible())
        return dqm.observables.potential_energy(trap, grid, last)

    found = wave(dim, n, mesh)
    w = jax.ShapeDtypeStruct((), jnp.result_type(float))
    return Program(
        jax.grad(loss, argnums=(0, 1)), [w, *found.arguments], [PartitionSpec(), *found.parts],
        found.state,
    )  # fmt: skip


def batch(length: int, mesh: Mesh, how: str) -> Program:
    """Many frequencies on a line of 256 points."""
    line = box(1, 256, None)

    def run(w):
        return final(static_stepper(line, w), dqm.gaussian(line, 0.3, 0.8))

    function = sharding.batched(run, mesh) if how == "batched" else jax.vmap(run)
    ws = jax.ShapeDtypeStruct((length,), jnp.result_type(float))
    return Program(function, [ws], [PartitionSpec(mesh.axis_names)], 16 * 256 * length)


def coefficients(cutoff: tuple[int, ...], text: str, mesh: Mesh) -> Program:
    """Husimi coefficients by the series."""
    basis = dqm.FockBargmann(cutoff)
    stepper = dqm.HusimiStep(dqm.FokkerPlanck(dqm.operator(text)), basis)
    rho = jax.ShapeDtypeStruct(basis.levels, jnp.result_type(complex))
    run = lambda rho: dqm.solve(stepper, rho, TS, throw=False).final
    return Program(run, [rho], [PartitionSpec(mesh.axis_names)], rho.size * rho.dtype.itemsize)


def programs(mesh: Mesh) -> Iterator[tuple[str, Callable[[], Program]]]:
    """All that are compiled by `compile_for`."""
    for dim, n in ((2, 256), (3, 64)):
        yield f"Strang, V(x), {n}^{dim}", lambda d=dim, n=n: wave(d, n, mesh)
        yield f"Strang, V(x, t), {n}^{dim}", lambda d=dim, n=n: wave(d, n, mesh, driven_stepper)
        yield (
            f"Strang, V(x), Reversible gradient, {n}^{dim}",
            lambda d=dim, n=n: gradient(d, n, mesh),
        )
    series = lambda grid: dqm.Chebyshev(dqm.Hamiltonian(dqm.Harmonic(1.1)), grid)
    for dim, n in ((2, 256), (3, 64)):
        yield f"Chebyshev, {n}^{dim}", lambda d=dim, n=n: wave(d, n, mesh, series)
    for how in ("batched", "vmap"):
        yield f"Strang, V(x), 512 lines of 256, {how}", lambda how=how: batch(512, mesh, how)
    one, two = "n + 0.2*n*n + 0.1*(a + ad)", "n1 + 0.2*n2*n2 + 0.1*(a1 + ad1)*(a2 + ad2)"
    yield "Husimi, 128 levels", lambda: coefficients((128,), one, mesh)
    yield "Husimi, 16² levels", lambda: coefficients((16, 16), two, mesh)


def chunk(n: int, mesh: Mesh) -> tuple[Any, int]:
    """The program that `dqm.run` calls again and again, and the bytes of a whole state.

    Its arguments are divided as `prepared`, compiled for the same devices, returns them.
    """
    grid = box(3, n, mesh)
    stepper, times, observed = static_stepper(grid), dqm.save_times(TS), Observed(None)
    psi = jax.ShapeDtypeStruct(grid.shape, jnp.result_type(complex))
    size = psi.size * psi.dtype.itemsize
    psi = shapes_on(mesh, psi, PartitionSpec(mesh.axis_names))

    begun = lambda psi: prepared(stepper, psi, times, SUBSTEPS, observed)[:2]
    arrays, rest = eqx.partition(eqx.filter_eval_shape(begun, psi), is_shape)
    program = compile_for(TARGET, COUNT, lambda psi: eqx.filter(begun(psi), eqx.is_array), [psi])
    places = jax.tree.leaves(program.output_shardings)
    leaves = [
        shapes_on(mesh, leaf, place.spec)
        for leaf, place in zip(jax.tree.leaves(arrays), places, strict=True)
    ]
    arrays = jax.tree.unflatten(jax.tree.structure(arrays), leaves)
    pieces = Pieces.of(times, SUBSTEPS, math.prod(grid.shape))
    lengths = pieces.lengths
    pieces = jax.tree.map(jnp.asarray, pieces.part(0, len(pieces.end)))

    def call(arrays, pieces, most):
        steps, reached = eqx.combine(arrays, rest)
        chunk = advanced(steps, reached, pieces, most, observed, None, lengths)
        return eqx.filter(chunk, eqx.is_array)

    return compile_for(TARGET, COUNT, call, [arrays, pieces, jnp.asarray(0)]), size


def is_shape(leaf) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct)


def row(compiled, state: int, seconds: float) -> dict[str, Any]:
    """The counts of a program, its memory, and whether a device gathers a whole state."""
    outside, *loops = counted(compiled.as_text())
    memory = compiled.memory_analysis()
    gathered = max(one.largest["all-gather"] for one in (outside, *loops))
    return {
        "state_bytes": state,
        "gathers_a_state": gathered >= state,
        "outside": outside.row(),
        "loops": [one.row() for one in loops],
        "argument_bytes": memory.argument_size_in_bytes,
        "temporary_bytes": memory.temp_size_in_bytes,
        "output_bytes": memory.output_size_in_bytes,
        "compile_s": round(seconds, 1),
    }


def show(name: str, found: dict[str, Any]):
    if "error" in found:
        print(f"{name}: does not compile: {found['error']}")
        return
    print(f"{name}: temporaries {found['temporary_bytes'] / found['state_bytes']:.2f} states")
    for where in (found["outside"], *found["loops"]):
        exchanges = ", ".join(
            f"{number} {kind} ({where['exchanged'][kind]} B)"
            for kind, number in where.get("exchanges", {}).items()
        )
        print(
            f"  depth {where['depth']}: {where['transforms']} transforms, {where['kernels']} "
            f"kernels ({where['moves']} moves); {exchanges or 'no exchange'}"
            f"{'; ' + str(dict(where['calls'])) if 'calls' in where else ''}"
        )


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="programs whose name contains this text")
    only = parser.parse_args().only
    jax.config.update("jax_enable_x64", True)
    mesh = mesh_for(TARGET, COUNT)
    rows: dict[str, Any] = {
        "target": f"{COUNT} x NVIDIA H100 80GB HBM3, compiled only",
        "jax": jax.__version__,
        "precision": "double",
    }

    def compiled(make: Callable[[], Program]):
        one = make()
        return compile_for(TARGET, COUNT, one.function, one.arguments, one.parts), one.state

    every: list[tuple[str, Callable]] = [
        (name, lambda make=make: compiled(make)) for name, make in programs(mesh)
    ]
    every.append(("dqm.run, a call, Strang, V(x), 64^3", lambda: chunk(64, mesh)))
    for name, make in every:
        if only not in name:
            continue
        begin = time.perf_counter()
        try:
            program, state = make()
            rows[name] = row(program, state, time.perf_counter() - begin)
        except jax.errors.JaxRuntimeError as error:
            rows[name] = {"error": str(error).splitlines()[0]}
        show(name, rows[name])
    if not only:
        RESULTS.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
