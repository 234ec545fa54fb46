"""Long runs with progress, interruption and checkpoints."""

import contextlib
import functools
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree, Real

from ..errors import InputError, is_traced, positive, require_instance, require_type, require_whole
from ..evolution.envelopes import covered
from ..evolution.error import probed_of, summed
from ..evolution.solution import Solution, checked
from ..evolution.solve import require_numbers
from ..evolution.status import Status, with_errors
from ..evolution.stepper import AbstractStepper, is_convergent
from ..evolution.times import SaveTimes, save_times
from ..storage.fingerprint import fingerprint
from ..storage.folder import Folder
from . import memory
from .checkpoints import Checkpoints, Position
from .pieces import Chunk, Observed, Pieces, Row, advanced, prepared
from .processes import agreed, in_turn, on_host, together
from .progress import Bar, interruptible

SECONDS = 0.3  # that a call should take; then Ctrl-C is noticed
MOST_PIECES = 4096  # of a call
MOST_ROWS = 2**26  # bytes of the rows of a call

Observe = Callable[[PyTree[Array]], PyTree[Array]]


class Interrupted(UserWarning):
    """A run ended at Ctrl-C.

    Example:
        >>> grid = dqm.Grid((-8.0,), (8.0,), (64,))
        >>> step = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), grid)
        >>> psi = dqm.gaussian(grid, 1.0, 0.5**0.5)
        >>> import warnings
        >>> with warnings.catch_warnings(action="error", category=dqm.Interrupted):  # as an error
        ...     solution = dqm.run(step, psi, np.array([0.0, np.pi]), substeps=64, progress=False)
        >>> float(solution.ts[-1].round(3))
        3.142
    """


def run(
    stepper: AbstractStepper,
    state: PyTree[Array],
    ts: Real[Array | np.ndarray, " times"] | SaveTimes,
    *,
    substeps: int = 1,
    observe: Observe | Mapping[str, Observe] | None = None,
    until: Callable | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    every: float | int = 60.0,
    progress: bool = True,
    throw: bool = True,
) -> Solution:
    """`solve` for long runs: with progress and checkpoints, and it can be interrupted.

    The status is judged more often than by `solve`: also between save times that are far apart.

    The host calls a compiled program again and again, for about 0.3 s each time. Ctrl-C is noticed
    after the current call; what was computed until then is returned, with a last entry of `ts` for
    the time reached, and a warning `Interrupted`. A second Ctrl-C raises `KeyboardInterrupt`.

    With a `checkpoint`, all that is saved goes to files. The same call continues from there, also
    after the process was killed or the machine was switched off. On the same device and number of
    devices the result is the same to the last bit.

    Not for use inside `jax.jit` or `jax.grad`; there, take `solve`.

    Args:
        stepper: As for `solve`.
        state: As for `solve`; on several devices, see `dqmjax.sharding`.
        ts: As for `solve`.
        substeps: Steps per save interval.
        observe: What to keep of each state: a function of it, or several by name. By default the
            whole state. Name the functions: a fresh lambda recompiles.
        until: `until(t, state)`, a truth value, written with `jax.numpy`. The run ends at the first
            save time at which it holds.
        checkpoint: Folder for the checkpoints of this run.
        every: Seconds between two of them.
        progress: Whether to show a bar: rate, remaining time, drifts of what the stepper says is
            conserved, and the estimated error.
        throw: Whether a status that fails ends the run with an error.

    Raises:
        InputError: As `solve`; if the run needs more memory than there is; or if `checkpoint`
            belongs to a run with other arguments; the message says which differ.
        InputFileError: If `checkpoint` cannot be used, is used by another process, or none of its
            states is whole.
        RuntimeError: If the status of a state fails.

    Example:
        >>> grid = dqm.Grid((-8.0,), (8.0,), (64,))
        >>> step = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), grid)
        >>> psi = dqm.gaussian(grid, 1.0, 0.5**0.5)
        >>> ts, options = np.linspace(0.0, np.pi, 5), {"checkpoint": "week", "every": 600}
        >>> solution = dqm.run(step, psi, ts, substeps=16, progress=False, **options)
        >>> dqm.observables.mean_position(grid, solution.final).round(2)  # cos t
        Array([-1.], dtype=float64)
    """
    require_whole(1, substeps=substeps)
    require_instance(AbstractStepper, stepper=stepper)
    require_instance(bool, progress=progress, throw=throw)
    every = float(positive("every", every, ()))
    observed = Observed(_functions(observe))
    if until is not None and not callable(until):
        raise InputError(f"`until` must be a function of (t, state), but is {until!r}.")
    require_numbers(stepper, state)
    times = ts if isinstance(ts, SaveTimes) else save_times(ts)
    times = covered(stepper, times, substeps)
    if is_traced(stepper, state, times):
        raise InputError("`state`, `ts` and `stepper` must be known, but one is traced: `solve`.")
    _require_traceable(observed.functions, until, times.ts, state)
    arguments = {"stepper": stepper, "state": state, "ts": times.ts, "substeps": substeps}
    arguments |= {"observe": observed.functions, "until": until}
    checkpoints = None
    if checkpoint is not None:
        parts = fingerprint(arguments)  # of all processes: they compute checksums together
        checkpoints = Checkpoints(in_turn(functools.partial(Folder, checkpoint, "run", parts)))
    try:
        running = _Run(stepper, state, times, substeps, observed, until, checkpoints)
        solution = running.to_the_end(every, progress, throw)
    finally:
        if checkpoints is not None:
            checkpoints.close()
    return checked(solution) if throw else solution


