"""Vertices of ordered layers set apart: connections as straight as a least distance between neighbours allows.

In: a `LayeredGraph`, places within layers, the room that each vertex needs. Out: heights.
Layer by layer the least-squares solution under the least distances (isotonic regression), swept to and fro.
"""

import numpy as np

from wann_jax.report.drawing.ordering import LayeredGraph

_SWEEPS = 60
_PULLS = {(False, False): 1.0, (False, True): 2.0, (True, False): 2.0, (True, True): 6.0}  # bends: long edges straight


def spaced(graph: LayeredGraph, place: np.ndarray, room: np.ndarray, given: np.ndarray) -> np.ndarray:
    """[V] heights in [0, height], where the height is the room that the fullest layer needs.

    Args:
        graph: vertices and edges.
        place: [V] places within layers.
        room: [V] neighbours are half the sum of their rooms apart, at least.
        given: [V] shares of the height for vertices of frozen layers; others' are not read.
    """
    layers = [members[np.argsort(place[members])] for members in graph.members]
    height = max(float(room[layer].sum()) for layer in layers)
    heights = given * height
    for layer, is_frozen in zip(layers, graph.is_frozen, strict=True):
        if not is_frozen:
            heights[layer] = np.cumsum(room[layer]) - room[layer] / 2 + (height - room[layer].sum()) / 2
    edges, pulls = _both_ways(graph)
    degree = np.maximum(np.bincount(edges[:, 0], pulls, len(place)), 1e-9)
    rows = [np.flatnonzero(graph.layer[edges[:, 0]] == index) for index in range(len(layers))]
    for sweep in range(_SWEEPS):
        for index in range(len(layers))[:: 1 if sweep % 2 else -1]:
            layer = layers[index]
            if graph.is_frozen[index] or not len(layer):
                continue
            own, others = edges[rows[index]].T
            pull = np.bincount(own, pulls[rows[index]] * heights[others], len(place))
            wanted = np.where(degree[layer] > 1e-8, pull[layer] / degree[layer], heights[layer])
            heights[layer] = _apart(wanted, room[layer], height)
    return heights


def _both_ways(graph: LayeredGraph) -> tuple[np.ndarray, np.ndarray]:
    """Edges from each vertex to each neighbour, and how strongly they pull."""
    edges = np.concatenate([graph.edges, graph.edges[:, ::-1]])
    kinds = graph.is_bend[edges]
    pulls = np.array([_PULLS[bool(first), bool(second)] for first, second in kinds])
    return edges, pulls


def _apart(wanted: np.ndarray, room: np.ndarray, height: float) -> np.ndarray:
    """The nearest heights, by least squares, that keep their order, their rooms and within [0, height]."""
    least = np.cumsum(room) - room / 2  # if all stood as high as they can
    free = np.clip(isotonic(wanted - least), 0.0, max(height - room.sum(), 0.0))
    return free + least


def isotonic(values: np.ndarray) -> np.ndarray:
    """The nearest values, by least squares, that never fall: pools of adjacent violators."""
    sums: list[float] = []
    counts: list[int] = []
    for value in values.tolist():
        total, count = value, 1
        while sums and sums[-1] * count >= total * counts[-1]:
            total += sums.pop()
            count += counts.pop()
        sums.append(total)
        counts.append(count)
    return np.repeat(np.divide(sums, counts), counts)
