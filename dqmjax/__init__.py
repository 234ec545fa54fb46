"""Quantum dynamics in three pictures from one differentiable Hamiltonian."""

import importlib as _importlib
import importlib.metadata as _metadata
import sys as _sys
from types import ModuleType as _Module

from . import (
    _renamed,
    interrupt as _interrupt,  # noqa: F401  # before what takes long to import
    quantum_statistics as quantum_statistics,
    sharding as sharding,
    trajectories as trajectories,
)
from .canonical import (
    background as background,
    fields as fields,
    ordinary_diffusion as ordinary_diffusion,
    polar as polar,
)
from .canonical.atlas import AtlasStep as AtlasStep
from .canonical.energy import (
    CanonicalEnergy as CanonicalEnergy,
    bracket as bracket,
    canonical_equations as canonical_equations,
)
from .canonical.polar import from_canonical as from_canonical, to_canonical as to_canonical
from .canonical.split_step import CanonicalStep as CanonicalStep
from .data.abstract import AbstractData as AbstractData
from .data.counting import Parity as Parity, PhotonNumbers as PhotonNumbers
from .data.likelihood import AbstractLikelihood as AbstractLikelihood
from .data.plausibility import DataWarning as DataWarning
from .data.reading import read_data as read_data
from .data.samples import Samples as Samples
from .data.series import Lines as Lines, Series as Series
from .data.snapshots import (
    Snapshots as Snapshots,
    demo_snapshots as demo_snapshots,
    read_snapshots as read_snapshots,
)
from .data.writing import write_data as write_data
from .errors import InputError as InputError
from .evolution.adjoint import (
    Checkpointed as Checkpointed,
    Direct as Direct,
    Reversible as Reversible,
)
from .evolution.envelopes import Interpolated as Interpolated, Pulse as Pulse
from .evolution.horizon import horizon as horizon
from .evolution.schemes import (
    Scheme as Scheme,
    blanes_moan4 as blanes_moan4,
    blanes_moan6 as blanes_moan6,
    nystrom4 as nystrom4,
    nystrom6 as nystrom6,
    strang as strang,
    yoshida4 as yoshida4,
)
from .evolution.solution import Solution as Solution, checked as checked
from .evolution.solve import solve as solve
from .evolution.status import Reason as Reason, Status as Status
from .evolution.stepper import AbstractStepper as AbstractStepper
from .evolution.times import SaveTimes as SaveTimes, save_times as save_times
from .experiments.abstract import AbstractExperiment as AbstractExperiment, Guess as Guess
from .experiments.detector import Detector as Detector
from .experiments.evolution import Evolution as Evolution
from .experiments.levels import Levels as Levels
from .experiments.phase_space import (
    Heterodyne as Heterodyne,
    PhaseSpaceExperiment as PhaseSpaceExperiment,
)
from .experiments.preparations import (
    AbstractPreparation as AbstractPreparation,
    Cat as Cat,
    Coherent as Coherent,
    Squeezed as Squeezed,
    Thermal as Thermal,
)
from .experiments.tomography import Unknown as Unknown
from .fock_bargmann import readout as readout
from .fock_bargmann.basis import FockBargmann as FockBargmann, cutoff_for as cutoff_for
from .fock_bargmann.correlations import (
    correlation as correlation,
    g2 as g2,
    spectrum as spectrum,
)
from .fock_bargmann.grid_step import GridStep as GridStep
from .fock_bargmann.levels import levels as levels, operator_matrix as operator_matrix
from .fock_bargmann.moving_frame import MovingFrame as MovingFrame
from .fock_bargmann.steady_state import SteadyState as SteadyState, steady_state as steady_state
from .fock_bargmann.steps import HusimiStep as HusimiStep, KetStep as KetStep
from .fock_bargmann.truncation import deviation as deviation
from .grid import Grid as Grid
from .phase_space import ordering as ordering
from .phase_space.catalogue import (
    AnharmonicOscillator as AnharmonicOscillator,
    BoseHubbard as BoseHubbard,
    Kerr as Kerr,
    Oscillators as Oscillators,
    ParametricAmplifier as ParametricAmplifier,
    ThreeWave as ThreeWave,
)
from .phase_space.constraints import check as check, free_ell as free_ell
from .phase_space.driven import Driven as Driven
from .phase_space.field_theory import (
    GaugeQuartic as GaugeQuartic,
    HiggsPair as HiggsPair,
    ScalarField as ScalarField,
)
from .phase_space.fokker_planck import FokkerPlanck as FokkerPlanck
from .phase_space.liouville import Characteristics as Characteristics, liouville as liouville
from .phase_space.of_wave import husimi as husimi, wigner as wigner
from .phase_space.open_system import Damped as Damped, Jump as Jump, Open as Open
from .phase_space.operators import Operator as Operator, operator as operator
from .phase_space.ordering import from_qutip as from_qutip, from_terms as from_terms
from .phase_space.symbols import AbstractSymbol as AbstractSymbol, InUnits as InUnits
from .phase_space.wigner import WignerStep as WignerStep
from .recovery import design as design
from .recovery.calibration import Calibration as Calibration, calibrate as calibrate
from .recovery.comparison import compare as compare, likelihood_ratio as likelihood_ratio
from .recovery.discovery import Discovery as Discovery, discover as discover
from .recovery.prior import NormalPrior as NormalPrior
from .recovery.recover import recover as recover, update as update
from .recovery.result import Recovery as Recovery
from .recovery.uncertainty import (
    bootstrap as bootstrap,
    posterior as posterior,
    profile as profile,
    propagate as propagate,
)
from .runs.run import Interrupted as Interrupted, run as run
from .storage.archive import load as load
from .storage.folder import CheckpointWarning as CheckpointWarning
from .wave import interference as interference, observables as observables
from .wave.chebyshev import Chebyshev as Chebyshev
from .wave.dense import DenseStep as DenseStep
from .wave.ground_density import GroundState as GroundState, ground_density as ground_density
from .wave.hamiltonian import Hamiltonian as Hamiltonian
from .wave.potentials import (
    AbsorbingEdges as AbsorbingEdges,
    AbstractPotential as AbstractPotential,
    Anharmonic as Anharmonic,
    DoubleWell as DoubleWell,
    Free as Free,
    GaussianBarrier as GaussianBarrier,
    Harmonic as Harmonic,
    HenonHeiles as HenonHeiles,
    Morse as Morse,
    OpticalLattice as OpticalLattice,
    SechBarrier as SechBarrier,
    Slits as Slits,
    SoftCoulomb as SoftCoulomb,
    Spline as Spline,
)
from .wave.spectrum import eigenstates as eigenstates, ground_state as ground_state
from .wave.split_step import SplitStep as SplitStep
from .wave.states import (
    cat as cat,
    coherent as coherent,
    gaussian as gaussian,
    oscillator as oscillator,
    squeezed as squeezed,
)

__version__ = _metadata.version("dqmjax")
_ON_DEMAND = ("benchmark", "plot")  # importing matplotlib takes as long as the rest
_MODULES = {  # those that are public
    "background",
    "design",
    "fields",
    "interference",
    "observables",
    "ordering",
    "ordinary_diffusion",
    "polar",
    "quantum_statistics",
    "readout",
    "sharding",
    "trajectories",
}
_renamed.install()
for _name in _MODULES:  # so that `from dqmjax.fields import ledger` works, as with `os.path`
    _sys.modules[f"{__name__}.{_name}"] = globals()[_name]


def __getattr__(name: str):
    if name in _ON_DEMAND:
        return _importlib.import_module(f".{name}", __name__)
    return _renamed.lookup(name)


def __dir__() -> list[str]:
    """The public names."""
    is_public = lambda name, value: (
        name in _MODULES or not (name.startswith("_") or isinstance(value, _Module))
    )
    public = {name for name, value in globals().items() if is_public(name, value)}
    return sorted(public | {"__version__", *_ON_DEMAND})
