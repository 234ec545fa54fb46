"""pytalises: Strang's splitting with FFTW and numexpr.

Its momenta are spaced by 2π/(L − dx) in place of 2π/L, so that no step is small enough for an
error below a percent; they are set right here.
"""

import numpy as np
import pytalises
from ladder import main, steps_from

HBAR = 1.054571817e-34  # its unit of mass, so that ħ/m = 1


def prepare(given):
    lower, upper, shape = float(given["lower"]), float(given["upper"]), given["V"].shape
    spacing = (upper - lower) / shape[0]
    names = "xyz"[: len(shape)]
    potential = "+".join(f"({x}**2/2+0.1*{x}**4)" for x in names)

    def run(steps):
        psi = pytalises.Wavefunction("0*x", shape, [(lower, upper - spacing)] * len(shape), m=HBAR)
        psi.kmesh = [k * (1 - 1 / n) for k, n in zip(psi.kmesh, shape, strict=False)]
        psi.kmesh += [np.zeros_like(psi.kmesh[0])] * (3 - len(shape))
        psi._amp[...] = given["start"].reshape(psi._amp.shape)
        pytalises.propagate(
            psi, [potential], steps, float(given["time"]) / steps, diag=True, num_of_threads=2
        )
        return np.array(psi._amp).reshape(shape)

    return run


main(prepare, steps_from(16))
