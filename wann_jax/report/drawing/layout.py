"""Where the nodes of a network stand in a drawing: layers from left to right, an image's pixels as a grid.

In: a `Topology` and the names of inputs and outputs. Out: a `Layout`, places in the unit square by number of the node.
A layer is a longest path; within the freedom that leaves, nodes stand amid their neighbours, constants just before what
reads them. ordering.py and spacing.py do the rest.
"""

import dataclasses
import itertools
from collections.abc import Mapping

import numpy as np

from wann_jax.networks.layered import Topology
from wann_jax.report.drawing.ordering import LayeredGraph, ordered
from wann_jax.report.drawing.routing import straightened
from wann_jax.report.drawing.spacing import spaced
from wann_jax.tasks.labels import Labels

_BALANCING = 40  # sweeps
_BIAS_PULL = 0.2  # of a connection from the bias, where others pull by 1
_COLUMN = 30  # nodes; a layer of more stands in several columns
_STAGGER = 0.3  # distance of columns of one layer, where that of layers is 1
_BEND_ROOM = 0.35  # where that of a node is 1
_MOST_ROOM = 36.0  # of a layer: bends get less where they would need more
_MOST_STRAIGHTENED = 1000  # connections; of more none can be followed
_IMAGE_ASPECT, _IMAGE_WIDTH, _IMAGE_GAP = 1.7, 0.33, 0.07  # the latter two as shares of the drawing's width


@dataclasses.dataclass(frozen=True)
class Layout:
    """Places by number of the node (0 bias, 1 to I inputs, then computed nodes); y grows downward."""

    x: np.ndarray  # [nodes], in [0, 1]
    y: np.ndarray  # [nodes], in [0, 1]
    layer: np.ndarray  # [nodes], whole numbers; it grows along every connection
    is_drawn: np.ndarray  # [nodes]: False for inputs, or a bias, that nothing reads
    bends: Mapping[tuple[int, int], np.ndarray]  # by (source, target): points [n, 2] on the way, from left to right
    aspect: float  # width by height that suits the network
    gap: float  # nodes that stand above each other are at least so far apart, in y
    columns: float  # width in distances of layers
    pixel: tuple[float, float] | None  # width and height of a pixel, where inputs are an image

    @property
    def rows(self) -> float:
        """Height in least distances."""
        return 1.0 / self.gap


