"""Quantum dynamics in three pictures from one differentiable Hamiltonian."""

from .dataset import (
    Snapshots as Snapshots,
    demo_snapshots as demo_snapshots,
    read_snapshots as read_snapshots,
)
from .errors import InputError as InputError
from .fock import FockBargmann as FockBargmann
from .grid import Grid as Grid
from .pictures.husimi import FokkerPlanck as FokkerPlanck, HusimiStep as HusimiStep
from .recovery import recover as recover
from .report import Recovery as Recovery
from .solve import (
    SaveTimes as SaveTimes,
    Solution as Solution,
    save_times as save_times,
    solve as solve,
)
from .stepper import AbstractStepper as AbstractStepper
from .symbols import AbstractSymbol as AbstractSymbol, InUnits as InUnits, Kerr as Kerr
