"""dynamiqs: `run_dynamiqs.py PROBLEM OUT`; Tsit5 on kets or, with loss, on density matrices."""

import functools
import itertools
import operator

import dynamiqs as dq
import jax
import ladder
import numpy as np

dq.set_precision("double")
dq.set_progress_meter(False)


def prepare(given):
    shape, rate = given["start"].shape, float(given["rate"])
    levels = shape[: len(shape) // 2] if rate else shape
    a = dq.destroy(*levels)
    total = lambda terms: functools.reduce(operator.add, terms)
    hopping = total(x.dag() @ y + y.dag() @ x for x, y in itertools.pairwise(a))
    local = total(x.dag() @ x.dag() @ x @ x for x in a)
    h = -float(given["tunnelling"]) * hopping + float(given["interaction"]) / 2 * local
    size = int(np.prod(levels))
    start = dq.asqarray(given["start"].reshape(size, -1), dims=levels)
    losses = [rate**0.5 * x for x in a]
    times = np.array([0.0, float(given["time"])])
    compiled = {}

    def make(tolerance):
        method = dq.method.Tsit5(rtol=tolerance, atol=tolerance, max_steps=10**6)

        def evolve(start):
            if rate:
                found = dq.mesolve(h, losses, start, times, method=method)
            else:
                found = dq.sesolve(h, start, times, method=method)
            return found.states[-1].to_jax()

        compiled[tolerance] = jax.jit(evolve).lower(start).compile()

    def run(tolerance):
        if tolerance not in compiled:
            make(tolerance)
        return np.asarray(compiled[tolerance](start)).reshape(shape)

    run.prepare = make
    return run


if __name__ == "__main__":
    ladder.main(prepare, [10.0**-n for n in range(4, 14)])
