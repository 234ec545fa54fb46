"""`report.html` of a recovery: data, model and residual, parameters, verdict, correlations."""

import html
import importlib.metadata
import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..data.abstract import AbstractData
from ..data.counting import Parity, PhotonNumbers
from ..data.joint import Joint
from ..data.likelihood import evaluate, standard_deviations
from ..data.samples import Samples
from ..data.snapshots import Snapshots
from ..recovery.result import Recovery
from .page import Axis, Chart, Field, Points, Quantised, Scene, Series, Time, page, raster

PACKAGES = ("dqmjax", "jax", "jaxlib", "numpy", "scipy")
SIGMAS = 4.0  # half width of the axis of an error bar
MOST = 3000  # columns of a chart
MOST_SAMPLES = 2000  # at each time
Rows = Float[np.ndarray, "rows columns"]


class Noise(NamedTuple):
    """σ of each number as the model expects it, and the residual data − model in units of it.

    The residual is that of the likelihood, which is normal for few counts, too.
    """

    sigma: Rows
    residual: Rows


def report(recovery: Recovery, command: str = "") -> str:
    """The text of an HTML file for readers who do not know the package.

    Args:
        recovery: Returned by `recover`, with its data.
        command: That made it, if it is known.

    Raises:
        InputError: If the result was read from a file, which contains no data.
    """
    scene = _scene(recovery.problem.data, recovery)
    above = _verdict(recovery)
    below = _parameters(recovery) + _correlations(recovery) + _origin(recovery, command)
    return page("Recovered parameters", [scene], above=above, below=below)


# ---- figures ----


def _scene(data: AbstractData, recovery: Recovery) -> Scene:
    if isinstance(data, Samples):
        return _of_samples(data, recovery)
    numbers = _numbers(recovery)
    if isinstance(data, Snapshots | Parity) and data.modes == 1 and _spans_an_area(data):
        return _of_fields(data, *numbers)
    return _of_rows(data, *numbers)


def _numbers(recovery: Recovery) -> tuple[Rows, Rows, Noise | None]:
    """What was measured and what the model expects; of samples the means of test functions."""
    problem, model = recovery.problem, recovery.prediction
    if problem.data.measured is None:
        problem = problem.rough()
        model = problem.predict(recovery.vector)[0]
    measured = np.asarray(problem.data.measured, float)
    if not problem.data.noise_known:
        return measured, model, None
    residual = -np.asarray(evaluate(problem.likelihood, model).residual)
    return measured, model, Noise(standard_deviations(problem.likelihood, model), residual)


def _spans_an_area(data) -> bool:
    points = np.asarray(data.points, float)
    return len(points) > 3 and int(np.linalg.matrix_rank(points - points.mean(axis=0))) == 2


def _time(data: AbstractData, count: int) -> Time:
    """The times, or the numbers of the rows of data without times."""
    if data.t is None or len(data.t) != count:
        return Time(np.arange(count, dtype=float), "row")
    return Time(np.asarray(data.t, float), "t", _unit(data))


def _unit(data: AbstractData) -> str:
    """Of time, as it is printed."""
    return {"us": "µs"}.get(data.time_unit, data.time_unit)


