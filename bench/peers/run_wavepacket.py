"""WavePacket: Chebyshev steps, to a fixed 1e-12, within bounds of the spectrum that it is given."""

import numpy as np
import wavepacket as wp
from ladder import main, squared_waves


def prepare(given):
    lower, upper, potential = float(given["lower"]), float(given["upper"]), given["V"]
    grid = wp.grid.Grid([wp.grid.PlaneWaveDof(lower, upper, n) for n in potential.shape])
    terms = [
        term
        for axis in range(potential.ndim)
        for term in (
            wp.operator.CartesianKineticEnergy(grid, axis, mass=1.0),
            wp.operator.Potential1D(grid, axis, lambda x: x**2 / 2 + 0.1 * x**4),
        )
    ]
    equation = wp.expression.SchroedingerEquation(sum(terms[1:], terms[0]))
    top = squared_waves(potential, lower, upper).max() / 2 + potential.max()
    weight = np.sqrt((upper - lower) / potential.shape[0]) ** potential.ndim
    start = wp.grid.State(grid, given["start"] * weight)

    def run(steps):
        step = float(given["time"]) / steps
        solver = wp.solver.ChebychevSolver(equation, step, (float(potential.min()), float(top)))
        state = start
        for i in range(steps):
            state = solver.step(state, i * step)
        return state.data / weight

    return run


main(prepare, [1, 2, 4, 6, 8, 12, 16, 24])
