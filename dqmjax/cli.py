"""The command `dqmjax`. No physics here."""

import argparse
import importlib.metadata
import os
import pathlib
import sys
from collections.abc import Sequence

os.environ.setdefault("MPLBACKEND", "Agg")  # files only; a window would need a screen

import jax

from .data.snapshots import Snapshots, demo_snapshots, read_snapshots
from .errors import InputError
from .output import whole_directory, write_json
from .recovery.models import MODELS
from .recovery.recover import recover


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. 0 on success, 1 if no model describes the data, 2 on bad input."""
    jax.config.update("jax_enable_x64", True)
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except InputError as error:
        print(f"dqmjax: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        self.exit(2, f"{self.prog}: {message} (--help tells more)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="dqmjax", description="Differentiable quantum dynamics.")
    parser.add_argument("--version", action="version", version=importlib.metadata.version("dqmjax"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="recover a Kerr oscillator from packaged snapshots")
    demo.set_defaults(run=_demo)

    command = commands.add_parser("recover", help="recover parameters from a snapshot file")
    command.add_argument("file", metavar="FILE", help="snapshots (.npz)")
    command.add_argument("--model", required=True, help=f"one of: {', '.join(MODELS)}")
    for flag, text in (("--start", "begin there"), ("--fix", "hold it there")):
        command.add_argument(
            flag, metavar="NAME=VALUE", type=_assignment, action="append", default=[], help=text
        )
    command.add_argument(
        "--free",
        metavar="NAME",
        action="append",
        default=[],
        help="free what the model holds, such as ell",
    )
    command.add_argument("--cutoff", type=int, metavar="LEVELS", help="Fock levels per mode")
    command.set_defaults(run=_recover)

    bench = commands.add_parser("bench", help="measure this machine, beside its floors")
    bench.add_argument("--quick", action="store_true", help="small sizes: about a minute")
    bench.add_argument("--device", choices=("cpu", "gpu", "tpu"), help="default: what JAX takes")
    bench.add_argument(
        "--compare", nargs=2, metavar=("OLD", "NEW"), help="measure nothing; two reports (.json)"
    )
    bench.set_defaults(run=_bench)

    folders = {demo: "dqmjax-demo", command: "dqmjax-recovered", bench: "dqmjax-bench"}
    for sub, folder in folders.items():
        sub.add_argument(
            "--out", type=pathlib.Path, default=folder, metavar="DIR", help="default: %(default)s"
        )
        sub.add_argument("--quiet", action="store_true", help="no progress on standard error")

    info = commands.add_parser("info", help="versions, devices and precision")
    info.set_defaults(run=_info)
    return parser


def _assignment(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} must be NAME=VALUE, as in C=1") from None


def _once(assignments: list[tuple[str, float]]) -> dict[str, float]:
    names = [name for name, _ in assignments]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"parameter {name!r} is given twice: drop one.")
    return dict(assignments)


def _demo(options) -> int:
    data = demo_snapshots()
    print(
        f"A Kerr oscillator, simulated elsewhere: {len(data.t)} snapshots at {len(data.points)} "
        f"points, {data.shots} detections at each."
    )
    return _report(data, options, model="kerr")


def _recover(options) -> int:
    data = read_snapshots(options.file)
    return _report(
        data,
        options,
        model=options.model,
        start=_once(options.start),
        fix=_once(options.fix),
        free=options.free,
        cutoff=options.cutoff,
    )


def _report(data: Snapshots, options, **problem) -> int:
    """Recovers, prints the table, and writes numbers and figures, all or none."""
    progress = None if options.quiet else lambda line: print(line, file=sys.stderr, flush=True)
    with whole_directory(options.out) as folder:
        result = recover(data, progress=progress, **problem)
        print(result)
        _write(folder, data, result)
        names = sorted(p.name for p in folder.iterdir())
    print(f"Written: {', '.join(names)} in {options.out}")
    return 0 if result.goodness.describes_data else 1


def _write(folder: pathlib.Path, data: Snapshots, result):
    from . import plot

    write_json(folder / "result.json", result.to_json())
    plot.posterior(result).savefig(folder / "posterior.png", dpi=120)
    if data.modes == 1:
        plot.snapshots(data, result.prediction).savefig(folder / "snapshots.png", dpi=120)


def _bench(options) -> int:
    from . import benchmark  # here, for nothing else needs it

    if options.compare:
        print(benchmark.compare(*map(benchmark.read, options.compare)))
        return 0
    say = (lambda _: None) if options.quiet else lambda line: print(line, file=sys.stderr)
    with whole_directory(options.out) as folder:
        report = benchmark.run(options.quick, options.device, say)
        print(benchmark.table(report))
        write_json(folder / "bench.json", report)
    print(f"Written: bench.json in {options.out}")
    return 0


def _info(options) -> int:
    for package in ("dqmjax", "jax", "jaxlib", "equinox", "numpy", "scipy", "matplotlib"):
        print(f"{package:<11} {importlib.metadata.version(package)}")
    print(f"{'python':<11} {sys.version.split()[0]}")
    try:
        for device in jax.devices():
            print(f"{'device':<11} {device.platform}: {device.device_kind}")
    except (RuntimeError, AssertionError):  # the latter where JAX_PLATFORMS names what is absent
        wanted = os.environ.get("JAX_PLATFORMS")
        raise InputError(f"JAX_PLATFORMS is {wanted!r}, but JAX finds no such device.") from None
    print(f"{'dtype':<11} float64 (the command line; in Python as jax_enable_x64 says)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
