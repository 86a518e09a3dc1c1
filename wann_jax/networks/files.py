"""Networks in files: our own format (JSON, documented in the README) and the original's matrix.

In: a path. Out: a genome or a compiled network; and the other way round. Whatever is wrong with a file raises
DataError, in one line that names it.
"""

import json
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np

from wann_jax.errors import DataError, require
from wann_jax.genomes.activation_ids import ACTIVATION_IDS, ACTIVATION_NAMES
from wann_jax.genomes.building import build_genome
from wann_jax.genomes.genome import Genome
from wann_jax.networks.compiling import express
from wann_jax.networks.network import Network

FORMAT, VERSION = "wann_jax.network", 1
CHAMPION_FILE = "champion.json"
ZOO = Path(__file__).parents[1] / "zoo"

StrPath = str | os.PathLike[str]


def load_network(path: StrPath, num_inputs: int | None = None, num_outputs: int | None = None) -> Network:
    """The network in a file or run directory, compiled.

    A run directory stands for its champion. A file that does not end in .json is a matrix in the original's format,
    which needs `num_inputs` and `num_outputs`; ours knows them, and they are checked if given. A network's weights are
    ordered as its connections are in the file (row-major over the matrix). Raises DataError.
    """
    return jax.jit(express)(load_genome(path, num_inputs, num_outputs))


def load_genome(path: StrPath, num_inputs: int | None = None, num_outputs: int | None = None) -> Genome:
    """The genome in a file or run directory, in tables that just fit. See `load_network`."""
    source = _file_of(path)
    text = _read(source)
    if source.suffix == ".json":
        return _parse_json(str(source), text, num_inputs, num_outputs)
    sizes = (num_inputs or 0, num_outputs or 0)
    given = min(sizes) > 0
    require(given, "num_inputs and num_outputs", f"given for the matrix file {str(source)!r}", sizes, DataError)
    return _parse_matrix(str(source), text, *sizes)


def _file_of(path: StrPath) -> Path:
    """A run directory stands for its champion, a name of the zoo for its file."""
    source = Path(path)
    if not source.exists() and str(path) in zoo_names():
        return ZOO / f"{path}.json"
    return source / CHAMPION_FILE if source.is_dir() else source


def zoo_names() -> list[str]:
    """Names of the networks that come with the package."""
    return sorted(path.stem for path in ZOO.glob("*.json"))


def _read(source: Path) -> str:
    try:
        return source.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"network file {str(source)!r} cannot be read: {error}") from None


def load_weights(path: StrPath) -> np.ndarray | None:
    """The tuned weights [C] in a network file of ours, in the order of its connections; None if it has none.

    Raises DataError.
    """
    source = _file_of(path)
    if source.suffix != ".json":
        return None
    genome = load_genome(source)
    weights = json.loads(_read(source)).get("weights")
    if weights is None:
        return None
    count = int(genome.num_enabled)
    numbers = isinstance(weights, list) and all(type(each) in (int, float) for each in weights)
    fits = numbers and len(weights) == count and bool(np.isfinite(np.asarray(weights, np.float64)).all())
    found = len(weights) if isinstance(weights, list) else type(weights).__name__
    require(fits, f"{source}: weights", f"a list of {count} finite numbers, one per connection", found, DataError)
    return np.asarray(weights, np.float32)


def load_info(path: StrPath) -> dict[str, Any]:
    """The `info` of a network file of ours; empty for other formats. Raises DataError."""
    source = _file_of(path)
    if source.suffix != ".json":
        return {}
    load_genome(source)
    return json.loads(_read(source)).get("info") or {}


def save_network(
    path: StrPath,
    genome: Genome,
    info: dict[str, Any] | None = None,
    weights: np.ndarray | None = None,
) -> None:
    """Writes one genome in our format, disabled connections apart; `info` is kept as it is.

    `weights` [C]: a weight for each enabled connection, in their order. The file appears whole or not at all.
    """
    host, spec = jax.tree.map(np.asarray, genome), genome.spec
    nodes = _named_nodes(spec.num_inputs, spec.num_outputs, int(host.num_nodes))
    for node in nodes[spec.first_output :]:
        node["activation"] = ACTIVATION_NAMES[host.node_activation[node["id"]]]
    for node in nodes[spec.num_fixed :]:
        node["mark"] = int(host.node_mark[node["id"]])
    pairs = np.stack([host.conn_source, host.conn_target], axis=-1)
    live, enabled = np.asarray(genome.conn_mask), np.asarray(genome.enabled_mask)
    document = {
        "format": FORMAT,
        "version": VERSION,
        "num_inputs": spec.num_inputs,
        "num_outputs": spec.num_outputs,
        "info": info or {},
        "nodes": nodes,
        "connections": pairs[enabled].tolist(),
        "disabled_connections": pairs[live & ~enabled].tolist(),
    }
    if weights is not None:
        document["weights"] = [float(f"{weight:.9g}") for weight in weights.tolist()]  # float32 survives
    write_atomically(Path(path), _readable_json(document))


