"""Which connections of a topology are left: by size of weights, at random, or learnt while the weights stay.

In: a topology, scores or a seed, a number of connections. Out: masks of 1 and 0, in which every connection that is
left lies on a way from an input or the bias to an output, as evolved networks are counted.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from wann_jax.analysis.experiments.training import Plan, all_left, targets_of, train
from wann_jax.networks.layered import Topology
from wann_jax.tasks.classification import ClassificationTask


def alive(topology: Topology, mask: np.ndarray) -> np.ndarray:
    """The mask [C] without connections of nodes that nothing reaches, or that reach nothing."""
    first, left = 1 + topology.num_inputs, np.zeros_like(mask)
    reached = np.zeros(first + len(topology.nodes), bool)
    reached[:first] = True
    for index, (_, sources, connections) in enumerate(topology.nodes):
        some = list(connections)
        left[some] = mask[some] * reached[list(sources)]
        reached[first + index] = left[some].any()
    wanted = np.zeros_like(reached)
    wanted[list(topology.outputs)] = True
    for index in reversed(range(len(topology.nodes))):
        _, sources, connections = topology.nodes[index]
        some = list(connections)
        left[some] *= wanted[first + index]
        wanted[np.asarray(sources, int)[left[some] > 0]] = True
    return left


def largest(topology: Topology, scores: np.ndarray, count: int) -> np.ndarray:
    """The mask [C] of the connections with the largest scores, as many as leave `count` of them alive or just fewer."""
    order = np.argsort(-scores, kind="stable")
    low, high = 0, len(order)
    while low < high:
        middle = (low + high + 1) // 2
        fits = alive(topology, _first(order, middle)).sum() <= count
        low, high = (middle, high) if fits else (low, middle - 1)
    return alive(topology, _first(order, low))


def _first(order: np.ndarray, count: int) -> np.ndarray:
    mask = np.zeros(len(order), np.float32)
    mask[order[:count]] = 1.0
    return mask


def erk(topology: Topology, count: int, seed: int) -> np.ndarray:
    """A random mask [C] of a layered topology, whose layers' densities are those of Erdos-Renyi(-kernel) graphs.

    A layer's share of its connections is in proportion to (n + m) / (n m), of n sources and m targets, at most 1.
    Source: Mocanu et al. 2018, Evci et al. 2020.
    """
    first, score = 1 + topology.num_inputs, np.random.default_rng(seed).uniform(size=topology.num_connections)
    densities = []
    for layer in topology.layers:
        sources = len({source for number in layer for source in topology.nodes[number - first].sources})
        densities.append((sources + len(layer)) / (sources * len(layer)))
    return largest(topology, by_layer(topology, score, densities), count)


def by_layer(topology: Topology, scores: np.ndarray, densities: Sequence[float] | None = None) -> np.ndarray:
    """Scores [C] by rank in the layer alone: however many of the largest are taken, layers keep such densities."""
    layer, ranks = layer_of(topology), np.empty(len(scores))
    for index in range(layer.max() + 1):
        here = np.flatnonzero(layer == index)
        ranks[here[np.argsort(-scores[here], kind="stable")]] = -np.arange(len(here)) / len(here)
        ranks[here] /= 1.0 if densities is None else densities[index]
    return ranks


def magnitudes(topology: Topology, weights: np.ndarray) -> np.ndarray:
    """Sizes of weights [K, C], by the root mean square of their layer's: or one layer would go before the other."""
    sizes, layer = np.abs(weights), layer_of(topology)
    for index in range(layer.max() + 1):
        here = sizes[:, layer == index]
        count = np.maximum((here > 0).sum(1, keepdims=True), 1)
        sizes[:, layer == index] = here / np.maximum(np.sqrt(np.square(here).sum(1, keepdims=True) / count), 1e-12)
    return sizes


def layer_of(topology: Topology) -> np.ndarray:
    """[C]: the layer of each connection's target."""
    first = 1 + topology.num_inputs
    by_node = {number - first: index for index, layer in enumerate(topology.layers) for number in layer}
    return np.array([by_node[target] for target in targets_of(topology).tolist()])


def prune(
    task: ClassificationTask,
    topology: Topology,
    plan: Plan,
    starts: np.ndarray,
    rate: float,
    seeds: Sequence[int],
    sizes: Sequence[int],
    rewind: int = 0,
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Iterative magnitude pruning: train, keep the largest weights, go back, and so on through ever smaller sizes.

    Args:
        task: its training split.
        topology: the dense one.
        plan: of each training.
        starts: weights at the start, [K, C].
        rate: of Adam.
        seeds: of the runs.
        sizes: connections to be left, falling.
        rewind: the step that weights go back to.

    Returns:
        The weights at that step [K, C]; for each size a mask [K, C], and the trained weights that it was chosen by.

    Source: Frankle & Carbin 2019; going back to an early step, Frankle et al. 2020.
    """
    keys, rates = jnp.asarray(seeds, jnp.int32), jnp.full(len(seeds), rate, jnp.float32)
    masks = all_left(topology, len(seeds))

    def trained(weights: np.ndarray, masks: np.ndarray, steps: int) -> np.ndarray:
        given = (jnp.asarray(weights), jnp.asarray(masks), rates, keys)
        return np.asarray(train(task, topology, plan, *given, steps=jnp.int32(steps)))

    early, found = trained(starts, masks, rewind), []
    for size in sizes:
        ends = trained(early, masks, plan.steps)
        scores = magnitudes(topology, ends)
        masks = np.stack(
            [largest(topology, np.where(m > 0, s, -1.0), size) for m, s in zip(masks, scores, strict=True)]
        )
        found.append((masks, ends))
    return early, found
