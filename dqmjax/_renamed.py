"""Names of version 0.1: they still work and name their successors. Removed in version 0.3."""

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
import warnings

NAMES = {  # of the package
    "Draws": "Samples",
    "bench": "benchmark",
    "diffusion": "ordinary_diffusion",
    "heterodyne": "readout",
    "phase": "polar",
    "statistics": "quantum_statistics",
}
MODULES = {  # that pages of version 0.1 named, and where their contents are now
    "adjoint": ("evolution.adjoint",),
    "bench": ("benchmark",),
    "constraints": ("phase_space.constraints",),
    "dataset": ("data.snapshots",),
    "diffusion": ("canonical.ordinary_diffusion",),
    "experiments": (
        "experiments.abstract",
        "experiments.evolution",
        "experiments.levels",
        "experiments.phase_space",
    ),
    "fock": ("fock_bargmann.basis",),
    "fokker_planck": ("phase_space.fokker_planck", "phase_space.open_system"),
    "functionals": ("canonical.energy",),
    "heterodyne": ("fock_bargmann.readout",),
    "likelihood": ("data.likelihood",),
    "measurements": ("data.series",),
    "phase": ("canonical.polar", "grid"),
    "pictures": (),
    "pictures.canonical": ("canonical.split_step", "canonical.atlas"),
    "pictures.husimi": ("fock_bargmann.steps", "fock_bargmann.grid_step"),
    "pictures.liouville": ("phase_space.liouville",),
    "pictures.schrodinger": ("wave.split_step", "wave.chebyshev"),
    "pictures.wigner": ("phase_space.wigner",),
    "potentials": ("wave.potentials",),
    "rival": ("fock_bargmann.truncation",),
    "splitting": ("evolution.schemes",),
    "states": ("wave.states", "phase_space.of_wave"),
    "statistics": ("quantum_statistics",),
    "symbols": ("phase_space.symbols", "phase_space.catalogue"),
}
PACKAGE = __name__.rpartition(".")[0]


def lookup(name: str):
    """The attribute `name` of the package in version 0.1, with a warning.

    Raises:
        AttributeError: If there was none.
    """
    if name in NAMES:
        _warn(f"{PACKAGE}.{name}", [f"{PACKAGE}.{NAMES[name]}"], level=4)
        return getattr(sys.modules[PACKAGE], NAMES[name])
    if name in MODULES:
        _warn(f"{PACKAGE}.{name}", [f"{PACKAGE}.{place}" for place in MODULES[name]], level=4)
        with warnings.catch_warnings(action="ignore"):
            return importlib.import_module(f"{PACKAGE}.{name}")
    raise AttributeError(f"module {PACKAGE!r} has no attribute {name!r}")


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports an old module as one that looks its names up where they are now."""

    def find_spec(self, fullname, path=None, target=None):
        package, _, name = fullname.partition(".")
        if package == PACKAGE and name in MODULES:
            is_package = name == "pictures"
            return importlib.machinery.ModuleSpec(fullname, self, is_package=is_package)
        return None

    def create_module(self, spec):
        return types.ModuleType(spec.name)

    def exec_module(self, module):
        places = MODULES[module.__name__.partition(".")[2]]
        homes = [importlib.import_module(f"{PACKAGE}.{place}") for place in places]
        if homes:
            _warn(module.__name__, [home.__name__ for home in homes], level=3)

        def attribute(name: str):
            for home in homes:
                if hasattr(home, name):
                    return getattr(home, name)
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        module.__dict__["__getattr__"] = attribute


def _warn(old: str, new: list[str], *, level: int):
    text = f"`{old}` is now `{'` and `'.join(new)}`; the old name will be removed in version 0.3."
    warnings.warn(text, DeprecationWarning, stacklevel=level)


def install():
    """Makes the old modules importable."""
    sys.meta_path.append(_Finder())
