"""dynamiqs: `run_dynamiqs.py PROBLEM OUT`; Tsit5 on kets, at tolerances from 1e-4 to 1e-12."""

import dynamiqs as dq
import jax
import ladder
import numpy as np

dq.set_precision("double")
dq.set_progress_meter(False)


def prepare(given):
    levels = given["start"].shape
    a, b = dq.destroy(*levels)
    hopping = a.dag() @ b + b.dag() @ a
    local = a.dag() @ a.dag() @ a @ a + b.dag() @ b.dag() @ b @ b
    operator = -float(given["tunnelling"]) * hopping + float(given["interaction"]) / 2 * local
    ket = dq.asqarray(given["start"].reshape(-1, 1), dims=levels)
    times = np.array([0.0, float(given["time"])])
    compiled = {}

    def make(tolerance):
        method = dq.method.Tsit5(rtol=tolerance, atol=tolerance, max_steps=10**6)
        evolve = lambda ket: dq.sesolve(operator, ket, times, method=method).states[-1].to_jax()
        compiled[tolerance] = jax.jit(evolve).lower(ket).compile()

    def run(tolerance):
        if tolerance not in compiled:
            make(tolerance)
        return np.asarray(compiled[tolerance](ket)).reshape(levels)

    run.prepare = make
    return run


if __name__ == "__main__":
    ladder.main(prepare, [10.0**-n for n in range(4, 14)])
