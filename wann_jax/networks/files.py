"""Networks in files: our own format (JSON, documented in FORMAT.md) and the original's matrix.

In: a path. Out: a genome or a compiled network; and the other way round. Whatever is wrong with a file raises
DataError, in one line that names it.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np

from wann_jax import zoo
from wann_jax.errors import DataError, brief, require
from wann_jax.files import MOST_TEXT_BYTES, StrPath, read_bytes, strict_json, write_atomically
from wann_jax.genomes.activation_ids import ACTIVATION_IDS, ACTIVATION_NAMES
from wann_jax.genomes.building import build_genome
from wann_jax.genomes.genome import Genome
from wann_jax.networks import matrix
from wann_jax.networks.compiling import express
from wann_jax.networks.network import Network
from wann_jax.strictness import LARGEST, in_32_bits

FORMAT, VERSION = "wann_jax.network", 1
CHAMPION_FILE = "champion.json"
MOST_DIGITS = 300  # of a whole number in `info`: more would be no fraction, as which some are printed


@in_32_bits
def load_network(path: StrPath, num_inputs: int | None = None, num_outputs: int | None = None) -> Network:
    """The network in a file or run directory, compiled.

    Args:
        path: a file of ours (.json), a run directory, which stands for its champion, a name of the zoo, or a matrix in
            the original's format.
        num_inputs: of a matrix; ours knows it, and it is checked if given.
        num_outputs: of a matrix; ours knows it, and it is checked if given.

    Returns:
        The network. Its weights are ordered as its connections are in the file (row-major over a matrix).

    Raises:
        DataError: for whatever is wrong with the file, in one line that names it.

    Source: wann_jax/networks/FORMAT.md tells both formats.
    """
    return jax.jit(express)(load_genome(path, num_inputs, num_outputs))


@in_32_bits
def load_genome(path: StrPath, num_inputs: int | None = None, num_outputs: int | None = None) -> Genome:
    """The genome in a file or run directory, in tables that just fit.

    Args:
        path: as for `load_network`.
        num_inputs: as for `load_network`.
        num_outputs: as for `load_network`.

    Returns:
        The genome, which `search(initial=...)`, `unite` and `save_network` take.

    Raises:
        DataError: for whatever is wrong with the file, in one line that names it.
    """
    source = _file_of(path)
    text = _read(source)
    if source.suffix == ".json":
        return _parse_json(str(source), text, num_inputs, num_outputs)
    sizes = (num_inputs or 0, num_outputs or 0)
    given = min(sizes) > 0
    require(given, "num_inputs and num_outputs", f"given for the matrix file {str(source)!r}", sizes, DataError)
    return matrix.parse(str(source), text, *sizes)


def knows_sizes(path: StrPath) -> bool:
    """Whether the file tells its numbers of inputs and outputs: ours do, matrices do not."""
    return _file_of(path).suffix == ".json"


def _file_of(path: StrPath) -> Path:
    """A run directory stands for its champion, a name of the zoo for its file."""
    source = Path(os.path.expanduser(path))
    if not source.exists() and str(path) in zoo.names():
        return zoo.file_of(str(path))
    return source / CHAMPION_FILE if source.is_dir() else source


def _read(source: Path) -> str:
    try:
        return read_bytes(source, MOST_TEXT_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"network file {str(source)!r} cannot be read: {error}") from None


def load_weights(path: StrPath, num_inputs: int | None = None, num_outputs: int | None = None) -> np.ndarray | None:
    """The tuned weights in a network file.

    Args:
        path: as for `load_network`.
        num_inputs: of a matrix, which has weights of its own unless its entries are all the same.
        num_outputs: of a matrix.

    Returns:
        [C], in the order of the file's connections; None if it has none.

    Raises:
        DataError: for whatever is wrong with the file, in one line that names it.
    """
    source = _file_of(path)
    genome = load_genome(path, num_inputs, num_outputs)
    if source.suffix == ".json":
        weights = json.loads(_read(source)).get("weights")
    else:
        weights = matrix.weights(str(source), _read(source))
    if weights is None:
        return None
    count = int(genome.num_enabled)
    return _finite(f"{source}: weights", weights, f"a list of {count} finite numbers, one per connection", count)


def _finite(field: str, values: Any, rule: str, count: int | None = None) -> np.ndarray:
    """The values in 32 bits. Raises DataError unless they are a list of finite numbers, `count` of them if given."""
    numbers = isinstance(values, list) and all(type(each) in (int, float) for each in values)
    fits = numbers and count in (None, len(values))
    # Not by NumPy: whole numbers may be larger than it can read.
    fits = fits and all(abs(each) <= LARGEST for each in values)  # false of nan too
    found = len(values) if isinstance(values, list) else type(values).__name__
    require(fits, field, rule, found, DataError)
    return np.asarray(values, np.float32)


def load_info(path: StrPath) -> dict[str, Any]:
    """The `info` of a network file of ours; empty for other formats. Raises DataError."""
    source = _file_of(path)
    if source.suffix != ".json":
        return {}
    load_genome(source)
    return json.loads(_read(source)).get("info") or {}


def _check_info(name: str, info: Any) -> None:
    """Raises DataError unless what the package reads of a file's `info` is as it writes it."""
    if info is None:
        return
    require(isinstance(info, dict), f"{name}: info", "an object", type(info).__name__, DataError)
    for field in ("task", "encoder"):
        value = info.get(field)
        require(isinstance(value, str | None), f"{name}: info.{field}", "a name", type(value).__name__, DataError)
    if "shared_weights" in info:
        _finite(f"{name}: info.shared_weights", info["shared_weights"], "a list of finite numbers")
    text, lengths = json.JSONEncoder(ensure_ascii=False).encode(info), [0]
    json.loads(text, parse_int=lambda digits: lengths.append(len(digits)))
    rule = "without numbers of so many digits"
    require(max(lengths) < MOST_DIGITS, f"{name}: info", rule, max(lengths), DataError)
    whole = text.encode(errors="replace").decode() == text
    require(whole, f"{name}: info", "text that UTF-8 can hold", "halves of letters", DataError)


