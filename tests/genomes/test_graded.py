"""Graded genomes: whatever mutation and crossover do, the class does not depend on the weight."""

import dataclasses
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import wann_jax as wann
from tests.helpers import (
    ALL_ACTIVATIONS,
    assert_frequencies,
    assert_same,
    count,
    individual,
    individuals,
    kernels,
    repeat,
)
from wann_jax.errors import ConfigError
from wann_jax.genomes.activation_ids import ABS, INVERSE, LINEAR, RELU, STEP, TANH
from wann_jax.genomes.building import build_genome
from wann_jax.genomes.genome import GenomeSpec, grow
from wann_jax.genomes.grading import Factor, grading_of
from wann_jax.genomes.graph import invariant_violations
from wann_jax.genomes.mutation import KINDS, mutate
from wann_jax.genomes.population import Pairs, adopted, breed, initial_population

P = 24
DEPTHS = pytest.mark.parametrize("depth", [2, 4, 6])
RATES = jnp.asarray([0.3, 0.3, 0.05, 0.25, 0.1])


def spec_of(depth, hidden=48, is_ordered=False):
    return GenomeSpec.for_task(3, 2, ALL_ACTIVATIONS, hidden, is_ordered, depth)


def evolve(depth, is_ordered=False, max_changes=1, connection_limit=0, generations=30):
    """P genomes after so many generations of mutation, and of crossover if the spec is ordered."""
    spec = spec_of(depth, 96, is_ordered)

    @jax.jit
    def run(genomes):
        def advance(generation, genomes):
            key = jax.random.fold_in(jax.random.key(depth), generation)
            partners = jax.random.randint(jax.random.fold_in(key, 1), (P,), 0, P)
            is_crossed = (jnp.arange(P) % 4 == 0) & is_ordered & (generation % 5 == 0)
            first_mark = spec.num_fixed + spec.num_chained + generation * P * max_changes
            pairs = Pairs(jnp.arange(P), partners, is_crossed)
            elite = jnp.zeros(P, bool)
            return breed(key, genomes, pairs, RATES, elite, first_mark, connection_limit, max_changes).genome

        return lax.fori_loop(0, generations, advance, genomes)

    return run(initial_population(jax.random.key(7), spec, P, 0.5))


evolved = cache(evolve)


@DEPTHS
@pytest.mark.parametrize("is_ordered", [False, True])
def test_evolved_genomes_are_graded_and_sound(depth, is_ordered):
    genomes = [individual(evolved(depth, is_ordered), index) for index in range(P)]
    for genome in genomes:
        assert invariant_violations(genome) == []
        grading = grading_of(genome)
        assert grading.fault == ""
        assert grading.output in (Factor(depth, False), None)
    assert sum(grading_of(genome).output is not None for genome in genomes) > P // 2
    born = [int(genome.num_hidden) - genome.spec.num_chained for genome in genomes]
    assert np.median(born) > 3


@pytest.mark.parametrize("settings", [(2, False), (4, True, 2), (4, False, 3, 20), (6, True, 1, 30)])
def test_native_children_are_those_of_the_definition(settings):
    made = []
    for name in ("native", "xla"):
        with kernels(name):
            made.append(evolve(*settings))
    assert_same(*made)


@DEPTHS
def test_outputs_are_a_power_of_the_weight_times_what_they_are_at_one(depth):
    inputs = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    networks = jax.vmap(wann.express)(evolved(depth))
    weights = np.asarray([1.0, -2.0, -0.3, 0.01, 1.7], np.float32)
    outputs = np.asarray(wann.forward_samples(networks, weights, inputs))
    at_one = outputs[:, :1]
    size = np.abs(at_one).max((1, 2, 3), keepdims=True)
    assert (size[:, 0, 0, 0] > 0).sum() > P // 2
    scaled = outputs / (np.abs(weights) ** depth)[None, :, None, None]
    np.testing.assert_allclose(scaled / (size + 1e-9), np.broadcast_to(at_one / (size + 1e-9), scaled.shape), atol=2e-5)


