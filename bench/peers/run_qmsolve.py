"""qmsolve: Strang's splitting with NumPy, in one and two dimensions.

Its momenta are spaced by 2π/L · N/(N − 1) and rounded at their ends, so that no step is small
enough for an error below some percent; they are set right here, as is its grid of points.
"""

import contextlib
import io

import numpy as np
from ladder import main, squared_waves, steps_from
from qmsolve import Hamiltonian, SingleParticle, TimeSimulation


def prepare(given):
    lower, upper, potential = float(given["lower"]), float(given["upper"]), given["V"]
    hamiltonian = Hamiltonian(
        SingleParticle(), lambda _: potential, potential.shape[0], upper - lower, potential.ndim
    )
    simulation = TimeSimulation(hamiltonian, method="split-step")
    simulation.method.p2 = np.fft.fftshift(squared_waves(potential, lower, upper))

    def run(steps):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            total = float(given["time"])
            simulation.run(lambda _: given["start"], total, total / steps, store_steps=1)
        return simulation.Ψ[-1]

    return run


main(prepare, steps_from(16))
