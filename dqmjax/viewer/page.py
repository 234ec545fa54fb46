"""One HTML file with figures that a reader can move through time and a parameter.

It contains its arrays, its style and its script, and loads nothing.
"""

import base64
import dataclasses
import hashlib
import html
import importlib.resources
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from numpy.typing import ArrayLike

FILES = importlib.resources.files("dqmjax.viewer")
LEVELS = 254  # of a quantised number; byte 0 is for numbers that are not known
UNKNOWN = [0, 0, 0]  # colour of byte 0, drawn transparent
DARK = 3  # of the 256 levels of √ρ; a screen shows those below as black


@dataclasses.dataclass(frozen=True)
class Axis:
    """An axis of a panel. `name` is short, `label` is written at the axis."""

    name: str
    label: str
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Quantised:
    """Numbers in steps of 1/254 of `high − low`. NaN is shown as nothing."""

    values: Float[np.ndarray, "..."]
    low: float
    high: float

    @property
    def bytes(self) -> UInt8[np.ndarray, "..."]:
        """0 for NaN, else 1 … 255."""
        part = (np.asarray(self.values, float) - self.low) / (self.high - self.low)
        return np.where(np.isnan(part), 0, 1 + np.rint(LEVELS * np.clip(part, 0, 1))).astype("u1")


@dataclasses.dataclass(frozen=True)
class Arrows:
    """Vectors (parameters, times, places, 2) at places (places, 2), drawn at `scale`."""

    name: str
    places: Float[np.ndarray, "places 2"]
    vectors: Float[np.ndarray, "#parameters #times places 2"]
    scale: float
    hidden: bool = False


@dataclasses.dataclass(frozen=True)
class Diffusion:
    """Symmetric matrices by their entries (xx, xy, yy), drawn as hyperbolas with two axes."""

    name: str
    places: Float[np.ndarray, "places 2"]
    matrices: Float[np.ndarray, "#parameters #times places 3"]
    scale: float
    hidden: bool = False


@dataclasses.dataclass(frozen=True)
class Paths:
    """Particles, drawn along the last `trail` times up to the present one; NaN where they end."""

    name: str
    positions: Float[np.ndarray, "#parameters #times particles 2"]
    trail: int = 1_000_000
    hidden: bool = False


@dataclasses.dataclass(frozen=True)
class Points:
    """Points of each time."""

    name: str
    positions: Float[np.ndarray, "#parameters #times points 2"]
    hidden: bool = False


@dataclasses.dataclass(frozen=True)
class Outline:
    """Curves as rows (x, y), separated by rows of NaN, such as contours."""

    name: str
    curves: Float[np.ndarray, "#parameters #times rows 2"]
    hidden: bool = False


Overlay = Arrows | Diffusion | Paths | Points | Outline


@dataclasses.dataclass(frozen=True)
class Field:
    """A map of real numbers, shape (parameters, times, ny, nx); an axis of length 1 is for all.

    `colours` is "positive", "signed", or "density" with negative values in red. Values outside the
    scale have the colours of its ends.
    """

    title: str
    x: Axis
    y: Axis
    name: str
    bar: str
    values: Quantised
    colours: str = "positive"
    clips: bool = False  # whether values exceed the scale
    overlays: Sequence[Overlay] = ()


@dataclasses.dataclass(frozen=True)
class Wave:
    """ρ as light and S/ħ as hue, each of shape (parameters, times, ny, nx)."""

    title: str
    x: Axis
    y: Axis
    density: UInt8[np.ndarray, "#parameters #times ny nx"]  # 255 √(ρ/peak), 0 below `dark`
    phase: UInt8[np.ndarray, "#parameters #times ny nx"]  # S/ħ in parts of 2π/256
    peak: float
    dark: int = DARK
    overlays: Sequence[Overlay] = ()

    @classmethod
    def of(cls, title: str, x: Axis, y: Axis, rho, S, *, peak: float, **more) -> "Wave":
        """From ρ and S/ħ, which is left out where ρ is dark."""
        strength = np.rint(255 * np.sqrt(np.clip(np.asarray(rho) / peak, 0, 1)))
        phase = np.rint(np.asarray(S) / (2 * np.pi) * 256) % 256
        light, hue = (np.where(strength < DARK, 0, v).astype("u1") for v in (strength, phase))
        return cls(title, x, y, light, hue, peak, **more)


@dataclasses.dataclass(frozen=True)
class Series:
    """A line, or points with error bars; x and y of shape (parameters, times, points)."""

    name: str
    x: Float[np.ndarray, "#parameters #times points"]
    y: Float[np.ndarray, "#parameters #times points"]
    style: str = "line"  # or "points"
    error: Float[np.ndarray, "#parameters #times points"] | None = None


@dataclasses.dataclass(frozen=True)
class Chart:
    """Curves. `cursor` marks the present time on an x axis of times; `rules` are values of y."""

    title: str
    x: Axis
    y: Axis
    series: Sequence[Series]
    cursor: bool = False
    rules: Sequence[float] = ()


@dataclasses.dataclass(frozen=True)
class Readout:
    """A number for each parameter and time, shape (parameters, times)."""

    name: str
    values: Float[np.ndarray, "#parameters #times"]
    digits: int = 3


@dataclasses.dataclass(frozen=True)
class Time:
    """The slider of time."""

    values: Float[np.ndarray, " times"]
    label: str = "t"
    unit: str = ""