def test_first_genomes_have_a_chain_before_each_output():
    spec = spec_of(4)
    genomes = individuals(initial_population(jax.random.key(0), spec, 40, 0.5))
    chained = np.arange(spec.num_fixed, spec.num_fixed + 6)
    kinds = np.stack([genome.node_activation[chained] for genome in genomes])
    assert [set(kinds[:, place].tolist()) for place in (0, 2, 4)] == [
        {LINEAR, INVERSE},
        {LINEAR, INVERSE, ABS, RELU},
        {LINEAR, INVERSE},
    ]
    for genome in genomes:
        assert invariant_violations(genome) == []
        assert genome.node_layer[chained].tolist() == [1, 1, 2, 2, 3, 3]
        assert int(genome.num_connections) == 4 * 2 + 6
        pairs = [
            *zip(genome.conn_source.tolist(), genome.conn_target.tolist(), genome.conn_enabled.tolist(), strict=True)
        ]
        assert pairs[8:14] == [(6, 8, True), (7, 9, True), (8, 10, True), (9, 11, True), (10, 4, True), (11, 5, True)]
        assert {(source, target) for source, target, _ in pairs[:8]} == {(s, t) for s in range(4) for t in (6, 7)}
    shares = np.mean([genome.conn_enabled[:8] for genome in genomes])
    assert 0.4 < shares < 0.6


# Bias and inputs 0 to 3, outputs 4 and 5; node 6 at depth 1, 7 and 8 at 2, 9 at 3.
NODES = [LINEAR, LINEAR, INVERSE, ABS, RELU, LINEAR]
PAIRS = [(1, 6), (6, 7), (6, 8), (7, 9), (8, 9), (9, 4)]


def hand_made():
    spec = spec_of(4, 16)
    genome = build_genome("made up", (3, 2), NODES, [6, 7, 8, 9], PAIRS, [(2, 6)])
    fields = dataclasses.asdict(genome.spec) | {"graded_depth": 4, "hidden_activations": spec.hidden_activations}
    return grow(genome.replace(spec=GenomeSpec(**fields)), spec)


def changes(kind, draws=4000):
    """What one change of a kind adds to the hand-made genome, many times."""
    genome, rates = hand_made(), jnp.asarray([float(name == kind) for name in KINDS])
    uniform = jax.random.uniform(jax.random.key(0), (draws, 3))
    one = jax.jit(jax.vmap(lambda draws, genome: mutate(draws, genome, rates, jnp.int32(77))))
    children = one(uniform, repeat(genome, draws))
    assert np.asarray(children.kind).tolist() == [KINDS[kind]] * draws
    return genome, jax.tree.map(np.asarray, children.genome)


def test_a_new_connection_joins_two_depths_that_follow():
    """Targets uniformly among those with open sources, then sources uniformly among those."""
    genome, children = changes("add_connection")
    last = int(genome.num_connections)
    found = [*zip(children.conn_source[:, last].tolist(), children.conn_target[:, last].tolist(), strict=True)]
    # Node 9 has all of depth 2; nodes 7 and 8 all of depth 1; output 4 all of depth 3.
    assert_frequencies(count(found), {(0, 6): 1 / 4, (3, 6): 1 / 4, (9, 5): 1 / 2}, len(found))
    assert (children.num_nodes == int(genome.num_nodes)).all()


