"""Writes the tables of measurements in the README and in docs/, from the files in bench/results.

A table stands between the comments `<!-- NAME -->` and `<!-- end -->`. Run `python docs/tables.py`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WAVES = {
    "dqmjax Blanes–Moan Runge–Kutta–Nyström 6": "`SplitStep` (default: order 6)",
    "dqmjax Chebyshev": "`Chebyshev`",
    "dqmjax Strang": "`SplitStep` with `strang`",
    "fftw": "a hand-written Strang loop, FFTW on two threads",
    "qmsolve": "qmsolve 2.0 (Strang) †",
    "pytalises": "pytalises 0.2.7 (Strang) †",
    "pygpe": "PyGPE 2.0.4 (Strang), NumPy",
    "wavepacket": "WavePacket 0.5 (Chebyshev)",
}
METHODS = {
    "dqmjax KetStep": "`KetStep`",
    "dynamiqs": "dynamiqs 0.3.7",
    "QuTiP sesolve": "QuTiP 5.3.1 `sesolve`",
    "dqmjax HusimiStep": "`HusimiStep`",
    "QuTiP mesolve": "QuTiP 5.3.1 `mesolve`",
}
SHOWN = {
    "Strang, V(x), 1-D": "Strang, 4096 points",
    "Strang, V(x), 2-D": "Strang, 512²",
    "Strang, V(x), 3-D": "Strang, 128³",
    "Strang, V(x, t), 3-D": "Strang, V(x, t), 128³",
    "Strang, 64 frequencies": "Strang, 64 frequencies on 256 points",
    "Nyström 6, V(x), 2-D": "Nyström 6, 512²",
    "Strang, Reversible": "its gradient by `Reversible`, Strang, 512²",
    "Chebyshev, 2-D": "`Chebyshev`, 512², with two terms of its series",
    "dense, 256": "`DenseStep`, 256 points",
    "(ρ, S), 2-D": "(ρ, S), 512²",
    "Wigner": "`WignerStep`, 256²",
    "Husimi, blocks, 48": "`HusimiStep`, Kerr, 48 levels",
    "Husimi, two modes, 12²": "`HusimiStep`, dimer of 12² levels",
    "Husimi, damped, 48": "`HusimiStep`, damped, 48 levels",
    "Husimi, open, 32": "`HusimiStep`, jumps, 32 levels, series",
    "Husimi, driven, 48": "`HusimiStep`, driven, 48 levels",
    "kets, two modes, 12²": "`KetStep`, dimer of 12² levels",
    "moving frame, Husimi": "`MovingFrame` of `HusimiStep`",
    "recovery, Jacobian": "Jacobian of a recovery, per time",
    "Bohm's particles": "Bohm's particles",
}
FORMS = ("compact", "of rho", "of its root", "of its root and the current", "of its log", "atlas")
CASES = {
    "kerr": ("Kerr snapshots, no guess", {"interaction": "U", "omega": "ω", "C": "C"}),
    "kerr_rescaled": ("the same in rescaled units, ℓ free", {"ell": "ℓ", "C": "C"}),
    "dimer": (
        "Bose–Hubbard dimer, 1500 scattered points, no guess",
        {"tunnelling": "J", "interaction": "U", "C": "C", "ell_1": "ℓ₁", "ell_2": "ℓ₂"},
    ),
    "dimer_of_quantum_mechanics": (
        "the same, C = 1 and ℓ = 1 known",
        {"tunnelling": "J", "interaction": "U"},
    ),
    "trimer": (
        "Bose–Hubbard trimer, 1000 scattered points, C = 1 known, no guess",
        {"tunnelling": "J", "interaction": "U"},
    ),
    "scalar_field": (
        "three waves of a φ⁴ field, no guess \\*",
        {"coupling": "λ", "ell_1": "ℓ₁", "ell_2": "ℓ₂", "ell_3": "ℓ₃"},
    ),
    "double_well": ("double well, ρ(x, t) at ten times", {"depth": "D", "half_distance": "a"}),
    "diffusion": ("(ρ, S) spreading, 1 % noise", {"hbar": "ħ/m"}),
    "lines": ("six levels of an anharmonic oscillator", {"omega": "ω", "quartic": "λ"}),
}


def _row(*cells) -> str:
    return f"| {' | '.join(re.sub(r'(?<=e-)0', '', str(cell)) for cell in cells)} |"


def _two(x: float) -> str:
    """Two digits, no exponent."""
    return np.format_float_positional(float(f"{x:.1e}"), trim="-")


def _head(*cells) -> Iterator[str]:
    yield _row(*cells)
    yield "|" + "---|" * len(cells)


def _seconds(entry: dict | None) -> str:
    if not entry or entry["seconds"] is None:
        return "–"
    return _two(entry["seconds"]) + (" \\*" if entry["how"] == "extrapolated" else "")


def _read(name: str) -> dict:
    return json.loads((RESULTS / f"{name}.json").read_text())


def waves() -> Iterator[str]:
    """Seconds to an error of 1e-8."""
    cases = _read("accuracy_vs_cost")["time_to"]
    yield from _head("", "1-D, 128", "2-D, 128²", "3-D, 48³")
    measured = {name for times in cases.values() for name in times}
    for name, label in ((n, label) for n, label in WAVES.items() if n in measured):
        yield _row(label, *(_seconds(times.get(name, {}).get("1e-08")) for times in cases.values()))


def dimer() -> Iterator[str]:
    """Seconds to three errors."""
    yield from _chain("dimer", "1e-04", "1e-08", "1e-12")


def three_modes() -> Iterator[str]:
    """The same for kets of three modes."""
    yield from _chain("three modes", "1e-04", "1e-06", "1e-08")


def damped() -> Iterator[str]:
    """The same for densities of three modes with loss."""
    yield from _chain("damped", "1e-04", "1e-06", "1e-08")


def _chain(case: str, *errors: str) -> Iterator[str]:
    times = _read("husimi")["cases"][case]["time_to"]
    yield from _head("", *errors)
    for name, label in METHODS.items():
        if name in times:
            yield _row(label, *(_seconds(times[name][error]) for error in errors))


def open_systems() -> Iterator[str]:
    """Gradients over values, and the scan beside QuTiP."""
    rows = _read("open_systems")
    yield from _head("", "value, s", "gradient, s", "gradient / value")
    cases = {
        "pulse": "200 amplitudes of a pulse on a dimer, kets of 8² levels",
        "damped": "the drive of a damped Kerr oscillator, 30² coefficients, t = 40",
    }
    for case, label in cases.items():
        value, gradient = (rows[case][key]["min_s"] for key in ("value", "gradient"))
        yield _row(label, _two(value), _two(gradient), f"{rows[case]['ratio']:.1f}")


def forms() -> Iterator[str]:
    """Errors of the forms of an energy; empty where no step converges."""
    heads = ("⟨ψ\\|Ĥ\\|ψ⟩, as `CanonicalEnergy`", "of ∂ρ, ∂S", "of ∂√ρ, ∂S", "of ∂√ρ, current")
    yield from _head("ρ_min/ρ_max", *heads, "of ∂ ln ρ, ∂S", "`AtlasStep`")
    for row in _read("canonical")["forms"]:
        none = "fails" if row["contrast"] else "–"
        cells = (none if row[form] is None else f"{row[form]:.0e}" for form in FORMS)
        yield _row(f"{row['contrast']:.0e}" if row["contrast"] else "0, a node", *cells)


def recovery() -> Iterator[str]:
    """A line for each parameter."""
    report = _read("recovery")
    yield from _head("case", "true", "start", "recovered − true", "σ", "Jacobians", "seconds")
    for case, (title, chosen) in CASES.items():
        row = report[case]
        costs = row["jacobians"], f"{row['seconds_cpu_with_compilation']:.0f}"
        for name, label in chosen.items():
            p = row["parameters"][name]
            error = f"{p['recovered'] - p['true']:.0e}"
            true = f"{label} = {p['true']:.6g}"
            yield _row(title, true, f"{p['start']:.6g}", error, f"{p['stderr']:.0e}", *costs)
            title, costs = "", ("", "")


STUDIES = {
    "from_coherent": "coherent state, samples",
    "from_squeezed": "squeezed state, samples",
    "from_cat": "cat state, samples",
    "with_detector": "efficiency and noise fitted, samples on and off",
    "counted": "driven, counted quanta",
}


def calibration() -> Iterator[str]:
    """Pulls and the least p of each simulation-based calibration."""
    report = _read("calibration")
    yield from _head("Kerr oscillator", "data sets", "described", "mean pulls", "widths", "least p")
    for case, label in STUDIES.items():
        row = report[case]
        spans = (
            f"{min(row[key].values()):.2f} to {max(row[key].values()):.2f}"
            for key in ("pull_mean", "pull_width")
        )
        least = min(row["p"], key=row["p"].get)
        found = f"{row['p'][least]:.2g} ({least}, of {len(row['p'])})"
        yield _row(label, row["draws"], row["described"], *spans, found)


def rejected() -> Iterator[str]:
    """How many wrong models are called wrong."""
    yield from _head("data and model", "data sets", "rejected")
    for name, row in _read("calibration")["wrong"].items():
        if isinstance(row, dict):
            yield _row(name, row["draws"], row["called_wrong"])


def machine() -> Iterator[str]:
    """What `dqmjax bench` found."""
    yield from _head(
        "kernel", "size", "precision", "ms", "ns per point and step", "× lower bound", "error"
    )
    for row in _read("machine_cpu")["kernels"]:
        size = row.get("shape", f"{row.get('points')} points")
        size += f", {row['batch']} at once" if "batch" in row else ""
        each = _two(row["ns_per_update"]) if "ns_per_update" in row else ""
        over = f"{row['over_floor']:.1f}, {row['floor']}" if "floor" in row else ""
        yield _row(
            row["kernel"],
            size,
            row.get("precision", "double"),
            _two(1e3 * row["min_s"]),
            each,
            over,
            f"{row['error']:.0e}",
        )


def programs() -> Iterator[str]:
    """What XLA compiles for an H100, per step; nothing ran."""
    report = _read("programs_h100")
    yield from _head(
        "program, double precision", "transforms", "kernels", "copies", "round trips", "MB", "µs"
    )
    for row in report["programs"]:
        if "error" in row or row["precision"] != "double" or row["program"] not in SHOWN:
            continue
        step, least = row["step"], "" if row["is_complete"] else "≥ "
        counts = (f"{step[name]:.0f}" for name in ("transforms", "kernels", "copies"))
        waits = least + _two(step["round_trips"]) if step["round_trips"] else "0"
        moved, time = (least + _two(x) for x in (step["bytes"] / 1e6, step["s"] * 1e6))
        yield _row(SHOWN[row["program"]], *counts, waits, moved, time)


_ALL = (
    waves,
    forms,
    recovery,
    calibration,
    rejected,
    dimer,
    three_modes,
    damped,
    open_systems,
    machine,
    programs,
)
TABLES = {table.__name__: table for table in _ALL}
PLACE = re.compile(rf"(<!-- ({'|'.join(TABLES)}) -->\n\n)(?:(?!<!--).)*(?=<!-- end -->)", re.DOTALL)


def names(page: str) -> list[str]:
    """The tables that the page contains."""
    return [name for _, name in PLACE.findall(page)]


def written(page: str) -> str:
    """The page, its tables replaced by those of the current results."""
    return PLACE.sub(lambda m: m[1] + "\n".join(TABLES[m[2]]()) + "\n\n", page)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(written(path.read_text()))