def _functions(observe) -> Observe | dict[str, Observe] | None:
    """What to keep, with names that are text."""
    require_type((Callable, Mapping, type(None)), observe=observe)  # pyright: ignore[reportArgumentType]
    if not isinstance(observe, Mapping):
        return observe
    for name, function in observe.items():
        if not isinstance(name, str) or not name or not callable(function):
            raise InputError(
                f"`observe` must be functions of a state by name, but has {name!r}: {function!r}."
            )
    if not observe:
        raise InputError("`observe` must have one or more functions, but is empty.")
    return dict(observe)


def _require_traceable(observe, until: Callable | None, ts, state):
    """Checks that JAX can compile what the user wants to know of a state."""
    named = {f"observe[{n!r}]": f for n, f in observe.items()} if isinstance(observe, dict) else {}
    named |= {"observe": observe} if callable(observe) else {}
    for name, function in named.items():
        _traced(name, "a state", function, state)
    if until is not None:
        found = _traced("until", "(t, state)", until, jnp.asarray(ts[0]), state)
        if getattr(found, "shape", None) != () or found.dtype != bool:
            raise InputError(f"`until` must return one truth value, but returns {found}.")


def _traced(name: str, of: str, function: Callable, *arguments):
    """The shapes of what a function returns."""
    try:
        return jax.eval_shape(function, *arguments)
    except Exception as error:
        raise InputError(
            f"`{name}` must be a function of {of}, written with `jax.numpy`, that returns arrays, "
            f"but raises {type(error).__name__}: {str(error).splitlines()[0]}"
        ) from error