def _of_fields(data: Snapshots | Parity, measured: Rows, model: Rows, noise: Noise | None) -> Scene:
    """Maps on phase space."""
    units = np.array([float(np.ravel(data.ell)[0]), data.kappa / float(np.ravel(data.ell)[0])])
    points = np.asarray(data.points, float) / units
    name = "ρ" if isinstance(data, Snapshots) else "share"
    bar = "ρ per dq dp" if isinstance(data, Snapshots) else "share of even"
    low = float(min(measured.min(), model.min(), 0.0))
    high = float(max(measured.max(), model.max()))
    lacking = -low > 0.01 * high
    away, label = (measured - model, "difference") if noise is None else (noise.residual, "in σ")
    size = float(np.abs(away).max()) if noise is None else 5.0
    shown, ends = raster(points, np.concatenate([measured, model, away]))
    x, y = Axis("q", "q  (ℓ)", *ends["x"]), Axis("p", "p  (κ/ℓ)", *ends["y"])
    scales = {
        "Data": ((low, high), "positive", (name, bar)),
        "Model, fitted": ((low, high), "positive", (name, bar)),
        "Data − model": ((-size or -1.0, size or 1.0), "signed", ("residual", label)),
    }
    panels = []
    for (title, scale), values in zip(scales.items(), np.split(shown, 3), strict=True):
        limits, colours, words = scale
        panels.append(
            Field(
                title,
                x,
                y,
                *words,
                values=Quantised(values[None], *limits),
                colours=colours,
                clips=bool(np.nanmax(np.abs(values)) > max(map(abs, limits))),
                overlays=[Points("measured points", points[None, None], hidden=True)],
            )
        )
    shots = getattr(data, "shots", None)
    counted = f" Each point was measured {shots} times." if shots else ""
    below = " Small negative values are noise." if lacking else ""
    text = (
        f"{len(measured)} times, {len(points)} points in phase space.{counted} Between the points "
        f"the maps are interpolated.{below} {_residual_words(noise)}"
    )
    return Scene("data", "Data and model", text, _time(data, len(measured)), panels)


def _residual_words(noise: Noise | None) -> str:
    if noise is None:
        return "The noise of the data was not given: the residual has the unit of the data."
    return (
        "The residual is in standard deviations σ of the noise. Where the model is right, it has "
        "no pattern, and 1 of 20 values is beyond ±2."
    )


def _of_rows(data: AbstractData, measured: Rows, model: Rows, noise: Noise | None) -> Scene:
    """Numbers as charts: over the columns of each time, or over time where there are few."""
    numbers = isinstance(data, PhotonNumbers)
    over_time = data.t is not None and len(data.t) == len(measured) and not numbers
    over_time = over_time and measured.shape[1] <= 12
    if over_time:
        t = np.asarray(data.t, float)
        label = f"t  ({_unit(data)})" if data.time_unit else "t"
        x, places, values = Axis("t", label, *_ends(t)), t, (measured.T, model.T)
    else:
        places = np.arange(min(measured.shape[1], MOST), dtype=float)
        label = "quanta n (the last: n or more)" if numbers else "column of the data"
        x, values = Axis("n", label, *_ends(places)), (measured[:, :MOST], model[:, :MOST])
    y = Axis("value", "share of the shots" if numbers else "value", *_ends(np.stack(values)))
    chart = lambda **axes: {"x": places[None, None], **axes}
    rows = [v[None] for v in values]
    of = lambda numbers: (numbers.T if over_time else numbers[:, :MOST])[None]
    error = None if noise is None else of(noise.sigma)
    away = rows[0] - rows[1] if noise is None else of(noise.residual)
    title = "difference" if error is None else "(data − model)/σ"
    limits = _ends(away) if error is None else _ends(np.append(away[np.isfinite(away)], [-3, 3]))
    panels = [
        Chart(
            "Data (points, ±σ) and model (line)",
            x,
            y,
            [
                Series("model", **chart(y=rows[1])),
                Series("data", **chart(y=rows[0]), style="points", error=error),
            ],
        ),
        Chart(
            "Residual",
            x,
            Axis("residual", title, *limits),
            [Series("data − model", **chart(y=away), style="points")],
            rules=[0.0] if error is None else [-2.0, 0.0, 2.0],
        ),
    ]
    time = Time(np.arange(len(values[0]), dtype=float), "column") if over_time else None
    time = time or _time(data, len(measured))
    kind = "columns" if over_time else "times" if data.t is not None else "rows"
    count = len(time.values)
    slider = f"The slider chooses one of {count} {kind}. " if count > 1 else ""
    text = f"{slider}{_residual_words(noise)}"
    return Scene("data", "Data and model", text, time, panels)


