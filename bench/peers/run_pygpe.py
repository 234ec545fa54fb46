"""PyGPE: Strang's splitting with NumPy (with CuPy where there is a GPU), without its interaction.

Kinetic halves at both ends of every step are its own: it transforms twice a step, and multiplies
thrice, by exponentials made anew each time.
"""

import numpy as np
from ladder import main, steps_from
from pygpe.scalar.evolution import step_wavefunction
from pygpe.scalar.wavefunction import ScalarWavefunction
from pygpe.shared.grid import Grid


def prepare(given):
    shape, side = given["V"].shape, float(given["upper"] - given["lower"])
    spacing = tuple(side / n for n in shape)
    grid = Grid(shape, spacing) if len(shape) > 1 else Grid(shape[0], spacing[0])

    def run(steps):
        wave = ScalarWavefunction(grid)
        wave.set_wavefunction(np.array(given["start"]))
        wave.fft()
        step = {"dt": float(given["time"]) / steps, "g": 0.0, "trap": given["V"]}
        for _ in range(steps):
            step_wavefunction(wave, step)
        wave.ifft()
        return wave.component

    return run


main(prepare, steps_from(16))
