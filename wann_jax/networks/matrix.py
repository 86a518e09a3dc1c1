"""The original's format of networks: a matrix of numbers separated by commas.

Rows are sources, columns targets, the last column activation ids; nodes are bias, inputs, hidden nodes, outputs. 0: no
connection; nan: a disabled one; anything else: a connection. In: text and sizes. Out: a genome, or its weights. And the
other way round: a topology and weights become text.
"""

import numpy as np

from wann_jax.errors import DataError, require
from wann_jax.genomes.activation_ids import ACTIVATION_IDS, LINEAR
from wann_jax.genomes.building import build_genome
from wann_jax.genomes.genome import Genome
from wann_jax.networks.layered import Topology

_LEAST = float(np.finfo(np.float32).tiny)  # stands for a weight of 0, which would be no connection


def weights(name: str, text: str) -> list[float] | None:
    """The entries in row-major order; None if all are the same, and so no weights of their own. Raises DataError."""
    entries = _read(name, text)[:, :-1]
    found = entries[~np.isnan(entries) & (entries != 0.0)].tolist()
    return found if len(set(found)) > 1 else None


def parse(name: str, text: str, num_inputs: int, num_outputs: int) -> Genome:
    """The genome of a matrix. Raises DataError, which calls the file `name`."""
    matrix = _read(name, text)
    size = len(matrix)
    fixed = 1 + num_inputs + num_outputs
    require(size >= fixed, f"{name}: number of nodes", f"at least {fixed}, as the sizes ask", size, DataError)
    _check_hidden(name, matrix[:, :-1] != 0.0, 1 + num_inputs, size - num_outputs)
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


def render(topology: Topology, weights: np.ndarray | None) -> str:
    """The matrix of a topology, whose entries are weights [C]; ones if all connections share a weight.

    A weight of 0 becomes the smallest float that is none: the connection stays, and carries nothing that could be seen.
    A hidden node without connections, which is a constant, gets a disabled one from the bias, so that readers find it.
    """
    first, outputs = 1 + topology.num_inputs, set(topology.outputs)
    size = first + len(topology.nodes)
    hidden = [number for number in range(first, size) if number not in outputs]
    order = [*range(first), *hidden, *topology.outputs]
    place = {number: index for index, number in enumerate(order)}
    matrix = np.zeros((size, size + 1))
    matrix[:, -1] = LINEAR
    for number, node in enumerate(topology.nodes, first):
        column = place[number]
        matrix[column, -1] = node.activation
        values = np.ones(len(node.sources)) if weights is None else weights[list(node.connections)]
        matrix[[place[source] for source in node.sources], column] = np.where(values == 0.0, _LEAST, values)
        if not node.sources and number not in outputs:
            matrix[0, column] = np.nan
    return "".join(",".join(f"{entry:.9g}" for entry in row) + "\n" for row in matrix.tolist())


def _read(name: str, text: str) -> np.ndarray:
    """Numbers [N, N + 1]. Raises DataError."""
    lines = [line for line in text.split("\n") if line.strip()]
    size, widths = len(lines), {line.count(",") + 1 for line in lines}  # counted first: a row may be endless
    require(widths == {size + 1}, name, "a matrix of N rows and N + 1 columns", (size, sorted(widths)), DataError)
    try:
        return np.array([[float(entry) for entry in line.split(",")] for line in lines])
    except ValueError as error:
        raise DataError(f"{name} must hold numbers separated by commas; {error}") from None


def _check_hidden(name: str, is_used: np.ndarray, first: int, end: int) -> None:
    """Raises DataError unless every hidden node has entries in its column and its row: sizes of another task do not."""
    hidden = slice(first, end)
    idle = ~(is_used[:, hidden].any(0) & is_used[hidden].any(1))
    found = (first + np.flatnonzero(idle)).tolist()
    rule = f"all joined to others with {first - 1} inputs and {len(is_used) - end} outputs"
    require(not found, f"{name}: hidden nodes", rule, f"none at {found[:8]}", DataError)
