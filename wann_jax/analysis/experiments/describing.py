"""How many bits describe a network: its choice of connections, its activations, its weights.

In: a topology and weights. Out: sizes, rounded weights, rows of a table of networks, and which of them no other beats.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.special import gammaln

from wann_jax.analysis.experiments.racing import best_start, scores
from wann_jax.genomes.activation_ids import ACTIVATION_IDS
from wann_jax.networks.layered import Topology

ROUNDED = (32, 8, 4, 3)  # bits of a weight; 32: as it is
Row = dict[str, Any]  # arm, precision, connections, bits and of what, test accuracy


class Size(NamedTuple):
    """How large a network's description is."""

    connections: int
    choices: float  # bits, of which nodes are connected
    activations: float  # bits

    def bits(self, weights: int, each: int) -> float:
        """Of the whole description, with so many weights of so many bits."""
        return self.choices + self.activations + weights * each


def size_of(topology: Topology, weights: np.ndarray | None = None, is_dense: bool = False) -> Size:
    """Of any acyclic network, nodes in order; of two layers with one kind of hidden nodes where weights are pruned (0).

    Only what is alive counts: the rest may go.
    """
    first, outputs = 1 + topology.num_inputs, len(topology.outputs)
    if weights is None:
        count, hidden = sum(len(node.connections) for node in topology.nodes), topology.num_hidden
        possible = first * (hidden + outputs) + hidden * (hidden - 1) // 2 + hidden * outputs
        return Size(count, choices(possible, count), hidden * float(np.log2(len(ACTIVATION_IDS))))
    count, hidden = int(np.count_nonzero(weights)), topology.num_hidden
    if is_dense:
        return Size(count, 0.0, 0.0)
    alive = sum(bool(np.any(weights[list(node.connections)])) for node in topology.nodes[:hidden])
    return Size(count, choices(first * alive + (1 + alive) * outputs, count), 0.0)


def choices(possible: int, chosen: int) -> float:
    """Log2 of the number of ways to choose."""
    return float((gammaln(possible + 1) - gammaln(chosen + 1) - gammaln(possible - chosen + 1)) / np.log(2))


def rounded(topology: Topology, weights: np.ndarray, bits: int) -> np.ndarray:
    """Weights on a symmetric grid of 2^bits - 1 steps for each layer; 32 bits: as they are."""
    if bits == 32:
        return weights
    result, first = np.array(weights), 1 + topology.num_inputs
    for layer in topology.layers:
        index = np.array([c for number in layer for c in topology.nodes[number - first].connections])
        step = max(float(np.abs(weights[index]).max()), 1e-12) / (2 ** (bits - 1) - 1)
        result[index] = np.round(weights[index] / step) * step
    return result


def rounded_rows(arm: str, task: Any, topology: Topology, weights: np.ndarray, size: Size) -> list[Row]:
    """One row for each precision of the weights."""
    vectors = np.stack([rounded(topology, weights, bits) for bits in ROUNDED])
    found = zip(ROUNDED, scores(task, topology, vectors, "test").tolist(), strict=True)
    return [row_of(arm, size, size.connections, bits, accuracy) for bits, accuracy in found]


def row_of(arm: str, size: Size, weights: int, bits: int, accuracy: float) -> Row:
    """How large a network is, and how good."""
    described = round(size.bits(weights, bits))
    choice = {"choices": round(size.choices), "activations": round(size.activations)}
    cost = {"connections": size.connections, "bits": described, **choice}
    return {"arm": arm, "precision": bits, **cost, "test": accuracy}


def shared_row(arm: str, task: Any, topology: Topology) -> tuple[Row, np.ndarray]:
    """With its best shared weight, one number; and that as a vector."""
    start = np.full((1, topology.num_connections), best_start(task, topology), np.float32)
    return row_of(arm, size_of(topology), 1, 32, float(scores(task, topology, start, "test")[0])), start


def means_of(rows: list[Row]) -> list[Row]:
    """One row for each arm and precision, over seeds."""
    kinds: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        kinds.setdefault((row["arm"], row["precision"]), []).append(row)
    return [
        {"arm": arm} | {name: float(np.mean([row[name] for row in some])) for name in some[0] if name != "arm"}
        for (arm, _), some in kinds.items()
    ]


def front(rows: list[Row], cost: str) -> list[Row]:
    """Rows that no other beats in accuracy at the same cost or less, the cheapest first."""
    ordered = sorted(rows, key=lambda row: (row[cost], -row["test"]))
    return [row for place, row in enumerate(ordered) if all(row["test"] > each["test"] for each in ordered[:place])]
