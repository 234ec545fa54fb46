"""A model of Strang steps on many devices: memory, bytes and time. Nothing is measured.

    JAX_PLATFORMS=cpu python bench/scaling.py

The counts are those of the program that XLA compiles for H100s; the rates are public figures of the
devices. A slab is the part of ψ that one device has. One step does

- two Fourier transforms. Each axis is one pass: a read and a write of the slab;
- a kick, which reads ψ and its phases and writes ψ, and a drift, whose phases are small;
- on several devices two exchanges of all parts (all-to-all), and before and after each of them a
  copy that orders the parts.

Exchanges and computation follow each other. The time that a message needs to start is left out, so
that times of small messages are lower bounds. The model is compared with programs compiled for up
to 16 H100s, for which the plugin of JAX for CUDA is needed, see `dqmjax.benchmark.topologies`.
Writes bench/results/scaling.json.
"""

import argparse
import json
import pathlib
from collections.abc import Iterator
from typing import Any

from dqmjax.benchmark.compiled import RATES

RESULTS = pathlib.Path(__file__).parent / "results" / "scaling.json"
SIZES = (512, 1024, 2048, 4096)  # points per axis
DEVICES = (1, 2, 4, 8, 16, 64, 256, 512)
POWERS = tuple(2**k for k in range(10))
ITEM = {"single": 8, "double": 16}  # bytes of a complex number
MEMORY_RATE = RATES["h100"].memory  # bytes/s
LINK_RATE = 450e9  # bytes/s in one direction; NVLink 4: 900 GB/s in both (same data sheet)
NODE_RATE = 50e9  # bytes/s of each GPU between nodes: 400 Gb/s each (NVIDIA's DGX H100 user guide)
PER_NODE = 8  # GPUs that NVLink connects
CAPACITY = 80e9  # bytes
MOST_POINTS = 2**31  # that `Grid` allows on a device
DIM, TRANSFORMS, EXCHANGES = 3, 2, 2  # of one step
KICK, DRIFT = 3, 2  # arrays that are read or written
PHASES, ANGLES, BUFFERS = 2, 0.5, 1  # slabs of temporaries: two kicks, V dt/ħ, the transform
SETUP = {"single": 1, "double": 0}  # slabs, while phases are computed, as found in the programs
WORKSPACE = 1  # slabs that cuFFT allocates; not part of XLA's plan, an assumption
CHECKED = [(64, 4), (128, 4), (512, 1), (512, 4), (512, 16)]  # points per axis, devices
SHOWN = (8, 64, 512)  # devices in the table
SMALL = 2**18  # bytes of a message, below which its start may take longer


def slab(n: int, precision: str, devices: int) -> float:
    """Bytes of ψ on one device."""
    return n**DIM * ITEM[precision] / devices


def temporaries(n: int, precision: str, devices: int) -> float:
    """Bytes that XLA plans besides argument and result."""
    return (PHASES + ANGLES + BUFFERS + SETUP[precision]) * slab(n, precision, devices)


def memory(n: int, precision: str, devices: int) -> float:
    """Bytes on one device: argument, result, temporaries and the work space of the transforms."""
    return temporaries(n, precision, devices) + (2 + WORKSPACE) * slab(n, precision, devices)


def passes(devices: int) -> int:
    """How often a step reads or writes the slab in the memory of a device."""
    alone = TRANSFORMS * DIM * 2 + KICK + DRIFT
    exchange = 2 + 2 * 2  # itself, and a copy before and after
    return alone + (EXCHANGES * exchange if devices > 1 else 0)


def exchanged(n: int, precision: str, devices: int) -> float:
    """Bytes of the arrays that the exchanges of one step have on one device."""
    return EXCHANGES * slab(n, precision, devices) if devices > 1 else 0.0


def sent(n: int, precision: str, devices: int) -> float:
    """Bytes that one device sends in a step."""
    return exchanged(n, precision, devices) * (devices - 1) / devices


def times(n: int, precision: str, devices: int) -> tuple[float, float]:
    """Seconds of a step in the memory of a device, and in the network.

    Messages within a node and between nodes go at the same time.
    """
    near = min(devices, PER_NODE) - 1
    each = exchanged(n, precision, devices) / devices  # to one other device
    network = max(each * near / LINK_RATE, each * (devices - 1 - near) / NODE_RATE)
    return passes(devices) * slab(n, precision, devices) / MEMORY_RATE, network


def fits(n: int, precision: str, devices: int) -> bool:
    """Whether the problem is possible on so many devices."""
    is_small = n**DIM / devices < MOST_POINTS
    return n % devices == 0 and is_small and memory(n, precision, devices) <= CAPACITY