def save_network(
    path: StrPath,
    genome: Genome,
    info: dict[str, Any] | None = None,
    weights: np.ndarray | None = None,
) -> None:
    """Writes one genome in our format. The file appears whole or not at all.

    Args:
        path: the file.
        genome: one genome; its disabled connections are kept apart.
        info: facts of your own, kept as they are; numbers that are not finite become null.
        weights: one for each enabled connection [C], in their order.

    Raises:
        OSError: if the file cannot be written.

    Source: wann_jax/networks/FORMAT.md tells the format.
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
    write_atomically(path, _readable_json(document))


def _named_nodes(num_inputs: int, num_outputs: int, num_nodes: int) -> list[dict[str, Any]]:
    """Ids and kinds of a file's nodes, in their order."""
    kinds = ["bias"] + ["input"] * num_inputs + ["output"] * num_outputs
    kinds += ["hidden"] * (num_nodes - len(kinds))
    return [{"id": index, "kind": kind} for index, kind in enumerate(kinds)]


def _readable_json(document: dict[str, Any]) -> str:
    """JSON with one list entry per line."""
    fields = []
    for name, value in document.items():
        text = strict_json(value)
        if isinstance(value, list) and value:
            text = "[\n" + ",\n".join(f"    {strict_json(entry)}" for entry in value) + "\n  ]"
        fields.append(f"  {strict_json(name)}: {text}")
    return "{\n" + ",\n".join(fields) + "\n}\n"


def _parse_json(name: str, text: str, num_inputs: int | None, num_outputs: int | None) -> Genome:
    with _told_as_data_error(name):
        document = json.loads(text)
        require(isinstance(document, dict), name, "a network file in our format", type(document).__name__, DataError)
        kind = {"format": FORMAT, "version": VERSION}
        for field in kind:
            fits = document.get(field) == kind[field]
            require(fits, f"{name}: {field}", repr(kind[field]), document.get(field), DataError)
        _check_info(name, document.get("info"))
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
    for field, wanted, found in (("num_inputs", num_inputs, sizes[0]), ("num_outputs", num_outputs, sizes[1])):
        require(wanted in (None, found), f"{name}: {field}", str(wanted), found, DataError)
    return build_genome(name, sizes, activations, marks, enabled, disabled)


@contextmanager
def _told_as_data_error(name: str) -> Iterator[None]:
    """Whatever reading a stranger's JSON raises becomes one DataError."""
    try:
        yield
    except DataError:
        raise
    except KeyError as error:
        raise DataError(f"{name} must be a network file in our format; got none of its {error}") from None
    except (json.JSONDecodeError, RecursionError) as error:
        text = str(error) or "too deep a nesting"
        raise DataError(f"{name} must be a network file in our format; got {text}") from None
    except (AttributeError, TypeError, ValueError) as error:
        # What Python has to say of wrong types tells of the reader, not of the file.
        text = error.args[0] if type(error) is _NotWholeError else "fields of other kinds"
        raise DataError(f"{name} must be a network file in our format; got {text}") from None


class _NotWholeError(ValueError):
    """Something where a whole number should be."""


def _whole(value: Any) -> int:
    """The value, if it is a whole number that fits a table."""
    if type(value) is not int or abs(value) >= 2**31:
        raise _NotWholeError(f"{brief(value)} where a whole number should be")
    return value


def _check_sizes(name: str, sizes: tuple[int, int]) -> None:
    require(min(sizes) > 0, f"{name}: num_inputs and num_outputs", "at least 1", sizes, DataError)
