"""Generations: what breeding leaves alone, marks, independence of the population's size, and growing tables."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.helpers import (
    FEW_INPUTS,
    MANY_INPUTS,
    NUM_PARENTS,
    PAPER_RATES,
    SMALL_SPEC,
    assert_same,
    individuals,
    kernels,
    parents,
    pool,
    to_plain,
)
from wann_jax.genome import GenomeSpec
from wann_jax.graph import invariant_violations
from wann_jax.population import Pairs, breed, has_room, initial_population, spec_with_room

SPEC, P = SMALL_SPEC, NUM_PARENTS


@cache
def _compiled(name):
    def next_generation(seed, genomes, rates, is_elite, generation, parents, spec):
        pairs = Pairs(parents, parents, jnp.zeros(parents.shape, bool))
        return breed(jax.random.key(seed), genomes, pairs, spec, rates, is_elite, generation)

    return jax.jit(next_generation, static_argnums=6)


@pytest.fixture(scope="module", params=["native", "xla"])
def next_generation(request):
    """Both implementations, one after the other: breeds every genome's child."""

    def run(seed, genomes, rates, is_elite, generation, parents=None, spec=SPEC):
        parents = jnp.arange(is_elite.shape[0]) if parents is None else parents
        return _compiled(request.param)(seed, genomes, rates, is_elite, generation, parents, spec)

    with kernels(request.param):
        yield run


@partial(jax.jit, static_argnums=1)
def first_generation(seed, size, probability):
    return initial_population(jax.random.key(seed), SPEC, size, probability)


def test_individuals_start_different_and_do_not_depend_on_the_populations_size():
    large, small = first_generation(0, 40, 0.5), first_generation(0, 8, 0.5)
    assert_same(small, jax.tree.map(lambda table: table[:8], large))
    assert len({str(to_plain(genome)) for genome in individuals(large)}) > 25


def test_elites_pass_unchanged_and_all_others_change(next_generation):
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
            assert kind in range(4)  # the fifth has a rate of 0
            assert to_plain(before) != to_plain(after)
            assert invariant_violations(after, SPEC) == []


def test_marks_are_unique_in_a_run(next_generation):
    """All children split a connection in every generation: parents and children share marks, siblings share none."""
    genomes = first_generation(2, P, 1.0)
    born = []
    for generation in range(3):
        add_node = jnp.asarray([0.0, 1.0, 0.0, 0.0, 0.0])
        genomes = next_generation(generation, genomes, add_node, jnp.zeros(P, bool), jnp.int32(generation)).genome
        marks = np.asarray(genomes.node_mark)
        born += marks[:, SPEC.num_fixed + generation].tolist()
        assert set(marks[:, SPEC.num_fixed : SPEC.num_fixed + generation + 1].ravel().tolist()) == set(born)
    assert len(set(born)) == 3 * P
    assert min(born) >= SPEC.num_fixed


def test_children_are_those_of_the_given_parents(next_generation):
    genomes, chosen = parents(), jnp.asarray([3, 3, 0, 40])
    result = next_generation(1, genomes, jnp.zeros(5), jnp.zeros(4, bool), jnp.int32(0), chosen)
    assert_same(result.genome, jax.tree.map(lambda table: table[chosen], genomes))


def test_full_parents_get_no_child_with_more_connections():
    genomes = parents()
    enabled = np.asarray(genomes.num_enabled)
    limit = int(np.median(enabled))
    rates = jnp.asarray([1.0, 1.0, 1.0, 0.5, 0.5])
    nobody = jnp.zeros(P, bool)
    chosen = Pairs(jnp.arange(P), jnp.arange(P), nobody)
    result = jax.jit(breed, static_argnums=(3, 7))(
        jax.random.key(0), genomes, chosen, SPEC, rates, nobody, jnp.int32(0), limit
    )
    more = np.asarray(result.genome.num_enabled) - enabled
    assert (more[enabled >= limit] <= 0).all()
    assert (more[enabled < limit] > 0).sum() > P // 5


@cache
def rates_for(kind):
    return jnp.asarray(PAPER_RATES) if kind is None else jnp.eye(5)[kind]


@pytest.mark.parametrize("kind", [None, 0, 1, 2, 3, 4])
@pytest.mark.parametrize("spec", [SPEC, FEW_INPUTS, MANY_INPUTS], ids=["small", "few_inputs", "many_inputs"])
def test_native_children_are_those_of_the_definition(spec, kind):
    """To the bit, over some generations, from parents that are drawn."""
    genomes = parents() if spec is SPEC else pool(spec)
    size = genomes.num_nodes.shape[0]
    random = np.random.default_rng(0)
    for generation in range(4):
        chosen = jnp.asarray(random.integers(0, size, size), jnp.int32)
        results = []
        for name in ("native", "xla"):
            with kernels(name):
                elite = jnp.arange(size) == generation
                arguments = (generation, genomes, rates_for(kind), elite, jnp.int32(generation), chosen, spec)
                results.append(_compiled(name)(*arguments))
        assert_same(*results)
        genomes = results[0].genome


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
