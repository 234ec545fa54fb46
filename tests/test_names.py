"""The public names: those of version 0.1, the renamed ones with a warning, and no others."""

import importlib
import importlib.metadata
import importlib.util
import types
import warnings

import pytest

import dqmjax as dqm
from dqmjax import _renamed

OF_VERSION_0_1 = """
AbsorbingEdges AbstractExperiment AbstractLikelihood AbstractPotential AbstractStepper
AbstractSymbol Anharmonic AnharmonicOscillator AtlasStep BoseHubbard CanonicalEnergy
CanonicalStep Characteristics Chebyshev Checkpointed Damped Direct DoubleWell Draws Evolution
FockBargmann FokkerPlanck Free GaugeQuartic GaussianBarrier Grid GridStep Hamiltonian Harmonic
HenonHeiles Heterodyne HiggsPair HusimiStep InUnits InputError Kerr KetStep Levels Lines Morse
OpticalLattice Oscillators ParametricAmplifier Recovery Reversible SaveTimes ScalarField Scheme
SechBarrier Series Slits Snapshots SoftCoulomb Solution Spline SplitStep ThreeWave WignerStep
blanes_moan4 blanes_moan6 bootstrap bracket canonical_equations cat check coherent compare
demo_snapshots deviation eigenstates free_ell from_canonical gaussian ground_state horizon
husimi likelihood_ratio liouville nystrom4 nystrom6 oscillator posterior profile read_snapshots
recover save_times solve squeezed strang to_canonical wigner yoshida4
""".split()  # noqa: SIM905
MODULES = [  # of the table "What is where" in the README of version 0.1
    *("constraints", "design", "fields", "fokker_planck", "heterodyne", "interference"),
    *("observables", "ordering", "phase", "pictures.wigner", "rival", "statistics", "diffusion"),
]


@pytest.mark.parametrize("name", [n for n in OF_VERSION_0_1 if n not in _renamed.NAMES])
def test_public_names_of_version_0_1_are_kept(name):
    with warnings.catch_warnings(action="error"):
        assert getattr(dqm, name) is not None


@pytest.mark.parametrize(("old", "new"), _renamed.NAMES.items())
def test_renamed_names_work_and_name_their_successor(old, new):
    vars(dqm).pop(old, None)  # which the import of that module, in another test, leaves there
    with pytest.warns(DeprecationWarning, match=f"`dqmjax.{old}` is now `dqmjax.{new}`"):
        assert getattr(dqm, old) is getattr(dqm, new)


@pytest.mark.parametrize("module", MODULES)
def test_documented_modules_of_version_0_1_can_be_imported(module):
    with warnings.catch_warnings(action="ignore"):
        assert importlib.import_module(f"dqmjax.{module}")


@pytest.mark.parametrize("name", sorted(dqm._MODULES))
def test_public_modules_are_imported_by_their_public_path(name):
    with warnings.catch_warnings(action="error"):
        assert importlib.import_module(f"dqmjax.{name}") is getattr(dqm, name)


@pytest.mark.parametrize("old", [name for name, homes in _renamed.MODULES.items() if homes])
def test_moved_modules_forward_their_names_and_warn(old):
    finder = _renamed._Finder()
    spec = finder.find_spec(f"dqmjax.{old}")
    assert spec is not None
    module = finder.create_module(spec)
    with pytest.warns(DeprecationWarning, match=f"`dqmjax.{old}` is now `dqmjax."):
        finder.exec_module(module)
    for place in _renamed.MODULES[old]:
        home = importlib.import_module(f"dqmjax.{place}")
        name = next(n for n in vars(home) if not n.startswith("_") and n.islower())
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        module.nothing  # noqa: B018


def test_old_imports_find_what_they_named():
    with warnings.catch_warnings(action="ignore"):
        from dqmjax.heterodyne import sample
        from dqmjax.phase import density
        from dqmjax.pictures.canonical import AtlasStep, CanonicalStep
        from dqmjax.pictures.wigner import smoothed

    assert sample is dqm.readout.sample
    assert (AtlasStep, CanonicalStep) == (dqm.AtlasStep, dqm.CanonicalStep)
    assert callable(density)
    assert callable(smoothed)


def test_dir_lists_public_names_only():
    listed = dir(dqm)
    assert set(OF_VERSION_0_1) - set(_renamed.NAMES) <= set(listed)
    assert not [n for n in listed if n.startswith("_") and n != "__version__"]
    modules = [n for n in listed if isinstance(getattr(dqm, n), types.ModuleType)]
    assert modules == sorted(dqm._MODULES | set(dqm._ON_DEMAND))


def test_no_function_is_shadowed_by_a_module_of_its_name():
    for name in dir(dqm):
        if not isinstance(getattr(dqm, name), types.ModuleType):
            assert importlib.util.find_spec(f"dqmjax.{name}") is None


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="'dqmjax' has no attribute 'nothing'"):
        dqm.nothing  # noqa: B018


def test_version_is_that_of_the_package():
    assert dqm.__version__ == importlib.metadata.version("dqmjax")
