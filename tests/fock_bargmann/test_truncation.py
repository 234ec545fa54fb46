import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.fock_bargmann.truncation import deviation

HIGGS = dqm.HiggsPair(1.3, 0.1)
QUARTIC = dqm.AnharmonicOscillator(1.0, 0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("symbol", "ell", "levels", "alpha"),
    [
        (QUARTIC, (1.0,), (12,), [0.6 + 0.3j]),
        (HIGGS, (1.0, 1.0), (7, 7), [0.1, 0.06j]),
    ],
    ids=["quartic", "higgs pair"],
)
def test_deviation_begins_with_the_derivatives_left_out(symbol, ell, levels, alpha):
    """∂ρ/∂t of the two differ from the start by the third and fourth: the deviation grows as t,
    while moments of order 1 and 2 differ only through later times, as t² or not at all."""
    flow = dqm.FokkerPlanck(symbol, ell=ell)
    basis = dqm.FockBargmann(levels, ell=ell)
    state = basis.coherent(jnp.asarray(alpha))
    modes = len(levels)
    one = (1,) + (0,) * (modes - 1)
    none = (0,) * modes
    powers = [(none, one), (one, one), (tuple(3 * n for n in one), none)]
    random = np.random.default_rng(0).normal(size=(30, 2 * modes))
    found = deviation(flow, 4, basis, state, np.linspace(0, 0.08, 9), powers, jnp.asarray(random))
    assert found.horizon > 0.02
    assert len(found.ts) >= 3
    assert found.density[0] == 0
    assert float(found.density[2]) == pytest.approx(2 * float(found.density[1]), rel=0.05)
    apart = np.abs(found.moments - found.exact)
    assert apart[1, 0] < 0.05 * apart[1].max()
    assert "until t = " in str(found)
    assert "inf" not in str(found)


def test_it_is_coupling_times_time_that_counts():
    ends = []
    for levels, quartic in ((16, 0.03), (16, 0.3), (40, 0.03)):
        basis = dqm.FockBargmann(levels)
        symbol = dqm.AnharmonicOscillator(1.0, jnp.array(quartic))  # an array: compiled once
        flow = dqm.FokkerPlanck(symbol, ell=(1.0,))
        start = basis.coherent(0.6 + 0.3j)
        ends.append(quartic * dqm.horizon(dqm.HusimiStep(flow, basis), start, 0.02 / quartic))
    np.testing.assert_allclose(ends, [0.004, 0.004, 0.002], rtol=0.1)


MEAN = [((0,), (1,))]


@pytest.mark.parametrize(
    ("degree", "ts", "powers", "message"),
    [
        (4, [0.0, 0.001], [], "`powers` must name moments"),
        (3, [0.0, 0.1], MEAN, "`degree` must make the equation exact"),
        (4, [0.0, 9.0], MEAN, "before the horizon"),
        (4, [0.01, 0.02], MEAN, "`ts` must begin at 0"),
    ],
)
def test_bad_input(degree, ts, powers, message):
    basis = dqm.FockBargmann(12)
    flow, state = dqm.FokkerPlanck(QUARTIC, ell=(1.0,)), basis.coherent(0.3)
    with pytest.raises(dqm.InputError, match=message):
        deviation(flow, degree, basis, state, np.array(ts), powers, jnp.zeros((1, 2)))
