"""A network whose topology is settled, as a function of its weights: for tuning, where only weights change.

In: one compiled network, read on the host. Out: a `Topology`, a static description, and two ways to evaluate it. Both
agree with `forward`, which walks tables that may be any network's; a program made for one topology is much faster:

- `in_lanes`: every lane has weights and inputs of its own (control). Connection by connection, fused by XLA.
- `in_layers`: all samples share the weights (classification). One matrix product for each layer.
"""

import dataclasses
from functools import cached_property
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float

from wann_jax.genomes.activation_ids import SUM
from wann_jax.networks.activations import FUNCTIONS
from wann_jax.networks.network import Network


class Node(NamedTuple):
    """A computed node: its activation id, and for each incoming connection its source and place in the weights."""

    activation: int
    sources: tuple[int, ...]  # 0: bias; 1 to I: inputs; then computed nodes in order
    connections: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Topology:
    """Who is connected to whom: hashable, so that a compiled program is one per topology."""

    num_inputs: int
    num_connections: int  # C: the length of a weight vector
    nodes: tuple[Node, ...]  # in topological order
    outputs: tuple[int, ...]

    @classmethod
    def of(cls, network: Network) -> "Topology":
        """Of one compiled network; host only."""
        spec = network.spec
        rows = [np.asarray(table).tolist() for table in (network.row_source, network.row_connection)]
        sums = [np.asarray(table).tolist() for table in (network.sum_source, network.sum_connection)]
        activations = np.asarray(network.row_activation).tolist()
        number = {slot: slot - 1 for slot in range(1, spec.first_sum_slot)}  # of a node, by its slot
        lists = {spec.first_sum_slot + index: entry for index, entry in enumerate(zip(*sums, strict=True))}
        nodes: list[Node] = []

        def terms(slot):
            """(source, connection) pairs of a list, partial and input sums expanded."""
            for source, connection in zip(*lists[slot], strict=True):
                if connection < spec.max_connections:
                    yield number[source], connection
                elif source:
                    yield from terms(source)

        for index, entry in enumerate(zip(*rows, strict=True)):
            slot = spec.first_row_slot + index
            lists[slot] = entry
            if index < int(network.num_rows) and activations[index] != SUM:
                pairs = sorted(terms(slot))
                number[slot] = 1 + spec.num_inputs + len(nodes)
                nodes.append(Node(activations[index], tuple(s for s, _ in pairs), tuple(c for _, c in pairs)))
        outputs = tuple(number[slot] for slot in np.asarray(network.output_slot).tolist())
        return cls(spec.num_inputs, int(network.num_connections), tuple(nodes), outputs)

    @property
    def num_hidden(self) -> int:
        """Computed nodes that are no outputs."""
        return len(self.nodes) - len(self.outputs)

    @cached_property
    def layers(self) -> tuple[tuple[int, ...], ...]:
        """Numbers of computed nodes by longest path from the inputs, in each layer sorted by activation."""
        first = 1 + self.num_inputs
        depth = [0] * first
        for node in self.nodes:
            depth.append(1 + max((depth[source] for source in node.sources), default=0))
        numbers = range(first, len(depth))
        return tuple(
            tuple(sorted((n for n in numbers if depth[n] == d), key=lambda n: self.nodes[n - first].activation))
            for d in range(1, max(depth) + 1)
        )

    @cached_property
    def fan_in(self) -> np.ndarray:
        """[C]: for each connection, the number of connections into its target."""
        counts = np.ones(self.num_connections, np.float32)
        for node in self.nodes:
            counts[list(node.connections)] = len(node.connections)
        return counts


def in_lanes(
    topology: Topology, weights: Float[Array, "*#lanes C"], inputs: Float[Array, "*#lanes I"]
) -> Float[Array, "*lanes O"]:
    """Outputs where each lane has its own weights and inputs; leading axes are broadcast. Differentiable."""
    lanes = jnp.broadcast_shapes(weights.shape[:-1], inputs.shape[:-1])
    inputs = jnp.broadcast_to(inputs, (*lanes, inputs.shape[-1]))
    weights = jnp.broadcast_to(weights, (*lanes, weights.shape[-1])) if weights.ndim < len(lanes) + 1 else weights
    values = [jnp.ones(lanes), *(inputs[..., index] for index in range(topology.num_inputs))]
    for node in topology.nodes:
        total = jnp.zeros(lanes)
        for source, connection in zip(node.sources, node.connections, strict=True):
            total = total + weights[..., connection] * values[source]
        values.append(FUNCTIONS[node.activation](total))
    return jnp.stack([values[output] for output in topology.outputs], axis=-1)


def in_layers(topology: Topology, weights: Float[Array, "C"], inputs: Float[Array, "B I"]) -> Float[Array, "B O"]:
    """Outputs of a batch of samples under the same weights. Differentiable."""
    first = 1 + topology.num_inputs
    place = {number: number for number in range(first)}
    values = jnp.concatenate([jnp.ones((1, inputs.shape[0])), inputs.T])
    for layer in topology.layers:
        nodes = [topology.nodes[number - first] for number in layer]
        row = np.repeat(np.arange(len(nodes)), [len(node.sources) for node in nodes])
        column = np.array([place[source] for node in nodes for source in node.sources], np.int32)
        chosen = np.array([connection for node in nodes for connection in node.connections], np.int32)
        matrix = jnp.zeros((len(nodes), values.shape[0])).at[row, column].set(weights[chosen])
        before = jnp.matmul(matrix, values, precision=lax.Precision.HIGHEST)  # in 32 bits on accelerators too
        activations = [node.activation for node in nodes]
        after = [
            FUNCTIONS[activation](before[activations.index(activation) : _end(activations, activation)])
            for activation in sorted(set(activations))
        ]
        place |= {number: values.shape[0] + index for index, number in enumerate(layer)}
        values = jnp.concatenate([values, *after])
    return values[np.array([place[output] for output in topology.outputs])].T


def _end(sorted_ids: list[int], wanted: int) -> int:
    return len(sorted_ids) - sorted_ids[::-1].index(wanted)
