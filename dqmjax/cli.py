"""The command `dqmjax` and the folders that it writes. It contains no physics."""

import argparse
import importlib.metadata
import importlib.resources
import io
import os
import pathlib
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from . import interrupt

os.environ.setdefault("MPLBACKEND", "Agg")  # figures go to files, so no display is needed

import jax
import jax.numpy as jnp

from .data.abstract import AbstractData
from .data.plausibility import DataWarning
from .data.reading import read_data
from .data.snapshots import Snapshots, demo_snapshots
from .data.writing import write_data
from .errors import InputError
from .experiments.candidates import STATES, State
from .experiments.detector import Detector
from .experiments.examples import KINDS, TRUTH, example
from .experiments.models import MODELS
from .experiments.tomography import Unknown
from .phase_space.formula import parsed, without_mark
from .phase_space.operators import one_line
from .recovery.recover import recover
from .storage.output import whole_directory, write_json

RECOVERED = ("result.json", "report.html", "posterior.png", "snapshots.png")
BENCHMARK = ("bench.json",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: Words after `dqmjax`; by default those of the process.

    Returns:
        The exit status: 0 on success, 1 if the model does not describe the data or cannot be
        tested, 2 for bad input, 130 after Ctrl-C.
    """
    jax.config.update("jax_enable_x64", True)
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    options.command = shlex.join(["dqmjax", *arguments])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # for names that its encoding does not have
            stream.reconfigure(errors="backslashreplace")
    try:
        status = options.run(options)
        sys.stdout.flush()
        return status
    except InputError as error:
        print(f"dqmjax: {error}", file=sys.stderr)
        return 2
    except MemoryError:
        print("dqmjax: the memory is too small for this problem: take fewer data", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(interrupt.MESSAGE, file=sys.stderr)
        return interrupt.INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="dqmjax",
        description="Differentiable quantum dynamics: simulate, recover parameters, measure.",
        epilog="`dqmjax COMMAND --help` lists the options of a command.",
    )
    parser.add_argument("--version", action="version", version=importlib.metadata.version("dqmjax"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        _add_demo,
        _add_simulate,
        _add_recover,
        _add_example,
        _add_notebooks,
        _add_bench,
        _add_info,
    ):
        add(commands)
    return parser


def _add_demo(commands):
    summary = "recover a Kerr oscillator from the snapshots in the package"
    demo = commands.add_parser("demo", help=summary, description=_sentence(summary))
    _add_output(demo, "dqmjax-demo")
    demo.set_defaults(run=_demo)


def _add_recover(commands):
    summary = "recover parameters from a snapshot file"
    recovery = commands.add_parser(
        "recover",
        help=summary,
        description=f"{_sentence(summary)} Writes result.json, report.html and figures. The exit "
        "status is 0 if the model describes the data, 1 if it does not or cannot be tested, 2 for "
        "bad input.",
    )
    recovery.add_argument("file", metavar="FILE", help="data (.npz, .csv, .tsv, .h5, .nc)")
    model = recovery.add_mutually_exclusive_group(required=True)
    model.add_argument("--model", choices=MODELS, help="a model by name")
    model.add_argument(
        "--hamiltonian",
        dest="model",
        type=_hamiltonian,
        metavar="TEXT",
        help="a model by its Hamiltonian, such as 'omega*n + U/2*n*(n-1)'; all names are fitted",
    )
    with_unit = "of a parameter, also with a unit, such as omega=2*pi*5MHz"
    _add_repeated(recovery, "--start", "NAME=VALUE", f"initial value {with_unit}", _assignment)
    _add_repeated(recovery, "--fix", "NAME=VALUE", f"fixed value {with_unit}", _assignment)
    free = "fit a constant of the model or the detector, such as ell or efficiency"
    _add_repeated(recovery, "--free", "NAME", free, str)
    recovery.add_argument(
        "--state",
        type=_state,
        default="coherent",
        metavar="KIND",
        help=f"initial state: {', '.join(STATES)}, or unknown:RANK (default: coherent)",
    )
    detector = "efficiency, noise, gain or rotation of the detector"
    _add_repeated(recovery, "--detector", "NAME=VALUE", detector, _assignment)
    recovery.add_argument("--off", metavar="FILE", help="data with the signal off, to calibrate it")
    recovery.add_argument("--units", metavar="UNIT", help="unit of time of the data, such as us")
    _add_repeated(recovery, "--column", "NAME=COLUMN", "what the file calls a column", _naming)
    recovery.add_argument(
        "--cutoff",
        type=int,
        metavar="LEVELS",
        help="Fock levels for each mode (default: chosen from the data)",
    )
    recovery.add_argument(
        "--checkpoint",
        type=_folder,
        metavar="DIR",
        help="folder for finished stages, from which the same command continues after a kill",
    )
    _add_output(recovery, "dqmjax-recovered")
    recovery.set_defaults(run=_recover)


def _add_simulate(commands):
    summary = "run the simulation that a scenario file describes"
    simulation = commands.add_parser(
        "simulate",
        help=summary,
        description=f"{_sentence(summary)} Writes result.json, solution.npz, a table and figures. "
        "The exit status is 0 on success, 1 if the state becomes invalid, 2 for bad input, 130 "
        "after Ctrl-C. An interrupted run can be resumed.",
    )
    simulation.add_argument("file", metavar="SCENARIO", help="scenario (.toml)")
    _add_output(simulation, "dqmjax-simulated")
    resume = "continue an unfinished run in DIR, also after the process was killed"
    simulation.add_argument("--resume", action="store_true", help=resume)
    dry_run = "check the scenario and print what would be done; write nothing"
    simulation.add_argument("--dry-run", action="store_true", help=dry_run)
    simulation.set_defaults(run=_simulate)


def _add_example(commands):
    summary = "write a small data file of a kind"
    shown = commands.add_parser("example", help=summary, description=_sentence(summary))
    shown.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    shown.add_argument("file", metavar="FILE", help=".csv, .npz, .h5 or .nc")
    shown.set_defaults(run=_example)


def _add_notebooks(commands):
    summary = "copy the notebooks of the package into a folder"
    shown = commands.add_parser("notebooks", help=summary, description=_sentence(summary))
    shown.add_argument("folder", metavar="DIR", type=_folder, help="it is created if necessary")
    shown.set_defaults(run=_notebooks)


def _add_repeated(command, flag: str, metavar: str, summary: str, parse: Callable):
    text = f"{summary}; may be repeated"
    command.add_argument(flag, metavar=metavar, type=parse, action="append", default=[], help=text)


def _add_bench(commands):
    summary = "measure the run time of every kernel on this machine"
    bench = commands.add_parser(
        "bench",
        help=summary,
        description=f"{_sentence(summary)} Each is compared with a lower bound: the time that its "
        "Fourier transforms, memory accesses or matrix products take alone. Writes bench.json.",
    )
    bench.add_argument("--quick", action="store_true", help="small sizes only, about a minute")
    bench.add_argument("--device", choices=("cpu", "gpu", "tpu"), help="default: JAX chooses")
    bench.add_argument(
        "--compare",
        nargs=2,
        metavar=("OLD", "NEW"),
        help="compare two reports (.json) instead of measuring",
    )
    bench.add_argument(
        "--compile-for",
        choices=("h100", "v5e"),
        help="count what XLA compiles for this device, which need not be here, instead of "
        "measuring; writes compiled.json",
    )
    _add_output(bench, "dqmjax-bench")
    bench.set_defaults(run=_bench)


def _add_info(commands):
    summary = "show versions, devices and precision"
    info = commands.add_parser("info", help=summary, description=_sentence(summary))
    info.set_defaults(run=_info)


def _add_output(command, folder: str):
    command.add_argument(
        "--out",
        type=_folder,
        default=pathlib.Path(folder),
        metavar="DIR",
        help="output folder (default: %(default)s)",
    )
    command.add_argument("--quiet", action="store_true", help="print no progress on standard error")


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."


def _folder(text: str) -> pathlib.Path:
    if not text.strip() or "\0" in text:
        raise argparse.ArgumentTypeError("DIR must name a folder; `.` is the current one")
    return pathlib.Path(text)


def _assignment(text: str) -> tuple[str, float | str]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        if name and re.fullmatch(r"[\w.+*/() -]*\d[\w.+*/() -]*[^\W\d_][\w.+*/() -]*", value):
            return name, value  # with a unit, judged with the data
        raise argparse.ArgumentTypeError(f"{text!r} must be NAME=VALUE, such as C=1") from None


def _naming(text: str) -> tuple[str, str]:
    name, _, column = text.partition("=")
    if not name or not column:
        raise argparse.ArgumentTypeError(f"{text!r} must be NAME=COLUMN, such as q=I")
    return name, column


def _state(text: str) -> State:
    kind, _, rank = text.partition(":")
    if kind == "unknown" and rank.isdecimal():
        return Unknown(int(rank))
    if text in STATES:
        return text
    raise argparse.ArgumentTypeError(
        f"{text!r} must be one of {', '.join(STATES)}, or unknown:RANK"
    )


def _hamiltonian(text: str) -> str:
    try:
        parsed(one_line(text))
    except InputError as error:
        raise argparse.ArgumentTypeError(without_mark(error)) from None
    return text


def _once(assignments: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in assignments]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"parameter {name!r} is given twice: remove one of the values.")
    return dict(assignments)


def _demo(options) -> int:
    data = demo_snapshots()
    print(
        f"Data: {len(data.t)} snapshots of a Kerr oscillator at {len(data.points)} points, with "
        f"{data.shots} detections at each, made by another simulator."
    )
    return _report(data, options, model="kerr")


def _recover(options) -> int:
    reading = {"columns": _once(options.column), "time_unit": options.units}
    data = _read(options.file, **reading)
    fix, start = _once(options.fix), _once(options.start)
    detector, known = _detector(options, start)
    return _report(
        data,
        options,
        model=options.model,
        start=start,
        fix=known | fix,
        free=[name for name in options.free if detector is None or not hasattr(detector, name)],
        cutoff=options.cutoff,
        checkpoint=options.checkpoint,
        state=options.state,
        detector=detector,
        off=None if options.off is None else _read(options.off, **reading),
    )


def _simulate(options) -> int:
    from .scenario import building, checking, command  # only this command needs them

    _devices()
    job = building.build(checking.read_scenario(options.file))
    command.require_free(options.out, options.resume)
    print(command.plan(job))
    if options.dry_run:
        return 0
    again = ["dqmjax", "simulate", options.file, "--out", str(options.out), "--resume"]
    interrupt.advice[:] = [f"continue with: {shlex.join(again)}"]
    try:
        names = command.carry_out(
            job, options.out, resume=options.resume, progress=not options.quiet, warn=_warn
        )
    except (command.Unfinished, KeyboardInterrupt):
        print(interrupt.message(), file=sys.stderr)
        return interrupt.INTERRUPTED
    except RuntimeError as error:
        print(f"dqmjax: {error}", file=sys.stderr)
        return 1
    finally:
        interrupt.advice.clear()
    print(f"Wrote {', '.join(names)} to {options.out}")
    return 0


def _warn(message: str):
    print(f"dqmjax: warning: {message}", file=sys.stderr)


def _read(path: str, **reading) -> AbstractData:
    """The data, with warnings as single lines."""
    with warnings.catch_warnings(record=True, action="always", category=DataWarning) as found:
        data = read_data(path, **reading)
    for warning in found:
        _warn(str(warning.message))
    return data


def _detector(options, start: dict) -> tuple[Detector | None, dict[str, float]]:
    """The detector, and those of its numbers that are known: all that are not freed."""
    given = _once(options.detector)
    if not given:
        return None, {}
    names = ("efficiency", "noise", "gain", "rotation")
    for name, value in given.items():
        if name not in names or isinstance(value, str):
            raise InputError(f"`--detector` must give {', '.join(names)}, but has {name}={value}.")
    free = {name for name in given if name in options.free or name in start}
    known = {name: value for name, value in given.items() if name not in free}
    detector = Detector(**{name: jnp.asarray(value) for name, value in given.items()})
    return detector, known


def _example(options) -> int:
    write_data(example(options.kind), options.file)
    print(f"Wrote {options.file}, drawn from {TRUTH}")
    return 0


def _notebooks(options) -> int:
    source = importlib.resources.files("dqmjax") / "notebooks"
    books = [entry for entry in source.iterdir() if entry.name.endswith(".ipynb")]
    texts = {entry.name: entry.read_text("utf-8") for entry in books}
    with whole_directory(options.folder) as folder:
        for name in texts:
            if (options.folder / name).exists():
                raise InputError(
                    f"`DIR` must not contain notebooks of these names, but {options.folder} has "
                    f"{name}: name another folder."
                )
        for name, text in texts.items():
            (folder / name).write_text(text, "utf-8")
    print(f"Wrote {len(texts)} notebooks to {options.folder}")
    return 0


def _report(data: AbstractData, options, **problem) -> int:
    """Recovers, prints the table, and writes numbers and figures (all files or none)."""
    _devices()
    with whole_directory(options.out, RECOVERED) as folder:
        result = recover(data, progress=_progress(options), **problem)
        print(result)
        _write(folder, data, result, options.command)
        names = sorted(p.name for p in folder.iterdir())
    print(f"Wrote {', '.join(names)} to {options.out}")
    return 0 if result.goodness.describes_data else 1


def _progress(options) -> Callable[[str], None] | None:
    return None if options.quiet else lambda line: print(line, file=sys.stderr, flush=True)


def _write(folder: pathlib.Path, data: AbstractData, result, command: str):
    from . import plot
    from .viewer.report import report

    write_json(folder / "result.json", result.to_json())
    (folder / "report.html").write_text(report(result, command), encoding="utf-8")
    plot.posterior(result).savefig(folder / "posterior.png", dpi=120)
    if isinstance(data, Snapshots) and data.modes == 1:
        plot.snapshots(data, result.prediction).savefig(folder / "snapshots.png", dpi=120)


def _bench(options) -> int:
    from . import benchmark  # imported here because no other command needs it

    if options.compile_for:
        return _bench_compiled(options)
    if options.compare:
        print(benchmark.compare(*map(benchmark.read, options.compare)))
        return 0
    with whole_directory(options.out, BENCHMARK) as folder:
        report = benchmark.run(options.quick, options.device, _progress(options))
        print(benchmark.table(report))
        write_json(folder / "bench.json", report)
    print(f"Wrote bench.json to {options.out}")
    return 0


def _bench_compiled(options) -> int:
    from .benchmark import prediction

    for name in ("device", "quick", "compare"):
        if getattr(options, name):
            raise InputError(
                f"`--compile-for` measures nothing and must be without `--{name}`: give one of "
                "the two."
            )
    with whole_directory(options.out) as folder:
        report = prediction.predict(options.compile_for, _progress(options))
        print(prediction.table(report))
        write_json(folder / "compiled.json", report)
    print(f"Wrote compiled.json to {options.out}")
    return 1 if prediction.failed(report) else 0


def _info(options) -> int:
    from .benchmark.advice import advice

    for package in ("dqmjax", "jax", "jaxlib", "equinox", "numpy", "scipy", "matplotlib"):
        print(f"{package:<11} {importlib.metadata.version(package)}")
    print(f"{'python':<11} {sys.version.split()[0]}")
    for device in _devices():
        print(f"{'device':<11} {device.platform}: {device.device_kind}")
    print(f"{'dtype':<11} float64 (command line; in Python set jax_enable_x64)")
    for subject, line in advice():
        print(f"{subject:<11} {line}")
    return 0


def _devices() -> list:
    """What JAX computes on."""
    try:
        return jax.devices()
    except (RuntimeError, AssertionError):  # the latter if JAX_PLATFORMS names an absent one
        platforms = os.environ.get("JAX_PLATFORMS")
        raise InputError(
            f"JAX_PLATFORMS is {platforms!r}, but JAX finds no such device: unset it or install "
            "the version of JAX for that device."
        ) from None


if __name__ == "__main__":
    sys.exit(main())
