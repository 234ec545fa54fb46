"""Does any scenario file do anything but run or be refused?

    python bench/fuzz_scenarios.py [--cases N] [--seed S] [--every K] [--json FILE]

Valid scenarios are changed at random: bytes, lines, values, keys, tables and expressions. Each must
be read, or be refused with an `InputError` of one line that names the file. Every K-th case that is
read and small is also built, as `dqmjax simulate --dry-run` does. While a file is read, Python's
audit hook forbids to execute code, to start processes, and to write or open other files; imports of
the package's own are done before. bench/results/fuzz_scenarios.json has the last result.
"""

import argparse
import json
import math
import os
import pathlib
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from typing import NamedTuple

os.environ.setdefault("JAX_PLATFORMS", "cpu")
import jax

from dqmjax.errors import InputError
from dqmjax.scenario.building import build
from dqmjax.scenario.checking import Scenario, read_scenario

ROOT = pathlib.Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "docs" / "scenarios").glob("*.toml"))
TEXTS = [path.read_text() for path in EXAMPLES]
FAST = "/dev/shm" if os.path.isdir("/dev/shm") else None  # a folder in memory
FORBIDDEN = {"exec", "os.system", "os.exec", "os.fork", "os.posix_spawn", "subprocess.Popen"}
FORBIDDEN |= {
    "socket.connect",
    "socket.bind",
    "os.remove",
    "os.rename",
    "os.mkdir",
    "shutil.rmtree",
}
MOST_MEMORY = 2**30
SMALL = 2**12  # points or coefficients of what is built
CODE = (
    "().__class__", "__import__('os').system('true')", "x.__class__", "[x for x in (1,)]",
    "(lambda: x)()", "f'{x}'", "(y := 1)", "9**9**9", "x**1e9", "exec('1')", "eval('1')",
    "open('/etc/passwd')", "x if x else x", "'a'*10**9", "(" * 300 + "x", "-" * 1900 + "x",
    "x" + "+x" * 900, "sin(" * 90 + "x" + ")" * 90, "where(x, 1, 2)", "1/0", "exp(1e9)",
    "log(-1)", "a**8*ad**8", "n**99", "(a + ad)**8", "a99", "x1", "x99", "t", "\\u0000", "ｘ",
)  # fmt: skip
VALUES = (
    "nan", "inf", "-inf", "1e400", "-1e308", "1e-320", "0", "-1", "0.0", "true", "1979-05-27",
    "9" * 30, "9" * 5000, "0x" + "f" * 3000, "[]", "[[[[]]]]", "[" * 50, "{}", "{a = {b = {}}}",
    "''", '""', "'''\n'''", '"\\u202e"', "[1, 'a']", "[1e9, 1e9]", "[1, 2, 3]", "1_000_000",
    "[true]", "[[1, 2], [3, 4]]", "134217728", "2147483648", "1000000000", "'" + "a" * 3000 + "'",
)  # fmt: skip


class Outcome(NamedTuple):
    """How many cases were what."""

    cases: int
    refused: int
    accepted: int
    built: int  # of the accepted ones, without an error
    peak_bytes: int
    seconds: float


def changed(text: str, random: random.Random) -> bytes:
    """A scenario with one to four random changes."""
    data: bytes | str = text
    for _ in range(random.choice((1, 1, 1, 2, 2, 4))):
        kind = random.choice(KINDS)
        data = kind(data if isinstance(data, str) else data.decode(errors="replace"), random)
    return data if isinstance(data, bytes) else data.encode(errors="surrogatepass")


def _bytes(text: str, random: random.Random) -> bytes:
    data = bytearray(text.encode())
    for _ in range(random.randint(1, 8)):
        place = random.randrange(len(data) + 1)
        data[place : place + random.randint(0, 2)] = bytes(
            random.choice((0, 10, 34, 39, 35, 46, 61, 91, 92, 93, 123, 125, 255, 0xC3))
            for _ in range(random.randint(0, 3))
        )
    return bytes(data)


def _value(text: str, random: random.Random) -> str:
    lines = text.split("\n")
    places = [i for i, line in enumerate(lines) if "=" in line] or [0]
    i = random.choice(places)
    lines[i] = f"{lines[i].partition('=')[0]}= {random.choice(VALUES)}"
    return "\n".join(lines)


def _code(text: str, random: random.Random) -> str:
    lines = text.split("\n")
    places = [i for i, line in enumerate(lines) if '"' in line] or [0]
    i = random.choice(places)
    lines[i] = f'{lines[i].partition("=")[0]}= "{random.choice(CODE)}"'
    return "\n".join(lines)


