"""What an accelerator does with a compiled program, read from its text (scheduled, fused HLO).

In: `compiled.as_text()`. Out: its loops, with their lengths where XLA knows them, kernel launches, and bytes moved.
Every fusion, copy, library call or kernel is one launch. The length of a loop that XLA does not know must be told, by
the function that wrote it.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

BYTES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "s16": 2, "u16": 2, "f64": 8, "s64": 8, "u64": 8, "c64": 8}
FREE = {  # start nothing
    *("parameter", "constant", "tuple", "get-tuple-element", "bitcast", "after-all", "partition-id", "replica-id"),
    *("opt-barrier", "add-dependency", "copy-done", "async-done", "async-update", "domain"),
}
SCOPES = ("blocks", "episode", "rows", "levels", "at_size")  # names in the package, of loops and of branches
SORT_TILE = 2048  # elements that one sorting kernel takes through all of its stages
_SHAPE = re.compile(r"\b(pred|[suf]\d+|bf16|c64)\[([\d,]*)\]")
_INSTRUCTION = re.compile(r"^\s+(ROOT )?%?([\w.\-]+) = (.*?) ([a-z][a-z0-9\-]*)\((.*)$")
_CALLED = re.compile(r"(calls|body|condition|to_apply|true_computation|false_computation)=%?([\w.\-]+)")
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")


@dataclass
class Instruction:
    """One line of a computation."""

    name: str
    shape: str
    opcode: str
    operands: list[str]
    rest: str  # attributes
    is_root: bool

    @property
    def bytes(self) -> int:
        """Of its result."""
        return bytes_of(self.shape)

    def called(self, role: str) -> str | None:
        """The computation that it calls as its body, condition, ..."""
        return next((name for key, name in _CALLED.findall(self.rest) if key == role), None)

    @property
    def branches(self) -> list[str]:
        """Of a conditional."""
        listed = _BRANCHES.search(self.rest)
        if listed:
            return [name.strip().lstrip("%") for name in listed[1].split(",")]
        return [name for name in map(self.called, ("true_computation", "false_computation")) if name]

    @property
    def trip_count(self) -> int | None:
        """Of a loop, if XLA knows it."""
        found = re.search(r'known_trip_count"?:\{"n":"(\d+)"', self.rest)
        return int(found[1]) if found else None


@dataclass
class Loop:
    """A loop of the program, whichever way it is reached."""

    function: str  # who wrote it
    trips: int | None  # None: XLA does not know
    rounds: float  # in one round of what is around it
    launches: float  # in a round
    inside: list["Loop"] = field(default_factory=list)


@dataclass
class Cost:
    """What a computation takes, once."""

    launches: float = 0.0
    waits: float = 0.0  # for the device's data: rounds of loops of unknown length, and branches
    bytes: float = 0.0
    kernels: float = 0.0  # launches of custom kernels (Pallas)
    loops: list[Loop] = field(default_factory=list)

    def add(self, other: "Cost", times: float = 1.0) -> None:
        """Another computation that runs so many times."""
        self.launches += times * other.launches
        self.waits += times * other.waits
        self.bytes += times * other.bytes
        self.kernels += times * other.kernels
        self.loops += other.loops


class Program:
    """A compiled program's text.

    `rounds`: of loops whose length XLA does not know, by function. `branches`: which one runs, by function that
    branches; the dearest where it is not said.
    """

    def __init__(
        self, text: str, rounds: Mapping[str, float] | None = None, branches: Mapping[str, int] | None = None
    ) -> None:
        self._text, self._rounds, self._branches = text, dict(rounds or {}), dict(branches or {})
        self._costs = dict[str, Cost]()
        self._computations, self._entry = _parsed(text)

    @property
    def cost(self) -> Cost:
        """Of the whole program."""
        return self._cost(self._entry)

    def loops(self) -> Iterable[Loop]:
        """All loops, those inside others too."""
        waiting = list(self.cost.loops)
        while waiting:
            loop = waiting.pop()
            yield loop
            waiting += loop.inside

    def _cost(self, name: str) -> Cost:
        if name not in self._costs:
            cost = self._costs[name] = Cost()
            for instruction in self._computations[name].values():
                self._count(instruction, name, cost)
        return self._costs[name]

    def _count(self, instruction: Instruction, where: str, cost: Cost) -> None:
        opcode = instruction.opcode
        if opcode == "while":
            self._count_loop(instruction, cost)
        elif opcode == "conditional":
            cost.waits += 1
            costs = [self._cost(name) for name in instruction.branches]
            taken = self._branches.get(self._author(instruction))
            cost.add(max(costs, key=lambda each: each.launches) if taken is None else costs[taken])
        elif opcode in ("call", "async-start") and (
            name := instruction.called("to_apply") or instruction.called("calls")
        ):
            cost.add(self._cost(name))
        elif opcode not in FREE:
            cost.launches += self._launches(instruction)
            cost.kernels += opcode == "custom-call" and "triton" in instruction.rest
            cost.bytes += self._bytes(instruction, where)

    def _count_loop(self, instruction: Instruction, cost: Cost) -> None:
        body, condition = (self._cost(str(instruction.called(role))) for role in ("body", "condition"))
        trips, function = instruction.trip_count, self._author(instruction)
        rounds = float(trips) if trips is not None else float(self._rounds.get(function, 1.0))
        once = Cost()
        once.add(body)
        if trips is None:
            once.add(condition)
        cost.loops.append(Loop(function, trips, rounds, once.launches, once.loops))
        once.loops = []
        cost.add(once, rounds)
        cost.waits += rounds if trips is None else 0.0

    def _launches(self, instruction: Instruction) -> float:
        inner = instruction.called("calls") if instruction.opcode == "fusion" else None
        sort = next((each for each in self._computations.get(inner or "", {}).values() if each.opcode == "sort"), None)
        sort = instruction if instruction.opcode == "sort" else sort
        if sort is None:
            return 1.0
        dimension = re.search(r"dimensions=\{(\d+)\}", sort.rest)
        size = _dimensions(sort.shape)[int(dimension[1]) if dimension else 0]
        beyond = max(0, math.ceil(math.log2(max(size, 2))) - int(math.log2(SORT_TILE)))
        return 1.0 + sum(stage + 1 for stage in range(1, beyond + 1))

    def _bytes(self, instruction: Instruction, where: str) -> float:
        inner = instruction.called("calls") if instruction.opcode == "fusion" else None
        here = self._computations[where]
        if inner is None:
            if instruction.opcode == "dynamic-update-slice":
                return 2.0 * here[instruction.operands[1]].bytes
            if instruction.opcode in ("dynamic-slice", "gather"):
                return 2.0 * instruction.bytes
            return float(instruction.bytes + sum(here[name].bytes for name in instruction.operands if name in here))
        return _fusion_bytes(self._computations[inner])

    def _author(self, instruction: Instruction) -> str:
        """The named scope that the instruction stands in, or the innermost function of the package that wrote it."""
        found = re.search(r'op_name="([^"]*)"', instruction.rest)
        path = found[1].split("/")[:-1] if found else []
        scopes = [part for part in path if part in SCOPES]
        return scopes[-1] if scopes and path[-1] == scopes[-1] else self._function(instruction)

    def _function(self, instruction: Instruction) -> str:
        found = re.search(r"stack_frame_id=(\d+)", instruction.rest)
        frame = int(found[1]) if found else 0
        for _ in range(200):
            location, parent = self._frames.get(frame, (0, 0))
            name = self._own_functions.get(location)
            if name:
                return name
            if parent in (0, frame):
                break
            frame = parent
        return "?"

    @cached_property
    def _frames(self) -> dict[int, tuple[int, int]]:
        pattern = r"^(\d+) \{file_location_id=(\d+)(?: parent_frame_id=(\d+))?\}"
        return {int(a): (int(b), int(c or 0)) for a, b, c in re.findall(pattern, self._text, re.M)}

    @cached_property
    def _own_functions(self) -> dict[int, str]:
        """Locations in this package, with their functions' names."""
        tables = self._text.split("FileLocations")[0]
        files, _, functions = tables.partition("FunctionNames")
        named = {int(a): b for a, b in re.findall(r'^(\d+) "(.*)"', functions, re.M)}
        ours = {int(a) for a, b in re.findall(r'^(\d+) "(.*)"', files, re.M) if "/wann_jax/" in b}
        pattern = r"^(\d+) \{file_name_id=(\d+) function_name_id=(\d+)"
        located = re.findall(pattern, self._text, re.M)
        return {int(a): _plain(named[int(c)]) for a, b, c in located if int(b) in ours}


