"""Units of parameters against hand-made conversions."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.data.units import as_frequency, in_units_of


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("2*pi*5 MHz", "us", 10 * math.pi),
        ("2*pi*5MHz", "ns", 0.01 * math.pi),
        ("3/us", "us", 3.0),
        ("3 rad/us", "ms", 3000.0),
        ("50 ns", "us", 0.05),
        ("0.25", "us", 0.25),
        ("2*pi", "", 2 * math.pi),
        (1.5, "us", 1.5),
    ],
)
def test_numbers_in_the_unit_of_the_data(text, unit, number):
    assert math.isclose(in_units_of("x", text, unit), number, rel_tol=1e-12)


@pytest.mark.parametrize(
    ("text", "unit", "message"),
    [
        ("5 MHz", "", "the data have no unit of time"),
        ("5 kg", "us", "`x` must be a frequency"),
        ("5 florps", "us", "`x` must be a number with a unit"),
        ("2*", "us", "`x` must be a number with a unit"),
        ("__import__('os')", "us", "`x` must be a number with a unit"),
    ],
)
def test_texts_without_that_meaning_are_refused(text, unit, message):
    with pytest.raises(dqm.InputError, match=message):
        in_units_of("x", text, unit)


def test_frequencies_are_printed_in_hertz():
    value, unit = as_frequency(2 * math.pi * 3, "us")
    assert (round(value, 12), unit) == (3.0, "MHz")
    assert as_frequency(1.0, "ns")[1] == "GHz"


def test_a_fit_in_units_prints_them():
    basis = dqm.FockBargmann(12)
    t = np.linspace(0.0, 1.0, 5)
    flow = dqm.FokkerPlanck(dqm.Kerr(0.0, 2 * math.pi * 0.2))
    states = dqm.solve(dqm.HusimiStep(flow, basis), basis.coherent(1.0), t).saved
    x = np.linspace(-2, 2, 5)
    points = np.stack([axis.ravel() for axis in np.meshgrid(x, x)], axis=1)
    density = np.asarray(basis.density(states, jnp.asarray(points)))
    density = density + 0.001 * np.random.default_rng(0).normal(size=density.shape)
    scales = {"ell": np.ones(1), "kappa": 1.0, "hbar": 1.0, "sigma": 0.001, "time_unit": "us"}
    data = dqm.Snapshots(t, points, density, **scales)
    fix = {"C": 1.0, "alpha_re": 1.0, "alpha_im": 0.0}
    start, bounds = {"w": "2*pi*180 kHz"}, {"w": ("2*pi*0.1 MHz", None)}
    result = dqm.recover(data, "w*n", fix=fix, start=start, bounds=bounds)
    assert math.isclose(result.start["w"], 2 * math.pi * 0.18, rel_tol=1e-12)
    assert result.units == {"w": "rad/us"}
    assert result.to_json()["units"] == {"w": "rad/us"}
    line = next(line for line in repr(result).splitlines() if line.startswith("w ="))
    assert line.startswith("w = 2π × (0.")
    assert line.endswith("MHz")
    value, error = map(float, line.partition("(")[2].partition(")")[0].split(" ± "))
    assert abs(value - 0.2) < 4 * error < 0.02
    squared = dqm.recover(data, "w**2*n", fix=fix, start={"w": 1.1})
    assert squared.units == {}  # w is no frequency there


class Fringe(dqm.AbstractExperiment):
    """`cos ωt`."""

    omega: jnp.ndarray

    def predict(self, times, where):
        return jnp.cos(self.omega * times.ts), None


@pytest.mark.parametrize("header", ["t (ms),x", "t,x"])
def test_a_series_keeps_its_unit_of_time(header, tmp_path):
    t = np.linspace(0.0, 3.0, 31)
    rows = [f"{a},{b}" for a, b in zip(t, np.cos(2 * np.pi * 0.2 * t), strict=True)]
    (tmp_path / "a.csv").write_text("\n".join([header, *rows]))
    data = dqm.read_data(tmp_path / "a.csv", time_unit="ms")
    dqm.write_data(data, tmp_path / "b.csv")
    again = dqm.read_data(tmp_path / "b.csv")
    assert data.time_unit == again.time_unit == "ms"
    result = dqm.recover(again, Fringe(jnp.array(1.0)), start={"omega": "2*pi*210 Hz"})
    assert result.start["omega"] == pytest.approx(2 * np.pi * 0.21)
    assert result.estimate["omega"] == pytest.approx(2 * np.pi * 0.2)
