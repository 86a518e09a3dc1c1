"""Long connections with no more bends than it takes to pass between nodes.

In: vertices set apart. Out: their heights, bends moved so that lines are smooth; the order in each layer stays.
"""

import itertools

import numpy as np

from wann_jax.report.drawing.ordering import LayeredGraph

_CLEARANCE = 0.5  # of a line from a node's middle, as a share of the node's room


def straightened(
    graph: LayeredGraph, across: np.ndarray, heights: np.ndarray, room: np.ndarray, ways: list[list[int]]
) -> np.ndarray:
    """[V] heights.

    Args:
        graph: vertices and edges.
        across: [V] places from left to right.
        heights: [V].
        room: [V] which nodes need in height.
        ways: the vertices of each long connection, from its source to its target.
    """
    low, high = _corridors(graph, heights, room)
    moved = heights.copy()
    for way in ways:
        x, wanted = across[way], heights[way]
        inner = np.arange(1, len(way) - 1)
        knots = [0, len(way) - 1]
        while True:
            y = through(x[knots], wanted[knots], x)
            below, above = low[way] - y, y - high[way]
            miss = np.maximum(below, above)[inner]
            miss[np.isin(inner, knots)] = 0.0
            if miss.max() <= 1e-9:
                break
            worst = int(inner[miss.argmax()])
            wanted[worst] = np.clip(y[worst], low[way[worst]], high[way[worst]])
            knots = sorted([*knots, worst])
        moved[way[1:-1]] = np.clip(y, low[way], high[way])[1:-1]
    return moved


def _corridors(graph: LayeredGraph, heights: np.ndarray, room: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[V] between which heights a bend may move: clear of nodes, and half the way to other bends."""
    low, high = np.full(len(heights), -np.inf), np.full(len(heights), np.inf)
    for members in graph.members:
        layer = members[np.argsort(heights[members], kind="stable")]
        for upper, lower in itertools.pairwise(layer):
            middle = (heights[upper] + heights[lower]) / 2
            low[lower] = (
                middle if graph.is_bend[upper] else min(heights[upper] + _CLEARANCE * room[upper], heights[lower])
            )
            high[upper] = (
                middle if graph.is_bend[lower] else max(heights[lower] - _CLEARANCE * room[lower], heights[upper])
            )
    bottom, top = heights.min(), heights.max()
    return np.maximum(low, bottom), np.minimum(high, top)


def slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of a line through points that is level at its ends and never overshoots (Fritsch and Butland 1984)."""
    secants = np.diff(y) / np.diff(x)
    same = secants[:-1] * secants[1:] > 0
    both = np.where(same, secants[:-1] + secants[1:], 1.0)
    found = np.zeros(len(x))
    found[1:-1] = np.where(same, 2 * secants[:-1] * secants[1:] / both, 0.0)
    return found


def through(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Heights at `at` of that line: cubics between neighbouring points."""
    slope = slopes(x, y)
    index = np.clip(np.searchsorted(x, at, "right") - 1, 0, len(x) - 2)
    step = (x[1:] - x[:-1])[index]
    t = (at - x[index]) / step
    rise, leave, arrive = y[index + 1] - y[index], slope[index] * step, slope[index + 1] * step
    return y[index] + t * (leave + t * (3 * rise - 2 * leave - arrive + t * (leave + arrive - 2 * rise)))
