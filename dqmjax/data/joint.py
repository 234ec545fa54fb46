"""Several data sets of experiments that share parameters."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..errors import InputError, require_type
from ..evolution.times import SaveTimes
from .abstract import AbstractData
from .goodness import Goodness
from .likelihood import AbstractLikelihood


class Layout(eqx.Module):
    """Where the rows of several data sets are in those of all, in the order of time.

    Args:
        shapes: Rows and columns of each data set.
        order: The rows of one set after the other, in the new order.
    """

    shapes: tuple[tuple[int, int], ...] = eqx.field(static=True)
    order: tuple[int, ...] = eqx.field(static=True)

    @property
    def columns(self) -> int:
        """Those of the widest set; the others are filled with zeros."""
        return max(columns for _, columns in self.shapes)

    def join(self, parts) -> Any:
        """The rows of all sets, NumPy's where those are."""
        numbers = jnp if any(isinstance(part, Array) for part in parts) else np
        fill = lambda part: numbers.pad(part, ((0, 0), (0, self.columns - part.shape[1])))
        return numbers.concatenate([fill(part) for part in parts])[np.array(self.order)]

    def split(self, rows) -> list:
        """The rows of each set."""
        whole = rows[np.argsort(self.order)]
        counts = [count for count, _ in self.shapes]
        starts = np.cumsum([0, *counts])
        return [
            whole[start : start + count, :columns]
            for start, (count, columns) in zip(starts, self.shapes, strict=False)
        ]

    def leading(self, rows: slice) -> list[slice]:
        """Which leading rows of each set are among those rows of all."""
        chosen = np.zeros((len(self.order), self.columns), bool)
        chosen[rows] = True
        return [slice(0, int(mark[:, 0].sum())) for mark in self.split(chosen)]


class Places(eqx.Module):
    """The `where` of joint data: times and places of each set."""

    each: dict[str, tuple[SaveTimes | None, Any]]
    layout: Layout


class JointLikelihood(AbstractLikelihood):
    """The likelihoods of several data sets, over the rows of all; 0 in columns without data."""

    parts: tuple[AbstractLikelihood, ...]
    layout: Layout

    @property
    def is_least_squares(self) -> bool:
        """Whether all of them are."""
        return all(part.is_least_squares for part in self.parts)

    def residual(self, prediction):
        return self._of("residual", prediction)

    def information(self, prediction):
        return self._of("information", prediction)

    def _of(self, what: str, prediction):
        pairs = zip(self.parts, self.layout.split(prediction), strict=True)
        return self.layout.join([jnp.asarray(getattr(part, what)(rows)) for part, rows in pairs])

    def draw(self, key, prediction):
        pairs = zip(self.parts, self.layout.split(prediction), strict=True)
        return JointLikelihood(tuple(part.draw(key, rows) for part, rows in pairs), self.layout)

    def rescaled(self, factor):
        return JointLikelihood(tuple(part.rescaled(factor) for part in self.parts), self.layout)


@dataclasses.dataclass(frozen=True)
class Joint(AbstractData):
    """Data sets by name; their rows are in the order of the time since each preparation.

    Args:
        parts: The data sets.

    Raises:
        InputError: If there are fewer than two.
    """

    parts: Mapping[str, AbstractData]

    def __post_init__(self):
        require_type(Mapping, data=self.parts)
        if len(self.parts) < 2:
            raise InputError("`data` must be two data sets or more by name, or one without a name.")
        require_type(AbstractData, **{f"data[{n!r}]": part for n, part in self.parts.items()})

    @property
    def time_unit(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of all; empty if they differ."""
        units = {part.time_unit for part in self.parts.values()}
        return units.pop() if len(units) == 1 else ""

    @functools.cached_property
    def _since(self) -> list[np.ndarray]:
        """The time of each row since the preparation; −∞ for data without times."""
        shapes = (len(part.rough().measured) for part in self.parts.values())  # pyright: ignore[reportArgumentType]
        return [
            np.full(count, -np.inf) if part.t is None else np.asarray(part.t) - part.t[0]
            for part, count in zip(self.parts.values(), shapes, strict=True)
        ]

    @functools.cached_property
    def layout(self) -> Layout:
        """How the rows are joined."""
        order = np.argsort(np.concatenate(self._since), kind="stable")
        return Layout(tuple(map(_shape, self.parts.values())), tuple(order.tolist()))

    @property
    def t(self):  # pyright: ignore[reportIncompatibleVariableOverride]
        """The time of each row since the preparation of its state; `None` without times."""
        times = np.sort(np.concatenate(self._since))
        return None if np.isneginf(times).all() else np.maximum(times, 0.0)

    @property
    def times(self):
        """None: each set has its own, in `where`."""
        return None

    @property
    def where(self):
        """Times and places of each."""
        each = {name: (part.times, part.where) for name, part in self.parts.items()}
        return Places(each, self.layout)

    @property
    def measured(self):
        """The numbers of all; `None` if one of them has samples of a density."""
        parts = [part.measured for part in self.parts.values()]
        return None if any(part is None for part in parts) else self.layout.join(parts)

    @property
    def likelihood(self):
        """Those of all."""
        parts = tuple(part.likelihood for part in self.parts.values())
        return JointLikelihood(parts, self.layout)

    @property
    def noise_known(self):
        """Whether it is in all sets."""
        return all(part.noise_known for part in self.parts.values())

    def rough(self):
        return Joint({name: part.rough() for name, part in self.parts.items()})

    def whitened(self, away, prediction):
        """Those of all, one set after the other."""
        parts = zip(
            self.parts.values(), self.layout.split(away), self.layout.split(prediction), strict=True
        )
        return np.concatenate([part.whitened(*rows) for part, *rows in parts])

    def goodness(self, prediction, parameters, rows=slice(None)):
        """Of all together. The largest excess and correlation of one set count for all."""
        split = self.layout.split(prediction)
        share = parameters / prediction.size
        tested = zip(self.parts.values(), split, self.layout.leading(rows), strict=True)
        found = [
            part.goodness(values, share * values[leading].size, leading)
            for part, values, leading in tested
            if leading.stop
        ]
        return _together(found)


def _shape(part: AbstractData) -> tuple[int, int]:
    """Rows and columns of what an experiment predicts."""
    if part.measured is not None:
        return part.measured.shape
    rows, columns = np.shape(part.where)[:2]
    return rows, columns


def _together(found: list[Goodness]) -> Goodness:
    dof, size = sum(one.dof for one in found), sum(one.size for one in found)
    weights = np.sqrt([max(one.dof, 0) for one in found])
    excess = np.array([one.excess for one in found])
    whole = float(weights @ excess / max(np.linalg.norm(weights), 1e-300))
    return Goodness(
        deviance=sum(one.deviance for one in found),
        size=size,
        chi2=sum(one.chi2 for one in found),
        dof=dof,
        noise_known=all(one.noise_known for one in found),
        excess=max(whole, float(excess.max())),
        correlation=max((one.correlation for one in found), key=abs),
        pairs=sum(one.pairs for one in found),
        misfit=float(np.sqrt(sum(one.size * one.misfit**2 for one in found) / size)),
    )
