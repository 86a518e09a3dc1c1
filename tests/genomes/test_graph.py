"""Layers and liveness against plain recursion; the check of invariants against corrupted genomes."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.helpers import FEW_INPUTS, LAYOUTS, PlainGenome, from_plain, individuals, pool, random_dag, stack, to_plain
from tests.oracle import layers as oracle
from wann_jax.genomes.genome import OUTPUT_LAYER, GenomeSpec
from wann_jax.genomes.graph import invariant_violations, live_nodes, longest_path, num_live_connections, relax_layers

relax_batch = jax.jit(jax.vmap(relax_layers, (0, None)))
count_live = jax.jit(num_live_connections)
live_batch = jax.jit(jax.vmap(live_nodes))


def expected_layers(spec, plain):
    num_nodes = len(plain.activations)
    return oracle.longest_path_layers(plain.connections, spec.num_inputs, spec.num_outputs, num_nodes, OUTPUT_LAYER)


def without_layers(genomes):
    spec = genomes.spec
    is_hidden = jnp.arange(spec.max_nodes)[None] >= spec.num_fixed
    return genomes.replace(node_layer=jnp.where(is_hidden, 0, genomes.node_layer))


@LAYOUTS
def test_relaxed_layers_are_the_longest_paths(spec):
    genomes = pool(spec)
    layers = relax_batch(without_layers(genomes), True)
    for layer, genome in zip(layers, individuals(genomes), strict=True):
        expected = expected_layers(spec, to_plain(genome))
        assert layer[: len(expected)].tolist() == expected
        assert not layer[len(expected) :].any()


def test_relaxing_reaches_the_end_of_the_longest_chain():
    hidden = list(range(FEW_INPUTS.num_fixed, FEW_INPUTS.max_nodes))[::-1]
    chain = [1, *hidden, FEW_INPUTS.first_output]
    connections = [(source, target, True) for source, target in pairwise(chain)]
    genome = from_plain(FEW_INPUTS, PlainGenome([1] * FEW_INPUTS.max_nodes, connections))
    layer = relax_batch(without_layers(stack([genome] * 10)), True)[0]
    assert [int(layer[node]) for node in hidden] == list(range(1, 65))


def test_relaxing_can_be_skipped():
    flat = without_layers(pool(FEW_INPUTS))
    np.testing.assert_array_equal(relax_batch(flat, False), flat.node_layer)


@LAYOUTS
def test_live_nodes_lead_to_an_output(spec):
    genomes = pool(spec)
    num_dead = 0
    for live, genome in zip(live_batch(genomes), individuals(genomes), strict=True):
        plain = to_plain(genome)
        expected = oracle.live_nodes(plain.connections, spec.num_inputs, spec.num_outputs)
        assert set(np.flatnonzero(live).tolist()) == expected
        num_dead += len(plain.activations) - len(expected)
    assert num_dead > 0


def test_outputs_live_without_any_connection():
    disabled = PlainGenome([1] * FEW_INPUTS.num_fixed, [(1, FEW_INPUTS.first_output, False)])
    live = live_batch(stack([from_plain(FEW_INPUTS, disabled)] * 10))[0]
    assert np.flatnonzero(live).tolist() == [6, 7]


@LAYOUTS
def test_connections_that_lead_nowhere_are_not_live(spec):
    loose = [from_plain(spec, random_dag(spec, 12, 0.05, seed)) for seed in range(6)]
    dead = 0
    for genome in [*individuals(pool(spec)), *loose]:
        plain = to_plain(genome)
        live = oracle.live_nodes(plain.connections, spec.num_inputs, spec.num_outputs)
        wanted = sum(enabled and target in live for _, target, enabled in plain.connections)
        assert int(count_live(genome)) == wanted
        dead += sum(enabled for _, _, enabled in plain.connections) - wanted
    assert dead > 0


@LAYOUTS
def test_sound_genomes_have_no_violations(spec):
    assert [invariant_violations(genome) for genome in individuals(pool(spec))] == [[]] * 10


SPEC = GenomeSpec.for_task(3, 2, (1, 3, 5), 8)
SOUND = PlainGenome(
    [1] * 6 + [3, 5, 1],
    [(0, 4, True), (1, 4, False), (1, 6, True), (6, 7, True), (6, 4, True), (7, 8, True), (8, 5, True), (3, 5, True)],
)


def set_in(table, slot, value):
    return lambda genome: {table: getattr(genome, table).at[slot].set(value)}


@pytest.mark.parametrize(
    ("corrupt", "problems"),
    [
        (lambda genome: {"num_nodes": jnp.int32(15)}, ["num_nodes 15 outside [6, 14]"]),
        (lambda genome: {"num_nodes": jnp.int32(5)}, ["num_nodes 5 outside [6, 14]"]),
        (lambda genome: {"num_connections": jnp.int32(41)}, ["num_connections 41 outside [0, 40]"]),
        (set_in("conn_source", 0, 9), ["a connection leads from or to a node that does not exist, or into an input"]),
        (set_in("conn_source", 0, -1), ["a connection leads from or to a node that does not exist, or into an input"]),
        (set_in("conn_target", 0, 9), ["a connection leads from or to a node that does not exist, or into an input"]),
        (set_in("conn_target", 0, 3), ["a connection leads from or to a node that does not exist, or into an input"]),
        (set_in("conn_source", 0, 5), ["a connection leaves an output"]),
        (set_in("conn_source", 0, 1), ["two connections join the same nodes"]),
        (set_in("node_activation", 7, 2), ["a hidden node has an activation outside the allowed set"]),
        (set_in("node_mark", 7, 6), ["two nodes carry the same historical mark"]),
        (set_in("node_layer", 8, 4), ["node_layer is not the longest path from the inputs"]),
        (set_in("node_layer", 1, 1), ["node_layer is not the longest path from the inputs"]),
        (set_in("node_layer", 4, 3), ["node_layer is not the longest path from the inputs"]),
        (set_in("conn_target", 6, 6), ["node_layer is not the longest path from the inputs"]),  # a cycle
    ],
)
def test_each_corruption_is_named(corrupt, problems):
    genome = from_plain(SPEC, SOUND)
    assert invariant_violations(genome) == []
    assert invariant_violations(genome.replace(**corrupt(genome))) == problems


def test_longest_path_on_the_host_matches_the_oracle():
    for seed in range(5):
        plain = random_dag(FEW_INPUTS, 30, 0.1, seed)
        source, target, _ = (np.asarray(column) for column in zip(*plain.connections, strict=True))
        layer = longest_path(source, target, len(plain.activations), FEW_INPUTS)
        assert layer == expected_layers(FEW_INPUTS, plain)


def test_a_cycle_has_no_longest_path():
    assert longest_path(np.asarray([1, 6, 7]), np.asarray([6, 7, 6]), 8, SPEC) is None
