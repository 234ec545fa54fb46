"""Imports between the folders of the package point downwards only."""

import ast
from pathlib import Path

import pytest

import dqmjax

ROOT = Path(dqmjax.__file__).parent
LAYERS = [  # lowest first; those in one row do not import each other
    {"errors", "interrupt", "products", "splines"},
    {"sharding"},
    {"storage", "user_function"},
    {"grid", "quantum_statistics"},
    {"evolution"},
    {"runs"},
    {"wave"},
    {"canonical", "phase_space"},
    {"fock_bargmann", "data"},
    {"experiments", "trajectories"},
    {"recovery"},
    {"plot", "benchmark"},
    {"scenario", "viewer"},
    {"cli"},
]
FREE = {"__init__", "_renamed"}  # the package's own face
FILES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem not in FREE)


def room(path: Path) -> str:
    """The folder, or the file at the top, that a file belongs to."""
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imports(path: Path) -> list[tuple[str, str]]:
    """What a file imports from the package: room and name."""
    package = ("dqmjax", *path.relative_to(ROOT).parts[:-1])
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, node.module or ""]).strip(".")
            names = [(base if base != "dqmjax" else f"dqmjax.{a.name}", a.name) for a in node.names]
        else:
            continue
        found += [(base.split(".")[1], n) for base, n in names if base.startswith("dqmjax.")]
    return found


def test_every_room_has_its_layer():
    assert sorted(r for row in LAYERS for r in row) == sorted({room(path) for path in FILES})


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down_and_are_public(path):
    depth = next(i for i, row in enumerate(LAYERS) if room(path) in row)
    below = set().union(*LAYERS[:depth])
    for source, name in imports(path):
        if source != room(path):
            assert source in below
            assert not name.startswith("_")


def test_only_plot_imports_matplotlib():
    users = {room(path) for path in FILES if "matplotlib" in path.read_text()}
    assert users == {"plot", "cli"}  # by name in `info`