class _Run:
    """A run between its beginning and its end."""

    def __init__(self, stepper, state, times, substeps, observed, until, checkpoints):
        self._stepper, self._times, self._observed = stepper, times, observed
        self._until, self._checkpoints = until, checkpoints
        size = sum(leaf.size for leaf in jax.tree.leaves(state))
        self._pieces, self._substeps = Pieces.of(times, substeps, size), substeps
        self._steps, self._reached, row, begin = prepared(stepper, state, times, substeps, observed)
        self._begin = {name: float(value) for name, value in begin.items()}
        self._rows = _Rows(row, len(times.ts))
        local = np.full(probed_of(len(self._pieces.end)).size, np.nan)
        self._position = Position(0, 1, False, local)
        self._rows.put(jax.tree.map(lambda leaf: on_host(leaf)[None], row))
        if checkpoints is not None:
            self._continue(checkpoints, row)

    def _continue(self, checkpoints: Checkpoints, row: Row):
        found = checkpoints.restore(self._reached, row)
        if found is None:
            checkpoints.add(self._rows.first())
            return
        self._position, self._reached, rows = found
        self._rows.clear()
        for part in rows:
            self._rows.put(part)

    def to_the_end(self, every: float, progress: bool, throw: bool) -> Solution:
        """Calls of the program until all pieces are done, or something ends the run before."""
        total = len(self._pieces.end)
        steps, done = int(self._pieces.steps.sum()), self._position.piece
        program, capacity = self._program()
        bar = Bar(
            progress and jax.process_index() == 0,
            steps,
            int(self._pieces.steps[:done].sum()),
            self._begin,
        )
        size, written, is_interrupted = 1, time.monotonic(), False
        with together(), self._saved_at_errors(), interruptible() as interruption:
            while done < total and not self._position.is_done:
                count = agreed(min(size, capacity, total - done))
                begun = time.monotonic()
                failed = self._advance(program, capacity, count, bar)
                done = self._position.piece
                size = next_size(size, time.monotonic() - begun)
                is_interrupted = agreed(interruption.pressed)
                ends = is_interrupted or (failed and throw) or done == total
                due = agreed(time.monotonic() - written > every)
                if self._checkpoints is not None and (ends or due or self._position.is_done):
                    self._checkpoints.write(self._position, self._reached)
                    written = time.monotonic()
                if ends:
                    break
        bar.close()
        if is_interrupted:
            is_whole = done == total or self._position.is_done
            when = "after all times were reached" if is_whole else "before all times were reached"
            text = f"The run ended at t = {self._time:.6g}, {when}."
            if not is_whole and self._checkpoints is not None:
                text += " The same call continues it from its checkpoint."
            warnings.warn(text, Interrupted, stacklevel=3)
        return self._solution()

    @contextlib.contextmanager
    def _saved_at_errors(self) -> Iterator[None]:
        """Writes the last good state before an error, such as one of `observe`, goes on."""
        try:
            yield
        except Exception:
            if self._checkpoints is not None and jax.process_count() == 1:
                self._checkpoints.write(self._position, self._reached)
            raise

    def _program(self) -> tuple[Callable, int]:
        """The compiled program, and how many pieces it can do in one call without lack of memory.

        Raises:
            InputError: If the rows, or one piece, need more memory than there is.
        """
        device = next(iter(jax.tree.leaves(self._reached)[0].devices()))
        most, row = memory.of_device(device), self._rows.size_of_one
        capacity = max(1, min(len(self._pieces.end), MOST_PIECES, MOST_ROWS // row))
        while True:
            program = cast(Any, advanced).lower(*self._arguments(capacity, 0)).compile()
            needed = memory.of_program(program.compiled)
            if needed <= most:
                return program, capacity
            if capacity == 1:
                raise InputError(
                    f"`state` is too large: a step needs {memory.as_text(needed)} on {device}, "
                    f"which has {memory.as_text(most)}. Take fewer points, single precision, or "
                    "more devices."
                )
            capacity = max(1, capacity // 8)

    def _arguments(self, capacity: int, count: int):
        pieces = self._pieces.part(self._position.piece, capacity)
        return (
            *(self._steps, self._reached, pieces, np.asarray(count), self._observed, self._until),
            self._pieces.lengths,
        )

    def _advance(self, program: Callable, capacity: int, count: int, bar: Bar) -> bool:
        """One call; whether a state fails."""
        chunk: Chunk = program(*self._arguments(capacity, count))
        first, done = self._position.piece, int(on_host(chunk.done))
        part = slice(first, first + done)
        saved = int(self._pieces.is_saved[part].sum())
        rows = jax.tree.map(lambda leaf: on_host(leaf)[:saved].copy(), chunk.rows)
        self._rows.put(rows)
        if self._checkpoints is not None and saved:
            self._checkpoints.add(rows)
        self._reached = chunk.reached
        local = self._position.local.copy()
        probed = probed_of(len(self._pieces.end))
        here = (probed >= first) & (probed < first + done)
        local[here] = on_host(chunk.local)[probed[here] - first]
        self._position = Position(
            first + done, self._position.rows + saved, bool(on_host(chunk.is_done)), local
        )
        error = self._error()
        bar.show(
            int(self._pieces.steps[part].sum()),
            float(self._pieces.end[first + done - 1]),
            {name: float(on_host(value)) for name, value in chunk.invariants.items()},
            None if error is None else float(error[first + done]),
        )
        status = chunk.reached.status
        return bool(on_host(status.fails))

    def _error(self) -> np.ndarray | None:
        """The estimate before each piece and at the end, with the last known error for later."""
        if not is_convergent(self._stepper):
            return None
        known = self._position.local
        latest = known[np.maximum.accumulate(np.where(np.isnan(known), 0, np.arange(known.size)))]
        local = np.zeros(len(self._pieces.end))
        local[probed_of(local.size)] = latest
        lengths = self._pieces.dt / self._substeps
        order = self._stepper.order
        return np.asarray(_summed(local, lengths, self._pieces.steps, order=order))

    def _solution(self) -> Solution:
        """What was saved, and the time reached if it is none of the save times."""
        piece = self._position.piece
        done = self._pieces.is_saved[:piece]
        ends = [0, *(np.flatnonzero(done) + 1)]
        ts = list(np.asarray(self._times.ts)[: len(ends)])
        rows = self._rows.all
        if piece and not done[-1]:
            row = self._observed.row(self._reached)
            more = jax.tree.map(lambda leaf: on_host(leaf)[None], row)
            rows = jax.tree.map(lambda *parts: np.concatenate(parts), rows, more)
            ts, ends = [*ts, self._time], [*ends, piece]
        error = self._error()
        error = None if error is None else error[ends]
        rows, ts, error = jax.tree.map(jnp.asarray, (rows, np.array(ts), error))
        status = Status(rows.reason, rows.size)
        errors = with_errors(status, error, rows.bound)
        return Solution(ts, rows.saved, self._reached.state, *errors)

    @property
    def _time(self) -> float:
        """The time reached."""
        piece = self._position.piece
        return float(self._pieces.end[piece - 1] if piece else self._times.ts[0])


class _Rows:
    """What was saved, in the main memory."""

    def __init__(self, like: Row, most: int):
        self.size_of_one = memory.size_of(like)
        self._most, self._count = most, 0
        self._require_fit()
        self._all = jax.tree.map(lambda leaf: np.empty((most, *leaf.shape), leaf.dtype), like)

    def put(self, rows: Row):
        """Adds rows."""
        first, self._count = self._count, self._count + len(rows.reason)

        def place(all, part):
            all[first : self._count] = part

        jax.tree.map(place, self._all, rows)

    def clear(self):
        """Forgets all rows."""
        self._count = 0

    def first(self) -> Row:
        """The first row."""
        return jax.tree.map(lambda all: all[:1].copy(), self._all)

    @property
    def all(self) -> Row:
        """The rows so far."""
        return jax.tree.map(lambda all: all[: self._count], self._all)

    def _require_fit(self):
        """Checks that they fit into the main memory.

        Raises:
            InputError: If not.
        """
        needed, most = self._most * self.size_of_one, memory.of_host()
        if needed > most:
            raise InputError(
                f"`ts` has {self._most} times, at which {memory.as_text(needed)} would be saved, "
                f"but the main memory has {memory.as_text(most)}: give `observe`, or fewer times."
            )


_summed = jax.jit(summed, static_argnames="order")


def next_size(size: int, seconds: float) -> int:
    """How many pieces the next call should have, after one of `size`."""
    return max(1, min(8 * size, int(size * SECONDS / max(seconds, 1e-4)), MOST_PIECES))
