"""Structural crossover against a plain union; ordered genomes stay acyclic, and limits hold."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wann_jax as wann
from tests.helpers import ALL_ACTIVATIONS, assert_same, individual, individuals, kernels, to_plain
from tests.oracle import union as oracle
from wann_jax.evolution.config import SearchConfig
from wann_jax.genomes.crossover import crossover
from wann_jax.genomes.genome import GenomeSpec
from wann_jax.genomes.graph import invariant_violations
from wann_jax.genomes.population import Pairs, breed, has_room, initial_population, with_room

SPEC = GenomeSpec.for_task(3, 2, ALL_ACTIVATIONS, 64, is_ordered=True)
P = 32
RATES = jnp.asarray([0.4, 0.3, 0.1, 0.1, 0.1])
NOBODY = jnp.zeros(P, bool)


@partial(jax.jit, static_argnums=4)
def next_generation(key, genomes, pairs, generation, connection_limit):
    return breed(key, genomes, pairs, RATES, NOBODY, SPEC.num_fixed + P * generation, connection_limit)


def evolve(generations, spec=SPEC, crossed=0.0, connection_limit=0, seed=0):
    """A population without selection: parents at random, so that lines part and meet again."""
    random = np.random.default_rng(seed)
    genomes = initial_population(jax.random.key(seed), spec, P, 0.7)
    for generation in range(generations):
        parents, partners = (jnp.asarray(random.integers(0, P, P).astype(np.int32)) for _ in range(2))
        pairs = Pairs(parents, partners, jnp.asarray(random.random(P) < crossed))
        key = jax.random.key(1000 * seed + generation)
        bred = next_generation(key, genomes, pairs, jnp.int32(generation), connection_limit)
        genomes = bred.genome
    return genomes


@cache
def related():
    """Genomes that share part of their history."""
    return evolve(25)


@partial(jax.jit, static_argnames="connection_limit")
def cross(coins, better, other, connection_limit=0, gate=True):
    def one(coins, better, other):
        return crossover(coins, better, other, connection_limit, gate)

    return jax.vmap(one)(coins, better, other)


def genes(genome):
    plain, count = to_plain(genome), int(genome.num_nodes)
    tables = [np.asarray(table)[:count].tolist() for table in (genome.node_mark, genome.node_depth)]
    return oracle.genes(plain.activations, *tables, plain.connections)


def crossed_pairs(seed=0):
    others = jax.tree.map(lambda table: jnp.roll(table, 7, axis=0), related())
    coins = jnp.asarray(np.random.default_rng(seed).integers(0, 2**32, P, dtype=np.uint32))
    children, fits = cross(coins, related(), others)
    assert fits.all()
    return related(), others, children


def test_the_child_is_exactly_the_union():
    partings = 0
    for better, other, child in zip(*map(individuals, crossed_pairs()), strict=True):
        nodes, links = oracle.union(genes(better), genes(other))
        child_nodes, child_links = genes(child)
        assert child_nodes.keys() == nodes.keys()
        assert child_links.keys() == links.keys()
        assert all(value in nodes[gene] for gene, value in child_nodes.items())
        assert all(value in links[gene] for gene, value in child_links.items())
        assert invariant_violations(child) == []  # acyclic, among others
        partings += len(nodes) > max(len(genes(parent)[0]) for parent in (better, other))
    assert partings > P // 2  # both sides had something to give


def test_shared_genes_come_from_either_parent_by_a_fair_coin():
    differing, from_other = [0, 0], [0, 0]
    for seed in range(20):
        for better, other, child in zip(*map(individuals, crossed_pairs(seed)), strict=True):
            for kind in (0, 1):
                mine, others, made = genes(better)[kind], genes(other)[kind], genes(child)[kind]
                contested = [gene for gene in mine.keys() & others.keys() if mine[gene] != others[gene]]
                differing[kind] += len(contested)
                from_other[kind] += sum(made[gene] == others[gene] for gene in contested)
    assert min(differing) > 200
    for count, total in zip(from_other, differing, strict=True):
        assert abs(count - total / 2) <= 5 * np.sqrt(total) / 2


def test_the_better_parents_genes_keep_their_places():
    for better, _, child in zip(*map(individuals, crossed_pairs()), strict=True):
        count = int(better.num_connections)
        np.testing.assert_array_equal(child.conn_source[:count], better.conn_source[:count])
        np.testing.assert_array_equal(child.conn_target[:count], better.conn_target[:count])


@pytest.mark.parametrize("crossed", [0.0, 0.5])
def test_generations_stay_acyclic_and_both_kernels_breed_the_same(crossed):
    made = []
    for name in ("native", "xla"):
        with kernels(name):
            next_generation.clear_cache()
            made.append(evolve(12, crossed=crossed))
    next_generation.clear_cache()
    assert_same(*made)
    for genome in individuals(made[0]):
        assert invariant_violations(genome) == []
    assert int(made[0].num_nodes.max()) > SPEC.num_fixed + 3


def test_new_connections_and_nodes_go_up_in_depth_only():
    depths = np.asarray(related().node_depth)
    live = np.asarray(related().conn_mask)
    source = np.take_along_axis(depths, np.asarray(related().conn_source), 1)[live]
    target = np.take_along_axis(depths, np.asarray(related().conn_target), 1)[live]
    assert (source < target).all()


@pytest.mark.parametrize("name", ["native", "xla"])
def test_a_union_over_the_connection_limit_is_not_made(name):
    with kernels(name):
        next_generation.clear_cache()
        genomes = evolve(25, crossed=0.5, connection_limit=14)
    next_generation.clear_cache()
    assert int(genomes.num_enabled.max()) == 14


def test_a_union_that_does_not_fit_is_not_made_and_told():
    small = GenomeSpec.for_task(3, 2, ALL_ACTIVATIONS, 12, is_ordered=True)
    genomes = evolve(30, small)
    others = jax.tree.map(lambda table: jnp.roll(table, 7, axis=0), genomes)
    children, fits = cross(jnp.zeros(P, jnp.uint32), genomes, others)
    assert not bool(fits.all())
    for better, other, child, fit in zip(*map(individuals, (genomes, others, children)), fits.tolist(), strict=True):
        size = len(oracle.union(genes(better), genes(other))[1])
        nodes = len(oracle.union(genes(better), genes(other))[0])
        assert fit == (size <= small.max_connections and nodes <= small.max_nodes)
        if not fit:
            assert_same(child, better)


def test_a_closed_gate_leaves_the_better_parent():
    children, fits = cross(jnp.zeros(P, jnp.uint32), related(), jax.tree.map(jnp.flip, related()), gate=False)
    assert_same(children, related())
    assert fits.all()


def test_ordered_tables_keep_room_for_unions():
    genomes = evolve(0)
    assert bool(has_room(genomes))
    nearly_full = genomes.replace(num_nodes=genomes.num_nodes.at[3].set(SPEC.max_nodes - 5))
    assert not bool(has_room(nearly_full))
    grown = with_room(nearly_full)
    assert (grown.spec.is_ordered, grown.spec.max_hidden) == (True, 128)


def test_a_search_with_crossover_learns_and_repeats_itself():
    config = SearchConfig.preset("xor", "quick", generations=25, crossover_probability=0.5)
    one, two = (wann.search(wann.make_task("xor"), config, seed=3) for _ in range(2))
    assert one.champion.spec.is_ordered
    assert_same(one.champion, two.champion)
    assert one.champion_score > 0.8
    assert invariant_violations(individual(jax.tree.map(lambda x: np.asarray(x)[None], one.champion), 0)) == []


def test_crossover_needs_an_ordered_spec():
    config = SearchConfig.preset("xor", "quick", crossover_probability=0.5)
    spec = GenomeSpec.for_task(2, 1, (5,), 4)
    state = wann.init(jax.random.key(0), config, spec)
    with pytest.raises(
        wann.ConfigError, match=r"search\.crossover_probability must be 0 where the spec is not ordered"
    ):
        wann.tell(config, state, jnp.zeros((64, 6)))