def test_a_new_node_is_put_between_two_others_and_disables_nothing():
    genome, children = changes("add_node")
    last, node = int(genome.num_connections), int(genome.num_nodes)
    assert (children.conn_target[:, last] == node).all()
    assert (children.conn_source[:, last + 1] == node).all()
    assert children.conn_enabled[:, :last].tolist() == [np.asarray(genome.conn_enabled)[:last].tolist()] * 4000
    pairs = [*zip(children.conn_source[:, last].tolist(), children.conn_target[:, last + 1].tolist(), strict=True)]
    odds = {(source, target): 1 / 20 for source in range(4) for target in (7, 8)}
    odds |= {(6, 9): 1 / 5} | {(source, target): 1 / 10 for source in (7, 8) for target in (4, 5)}
    assert_frequencies(count(pairs), odds, len(pairs))
    kinds = children.node_activation[:, node]
    for target, layer, allowed in (
        (7, 1, (LINEAR, INVERSE)),
        (9, 2, (LINEAR, INVERSE, ABS, RELU)),
        (5, 3, (LINEAR, INVERSE)),
    ):
        chosen = children.conn_target[:, last + 1] == target
        assert set(children.node_layer[chosen, node].tolist()) == {layer}
        assert_frequencies(count(kinds[chosen].tolist()), dict.fromkeys(allowed, 1 / len(allowed)), int(chosen.sum()))
    assert set(children.node_mark[:, node].tolist()) == {77}


def test_activations_change_to_others_that_the_depth_allows():
    genome, children = changes("change_activation")
    before = np.asarray(genome.node_activation)
    found = [
        (int(node), int(child[node])) for child in children.node_activation for node in np.flatnonzero(child != before)
    ]
    odds = {(6, LINEAR): 1 / 4, (9, INVERSE): 1 / 4}
    odds |= {(7, kind): 1 / 12 for kind in (LINEAR, INVERSE, RELU)}
    odds |= {(8, kind): 1 / 12 for kind in (LINEAR, INVERSE, ABS)}
    assert_frequencies(count(found), odds, 4000)


def test_what_is_drawn_does_not_depend_on_the_tables():
    draws = jax.random.uniform(jax.random.key(3), (200, 3))
    one = jax.jit(jax.vmap(lambda draws, genome: mutate(draws, genome, RATES, jnp.int32(77)).genome))
    genome, larger = hand_made(), spec_of(4, 32)
    small, large = one(draws, repeat(genome, 200)), one(draws, repeat(grow(genome, larger), 200))
    assert_same(grow(small, larger), large)


@pytest.mark.parametrize(
    ("nodes", "pairs", "words"),
    [
        ([LINEAR] * 2, [(1, 4)], "node 1 at depth 0 leads to node 4 at depth 4"),
        ([*[LINEAR] * 2, LINEAR], [(1, 6), (6, 4)], "node 6 at depth 1 leads to node 4 at depth 4"),
        ([*NODES[:2], ABS, *NODES[3:]], PAIRS, "node 6 at depth 1 is abs"),
        ([*NODES[:3], STEP, *NODES[4:]], PAIRS, "node 7 at depth 2 is step"),
    ],
)
def test_a_network_that_is_not_graded_is_no_beginning(nodes, pairs, words):
    genome = build_genome("made up", (3, 2), nodes, [*range(6, 4 + len(nodes))], pairs, [])
    with pytest.raises(
        ConfigError, match=f"initial must be a network graded at depth 4 .see wann check.; got '{words}"
    ):
        adopted(genome, spec_of(4))


def test_invariants_tell_of_what_is_not_graded():
    genome = hand_made()
    assert invariant_violations(genome) == []
    wrong = genome.replace(node_activation=genome.node_activation.at[9].set(RELU))
    assert invariant_violations(wrong) == ["not graded: node 9 at depth 3 is relu"]


@pytest.mark.parametrize(
    ("activations", "depth", "words"),
    [
        ((TANH, STEP), 4, "genome.hidden_activations must be linear, inverse, abs or relu, and one of the first two"),
        ((ABS, RELU), 4, r"in a graded genome; got \['abs', 'relu'\]"),
        (ALL_ACTIVATIONS, 3, r"genome.graded_depth must be 0 .not graded. or an even number up to 16; got 3"),
        (ALL_ACTIVATIONS, 18, "got 18"),
        (ALL_ACTIVATIONS, -2, "got -2"),
    ],
)
def test_specs_that_cannot_be_graded_are_refused(activations, depth, words):
    with pytest.raises(ConfigError, match=words):
        GenomeSpec.for_task(3, 2, activations, 16, graded_depth=depth)
