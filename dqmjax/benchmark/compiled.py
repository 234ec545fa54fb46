"""What a compiled program does: the work in the text that XLA prints of it, loop by loop."""

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

EXCHANGES = ("all-gather", "all-to-all", "all-reduce", "collective-permute", "reduce-scatter")
FREE = (
    *("parameter", "constant", "tuple", "get-tuple-element", "bitcast", "after-all", "domain"),
    *("add-dependency", "opt-barrier", "partition-id", "replica-id"),
)
CALLS = ("call", "async", "conditional")  # run other instructions
SLICES = ("dynamic-slice", "slice", "gather")  # read a part of their first operand
SMALL = 64  # bytes; a kernel of so few works on single numbers, such as a counter of a loop
FEW = 16  # bytes; a copy of so few moves one number
HEAD = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\) -> .*\{$")
LINE = re.compile(r"^\s+(?:ROOT )?%?([\w.\-]+) = (.*?) ([a-z][a-z\-]*)\((.*)$")
ARRAY = re.compile(r"\b(pred|[a-z]+\d+)\[([\d,]*)\](\{[^}]*\})?")
OPERAND = re.compile(r"%([\w.\-]+)")
CALLED = re.compile(r"(?:calls|to_apply|body|true_computation|false_computation)=%?([\w.\-]+)")
CONDITION = re.compile(r"condition=%?([\w.\-]+)")
BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")
CALLEE = re.compile(r'custom_call_target="([^"]*)"')
TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
AXES = re.compile(r"fft_length=\{([\d,]*)\}")
FILE = re.compile(r'^(\d+) "(.*)"$', re.MULTILINE)
PLACE = re.compile(r"^(\d+) \{file_name_id=(\d+) .*?\bline=(\d+)", re.MULTILINE)
FRAME = re.compile(r"^(\d+) \{file_location_id=(\d+) parent_frame_id=(\d+)", re.MULTILINE)
STACK = re.compile(r"stack_frame_id=(\d+)")
FUNCTIONS = "FunctionNames"  # the table that follows that of files
OWN, HERE = "/dqmjax/", "/dqmjax/benchmark/"
ELSEWHERE = re.compile(r"S\([1-9]\)")  # not in the main memory of the device


def bytes_of(shapes: str, in_main_memory: bool = False) -> int:
    """Bytes of the arrays in a type of XLA's.

    Args:
        shapes: The type, as XLA prints it.
        in_main_memory: Whether to leave out arrays that are in another memory, as that on the chip.
    """
    total = 0
    for kind, sizes, layout in ARRAY.findall(shapes):
        if in_main_memory and ELSEWHERE.search(layout):
            continue
        bits = 8 if kind == "pred" else int(re.sub(r"\D", "", kind))
        total += bits // 8 * math.prod(int(n) for n in sizes.split(",") if n)
    return total


@dataclasses.dataclass
class Counts:
    """What a device does."""

    exchanges: Counter = dataclasses.field(default_factory=Counter)  # between devices, by kind
    exchanged: Counter = dataclasses.field(default_factory=Counter)  # bytes, by kind
    largest: Counter = dataclasses.field(default_factory=Counter)  # bytes of the largest one
    transforms: int = 0
    kernels: int = 0
    numbers: int = 0  # kernels that work on single numbers, such as counters of loops
    moves: int = 0  # kernels and copies that only copy or transpose
    copies: int = 0  # those of them that are no kernels, as well as copies of single numbers
    calls: Counter = dataclasses.field(default_factory=Counter)  # of libraries and of the host
    conditionals: int = 0
    open_loops: int = 0  # whose length XLA does not know
    bytes: int = 0  # read and written in the main memory, a transform once for each axis

    @property
    def callbacks(self) -> int:
        """Calls of Python on the host."""
        return sum(number for name, number in self.calls.items() if "callback" in name)

    @property
    def launches(self) -> int:
        """Number of kernels, transforms, copies, exchanges and library calls that a GPU starts."""
        called = self.calls.total() - self.callbacks
        started = self.kernels + self.transforms + self.copies
        return started + called + self.exchanges.total()

    @property
    def round_trips(self) -> int:
        """How often a GPU waits for a decision of the host, an open loop taken once."""
        return self.conditionals + self.open_loops + self.callbacks

    def add(self, other: "Counts", times: int = 1):
        """Adds `times` the counts of another, and the largest exchange of both.

        Args:
            other: Counts.
            times: A factor.
        """
        for field in dataclasses.fields(Counts):
            own, given = getattr(self, field.name), getattr(other, field.name)
            if field.name == "largest":
                own |= given
            elif isinstance(own, Counter):
                own.update({key: times * number for key, number in given.items()})
            else:
                setattr(self, field.name, own + times * given)

    def row(self) -> dict[str, Any]:
        """What is not empty, as it is written."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(Counts)}
        return {name: value for name, value in fields.items() if value != {}}


@dataclasses.dataclass
class Counted(Counts):
    """What one pass through some instructions does, all branches of conditions included.

    `trips` is `None` for a loop whose length XLA does not know. Then `passes` takes one pass
    through it. What a condition in a loop may skip is taken once for all passes of that loop.
    """

    depth: int = 0  # loops around
    trips: int | None = 1  # passes for each one of the loop around
    passes: int = 1  # in the whole program
    source: str = ""  # file and line of the loop
    branches: Counts = dataclasses.field(default_factory=Counts)  # the part in branches

    @property
    def once(self) -> int:
        """How often the program comes to the loop."""
        return self.passes // (self.trips or 1)

    @property
    def has_work(self) -> bool:
        """Whether there are kernels, transforms, exchanges or calls."""
        return self.kernels + self.transforms + len(self.exchanges) + len(self.calls) > 0

    def row(self) -> dict[str, Any]:
        """What is not empty, as it is written."""
        where = {"depth": self.depth, "trips": self.trips, "passes": self.passes}
        found = where | ({"source": self.source} if self.source else {}) | super().row()
        is_empty = self.branches == Counts()
        return found | ({} if is_empty else {"branches": self.branches.row()})


def total(parts: Iterable[Counted]) -> Counts:
    """The work of a whole program, at least; see `Counted`.

    Args:
        parts: Returned by `counted`.
    """
    whole = Counts()
    for part in parts:
        whole.add(part, part.passes)
        whole.add(part.branches, part.once - part.passes)
    return whole


def is_complete(parts: Iterable[Counted]) -> bool:
    """Whether XLA knows how often everything is done, so that `total` is no lower bound.

    Args:
        parts: Returned by `counted`.
    """
    return all(part.trips is not None and part.branches == Counts() for part in parts)


def counted(text: str) -> list[Counted]:
    """The work of a compiled program: outside of its loops, then that of each loop with work.

    Args:
        text: `as_text()` of a `jax.stages.Compiled`.
    """
    program = _Program.read(text)
    outside = Counted()
    loops = list(_visited(program, program.entry, outside))
    return [outside, *(loop for loop in loops if loop.has_work)]


def constant_bytes(text: str) -> int:
    """Bytes of the constants that the text of a compiled program contains.

    Args:
        text: As for `counted`.
    """
    lines = _Program.read(text).bodies.values()
    return sum(bytes_of(one.shape) for body in lines for one in body if one.code == "constant")


class Rates(NamedTuple):
    """Public figures of a device, for a prediction of the run time of a program."""

    device: str
    memory: float  # bytes/s that it reads and writes
    launch: float  # seconds to start a kernel; 0 if the device starts them by itself
    waits: bool  # whether conditions and open loops wait for the host

    def seconds(self, work: Counts) -> float:
        """The time to read and write all bytes, and to start all kernels. Not in it are round
        trips to the host, exchanges, and arithmetic that takes longer than the memory.

        Args:
            work: What a program does.
        """
        return work.bytes / self.memory + self.launch * work.launches

    def round_trips(self, work: Counts) -> int:
        """How often the device waits for the host.

        Args:
            work: What a program does.
        """
        return work.round_trips if self.waits else work.callbacks


RATES = {
    # NVIDIA's data sheet of the H100 SXM: 3.35 TB/s. No data sheet has the time to start a kernel
    # from a stream of short ones; 3 µs is an assumption
    "h100": Rates("NVIDIA H100 80GB HBM3", 3.35e12, 3e-6, waits=True),
    # cloud.google.com/tpu/docs/v5e: 819 GB/s. The chip runs a program without the host
    "v5e": Rates("Google TPU v5e", 819e9, 0.0, waits=False),
}


class _Line(NamedTuple):
    """An instruction: `name = shape code(rest`."""

    name: str
    shape: str
    code: str
    rest: str

    @property
    def kind(self) -> str:
        return self.code.removesuffix("-start")

    @property
    def operands(self) -> list[str]:
        return OPERAND.findall(self.rest.split("), ")[0])

    @property
    def called(self) -> list[str]:
        branches = ",".join(BRANCHES.findall(self.rest))
        return [*CALLED.findall(self.rest), *re.findall(r"[\w.\-]+", branches)]


class _Program(NamedTuple):
    """The instructions of each computation; the last one is its result."""

    bodies: dict[str, list[_Line]]
    entry: str
    sources: "_Sources"

    @classmethod
    def read(cls, text: str) -> "_Program":
        bodies: dict[str, list[_Line]] = {}
        entry, now = "", ""
        for line in text.splitlines():
            if head := HEAD.match(line):
                now = head[2]
                bodies[now] = []
                entry = now if head[1] else entry
            elif found := LINE.match(line):
                bodies[now].append(_Line(*found.groups()))
        return cls(bodies, entry, _Sources.read(text))

    def trips(self, loop: _Line) -> int | None:
        """How often a loop runs. Where XLA does not say it, as on a TPU, it is taken from a
        condition `i < constant`, with an i that counts from 0."""
        if known := TRIPS.search(loop.rest):
            return int(known[1])
        condition = self.bodies[CONDITION.findall(loop.rest)[0]]
        if condition[-1].code == "fusion":
            condition = self.bodies[condition[-1].called[0]]
        last, values = condition[-1], {one.name: one for one in condition}
        if last.code != "compare" or "direction=LT" not in last.rest:
            return None
        limit = values.get(last.operands[1])
        if limit is None or limit.code != "constant" or limit.shape[0] not in "su":
            return None
        return int(limit.rest.split(")")[0])

    def moved(self, line: _Line, shapes: dict[str, str]) -> int:
        """Bytes that an instruction reads and writes in the main memory."""
        read = [bytes_of(shapes.get(name, ""), True) for name in line.operands]
        results = line.shape
        if line.code.endswith("-start"):  # which returns its arguments, too
            first = ARRAY.search(results)
            results = first[0] if first else ""
        written = bytes_of(results, True)
        if line.kind == "fft":
            return (sum(read) + written) * len(AXES.findall(line.rest)[0].split(","))
        if line.kind == "fusion":
            return self._moved_by_fusion(self.bodies[line.called[0]], read, written)
        if line.code in SLICES:
            return 2 * written
        if line.code == "dynamic-update-slice":
            return 2 * read[1]
        return sum(read) + written

    def _moved_by_fusion(self, body: list[_Line], read: list[int], written: int) -> int:
        """Of an array from which it takes a part, or in which it replaces one, that part counts."""
        shape = {one.name: one.shape for one in body}
        total = 0
        for one in body:
            if one.code == "parameter":
                whole = read[int(one.rest.split(")")[0])]
                total += min(whole, _part_read(body, one.name, whole))
            elif one.code == "dynamic-update-slice":
                written -= bytes_of(one.shape) - bytes_of(shape[one.operands[1]])
        return total + max(written, 0)


def _part_read(body: list[_Line], name: str, whole: int) -> int:
    """Bytes that a fusion reads of one of its arrays."""
    total = 0
    for one in body:
        if name not in one.operands:
            continue
        is_first = one.operands[0] == name and name not in one.operands[1:]
        if one.code == "bitcast":
            total += _part_read(body, one.name, whole)
        elif one.code in SLICES and is_first:
            total += bytes_of(one.shape)
        elif one.code != "dynamic-update-slice" or not is_first:
            return whole
    return total


class _Sources(NamedTuple):
    """The tables at the beginning of a program's text, from which lines of the source follow."""

    files: dict[int, str]
    places: dict[int, tuple[int, int]]  # number of the file, line
    frames: dict[int, tuple[int, int]]  # number of the place, of the frame that called it

    @classmethod
    def read(cls, text: str) -> "_Sources":
        pairs = lambda rows: {int(key): (int(a), int(b)) for key, a, b in rows}
        files = {int(key): name for key, name in FILE.findall(text.partition(FUNCTIONS)[0])}
        return cls(files, pairs(PLACE.findall(text)), pairs(FRAME.findall(text)))

    def of(self, line: _Line) -> str:
        """The innermost line of this package that an instruction comes from, if it is known."""
        found = STACK.findall(line.rest)
        frame = int(found[0]) if found else 0
        while frame in self.frames:
            place, caller = self.frames[frame]
            file, number = self.places[place]
            if OWN in self.files[file] and HERE not in self.files[file]:
                return f"{OWN.strip('/')}/{self.files[file].rpartition(OWN)[2]}:{number}"
            frame = caller if caller != frame else 0
        return ""


def _visited(
    program: _Program, name: str, into: Counted, in_branch: bool = False
) -> Iterator[Counted]:
    """Adds the instructions of a computation, and returns its loops."""
    body = program.bodies[name]
    shapes = {line.name: line.shape for line in body}
    for line in body:
        found = Counts()
        if line.kind == "while":
            trips = program.trips(line)
            found.open_loops += trips is None
            passes = (into.once if in_branch else into.passes) * (trips or 1)
            where = program.sources.of(line)
            yield (loop := Counted(depth=into.depth + 1, trips=trips, passes=passes, source=where))
            yield from _visited(program, line.called[0], loop)
            if trips is None:  # the device must find out whether to go on
                yield from _visited(program, CONDITION.findall(line.rest)[0], loop)
        elif line.kind in CALLS:
            is_choice = line.kind == "conditional"
            found.conditionals += is_choice
            for inner in line.called:
                yield from _visited(program, inner, into, in_branch or is_choice)
        elif line.kind not in FREE and not line.code.endswith(("-done", "-update")):
            found = _work(program, line, shapes)
        into.add(found)
        if in_branch:
            into.branches.add(found)


def _work(program: _Program, line: _Line, shapes: dict[str, str]) -> Counts:
    """That of one instruction."""
    kind, size = line.kind, bytes_of(line.shape)
    found = Counts(bytes=program.moved(line, shapes))
    if kind in EXCHANGES:
        size //= 2 if line.code.endswith("-start") else 1  # it returns its arguments, too
        found.exchanges[kind], found.exchanged[kind], found.largest[kind] = 1, size, size
    elif kind == "fft":
        found.transforms = 1
    elif kind == "custom-call":
        found.calls[CALLEE.findall(line.rest)[0]] = 1
    elif kind in ("copy", "transpose"):
        found.copies, found.moves = 1, int(size > FEW)
    else:
        last = program.bodies[line.called[0]][-1].code if kind == "fusion" else kind
        read = sum(bytes_of(shapes.get(name, "")) for name in line.operands)
        found.kernels, found.numbers = 1, int(size + read <= SMALL)
        found.moves = int(last in ("copy", "transpose"))
    return found