def _lines(text: str, random: random.Random) -> str:
    """Lines removed, repeated or moved, also from another example."""
    lines, other = text.split("\n"), random.choice(TEXTS).split("\n")
    for _ in range(random.randint(1, 3)):
        i = random.randrange(len(lines) + 1)
        lines[i : i + random.randint(0, 2)] = random.sample(other, random.randint(0, 2))
    return "\n".join(lines)


def _key(text: str, random: random.Random) -> str:
    lines = text.split("\n")
    i = random.randrange(len(lines))
    name = random.choice(
        ("until", "mass", "name", "a.b", "a.b.c.d.e.f.g", '"\\n"', "", "ℏ", "points")
    )
    lines[i] = f"{name} ={lines[i].partition('=')[2]}"
    return "\n".join(lines)


def _table(text: str, random: random.Random) -> str:
    name = random.choice(("model", "grid", "state", "model.jump", "model.potential", "x", "a.b.c"))
    head = random.choice((f"[{name}]", f"[[{name}]]", f"[{name}", f"[{name}]]", "[]"))
    return text.replace(random.choice(("[state]", "[grid]", "[times]", "[model]")), head)


def _number(text: str, random: random.Random) -> str:
    """A number a little or very different."""
    lines = text.split("\n")
    i = random.randrange(len(lines))
    head, _, value = lines[i].partition(" = ")
    try:
        number = float(value)
    except ValueError:
        return text
    factor = random.choice((0.5, 0.99, 2.0, 10.0, -1.0, 1e3, 1e6, 1e-6))
    scaled = number * factor
    is_whole = "." not in value and math.isfinite(scaled)
    lines[i] = f"{head} = {int(scaled) if is_whole else scaled}"
    return "\n".join(lines)


def _repeated(text: str, random: random.Random) -> str:
    part = random.choice(("[", "[[", "{a=", "a.", "'", '"""', "[x]\n", "[[x]]\n", "#", "\\", "[1,"))
    return text + part * random.choice((1, 3, 10, 100, 100, 1000, 2000))


KINDS: tuple[Callable, ...] = (_bytes, _value, _value, _code, _lines, _key, _table)
KINDS += (_number, _number, _repeated)


class Guard:
    """Forbids what no scenario may cause, while it is on."""

    def __init__(self, folder: str):
        self._folder, self.is_on = folder, False
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple):
        if not self.is_on:
            return
        is_write = (
            event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
        )
        if event in FORBIDDEN or (
            event == "open" and not str(arguments[0]).startswith(self._folder)
        ):
            is_write = True
        if is_write:
            raise AssertionError(f"a scenario causes {event} {arguments!r}")


def is_small(scenario: Scenario) -> bool:
    """Whether a scenario is quick to build."""
    name, power = ("cutoff", 2) if scenario.is_husimi else ("shape", 1)
    return (
        math.prod(scenario.space.arguments[name]) ** power <= SMALL and scenario.times.many <= 1000
    )


def fuzz(cases: int, seed: int, every: int) -> Outcome:
    """Reads changed scenarios.

    Args:
        cases: How many.
        seed: Of the random changes.
        every: Of so many small accepted ones, one is built.

    Raises:
        AssertionError: If one is neither accepted nor refused as it ought to be.
    """
    source, begin = random.Random(seed), time.monotonic()
    refused = accepted = built = small = 0
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        path, guard = pathlib.Path(folder) / "scenario.toml", Guard(folder)
        for case in range(cases):
            content = changed(source.choice(TEXTS), source)
            path.write_bytes(content)
            try:
                scenario = _guarded(guard, path)
                accepted += 1
                if is_small(scenario):
                    small += 1
                    if small % every == 0:
                        build(scenario)
                        built += 1
            except InputError as error:
                refused += 1
                said = str(error)
                assert said.startswith(f"{path}: "), (case, said)
                assert said.isprintable(), (case, said)
            except BaseException as error:
                raise AssertionError(f"case {case}, seed {seed}: {content[:3000]!r}") from error
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = round(time.monotonic() - begin, 1)
    return Outcome(cases, refused, cases - refused, built, peak, seconds)


def _guarded(guard: Guard, path: pathlib.Path) -> Scenario:
    guard.is_on = True
    try:
        return read_scenario(path)
    finally:
        guard.is_on = False


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=200)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    outcome = fuzz(options.cases, options.seed, options.every)
    assert outcome.peak_bytes <= MOST_MEMORY, outcome
    print(outcome)
    if options.json is not None:
        found = outcome._asdict() | {"seed": options.seed}
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
