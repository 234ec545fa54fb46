"""Series and lines, compared with a model."""

import matplotlib as mpl
import numpy as np
import pytest

import dqmjax as dqm

mpl.use("Agg")
import matplotlib.pyplot as plt

from dqmjax import plot

T = np.linspace(0.0, 2.0, 9)
MODEL = np.stack([np.cos(T), np.sin(T), T], axis=1)
SIGMA = np.array([0.1, 0.2, 0.4])
ON_LINE = dqm.Series(T, MODEL, points=[[0.0], [1.0], [2.0]])
AWAY = np.where(np.arange(9) % 2, 1.0, -1.5)[:, None]  # residuals in standard deviations
DATA = dqm.Series(T, MODEL + SIGMA * AWAY, sigma=SIGMA)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def bars(ax):
    """Half lengths of the error bars."""
    (drawn,) = ax.containers[0].lines[2]
    return np.array([np.ptp(segment[:, 1]) / 2 for segment in drawn.get_segments()])


def test_a_series_is_drawn_with_its_model_and_residuals():
    axes = plot.series(DATA, MODEL).axes
    tops, below = axes[:3], axes[3:]
    for k, (top, under) in enumerate(zip(tops, below, strict=True)):
        points, model = top.lines
        np.testing.assert_allclose(points.get_ydata(), DATA.values[:, k])
        np.testing.assert_allclose(bars(top), SIGMA[k])
        np.testing.assert_allclose(model.get_ydata(), MODEL[:, k])
        np.testing.assert_allclose(under.lines[0].get_ydata(), AWAY[:, 0])
        assert top.get_title() == f"column {k}"
    assert below[0].get_ylabel() == r"residual ($\sigma$)"


def test_without_a_model_there_are_data_alone():
    figure = plot.series(DATA, columns=[2, 0])
    assert [ax.get_title() for ax in figure.axes] == ["column 2", "column 0"]
    assert [len(ax.lines) for ax in figure.axes] == [1, 1]


def test_noise_that_is_not_known_has_no_bars():
    top, below = plot.series(dqm.Series(T, MODEL[:, 0] + 0.1), MODEL[:, 0]).axes
    assert not top.containers[0].has_yerr
    np.testing.assert_allclose(below.lines[0].get_ydata(), 0.1)
    assert below.get_ylabel() == "data − model"


def test_bars_of_relative_frequencies_are_binomial():
    p = np.linspace(0.2, 0.8, 9)
    top, below = plot.series(dqm.Series(T, np.full(9, 0.5), shots=100), p).axes
    sigma = np.sqrt(p * (1 - p) / 100)
    np.testing.assert_allclose(bars(top), sigma)
    np.testing.assert_allclose(below.lines[0].get_ydata(), (0.5 - p) / sigma)


def titles(figure):
    return [ax.get_title() for ax in figure.axes if ax.get_title()]


def test_a_density_on_a_line_is_drawn_over_it_at_six_times():
    x, places = np.linspace(-1, 1, 11), np.random.default_rng(0).permutation(11)
    rho = T[:, None] + x**3
    data = dqm.Series(T, rho[:, places], points=x[places, None], time_unit="us")
    figure = plot.series(data, rho[:, places] + 1)
    assert titles(figure) == [f"$t = {T[i]:.3g}$ us" for i in (0, 2, 3, 5, 6, 8)]
    measured, model = figure.axes[1].lines
    np.testing.assert_array_equal(model.get_xdata(), x)
    np.testing.assert_array_equal(model.get_ydata(), rho[2] + 1)
    np.testing.assert_array_equal(measured.get_ydata(), rho[2])
    assert figure.axes[-1].get_xlabel() == "$x$"
    assert titles(plot.series(data, times=[1, 4])) == ["$t = 0.25$ us", "$t = 1$ us"]
    over_time = plot.series(data, columns=[int(np.argmax(places)), int(np.argmin(places))])
    assert titles(over_time) == ["$x = 1$", "$x = -1$"]
    assert over_time.axes[-1].get_xlabel() == "$t$  (us)"


def test_six_places_of_a_density_in_the_plane_are_shown():
    x = np.linspace(-1, 1, 11)
    data = dqm.Series(T, np.ones((9, 11)), points=np.stack([x, 2 * x], axis=1))
    shown = titles(plot.series(data, np.ones((9, 11))))
    assert shown == [f"$x = ({value:.3g}, {2 * value:.3g})$" for value in x[::2]]


def test_lines_are_drawn_with_their_model_and_residuals():
    data = dqm.Lines([1.1, 2.0], sigma=[0.1, 0.2], transitions=[[1, 0], [2, 0]])
    top, below = plot.lines(data, [1.0, 2.2]).axes
    np.testing.assert_allclose(bars(top), [0.1, 0.2])
    np.testing.assert_allclose(top.lines[1].get_ydata(), [1.0, 2.2])
    np.testing.assert_allclose(below.lines[0].get_ydata(), [1, -1])
    assert [label.get_text() for label in below.get_xticklabels()] == ["1–0", "2–0"]
    (alone,) = plot.lines(dqm.Lines([0.5, 1.5])).axes
    assert alone.get_xlabel() == "level"


BAD = {
    "model of other times": (lambda: plot.series(DATA, MODEL[1:]), "`model` must have shape"),
    "complex model": (lambda: plot.series(DATA, 1j * MODEL), "`model` must be real"),
    "no such column": (
        lambda: plot.series(DATA, columns=[3]),
        "`columns` must be indices of the 3 columns",
    ),
    "times of what has no line": (
        lambda: plot.series(DATA, times=[0]),
        "`times` must not be given without `points` on a line",
    ),
    "times and columns": (
        lambda: plot.series(ON_LINE, times=[0], columns=[0]),
        "`times` or `columns` must be given, not both",
    ),
    "no such time": (lambda: plot.series(ON_LINE, times=[9]), "`times` must be indices of the 9"),
    "model of other lines": (
        lambda: plot.lines(dqm.Lines([1.0, 2.0]), [1.0]),
        "`model` must have shape",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_rejected(case):
    call, message = BAD[case]
    with pytest.raises(dqm.InputError, match=message):
        call()