def _of_samples(data: Samples, recovery: Recovery) -> Scene:
    """Points drawn from a density, over that of the model; and means of test functions in σ."""
    means, expected, noise = _numbers(recovery)
    time = _time(data, len(means))
    scene = _of_rows(recovery.problem.rough().data, means, expected, noise)
    panels = list(scene.panels)
    count = np.shape(data.points)[1]
    chosen = np.random.default_rng(0).permutation(count)[:MOST_SAMPLES]
    if data.modes == 1:
        ell = float(np.ravel(data.ell)[0])
        points = np.asarray(data.points, float)[:, chosen] / [ell, data.kappa / ell]
        pooled = points.reshape(-1, 2)
        low, high = pooled.min(axis=0), pooled.max(axis=0)
        fields = [
            raster(np.concatenate([row, _corners(low, high)]), np.append(rho, [0.0] * 4)[None], 80)
            for row, rho in zip(points, recovery.prediction[:, chosen], strict=True)
        ]
        ends = fields[0][1]
        shown = np.concatenate([field for field, _ in fields])[None]
        panels.insert(
            0,
            Field(
                "Samples (points) and the fitted density",
                Axis("q", "q  (ℓ)", *ends["x"]),
                Axis("p", "p  (κ/ℓ)", *ends["y"]),
                "ρ",
                "ρ per dq dp",
                Quantised(shown, 0.0, float(np.nanmax(shown))),
                overlays=[Points("samples", points[None])],
            ),
        )
    text = (
        f"{count} samples at each time{_of_them(count)}. The density of the model is known at "
        "the samples and interpolated between them. The charts compare means of smooth functions "
        "over all samples with the model."
    )
    return Scene("data", "Data and model", text, time, panels)


def _of_them(count: int) -> str:
    return (
        f", of which the map shows {MOST_SAMPLES}, chosen at random" if count > MOST_SAMPLES else ""
    )