def row(n: int, precision: str, devices: int) -> dict[str, Any]:
    """All predictions of one case."""
    inside, network = times(n, precision, devices)
    alone = sum(times(n, precision, 1))
    return {
        "points_per_axis": n,
        "precision": precision,
        "devices": devices,
        "fits": fits(n, precision, devices),
        "slab_bytes": slab(n, precision, devices),
        "memory_bytes": memory(n, precision, devices),
        "memory_traffic_bytes": passes(devices) * slab(n, precision, devices),
        "sent_bytes": sent(n, precision, devices),
        "message_bytes": exchanged(n, precision, devices) / EXCHANGES / devices,
        "memory_s": inside,
        "network_s": network,
        "step_s": inside + network,
        "dominates": "network" if network > inside else "memory",
        "efficiency": alone / (devices * (inside + network)),
    }


def fewest(n: int, precision: str) -> int | None:
    """The smallest power of two of devices on which the problem fits."""
    return next((count for count in POWERS if fits(n, precision, count)), None)


def checked(n: int, devices: int, precision: str) -> dict[str, Any]:
    """The same numbers in a program that is compiled for H100s."""
    import jax
    from sharded_programs import TARGET, counted, wave

    from dqmjax.benchmark.topologies import compile_for, mesh_for

    with jax.enable_x64(precision == "double"):
        one = wave(DIM, n, mesh_for(TARGET, devices))
        program = compile_for(TARGET, devices, one.function, one.arguments, one.parts)
    step = counted(program.as_text() or "")[-1]
    plan: Any = program.memory_analysis()
    found = {
        "temporary_bytes": plan.temp_size_in_bytes,
        "exchanged_bytes": step.exchanged["all-to-all"],
        "exchanges": step.exchanges["all-to-all"],
        "transforms": step.transforms,
        "moves": step.moves,
        "kernels": step.kernels,
    }
    expected = temporaries(n, precision, devices), exchanged(n, precision, devices)
    return {
        "points_per_axis": n,
        "devices": devices,
        "precision": precision,
        **found,
        "temporaries_over_model": found["temporary_bytes"] / expected[0],
        "exchanged_over_model": found["exchanged_bytes"] / expected[1] if devices > 1 else None,
    }


def _time(seconds: float) -> str:
    return f"{1e3 * seconds:.2g}" if seconds < 0.1 else f"{1e3 * seconds:.0f}"


def table(report: dict[str, Any]) -> Iterator[str]:
    """The table of docs/many_devices.md."""
    cells = lambda *values: f"| {' | '.join(values)} |"
    rows = {
        (one["points_per_axis"], one["precision"], one["devices"]): one for one in report["rows"]
    }
    heads = [f"ms on {count}" for count in SHOWN]
    yield cells("points", "precision", "ψ, GB", "fewest devices", "GB on each", *heads)
    yield "|" + "---|" * (5 + len(SHOWN))
    for n in SIZES:
        for precision in ITEM:
            least = report["fewest"][f"{n}, {precision}"]
            on_each = memory(n, precision, least) / 1e9
            size = rows[n, precision, 1]["slab_bytes"] / 1e9
            found = [rows[n, precision, count] for count in SHOWN]
            shown = [
                (_time(one["step_s"]) + (" \\*" if one["message_bytes"] < SMALL else ""))
                if one["fits"]
                else "–"
                for one in found
            ]
            yield cells(f"{n}³", precision, f"{size:.0f}", str(least), f"{on_each:.0f}", *shown)
    some = [rows[SIZES[0], "single", count] for count in SHOWN]
    shares = [f"{100 * one['efficiency']:.0f} %" for one in some]
    yield cells("parallel efficiency", "", "", "", "", *shares)
    parts = [f"{100 * one['network_s'] / one['step_s']:.0f} %" for one in some]
    yield cells("share of the network", "", "", "", "", *parts)


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.parse_args()
    report: dict[str, Any] = {
        "assumptions": {
            "memory_bytes_per_s": MEMORY_RATE,
            "nvlink_bytes_per_s": LINK_RATE,
            "between_nodes_bytes_per_s": NODE_RATE,
            "devices_per_node": PER_NODE,
            "capacity_bytes": CAPACITY,
            "passes_of_one_device": passes(1),
            "passes_of_several": passes(2),
        },
        "rows": [row(n, p, count) for n in SIZES for p in ITEM for count in DEVICES],
        "fewest": {f"{n}, {p}": fewest(n, p) for n in SIZES for p in ITEM},
        "checks": [checked(n, count, p) for p in ITEM for n, count in CHECKED],
    }
    RESULTS.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    print("\n".join(table(report)))
    for one in report["checks"]:
        print(
            f"{one['points_per_axis']}³ on {one['devices']}, {one['precision']}: temporaries "
            f"{one['temporaries_over_model']:.4f}, exchanged {one['exchanged_over_model']} of the "
            f"model; {one['exchanges']} exchanges, {one['transforms']} transforms, "
            f"{one['moves']} moves, {one['kernels']} kernels"
        )


if __name__ == "__main__":
    main()