@dataclasses.dataclass(frozen=True)
class Parameter:
    """The other slider: words for each value, and a sentence about it."""

    label: str
    words: Sequence[str]
    notes: Sequence[str] = ()
    begin: int = 0


@dataclasses.dataclass(frozen=True)
class Scene:
    """Panels that share a time and a parameter.

    Args:
        name: Short word for the address of the page.
        title: Of the tab.
        text: A few sentences.
        time, parameter: The sliders.
        panels: What is drawn.
        readouts: Numbers below the panels.
        until: For each parameter the time at which the solution ends. From then on the figure says
            so, over the last valid field in grey.
        begin: Index of the time at which the scene opens.
    """

    name: str
    title: str
    text: str
    time: Time
    panels: Sequence[Field | Wave | Chart]
    parameter: Parameter | None = None
    readouts: Sequence[Readout] = ()
    until: Sequence[float] | None = None
    begin: int = 0


def page(title: str, scenes: Sequence[Scene], *, above: str = "", below: str = "") -> str:
    """The text of an HTML file.

    Titles, labels and names may contain any text; it is escaped.

    Args:
        title: Of the page.
        scenes: One tab for each.
        above, below: HTML before and after them, in which the caller has escaped what is not his.
    """
    from ..plot.tables import colour_table, phase_table  # slow, and only needed here

    stores = [_Store() for _ in scenes]
    script = _read("drawing.js") + _read("viewer.js")
    described: dict[str, Any] = {
        "scenes": [store.described(one) for store, one in zip(stores, scenes, strict=True)],
        "colours": {
            name: [UNKNOWN, *colour_table(name, LEVELS + 1)] for name in _colour_maps(scenes)
        },
        "phases": phase_table(),
    }
    data = [
        f'<script type="application/octet-stream" id="data-{i}">{store.text}</script>'
        for i, store in enumerate(stores)
    ]
    parts = {
        "title": html.escape(title),
        "css": _read("viewer.css"),
        "above": above,
        "below": below,
        "page": _json(described),
        "data": "\n".join(data),
        "js": script,
        "hash": _hash(script),
    }
    return re.sub(r"<!--(\w+)-->", lambda found: parts[found[1]], _read("page.html"))


def _read(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """By which the page allows this script and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _json(content) -> str:
    """JSON that cannot end the element which it is in."""
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


class _Store:
    """The arrays of a scene, one after the other."""

    def __init__(self):
        self._parts: list[bytes] = []
        self._size = 0

    @property
    def text(self) -> str:
        """All of them, compressed."""
        return base64.b64encode(zlib.compress(b"".join(self._parts), 9)).decode()

    def described(self, thing) -> Any:
        """For JSON: objects by their fields, arrays by their place here."""
        if isinstance(thing, Quantised):
            return self._kept(thing.bytes) | {"low": thing.low, "high": thing.high}
        if isinstance(thing, Time):
            return dataclasses.asdict(thing) | {"values": np.asarray(thing.values).tolist()}
        if dataclasses.is_dataclass(thing):
            fields = {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}
            if isinstance(thing, Arrows | Diffusion):
                fields["places"] = np.asarray(thing.places).tolist()
            if isinstance(thing, Scene):
                fields["until"] = _finite(thing.until)
            found = {name: self.described(value) for name, value in fields.items()}
            return {"kind": type(thing).__name__.lower()} | found
        if hasattr(thing, "__array__") and np.ndim(thing):
            return self._kept(np.asarray(thing))
        if isinstance(thing, list | tuple):
            return [self.described(one) for one in thing]
        return thing

    def _kept(self, array: np.ndarray) -> dict[str, Any]:
        kind = "u1" if array.dtype == np.uint8 else "f4"
        raw = np.ascontiguousarray(array, f"<{kind}").tobytes()
        place = self._size
        padded = raw + bytes(-len(raw) % 4)
        self._parts.append(padded)
        self._size += len(padded)
        return {"at": place, "shape": list(array.shape), "type": kind}


def _finite(until: Sequence[float] | None) -> list[float | None] | None:
    """JSON has no infinity."""
    if until is None:
        return None
    return [float(t) if np.isfinite(t) else None for t in until]


def _colour_maps(scenes: Sequence[Scene]) -> set[str]:
    panels = [panel for one in scenes for panel in one.panels]
    return {panel.colours for panel in panels if isinstance(panel, Field)}


def raster(
    points: ArrayLike, values: ArrayLike, size: int = 96
) -> tuple[np.ndarray, Mapping[str, tuple[float, float]]]:
    """Values at scattered points on a raster, linear between them and NaN outside their hull.

    Args:
        points: Rows (x, y), shape (points, 2).
        values: Shape (times, points).
        size: Of the raster, along the longer axis of its box.

    Returns:
        Values of shape (times, ny, nx), and the ends of x and y.
    """
    from scipy.interpolate import LinearNDInterpolator

    points, values = np.asarray(points, float), np.asarray(values, float)
    low, high = points.min(axis=0), points.max(axis=0)
    counts = np.maximum(np.rint(size * (high - low) / (high - low).max()).astype(int), 8)
    cells = [
        a + (b - a) * (np.arange(n) + 0.5) / n for a, b, n in zip(low, high, counts, strict=True)
    ]
    places = np.stack(np.meshgrid(*cells), axis=-1)
    found = LinearNDInterpolator(points, values.T)(places)
    ends = {name: (float(a), float(b)) for name, a, b in zip("xy", low, high, strict=True)}
    return np.moveaxis(found, -1, 0), ends
