"""What is shown of a run while it goes on, and how Ctrl-C ends it."""

import contextlib
import signal
import threading
from collections.abc import Iterator

import tqdm


class Bar:
    """A bar with rate and remaining time, the time reached, drifts and the estimated error."""

    def __init__(self, is_shown: bool, steps: int, done: int, begin: dict[str, float]):
        self._begin = begin
        self._bar = tqdm.tqdm(
            total=steps, initial=done, unit="step", unit_scale=True, disable=not is_shown
        )

    def show(self, steps: int, t: float, invariants: dict[str, float], error: float | None):
        """The state of a run after `steps` more."""
        parts = [f"t={t:.4g}"]
        for name, begin in self._begin.items():
            drift = (invariants[name] - begin) / (abs(begin) or 1.0)
            parts.append(f"{name} {drift:+.0e}")
        if error is not None:
            parts.append(f"error {error:.0e}")
        self._bar.set_postfix_str(", ".join(parts), refresh=False)
        self._bar.update(steps)

    def close(self):
        """Leaves the bar as it is."""
        self._bar.close()


class Interruption:
    """Whether Ctrl-C was pressed."""

    pressed = False


@contextlib.contextmanager
def interruptible() -> Iterator[Interruption]:
    """Notes a first Ctrl-C instead of raising; a second one raises `KeyboardInterrupt`.

    Outside the main thread, Python delivers no signals, and nothing is changed.
    """
    noted = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return

    def note(number, frame):
        if noted.pressed:
            raise KeyboardInterrupt
        noted.pressed = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)
