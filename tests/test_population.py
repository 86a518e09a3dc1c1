"""Generations: what breeding leaves alone, marks, independence of the population's size, and growing tables."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from tests.helpers import NUM_PARENTS, PAPER_RATES, SMALL_SPEC, assert_same, individuals, parents, to_plain
from wann_jax.genome import GenomeSpec
from wann_jax.graph import invariant_violations
from wann_jax.population import breed, has_room, initial_population, spec_with_room

SPEC, P = SMALL_SPEC, NUM_PARENTS


@jax.jit
def next_generation(seed, genomes, rates, is_elite, generation):
    return breed(jax.random.key(seed), genomes, SPEC, rates, is_elite, generation)


@partial(jax.jit, static_argnums=1)
def first_generation(seed, size, probability):
    return initial_population(jax.random.key(seed), SPEC, size, probability)


def test_individuals_start_different_and_do_not_depend_on_the_populations_size():
    large, small = first_generation(0, 40, 0.5), first_generation(0, 8, 0.5)
    assert_same(small, jax.tree.map(lambda table: table[:8], large))
    assert len({str(to_plain(genome)) for genome in individuals(large)}) > 25


def test_elites_pass_unchanged_and_all_others_change():
    genomes = parents()
    is_elite = np.arange(P) < 5
    result = next_generation(0, genomes, jnp.asarray(PAPER_RATES), jnp.asarray(is_elite), jnp.int32(3))
    for elite, kind, before, after in zip(
        is_elite, result.kind.tolist(), individuals(genomes), individuals(result.genome), strict=True
    ):
        if elite:
            assert kind == -1
            assert_same(before, after)
        else:
            assert kind in range(4)
            assert to_plain(before) != to_plain(after)
            assert invariant_violations(after, SPEC) == []


def test_marks_are_unique_in_a_run():
    """All children split a connection in every generation: parents and children share marks, siblings share none."""
    genomes = first_generation(2, P, 1.0)
    born = []
    for generation in range(3):
        add_node = jnp.asarray([0.0, 1.0, 0.0, 0.0])
        genomes = next_generation(generation, genomes, add_node, jnp.zeros(P, bool), jnp.int32(generation)).genome
        marks = np.asarray(genomes.node_mark)
        born += marks[:, SPEC.num_fixed + generation].tolist()
        assert set(marks[:, SPEC.num_fixed : SPEC.num_fixed + generation + 1].ravel().tolist()) == set(born)
    assert len(set(born)) == 3 * P
    assert min(born) >= SPEC.num_fixed


def with_counts(num_nodes, num_connections):
    genomes = first_generation(3, P, 1.0)
    return genomes.replace(
        num_nodes=genomes.num_nodes.at[7].set(num_nodes),
        num_connections=genomes.num_connections.at[11].set(num_connections),
    )


def test_room_means_a_node_and_two_connections():
    nodes, connections = SPEC.max_nodes, SPEC.max_connections
    assert bool(has_room(SPEC, with_counts(nodes - 1, connections - 2)))
    assert not bool(has_room(SPEC, with_counts(nodes, connections - 2)))
    assert not bool(has_room(SPEC, with_counts(nodes - 1, connections - 1)))


def test_the_next_bucket_is_the_smallest_double_with_room():
    def bucket(hidden_capacity):
        return GenomeSpec.for_task(3, 2, SPEC.hidden_activations, hidden_capacity)

    now = bucket(32)
    assert spec_with_room(now, with_counts(now.max_nodes - 1, now.max_connections - 2)) == now
    assert spec_with_room(now, with_counts(now.max_nodes, 50)) == bucket(64)
    assert spec_with_room(now, with_counts(20, now.max_connections - 1)) == bucket(64)
    assert spec_with_room(now, with_counts(bucket(64).max_nodes, 50)) == bucket(128)
