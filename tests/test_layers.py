"""Imports point downwards only."""

import ast
from pathlib import Path

import pytest

import dqmjax

ROOT = Path(dqmjax.__file__).parent
LAYERS = [  # lowest first; those in one row do not import each other
    {"errors"},
    {"statistics", "likelihood"},
    {
        "grid",
        "stepper",
        "splitting",
        "gauss_legendre",
        "adjoint",
        "ladder",
        "polynomials",
        "measurements",
        "parameters",
    },
    {"phase", "dataset", "goodness"},
    {
        "chebyshev",
        "exponentials",
        "symbols",
        "potentials",
        "states",
        "interference",
        "diffusion",
        "fokker_planck",
        "solve",
    },
    {"hamiltonian", "generators", "field_symbols", "ordering"},
    {"observables", "split_flow", "fock", "horizon", "constraints"},
    {"spectrum", "fields", "functionals", "weak_form", "pictures.schrodinger"},
    {
        "pictures.canonical",
        "pictures.husimi",
        "pictures.liouville",
        "pictures.wigner",
        "heterodyne",
    },
    {"rival", "experiments", "preparation", "models"},
    {"problem"},
    {"fitting", "descent", "multistart", "report"},
    {"weak_start"},
    {"recovery", "uncertainty", "comparison", "design"},
    {"plot.style", "plot.charts", "plot.animation"},
    {"plot.phase_space", "plot.waves"},
    {"plot.recovered"},
    {"bench.timing", "bench.kernels"},
    {"bench.floors"},
    {"bench.suite"},
    {"bench.files"},
    {"cli"},
]
MODULES = sorted(
    ".".join(p.relative_to(ROOT).with_suffix("").parts)
    for p in ROOT.rglob("*.py")
    if p.name != "__init__.py"
)


def imported(module: str) -> set[str]:
    """Modules of the package that `module` imports, however it spells them."""
    tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text())
    package = ("dqmjax." + module).split(".")[:-1]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, node.module or ""]).strip(".")
            names = [base, *(f"{base}.{a.name}" for a in node.names)]
        else:
            continue
        found |= {n.removeprefix("dqmjax.") for n in names if n.startswith("dqmjax.")}
    return found & set(MODULES)


def test_every_module_has_its_layer():
    assert sorted(m for row in LAYERS for m in row) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    depth = next(i for i, row in enumerate(LAYERS) if module in row)
    assert imported(module) <= set().union(*LAYERS[:depth])


def test_only_plot_imports_matplotlib():
    users = [
        m for m in MODULES if "matplotlib" in (ROOT / (m.replace(".", "/") + ".py")).read_text()
    ]
    assert {m for m in users if not m.startswith("plot.")} <= {"cli"}  # which names it in `info`