def layout(topology: Topology, labels: Labels) -> Layout:
    """Places of all nodes that are drawn: computed ones, and the inputs and the bias that some node reads.

    Args:
        topology: the network's.
        labels: names that fit it; `labels.image` makes a grid of the inputs.
    """
    layer, is_drawn = _layers(topology), _drawn(topology)
    graph, chains = _graph(topology, layer, is_drawn, labels.image is not None)
    numbers = np.where(graph.is_bend, 0, graph.node)
    given = np.full(len(graph.layer), 0.5)
    is_output = np.isin(graph.node, topology.outputs)
    rank = {number: index for index, number in enumerate(topology.outputs)}
    given[is_output] = [(rank[number] + 0.5) / len(rank) for number in graph.node[is_output].tolist()]
    start = np.where(is_output, given, _start(topology, labels, numbers))
    place = ordered(graph, start)
    counts = np.bincount(graph.layer[~graph.is_bend], minlength=len(graph.is_frozen))
    columns = np.maximum(-(-counts // _COLUMN), 1)
    columns[[0, -1]] = 1  # names stand beside inputs and outputs
    across, width = _across(graph, place, columns, labels.image is not None)
    left = _IMAGE_WIDTH + _IMAGE_GAP if labels.image else 0.0
    px = left + (1 - left) * across / max(width, 1.0)
    room = _room(graph, counts / columns, columns)
    heights = spaced(graph, place, room, given)
    if len(chains) <= _MOST_STRAIGHTENED:
        vertex = {number: index for index, number in enumerate(graph.node.tolist()) if number >= 0}
        ways = [[vertex[source], *way, vertex[target]] for (source, target), way in chains.items()]
        heights = straightened(graph, across, heights, room, ways)
    height = max(float(np.ptp(heights)), 1.0)
    py = (heights - heights.min()) / height if height > 1.0 else 0.5 + heights - heights.mean()
    x, y = np.zeros(len(layer)), np.zeros(len(layer))
    is_node = ~graph.is_bend
    x[graph.node[is_node]], y[graph.node[is_node]] = px[is_node], py[is_node]
    bends = {ends: np.stack([px[way], py[way]], axis=1) for ends, way in chains.items()}
    aspect = _IMAGE_ASPECT if labels.image else float(np.clip(1.45 * (width + 1) / (height + 1), 1.2, 4.0))
    pixel = _pixels(topology, labels.image, x, y) if labels.image else None
    return Layout(x, y, layer, is_drawn, bends, aspect, 1.0 / height, width, pixel)


def _room(graph: LayeredGraph, filled: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """[V]: how high a layer is filled by nodes leaves so much for bends."""
    bends = np.bincount(graph.layer[graph.is_bend], minlength=len(filled))
    left = np.where(bends > 0, (_MOST_ROOM - filled) / np.maximum(bends, 1), _BEND_ROOM)
    bend = float(np.clip(left.min(), 0.0, _BEND_ROOM))
    return np.where(graph.is_bend, bend, 1.0 / columns[graph.layer])


def _drawn(topology: Topology) -> np.ndarray:
    """[nodes]."""
    first = 1 + topology.num_inputs
    is_drawn = np.arange(first + len(topology.nodes)) >= first
    is_drawn[[source for node in topology.nodes for source in node.sources]] = True
    return is_drawn


def _layers(topology: Topology) -> np.ndarray:
    """[nodes]: 0 for bias and inputs; the last for outputs; others amid their neighbours, between first and last."""
    first = 1 + topology.num_inputs
    layer = [0] * first
    readers: list[list[int]] = [[] for _ in range(first + len(topology.nodes))]
    for number, node in enumerate(topology.nodes, first):
        layer.append(1 + max((layer[source] for source in node.sources), default=0))
        for source in node.sources:
            readers[source].append(number)
    last = max(layer)
    for output in topology.outputs:
        layer[output] = last
    outputs = set(topology.outputs)
    inner = [number for number in range(first, len(layer)) if number not in outputs and readers[number]]
    for sweep in range(_BALANCING):
        before = list(layer)
        for number in inner if sweep % 2 else reversed(inner):
            sources = topology.nodes[number - first].sources
            low = 1 + max((layer[source] for source in sources), default=0)
            high = min(layer[reader] for reader in readers[number]) - 1
            pulls = [(layer[source], 1.0 if source else _BIAS_PULL) for source in sources]
            pulls += [(layer[reader], 1.0) for reader in readers[number]]
            mean = sum(at * pull for at, pull in pulls) / sum(pull for _, pull in pulls)
            is_constant = not any(sources)
            layer[number] = high if is_constant else min(max(int(mean + 0.5), low), high)
        if layer == before:
            break
    return np.array(layer)


def _graph(
    topology: Topology, layer: np.ndarray, is_drawn: np.ndarray, is_image: bool
) -> tuple[LayeredGraph, dict[tuple[int, int], list[int]]]:
    """Nodes and bends in layers; and for each long connection its bends. Pixels are no part of it."""
    first = 1 + topology.num_inputs
    nodes = [int(number) for number in np.flatnonzero(is_drawn) if number >= first or not is_image]
    vertex = {number: index for index, number in enumerate(nodes)}
    layers, chains = [int(layer[number]) for number in nodes], {}
    edges: list[tuple[int, int]] = []
    for number, node in enumerate(topology.nodes, first):
        for source in node.sources:
            if source not in vertex:
                continue
            way = list(range(len(layers), len(layers) + int(layer[number] - layer[source]) - 1))
            layers += range(int(layer[source]) + 1, int(layer[number]))
            steps = [vertex[source], *way, vertex[number]]
            edges += itertools.pairwise(steps)
            if way:
                chains[source, number] = way
    numbers = np.array(nodes + [-1] * (len(layers) - len(nodes)))
    is_frozen = np.zeros(max(layers) + 1, bool)
    is_frozen[-1] = True
    return LayeredGraph(np.array(layers), numbers, np.array(edges, np.int64).reshape(-1, 2), is_frozen), chains


def _start(topology: Topology, labels: Labels, numbers: np.ndarray) -> np.ndarray:
    """[V] what layers are sorted by at first: inputs in order, or rows of pixels; others by their sources' mean."""
    first = 1 + topology.num_inputs
    height = np.zeros(first + len(topology.nodes))
    inputs = np.arange(topology.num_inputs)
    height[1:first] = inputs // labels.image[1] if labels.image else inputs
    height[0] = height[:first].max() + 1  # the bias below
    for number, node in enumerate(topology.nodes, first):
        sources = [source for source in node.sources if source] or [0]
        height[number] = height[sources].mean()
    return height[numbers]


def _across(graph: LayeredGraph, place: np.ndarray, columns: np.ndarray, is_image: bool) -> tuple[np.ndarray, float]:
    """[V] distances from the left in distances of layers, and the whole width."""
    first = 1 if is_image else 0  # the image stands for its layer
    widths = np.where(np.arange(len(columns)) < first, 0.0, (columns - 1) * _STAGGER)
    middle = np.cumsum(widths + 1) - widths / 2
    middle += widths[first] / 2 - middle[first]
    return middle[graph.layer] + _stagger(graph, place, columns), float(middle[-1] + widths[-1] / 2)


def _stagger(graph: LayeredGraph, place: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """[V] how far right of its layer's middle a vertex stands: nodes of a full layer take turns among its columns."""
    offset = np.zeros(len(place))
    for index in np.flatnonzero(columns > 1):
        members = graph.members[index]
        nodes = members[~graph.is_bend[members]]
        nodes = nodes[np.argsort(place[nodes])]
        offset[nodes] = (np.arange(len(nodes)) % columns[index] - (columns[index] - 1) / 2) * _STAGGER
    return offset


def _pixels(topology: Topology, image: tuple[int, int], x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Places of pixels, and of the bias below them, in x and y; the size of a pixel."""
    rows, columns = image
    side = min(_IMAGE_WIDTH / columns, 0.8 / _IMAGE_ASPECT / rows)
    width, height = side, side * _IMAGE_ASPECT
    index = np.arange(topology.num_inputs)
    top = 0.5 - rows * height / 2
    x[1 : 1 + topology.num_inputs] = (index % columns + 0.5) * width
    y[1 : 1 + topology.num_inputs] = top + (index // columns + 0.5) * height
    x[0], y[0] = columns * width / 2, top + rows * height + 0.06
    return width, height
