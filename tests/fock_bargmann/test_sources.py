import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import random_state, random_symbol

import dqmjax as dqm


class OwnFlow(eqx.Module):
    """The same equation, known by its tensors only."""

    inner: dqm.FokkerPlanck | dqm.Damped

    @property
    def order(self) -> int:
        return self.inner.order

    def tensor(self, k, xi):
        return self.inner.tensor(k, xi)


@pytest.mark.parametrize(
    ("modes", "degree", "constants"),
    [
        (1, 4, {"order": 4, "ell": 1.2, "kappa": 0.7, "hbar": 1.3, "C": 0.8}),
        (1, 4, {"order": 1, "ell": 0.6}),
        (2, 3, {"ell": (1.3, 0.8), "C": jnp.asarray(0.4)}),
    ],
)
def test_one_derivative_of_h_gives_what_derivatives_of_all_orders_give(modes, degree, constants):
    """Also with a bath, whose tensors are known in closed form."""
    flow = dqm.FokkerPlanck(random_symbol(modes, degree, seed=5), **constants)
    levels = 8 if modes == 1 else 4
    basis = dqm.FockBargmann((levels,) * modes, ell=0.9, kappa=constants.get("kappa", 1.0))
    state = basis.from_qutip(random_state(levels, levels, modes))
    for law in (flow, dqm.Damped(flow, 0.3, 0.2)):
        one, other = basis.generator(law)(state), basis.generator(OwnFlow(law))(state)
        scale = np.abs(other).max()
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * scale)


def test_the_constant_of_h_costs_no_accuracy():
    """A number that moves nothing, 1e9 times larger than what does."""
    basis = dqm.FockBargmann(8)
    small = lambda q, p: (q[0] ** 2 + p[0] ** 2) ** 2 / 8 + q[0]
    state = basis.from_qutip(random_state(8, 8))
    one = basis.generator(dqm.FokkerPlanck(small))(state)
    other = basis.generator(dqm.FokkerPlanck(lambda q, p: 1e9 + small(q, p)))(state)
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-13 * np.abs(one).max())


def test_all_constants_have_derivatives():
    basis = dqm.FockBargmann(6, ell=1.1)
    state = basis.from_qutip(random_state(6, 6))

    def rate(values):
        ell, kappa, hbar, C, interaction, gamma = values
        flow = dqm.FokkerPlanck(
            dqm.Kerr(interaction, 0.3), ell=ell, kappa=kappa, hbar=hbar, C=C, order=2
        )
        law = dqm.Damped(flow, gamma, 0.1)
        return jnp.real(jnp.sum(basis.generator(law)(state) * np.arange(36).reshape(6, 6)))

    at = jnp.array([0.9, 1.0, 1.1, 0.8, 2.0, 0.3])
    slopes = jax.jit(jax.jacfwd(rate))(at)
    step = 1e-5
    numeric = [(rate(at + step * e) - rate(at - step * e)) / (2 * step) for e in np.eye(6)]
    np.testing.assert_allclose(slopes, numeric, rtol=1e-7, atol=1e-7)
    assert (np.abs(slopes) > 1e-3).all()
