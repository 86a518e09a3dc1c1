"""What an output of a network depends on.

In: a `Topology`. Out: the part of it that feeds one output; where each output looks; which output a node feeds most.
"""

import dataclasses

import numpy as np

from wann_jax.networks.layered import Topology


def part_of(topology: Topology, output: int) -> Topology:
    """The output called by its index, alone, with all that it depends on. Connections keep their places."""
    first, target = 1 + topology.num_inputs, topology.outputs[output]
    needed = ancestors(topology, output)
    kept = [number for number in range(first, first + len(topology.nodes)) if number in needed]
    renumbered = {number: number for number in range(first)} | {number: first + at for at, number in enumerate(kept)}
    nodes = tuple(
        node._replace(sources=tuple(renumbered[source] for source in node.sources))
        for node in (topology.nodes[number - first] for number in kept)
    )
    return dataclasses.replace(topology, nodes=nodes, outputs=(renumbered[target],))


def ancestors(topology: Topology, output: int) -> set[int]:
    """Numbers of all nodes from which a way leads to an output, itself included."""
    first = 1 + topology.num_inputs
    found = {topology.outputs[output]}
    for number in range(first + len(topology.nodes) - 1, first - 1, -1):
        if number in found:
            found.update(topology.nodes[number - first].sources)
    return found


def influence(topology: Topology) -> np.ndarray:
    """[outputs, nodes]: how likely a way back from an output, each source as likely as the others, passes a node."""
    first = 1 + topology.num_inputs
    shares = np.zeros((len(topology.outputs), first + len(topology.nodes)))
    shares[np.arange(len(topology.outputs)), list(topology.outputs)] = 1.0
    for number in range(first + len(topology.nodes) - 1, first - 1, -1):
        sources = topology.nodes[number - first].sources
        for source in sources:
            shares[:, source] += shares[:, number] / len(sources)
    return shares


def fed_most(topology: Topology) -> np.ndarray:
    """[nodes]: the index of the output that a node feeds most; -1 where none gets a third of it."""
    shares = influence(topology)
    total = shares.sum(axis=0)
    clear = 3 * shares.max(axis=0) >= np.maximum(total, 1e-12)
    return np.where(clear & (total > 0), shares.argmax(axis=0), -1)


def readers(topology: Topology) -> np.ndarray:
    """[nodes]: how many connections read each node."""
    sources = [source for node in topology.nodes for source in node.sources]
    return np.bincount(np.array(sources, np.int64), minlength=1 + topology.num_inputs + len(topology.nodes))