def _named_nodes(num_inputs: int, num_outputs: int, num_nodes: int) -> list[dict[str, Any]]:
    """Ids and kinds of a file's nodes, in their order."""
    kinds = ["bias"] + ["input"] * num_inputs + ["output"] * num_outputs
    kinds += ["hidden"] * (num_nodes - len(kinds))
    return [{"id": index, "kind": kind} for index, kind in enumerate(kinds)]


def write_atomically(path: Path, text: str) -> None:
    """Replaces a file in one step: a reader, or a crash, never meets half of it."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)


def _readable_json(document: dict[str, Any]) -> str:
    """JSON with one list entry per line."""
    fields = []
    for name, value in document.items():
        text = json.dumps(value)
        if isinstance(value, list) and value:
            text = "[\n" + ",\n".join(f"    {json.dumps(entry)}" for entry in value) + "\n  ]"
        fields.append(f"  {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(fields) + "\n}\n"


def _parse_json(name: str, text: str, num_inputs: int | None, num_outputs: int | None) -> Genome:
    try:
        document = json.loads(text)
        require(document.get("format") == FORMAT, f"{name}: format", repr(FORMAT), document.get("format"), DataError)
        require(
            document.get("version") == VERSION, f"{name}: version", str(VERSION), document.get("version"), DataError
        )
        sizes = (_whole(document["num_inputs"]), _whole(document["num_outputs"]))
        _check_sizes(name, sizes)
        fixed, nodes = 1 + sum(sizes), document["nodes"]
        require(len(nodes) >= fixed, f"{name}: number of nodes", f"at least {fixed}", len(nodes), DataError)
        for node, named in zip(nodes, _named_nodes(*sizes, len(nodes)), strict=True):
            read = {field: node[field] for field in named}
            require(read == named, f"{name}: nodes", f"in order, the next one {named}", read, DataError)
        activations = [ACTIVATION_IDS.get(node["activation"], 0) for node in nodes[1 + sizes[0] :]]
        marks = [_whole(node["mark"]) for node in nodes[fixed:]]
        enabled = [(_whole(source), _whole(target)) for source, target in document["connections"]]
        disabled = [(_whole(source), _whole(target)) for source, target in document["disabled_connections"]]
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{name} must be a network file in our format; got {type(error).__name__}: {error}") from None
    for field, wanted, found in (("num_inputs", num_inputs, sizes[0]), ("num_outputs", num_outputs, sizes[1])):
        require(wanted in (None, found), f"{name}: {field}", str(wanted), found, DataError)
    return build_genome(name, sizes, activations, marks, enabled, disabled)


def _whole(value: Any) -> int:
    """The value, if it is a whole number that fits a table; else TypeError."""
    if type(value) is not int or abs(value) >= 2**31:
        raise TypeError(f"{value!r} where a whole number should be")
    return value


def _check_sizes(name: str, sizes: tuple[int, int]) -> None:
    require(min(sizes) > 0, f"{name}: num_inputs and num_outputs", "at least 1", sizes, DataError)


def _parse_matrix(name: str, text: str, num_inputs: int, num_outputs: int) -> Genome:
    """The original's format: rows are sources, columns targets, the last column activation ids; bias, inputs, hidden
    nodes, outputs. 0: no connection; nan: disabled; anything else: a connection."""
    try:
        rows = [[float(entry) for entry in line.split(",")] for line in text.split("\n") if line.strip()]
    except ValueError as error:
        raise DataError(f"{name} must hold numbers separated by commas; {error}") from None
    size = len(rows)
    widths = {len(row) for row in rows}
    require(widths == {size + 1}, name, "a matrix of N rows and N + 1 columns", (size, sorted(widths)), DataError)
    fixed = 1 + num_inputs + num_outputs
    require(size >= fixed, f"{name}: number of nodes", f"at least {fixed}, as the sizes ask", size, DataError)
    matrix = np.array(rows)
    num_hidden = size - fixed
    # From the file's order (hidden nodes before outputs) to ours (outputs before hidden nodes).
    slot = np.arange(size)
    slot[1 + num_inputs : 1 + num_inputs + num_hidden] += num_outputs
    slot[size - num_outputs :] -= num_hidden
    activations = np.zeros(size)
    activations[slot] = matrix[:, -1]
    computed = activations[1 + num_inputs :]
    whole = np.isin(computed, list(ACTIVATION_IDS.values()))
    require(bool(whole.all()), f"{name}: activation ids", "from 1 to 10", computed[~whole].tolist(), DataError)
    links = matrix[:, :-1]
    disabled = np.isnan(links)

    def pairs(mask):
        return [(int(slot[source]), int(slot[target])) for source, target in zip(*np.nonzero(mask), strict=True)]

    enabled_pairs, disabled_pairs = pairs(~disabled & (links != 0.0)), pairs(disabled)
    marks = list(range(fixed, size))
    return build_genome(
        name, (num_inputs, num_outputs), computed.astype(int).tolist(), marks, enabled_pairs, disabled_pairs
    )
