"""Generations: what breeding leaves alone, marks, independence of the population's size, and growing tables."""

import dataclasses
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
    individual,
    individuals,
    kernels,
    parents,
    pool,
    to_plain,
)
from wann_jax.errors import ConfigError
from wann_jax.genomes.genome import GenomeSpec, grow
from wann_jax.genomes.graph import invariant_violations
from wann_jax.genomes.mutation import splittable
from wann_jax.genomes.population import Pairs, adopted, breed, has_room, initial_population, with_room

SPEC, P = SMALL_SPEC, NUM_PARENTS


@cache
def _compiled(name):
    def next_generation(seed, genomes, rates, is_elite, generation, parents, max_changes=1):
        pairs = Pairs(parents, parents, jnp.zeros(parents.shape, bool))
        key = jax.random.key(seed)
        first_mark = SPEC.num_fixed + generation * parents.shape[0] * max_changes
        return breed(key, genomes, pairs, rates, is_elite, first_mark, max_changes=max_changes)

    return jax.jit(next_generation, static_argnums=6)


@pytest.fixture(scope="module", params=["native", "xla"])
def next_generation(request):
    """Both implementations, one after the other: breeds every genome's child."""

    def run(seed, genomes, rates, is_elite, generation, parents=None, max_changes=1):
        parents = jnp.arange(is_elite.shape[0]) if parents is None else parents
        return _compiled(request.param)(seed, genomes, rates, is_elite, generation, parents, max_changes)

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
            assert invariant_violations(after) == []


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


def test_children_get_one_to_max_changes_and_their_new_nodes_own_marks(next_generation):
    genomes, add_node = first_generation(2, P, 1.0), jnp.asarray([0.0, 1.0, 0.0, 0.0, 0.0])
    is_elite = jnp.arange(P) < 2
    counts, born = [], []
    for generation in range(3):
        result = next_generation(generation, genomes, add_node, is_elite, jnp.int32(generation), max_changes=3)
        added = np.asarray(result.genome.num_nodes) - SPEC.num_fixed
        assert added[:2].tolist() == [0, 0]
        counts += added[2:].tolist()
        born += [
            mark
            for marks, count in zip(np.asarray(result.genome.node_mark), added, strict=True)
            for mark in marks[SPEC.num_fixed : SPEC.num_fixed + count].tolist()
        ]
        assert not result.overflow.any()
    assert set(counts) == {1, 2, 3}
    assert min(np.bincount(counts)[1:]) > len(counts) // 5
    assert len(set(born)) == len(born) == sum(counts)


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
    result = jax.jit(breed, static_argnums=6)(jax.random.key(0), genomes, chosen, rates, nobody, jnp.int32(0), limit)
    more = np.asarray(result.genome.num_enabled) - enabled
    assert (more[enabled >= limit] <= 0).all()
    assert (more[enabled < limit] > 0).sum() > P // 5


@cache
def rates_for(kind):
    return jnp.asarray(PAPER_RATES) if kind is None else jnp.eye(5)[kind]


KINDS = [(kind, 1) for kind in (None, *range(5))]
SPECS = {"small": SPEC, "few_inputs": FEW_INPUTS, "many_inputs": MANY_INPUTS}


@pytest.mark.parametrize(
    ("spec", "kind", "max_changes"), [*((name, *kind) for name in SPECS for kind in KINDS), ("few_inputs", None, 3)]
)
def test_native_children_are_those_of_the_definition(spec, kind, max_changes):
    """To the bit, over some generations, from parents that are drawn."""
    spec = SPECS[spec]
    genomes = parents() if spec is SPEC else pool(spec)
    size = genomes.num_nodes.shape[0]
    random = np.random.default_rng(0)
    for generation in range(4):
        chosen = jnp.asarray(random.integers(0, size, size), jnp.int32)
        results = []
        for name in ("native", "xla"):
            with kernels(name):
                elite = jnp.arange(size) == generation
                arguments = (generation, genomes, rates_for(kind), elite, jnp.int32(generation), chosen)
                results.append(_compiled(name)(*arguments, max_changes))
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
    assert bool(has_room(with_counts(nodes - 1, connections - 2)))
    assert not bool(has_room(with_counts(nodes, connections - 2)))
    assert not bool(has_room(with_counts(nodes - 1, connections - 1)))
    assert bool(has_room(with_counts(nodes - 3, connections - 6), max_changes=3))
    assert not bool(has_room(with_counts(nodes - 2, connections - 6), max_changes=3))
    assert not bool(has_room(with_counts(nodes - 3, connections - 5), max_changes=3))


@pytest.mark.parametrize("is_ordered", [False, True])
def test_an_adopted_genome_is_sound_and_shares_no_mark_with_a_later_one(is_ordered):
    spec = dataclasses.replace(SPEC, is_ordered=is_ordered)
    for index in range(0, P, 8):
        genome = individual(parents(), index)
        theirs = adopted(genome, spec)
        assert to_plain(theirs) == to_plain(genome)
        assert invariant_violations(theirs) == []
        hidden = np.asarray(theirs.node_mark)[SPEC.num_fixed : int(genome.num_nodes)]
        assert (hidden > 2**31 - 1 - SPEC.max_nodes).all()
        if is_ordered and len(hidden):
            assert np.asarray(splittable(theirs)).sum() == int(genome.num_enabled)


def test_a_genome_that_does_not_fit_is_not_adopted():
    genome = individual(parents(), P - 1)
    other = dataclasses.replace(SPEC, num_inputs=SPEC.num_inputs + 1)
    with pytest.raises(ConfigError, match=r"initial: inputs and outputs must be the task's, \(3, 2\); got \(4, 2\)"):
        adopted(genome.replace(spec=other), SPEC)
    few = dataclasses.replace(SPEC, hidden_activations=(1,))
    with pytest.raises(ConfigError, match="initial: activations must be among the task's"):
        adopted(genome, few)


def test_the_next_bucket_is_the_smallest_double_with_room():
    def bucket(hidden_capacity):
        return GenomeSpec.for_task(3, 2, SPEC.hidden_activations, hidden_capacity)

    now = bucket(32)
    assert with_room(grow(with_counts(now.max_nodes - 1, now.max_connections - 2), now)).spec == now
    assert with_room(grow(with_counts(now.max_nodes, 50), now)).spec == bucket(64)
    assert with_room(grow(with_counts(20, now.max_connections - 1), now)).spec == bucket(64)
    assert with_room(grow(with_counts(bucket(64).max_nodes, 50), now)).spec == bucket(128)