def _corners(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.array([[x, y] for x in (low[0], high[0]) for y in (low[1], high[1])])


def _ends(values: np.ndarray) -> tuple[float, float]:
    """Limits of an axis for finite values."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return -1.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    edge = 0.05 * (high - low) or 0.5 * abs(high) or 1.0
    return low - edge, high + edge


# ---- words and tables ----


def _verdict(recovery: Recovery) -> str:
    good = recovery.goodness
    kind = "good" if good.describes_data else "bad" if not good.fits else ""
    lines = [f"<strong>{html.escape(good.verdict)}</strong>", _meaning(recovery)]
    for name in recovery.at_bounds:
        lines.append(f"{html.escape(name)} ended at its bound: its error bar is not valid.")
    if not recovery.strain <= 1:
        lines.append(f"The calculation is valid until t = {recovery.horizon:.4g} only.")
    return f'<div class="verdict {kind}">{"".join(f"<p>{line}</p>" for line in lines)}</div>'


_WHOLE = {  # to which the misfit is relative, for other data than one set of numbers
    Samples: "that of the means which the model expects",
    Joint: "the largest value, for each set of data",
}


def _meaning(recovery: Recovery) -> str:
    """What χ² says, in plain words."""
    good = recovery.goodness
    part = f"{float(f'{100 * good.misfit:.2g}'):g}"
    whole = _WHOLE.get(type(recovery.problem.data), "the largest value")
    misfit = f"The root mean square of the residuals is {part} % of {whole}."
    misfit = misfit if math.isfinite(good.misfit) else ""
    if not good.noise_known:
        return f"No noise level was given, so that χ² has no scale. {misfit}"
    dof = max(good.dof, 1)
    spread = math.sqrt(2 / dof)
    return (
        f"χ² is the sum of the squared residuals in units of the noise: {good.chi2:.5g} for "
        f"{good.dof} degrees of freedom, a ratio of {good.chi2 / dof:.4g}. Noise alone gives 1, "
        f"with a standard deviation of about {spread:.2g} for normal noise. {misfit}"
    )


def _parameters(recovery: Recovery) -> str:
    has_units = bool(recovery.units)
    head = ["parameter", "estimate", "standard error", *(["unit"] if has_units else [])]
    head += ["least possible error", "start of the fit", "error bar"]
    rows = []
    for name in recovery.estimate:
        value, error = recovery.rounded(name)
        known, least = recovery.identifiable[name], recovery.cramer_rao[name]
        bound = f"{least:.2g}" if known and math.isfinite(least) else ""
        cells = [value, f"± {error}" if known else error]
        cells += [recovery.units.get(name, "")] if has_units else []
        cells += [bound, f"{recovery.start[name]:.4g}"]
        text = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        rows.append(f"<tr><th>{html.escape(name)}</th>{text}<td>{_bar(recovery, name)}</td></tr>")
    titles = "".join(f"<th>{title}</th>" for title in head)
    words = (
        "<p>In the last column the dot is the estimate, the thick line one standard error, the "
        "thin line two. The ring is where the fit started, at the edge if it was farther away. "
        "The least possible error is the bound of Cramér and Rao.</p>"
    )
    return (
        f'<h2>Parameters</h2><div class="scroll"><table><thead><tr>{titles}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{words}{_undetermined(recovery)}"
    )


def _bar(recovery: Recovery, name: str) -> str:
    """An estimate with its error bar, as a drawing."""
    error = recovery.stderr[name]
    if not (math.isfinite(error) and error > 0):
        return ""
    at = lambda sigmas: 120 + 100 * sigmas / SIGMAS
    begun = (recovery.start[name] - recovery.estimate[name]) / error
    ring = at(min(max(begun, -SIGMAS), SIGMAS)) if math.isfinite(begun) else at(SIGMAS)
    label = f"{name}: start {begun:.2g} standard errors from the estimate"
    ticks = "".join(
        f'<path d="M{at(s):.1f} 13V19" stroke="var(--line)"/>'
        for s in (-4, -3, -2, -1, 0, 1, 2, 3, 4)
    )
    return (
        f'<svg class="bar" viewBox="0 0 240 32" role="img" aria-label="{html.escape(label)}">'
        f'<path d="M20 16H220" stroke="var(--line)"/>{ticks}'
        f'<path d="M{at(-2)} 16H{at(2)}" stroke="var(--c0)" stroke-width="1.5"/>'
        f'<path d="M{at(-1)} 16H{at(1)}" stroke="var(--c0)" stroke-width="5"/>'
        f'<circle cx="120" cy="16" r="5" fill="var(--c0)"/>'
        f'<circle cx="{ring:.1f}" cy="16" r="6" fill="none" stroke="var(--c1)" '
        'stroke-width="2"/></svg>'
    )


def _undetermined(recovery: Recovery) -> str:
    lines = [
        "The data do not determine "
        + " + ".join(f"{c:.2g} {html.escape(name)}" for name, c in combination.items())
        + "."
        for combination in recovery.undetermined
    ]
    if recovery.product:
        powers = (f"{html.escape(n)}<sup>{x:.3g}</sup>" for n, x in recovery.product.items())
        lines.append(f"Of these, only the product {' · '.join(powers)} is determined.")
    return "".join(f"<p>{line}</p>" for line in lines)


def _correlations(recovery: Recovery) -> str:
    names = list(recovery.estimate)
    if len(names) < 2:
        return ""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    rows = [
        f"<tr><th>{html.escape(name)}</th>{''.join(map(_shade, row))}</tr>"
        for name, row in zip(names, recovery.correlation, strict=True)
    ]
    return (
        "<h2>Correlations of the estimates</h2><p>Near ±1, the data determine a combination of two "
        "parameters better than each of them. Blue is negative, red positive.</p>"
        f'<div class="scroll"><table class="matrix"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _shade(value: float) -> str:
    """A cell of the matrix, the more coloured the larger the correlation."""
    colour = (178, 24, 43) if value > 0 else (33, 102, 172)
    red, green, blue = (round(255 + (c - 255) * min(abs(value), 1.0)) for c in colour)
    ink = "#fff" if abs(value) > 0.6 else "#111"
    text = f"{value:.2f}".replace("-", "−")
    return f'<td style="background:rgb({red},{green},{blue});color:{ink}">{text}</td>'


def _origin(recovery: Recovery, command: str) -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    made = f"<p>Command: <code>{html.escape(command)}</code></p>" if command else ""
    about = getattr(recovery.problem.data, "description", "")
    described = f"<p>Data: {html.escape(about)}</p>" if about else ""
    return (
        f"<h2>How this was made</h2>{described}{made}"
        f"<p>The fit started from: {html.escape(recovery.origin)}. Made with {versions}.</p>"
    )
