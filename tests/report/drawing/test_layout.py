"""Places of nodes: layers, distances, crossings, pixels."""

import itertools
from collections import Counter
from functools import cache

import numpy as np
import pytest

from wann_jax import zoo
from wann_jax.genomes.grading import is_graded
from wann_jax.networks.files import load_genome, load_info, load_network
from wann_jax.networks.layered import Node, Topology
from wann_jax.report.drawing.layout import layout
from wann_jax.report.drawing.ordering import LayeredGraph, crossings, ordered
from wann_jax.report.drawing.spacing import isotonic
from wann_jax.tasks.labels import Labels
from wann_jax.tasks.registry import labels_of

# The largest are drawn as these are, and take long.
ZOO = pytest.mark.parametrize("name", [name for name in zoo.names() if zoo.card(name)["num_connections"] < 2000])


@cache
def placed(name):
    """A network of the zoo: topology, names, layout."""
    topology = Topology.of(load_network(name))
    labels = labels_of(load_info(name)["task"], topology.num_inputs, len(topology.outputs))
    return topology, labels, layout(topology, labels)


def connections(topology):
    first = 1 + topology.num_inputs
    return [(source, first + at) for at, node in enumerate(topology.nodes) for source in node.sources]


@ZOO
def test_layers_grow_along_every_connection(name):
    topology, _, found = placed(name)
    for source, target in connections(topology):
        assert found.layer[source] < found.layer[target]
        assert found.x[source] < found.x[target]
    for (source, target), points in found.bends.items():
        assert len(points) == found.layer[target] - found.layer[source] - 1
        assert (np.diff([found.x[source], *points[:, 0], found.x[target]]) > 0).all()
    drawn = found.is_drawn
    assert drawn.sum() == len({end for pair in connections(topology) for end in pair} | {*topology.outputs})
    for axis in (found.x[drawn], found.y[drawn]):
        assert axis.min() >= 0
        assert axis.max() <= 1


@ZOO
def test_nodes_above_each_other_keep_the_gap(name):
    topology, labels, found = placed(name)
    first = 1 + topology.num_inputs if labels.image else 0
    heights = {}
    for number in np.flatnonzero(found.is_drawn):
        if number >= first:
            heights.setdefault(round(found.x[number], 9), []).append(found.y[number])
    assert min(np.diff(sorted(column)).min(initial=1.0) for column in heights.values()) >= found.gap - 1e-9
    assert max(map(len, heights.values())) <= 30


@ZOO
def test_outputs_stand_last_and_in_order(name):
    topology, _, found = placed(name)
    outputs = list(topology.outputs)
    assert np.ptp(found.x[outputs]) == 0
    assert found.x[outputs[0]] >= found.x.max() - 1e-12
    if len(outputs) > 2:
        steps = np.diff(found.y[outputs])
        np.testing.assert_allclose(steps, steps[0])
        assert steps[0] > 1 / (2 * len(outputs))


@ZOO
def test_few_connections_cross(name):
    """Pairs that cross in the drawing, pixels left out, against those of an order nobody chose."""
    topology, labels, found = placed(name)
    hidden = [pair for pair in connections(topology) if not labels.image or pair[0] > topology.num_inputs]
    layers, ends, edges, heights = [], {}, [], []

    def vertex(layer, height):
        layers.append(layer)
        heights.append(height)
        return len(layers) - 1

    for source, target in hidden:
        for end in (source, target):
            if end not in ends:
                ends[end] = vertex(found.layer[end], found.y[end])
        way = [
            vertex(found.layer[source] + 1 + at, y) for at, (_, y) in enumerate(found.bends.get((source, target), []))
        ]
        steps = [ends[source], *way, ends[target]]
        edges += itertools.pairwise(steps)
    graph = LayeredGraph(np.array(layers), np.array(layers), np.array(edges), np.zeros(max(layers) + 1, bool))
    as_they_come = crossings(graph, np.arange(len(layers)).astype(float))
    # Where each node reads many of a few, as in graded networks, no order avoids most crossings.
    is_dense = is_graded(load_genome(name))
    assert crossings(graph, np.array(heights)) < (0.75 if is_dense else 0.5) * as_they_come


