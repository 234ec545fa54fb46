"""Several experiments that share parameters."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..data.abstract import AbstractData
from ..data.joint import Joint, JointLikelihood, Places
from ..errors import InputError, require_type
from ..evolution.status import Reason, Status
from .abstract import AbstractExperiment, Guess, as_status
from .parameters import leaf_names, leaf_slices, named_leaves, to_vector


@dataclasses.dataclass(frozen=True)
class _Shared:
    """Marks a place in an experiment for a parameter that others have, too."""

    name: str


class JointExperiment(AbstractExperiment):
    """Experiments by name, and the parameters that several of them have.

    `together` makes one. Its parameters are those of `shared`, and those that one experiment has
    for itself.
    """

    parts: dict[str, AbstractExperiment]  # with marks in place of what is shared
    shared: dict[str, Array | float | tuple[float, ...]]

    @property
    def each(self) -> dict[str, AbstractExperiment]:
        """The experiments with all their parameters."""
        fill = lambda leaf: self.shared[leaf.name] if isinstance(leaf, _Shared) else leaf
        is_mark = lambda leaf: isinstance(leaf, _Shared)
        return jax.tree.map(fill, self.parts, is_leaf=is_mark)

    def predict(self, times, where):
        places = cast(Places, where)
        found = {name: part.predict(*places.each[name]) for name, part in self.each.items()}
        rows, statuses = [], []
        for values, fault in found.values():
            values = jnp.asarray(values)
            rows.append(values.reshape(values.shape[0] if values.ndim else 1, -1))
            statuses.append(_statuses(as_status(fault), len(rows[-1])))
        status = jax.tree.map(
            lambda *x: jnp.concatenate(x)[np.array(places.layout.order)], *statuses
        )
        return places.layout.join(rows), status

    def scales(self, data):
        said = {name: part.scales(_joint(data).parts[name]) for name, part in self.each.items()}
        return {
            here: said[name][leaf]
            for name, names in self._names.items()
            for leaf, here in names.items()
            if leaf in said[name]
        }

    def frequencies(self):
        return {
            here: found[leaf]
            for name, names in self._names.items()
            for found in [self.each[name].frequencies()]
            for leaf, here in names.items()
            if leaf in found
        }

    def guess(self, data):
        """That of every experiment that has one."""
        each = dict(self.each)
        found = {name: part.guess(_joint(data).parts[name]) for name, part in each.items()}
        found = {name: guess for name, guess in found.items() if guess is not None}
        if not found:
            return None
        first = next(iter(found.values()))
        each |= {name: guess.experiment for name, guess in found.items()}
        order = sorted(each, key=lambda name: name not in found)  # shared ones from a guess
        shared = dict(self.shared)
        for name in reversed(order):
            own = named_leaves(each[name])
            shared |= {n: x for n, x in own.items() if n in shared}
        parts = {name: _marked(part, self.shared) for name, part in each.items()}
        guess = JointExperiment(parts, shared)
        return Guess(guess, self._spread(found), origin=first.origin)

    def rough(self, data):
        return Joint(
            {name: part.rough(_joint(data).parts[name]) for name, part in self.each.items()}
        )

    def likelihood(self, data):
        parts = [part.likelihood(_joint(data).parts[name]) for name, part in self.each.items()]
        return JointLikelihood(tuple(parts), _joint(data).layout)

    def require_valid(self):
        for part in self.each.values():
            part.require_valid()

    def check(self, data):
        for name, part in self.each.items():
            part.check(_joint(data).parts[name])

    def refined(self):
        finer = {name: part.refined() for name, part in self.each.items()}
        if all(part is None for part in finer.values()):
            return None
        return self._with(lambda part: part.refined() or part)

    def for_forward_mode(self):
        return self._with(lambda part: part.for_forward_mode())

    def for_reverse_mode(self):
        return self._with(lambda part: part.for_reverse_mode())

    def _spread(self, found: Mapping[str, Guess]) -> np.ndarray | None:
        """The errors of the guesses, in the order of the parameters here."""
        slices, rows = leaf_slices(self), []
        for part, guess in found.items():
            if guess.spread is not None:
                wide = np.zeros((len(guess.spread), to_vector(self).size))
                for leaf, where in leaf_slices(self.each[part]).items():
                    wide[:, slices[self._names[part][leaf]]] = guess.spread[:, where]
                rows.append(wide)
        return np.concatenate(rows) if rows else None

    @property
    def _names(self) -> dict[str, dict[str, str]]:
        """For each experiment the names that its parameters have here."""
        own = iter(leaf_names(self))  # of the parts, in their order, and then of what is shared
        return {
            name: {leaf: leaf if leaf in self.shared else next(own) for leaf in leaf_names(part)}
            for name, part in self.each.items()
        }

    def _with(self, change: Callable) -> "JointExperiment":
        parts = {name: _marked(change(part), self.shared) for name, part in self.each.items()}
        return JointExperiment(parts, self.shared)


def together(parts: Mapping[str, AbstractExperiment], separate: Sequence[str] = ()):
    """Experiments whose parameters of one name are the same, except those in `separate`.

    Args:
        parts: Experiments by name, those of the data sets.
        separate: Names of parameters that each experiment has for itself.

    Raises:
        InputError: If a name in `separate` is not that of a parameter of two experiments.
    """
    count = Counter(name for part in parts.values() for name in leaf_names(part))
    several = [name for name, many in count.items() if many > 1]
    for name in separate:
        if name not in several:
            raise InputError(
                f"`separate` must name parameters of several experiments, {', '.join(several)}, "
                f"but has {name!r}."
            )
    shared: dict = {}
    for part in parts.values():
        shared = {n: x for n, x in named_leaves(part).items() if n in several} | shared
    shared = {name: x for name, x in shared.items() if name not in separate}
    return JointExperiment({name: _marked(p, shared) for name, p in parts.items()}, shared)


def _marked(part: AbstractExperiment, shared: Mapping) -> AbstractExperiment:
    """The experiment with marks in place of the shared parameters."""
    names = iter(leaf_names(part))
    is_own = lambda leaf: isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jnp.floating)

    def mark(leaf):
        if not is_own(leaf):
            return leaf
        name = next(names)
        return _Shared(name) if name in shared else leaf

    return jax.tree.map(mark, part)


def _joint(data: AbstractData) -> Joint:
    """The data, if they are several sets.

    Raises:
        InputError: If they are not.
    """
    require_type(Joint, data=data)
    return cast(Joint, data)


def _statuses(status: Status | None, rows: int) -> Status:
    """A status for each row."""
    if status is None:
        return Status(jnp.full(rows, int(Reason.OK)), jnp.zeros(rows))
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (rows,)), status)
