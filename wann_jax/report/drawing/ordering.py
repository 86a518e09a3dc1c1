"""Layers put in an order in which few connections cross.

In: a `LayeredGraph`, whose connections lead from one layer to the next. Out: the place of each vertex in its layer.
Barycentre sweeps (Sugiyama, Tagawa and Toda 1981), then neighbours change places where that helps. Written here, since
libraries that lay out in layers are either no Python or want the order of outputs and rows of pixels left to them.
"""

import dataclasses
from bisect import bisect_left, bisect_right, insort
from functools import cached_property

import numpy as np

_SWEEPS = 32
_MOST_EXCHANGED = 6000  # vertices; above that changing places takes too long and is not seen
_EXCHANGES = 12  # passes


@dataclasses.dataclass(frozen=True)
class LayeredGraph:
    """Vertices in layers: nodes, and where a connection passes a layer, a bend."""

    layer: np.ndarray  # [V]
    node: np.ndarray  # [V]: number of the node, -1 for a bend
    edges: np.ndarray  # [M, 2]: vertices in successive layers
    is_frozen: np.ndarray  # [layers]: whose order is given

    @property
    def is_bend(self) -> np.ndarray:
        """[V]."""
        return self.node < 0

    @cached_property
    def members(self) -> list[np.ndarray]:
        """The vertices of each layer."""
        return [np.flatnonzero(self.layer == index) for index in range(len(self.is_frozen))]

    @cached_property
    def edges_into(self) -> list[np.ndarray]:
        """For each layer, the edges from the layer before."""
        layers = self.layer[self.edges[:, 1]] if len(self.edges) else np.zeros(0, int)
        return [self.edges[layers == index] for index in range(len(self.is_frozen))]


def ordered(graph: LayeredGraph, start: np.ndarray) -> np.ndarray:
    """[V] places from 0 within each layer.

    Args:
        graph: vertices and edges.
        start: [V] what to sort each layer by at first; it settles ties, and frozen layers.
    """
    place = np.zeros(len(graph.layer))
    for members in graph.members:
        _sort(place, members, start[members], start)
    best, fewest = place.copy(), crossings(graph, place)
    for sweep in range(_SWEEPS):
        _sweep(graph, place, is_forward=sweep % 2 == 1)
        if (found := crossings(graph, place)) < fewest:
            best, fewest = place.copy(), found
    if len(graph.layer) <= _MOST_EXCHANGED:
        _exchange(graph, best)
    counts = np.array([len(members) for members in graph.members])
    return np.floor(best * counts[graph.layer]).astype(int)


def crossings(graph: LayeredGraph, place: np.ndarray) -> int:
    """How many pairs of edges cross where vertices stand at these places."""
    total = 0
    for edges in graph.edges_into:
        ends = place[edges]
        seen: list[float] = []
        for target in ends[np.lexsort((ends[:, 1], ends[:, 0])), 1].tolist():
            total += len(seen) - bisect_right(seen, target)
            insort(seen, target)
    return total


def _sort(place: np.ndarray, members: np.ndarray, keys: np.ndarray, ties: np.ndarray) -> None:
    """Puts a layer in the order of its keys; places are the middles of equal shares of [0, 1]."""
    order = np.lexsort((ties[members], keys))
    place[members[order]] = (np.arange(len(members)) + 0.5) / max(len(members), 1)


def _sweep(graph: LayeredGraph, place: np.ndarray, is_forward: bool) -> None:
    """Each layer sorted by the mean of its neighbours' places in the layer just passed."""
    count = len(graph.is_frozen)
    for index in range(1, count) if is_forward else range(count - 2, -1, -1):
        if graph.is_frozen[index]:
            continue
        near, far = (1, 0) if is_forward else (0, 1)
        edges, members = graph.edges_into[index + (not is_forward)], graph.members[index]
        total = np.bincount(edges[:, near], place[edges[:, far]], len(place))[members]
        degree = np.bincount(edges[:, near], minlength=len(place))[members]
        _sort(place, members, np.where(degree > 0, total / np.maximum(degree, 1), place[members]), place)


def _exchange(graph: LayeredGraph, place: np.ndarray) -> None:
    """Neighbours in a layer change places where fewer edges cross then, until none do."""
    before: list[list[int]] = [[] for _ in place]
    after: list[list[int]] = [[] for _ in place]
    for source, target in graph.edges.tolist():
        after[source].append(target)
        before[target].append(source)
    layers = [members[np.argsort(place[members])].tolist() for members in graph.members]
    spots = place.tolist()
    for _ in range(_EXCHANGES):
        changed = False
        for layer, is_frozen in zip(layers, graph.is_frozen, strict=True):
            for at in range(0 if is_frozen else len(layer) - 1):
                upper, lower = layer[at], layer[at + 1]
                if _gain(spots, before[upper], before[lower]) + _gain(spots, after[upper], after[lower]) > 0:
                    layer[at], layer[at + 1] = lower, upper
                    spots[upper], spots[lower] = spots[lower], spots[upper]
                    changed = True
        if not changed:
            break
    place[:] = spots


def _gain(spots: list[float], upper: list[int], lower: list[int]) -> int:
    """How many crossings fewer there are if two vertices with these neighbours change places."""
    ends = sorted(spots[vertex] for vertex in upper)
    return sum(len(ends) - bisect_right(ends, spot) - bisect_left(ends, spot) for spot in map(spots.__getitem__, lower))
