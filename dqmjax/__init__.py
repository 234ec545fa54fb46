"""Quantum dynamics in three pictures from one differentiable Hamiltonian."""

import importlib

from .adjoint import Checkpointed as Checkpointed, Direct as Direct, Reversible as Reversible
from .comparison import compare as compare, likelihood_ratio as likelihood_ratio
from .constraints import check as check, free_ell as free_ell
from .dataset import (
    Snapshots as Snapshots,
    demo_snapshots as demo_snapshots,
    read_snapshots as read_snapshots,
)
from .errors import InputError as InputError
from .experiments import (
    AbstractExperiment as AbstractExperiment,
    Evolution as Evolution,
    Heterodyne as Heterodyne,
    Levels as Levels,
)
from .field_symbols import (
    GaugeQuartic as GaugeQuartic,
    HiggsPair as HiggsPair,
    ScalarField as ScalarField,
)
from .fock import FockBargmann as FockBargmann
from .fokker_planck import Damped as Damped, FokkerPlanck as FokkerPlanck
from .functionals import (
    CanonicalEnergy as CanonicalEnergy,
    bracket as bracket,
    canonical_equations as canonical_equations,
)
from .grid import Grid as Grid
from .hamiltonian import Hamiltonian as Hamiltonian
from .horizon import horizon as horizon
from .likelihood import AbstractLikelihood as AbstractLikelihood
from .measurements import Draws as Draws, Lines as Lines, Series as Series
from .phase import from_canonical as from_canonical, to_canonical as to_canonical
from .pictures.canonical import AtlasStep as AtlasStep, CanonicalStep as CanonicalStep
from .pictures.husimi import (
    GridStep as GridStep,
    HusimiStep as HusimiStep,
    KetStep as KetStep,
)
from .pictures.liouville import Characteristics as Characteristics, liouville as liouville
from .pictures.schrodinger import Chebyshev as Chebyshev, SplitStep as SplitStep
from .pictures.wigner import WignerStep as WignerStep
from .potentials import (
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
from .recovery import recover as recover
from .report import Recovery as Recovery
from .rival import deviation as deviation
from .solve import (
    SaveTimes as SaveTimes,
    Solution as Solution,
    save_times as save_times,
    solve as solve,
)
from .spectrum import eigenstates as eigenstates, ground_state as ground_state
from .splitting import (
    Scheme as Scheme,
    blanes_moan4 as blanes_moan4,
    blanes_moan6 as blanes_moan6,
    nystrom4 as nystrom4,
    nystrom6 as nystrom6,
    strang as strang,
    yoshida4 as yoshida4,
)
from .states import (
    cat as cat,
    coherent as coherent,
    gaussian as gaussian,
    husimi as husimi,
    oscillator as oscillator,
    squeezed as squeezed,
    wigner as wigner,
)
from .stepper import AbstractStepper as AbstractStepper
from .symbols import (
    AbstractSymbol as AbstractSymbol,
    AnharmonicOscillator as AnharmonicOscillator,
    BoseHubbard as BoseHubbard,
    InUnits as InUnits,
    Kerr as Kerr,
    Oscillators as Oscillators,
    ParametricAmplifier as ParametricAmplifier,
    ThreeWave as ThreeWave,
)
from .uncertainty import (
    bootstrap as bootstrap,
    posterior as posterior,
    profile as profile,
)


def __getattr__(name: str):
    """`plot` and `bench`, imported when first asked for: matplotlib takes as long as the rest."""
    if name in ("plot", "bench"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