def bytes_of(shape: str) -> int:
    """Of an array, or of a tuple's all."""
    return sum(BYTES.get(kind, 4) * math.prod(_sizes(sizes)) for kind, sizes in _SHAPE.findall(shape))


def _plain(name: str) -> str:
    """A function's name, without those around it, unless it has none itself."""
    return name.replace(".<locals>", "").replace("<lambda>", "lambda")


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",") if size]


def _dimensions(shape: str) -> list[int]:
    found = _SHAPE.search(shape)
    return _sizes(found[2]) if found else [1]


def _parsed(text: str) -> tuple[dict[str, dict[str, Instruction]], str]:
    computations: dict[str, dict[str, Instruction]] = {}
    entry, current = "", None
    for line in text.splitlines():
        if line.endswith("{") and not line.startswith(" ") and "(" in line:
            name = line.removeprefix("ENTRY ").split("(")[0].strip().lstrip("%")
            current = computations[name] = {}
            entry = name if line.startswith("ENTRY") else entry
        elif current is not None and (match := _INSTRUCTION.match(line)):
            root, name, shape, opcode, rest = match.groups()
            operands, attributes = _split_operands(rest)
            current[name] = Instruction(name, shape, opcode, operands, attributes, bool(root))
        elif line == "}":
            current = None
    return computations, entry


