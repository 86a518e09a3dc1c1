"""The experiment about counts of parameters: bits are those of the formulas, fronts those by hand."""

import math

import jax
import numpy as np
import pytest

import wann_jax as wann
from wann_jax.analysis.baselines import dense_topology
from wann_jax.analysis.experiments.describing import choices, front, means_of, rounded, row_of, size_of
from wann_jax.genomes.activation_ids import RELU
from wann_jax.networks.layered import Topology


def test_choices_are_binomials():
    assert choices(10, 3) == pytest.approx(math.log2(math.comb(10, 3)))
    assert choices(5, 5) == pytest.approx(0.0, abs=1e-9)


def test_a_dense_network_is_all_weights_and_a_pruned_one_chooses_among_those_of_live_nodes():
    topology = dense_topology(3, 2, 1, RELU)  # 2 * 4 + 3 weights
    weights = np.ones(11, np.float32)
    assert size_of(topology, weights, is_dense=True).bits(11, 32) == 352
    weights[[0, 1, 2, 3, 8]] = 0.0  # the first hidden node, in and out
    size = size_of(topology, weights)
    assert size.connections == 6
    assert size.choices == pytest.approx(choices(4 + 2, 6))  # one node left: 4 ways in, bias and itself out


def test_an_evolved_network_pays_for_activations_and_choices():
    topology = Topology.of(jax.jit(wann.express)(wann.load_genome("xor")))
    size = size_of(topology)
    hidden = topology.num_hidden
    assert size.activations == pytest.approx(hidden * math.log2(10))
    possible = 3 * (hidden + 1) + hidden * (hidden - 1) // 2 + hidden
    assert size.choices == pytest.approx(math.log2(math.comb(possible, size.connections)))


def test_rounding_keeps_zeros_and_the_largest_and_has_so_many_levels_in_a_layer():
    topology = dense_topology(6, 5, 3, RELU)
    weights = np.random.default_rng(0).normal(size=topology.num_connections).astype(np.float32)
    weights[:3] = 0.0
    found = rounded(topology, weights, 3)
    assert (found[:3] == 0).all()
    assert len(np.unique(found[:35].round(5))) <= 7
    assert np.abs(found[:35]).max() == pytest.approx(np.abs(weights[:35]).max())
    np.testing.assert_array_equal(rounded(topology, weights, 32), weights)
    assert np.abs(rounded(topology, weights, 8) - weights).max() < np.abs(weights).max() / 200


def test_the_front_has_what_no_cheaper_network_reaches():
    rows = [{"bits": bits, "test": test} for bits, test in ((3, 0.5), (1, 0.4), (2, 0.6), (4, 0.6), (5, 0.7))]
    assert [row["bits"] for row in front(rows, "bits")] == [1, 2, 5]


def test_rows_of_several_seeds_become_their_mean():
    topology = dense_topology(3, 2, 1, RELU)
    size = size_of(topology, np.ones(11, np.float32), is_dense=True)
    rows = [row_of("dense", size, 11, 8, accuracy) for accuracy in (0.25, 0.75)] + [row_of("dense", size, 11, 4, 0.5)]
    found = means_of(rows)
    assert [(row["precision"], row["bits"], row["test"]) for row in found] == [(8, 88, 0.5), (4, 44, 0.5)]