def test_crossings_are_counted_pair_by_pair():
    random = np.random.default_rng(0)
    edges = np.unique(np.stack([random.integers(0, 9, 40), 9 + random.integers(0, 9, 40)], axis=1), axis=0)
    graph = LayeredGraph(np.repeat([0, 1], 9), np.arange(18), edges, np.zeros(2, bool))
    place = random.permutation(18).astype(float)
    pairs = [(place[a] - place[c]) * (place[b] - place[d]) < 0 for a, b in edges for c, d in edges]
    assert crossings(graph, place) == sum(pairs) // 2
    better = ordered(graph, place)
    assert crossings(graph, better.astype(float)) < crossings(graph, place)
    assert Counter(better[:9]) == Counter(range(9))


def test_two_connections_that_need_not_cross_do_not():
    nodes = (Node(1, (2,), (0,)), Node(1, (1,), (1,)), Node(1, (3,), (2,)), Node(1, (4,), (3,)))
    found = layout(Topology(2, 4, nodes, (5, 6)), Labels().fitting(2, 2))
    assert found.y[5] < found.y[6]
    assert found.y[2] < found.y[1]  # what feeds the upper output stands above


def test_a_constant_stands_just_before_what_reads_it():
    nodes = (Node(10, (), ()), Node(1, (1,), (0,)), Node(1, (3,), (1,)), Node(1, (2, 4), (2, 3)))
    found = layout(Topology(1, 4, nodes, (5,)), Labels().fitting(1, 1))
    assert found.layer.tolist() == [0, 0, 2, 1, 2, 3]
    assert found.is_drawn.tolist() == [False, True, True, True, True, True]


def test_what_the_bias_alone_feeds_stands_before_what_reads_it():
    chain = [Node(1, (1,), (0,))] + [Node(1, (1 + at,), (at,)) for at in range(1, 9)]  # 2 to 10
    nodes = (*chain, Node(10, (0,), (9,)), Node(1, (10, 11), (10, 11)))
    found = layout(Topology(1, 12, nodes, (12,)), Labels().fitting(1, 1))
    assert found.layer[[0, 10, 11, 12]].tolist() == [0, 9, 9, 10]


def test_no_two_neighbours_should_change_places():
    random = np.random.default_rng(2)
    layer = np.repeat(np.arange(4), 8)
    edges = [
        (8 * at + a, 8 * at + 8 + b) for at in range(3) for a in range(8) for b in range(8) if random.random() < 0.25
    ]
    graph = LayeredGraph(layer, np.arange(32), np.array(edges), np.zeros(4, bool))
    place = ordered(graph, random.permutation(32).astype(float))
    fewest = crossings(graph, place.astype(float))
    for at in range(4):
        for spot in range(7):
            first, second = (np.flatnonzero((layer == at) & (place == each))[0] for each in (spot, spot + 1))
            other = place.copy()
            other[[first, second]] = place[[second, first]]
            assert crossings(graph, other.astype(float)) >= fewest


def test_pixels_are_a_grid_left_of_all_else():
    _, labels, found = placed("mnist1849")
    pixels = np.arange(1, 257)
    rows, columns = found.y[pixels].reshape(labels.image), found.x[pixels].reshape(labels.image)
    assert np.ptp(rows, axis=1).max() < 1e-12
    assert np.ptp(columns, axis=0).max() < 1e-12
    np.testing.assert_allclose(np.diff(rows[:, 0]), found.pixel[1])
    np.testing.assert_allclose(np.diff(columns[0]), found.pixel[0])
    assert found.pixel[1] == pytest.approx(found.pixel[0] * found.aspect)  # square
    assert columns.max() + found.pixel[0] / 2 < found.x[257:].min()


def test_isotonic_regression_is_the_nearest():
    assert isotonic(np.array([3.0, 1.0, 2.0, 5.0, 4.0])).tolist() == [2.0, 2.0, 2.0, 4.5, 4.5]
    assert isotonic(np.array([1.0, 2.0])).tolist() == [1.0, 2.0]


def test_a_network_without_hidden_nodes_has_a_layout():
    found = layout(Topology(1, 1, (Node(1, (1,), (0,)),), (2,)), Labels().fitting(1, 1))
    assert found.x.tolist() == [0, 0, 1]
    assert found.y[1] == found.y[2] == 0.5
    lone = layout(Topology(1, 0, (Node(1, (), ()),), (2,)), Labels().fitting(1, 1))
    assert lone.is_drawn.tolist() == [False, False, True]