def _split_operands(text: str) -> tuple[list[str], str]:
    depth, end = 1, len(text)
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            end = place
            break
    return re.findall(r"%([\w.\-]+)", text[:end]), text[end + 1 :]


def _fusion_bytes(inside: Mapping[str, Instruction]) -> float:
    """What a fusion reads and writes: of an array that it only looks into, or writes into in place, just that part."""
    users: dict[str, list[Instruction]] = {}
    for each in inside.values():
        for name in set(each.operands):
            users.setdefault(name, []).append(each)
    total, roots = 0.0, [each for each in inside.values() if each.is_root]
    roots = [inside[name] for name in roots[0].operands] if roots and roots[0].opcode == "tuple" else roots
    in_place = set()
    for root in roots:
        while root.opcode == "bitcast":
            root = inside[root.operands[0]]
        if root.opcode == "dynamic-update-slice":
            in_place.add(root.operands[0])
            total += inside[root.operands[1]].bytes
        else:
            total += root.bytes
    for each in inside.values():
        if each.opcode == "parameter":
            total += _read(each, users, in_place, inside)
    return total


def _read(
    source: Instruction, users: Mapping[str, list[Instruction]], in_place: set[str], inside: Mapping[str, Instruction]
) -> float:
    """Bytes that a fusion reads of one of its operands: parts of it, or once all of it."""
    total = 0.0
    for user in users.get(source.name, []):
        if user.opcode in ("dynamic-slice", "gather", "slice") and user.operands[0] == source.name:
            total += user.bytes
        elif user.opcode == "bitcast":
            part = _read(user, users, in_place, inside)
            if part >= source.bytes:
                return part
            total += part
        elif user.opcode != "dynamic-update-slice" or user.operands[0] != source.name or source.name not in in_place:
            return float(source.bytes)
    return total
