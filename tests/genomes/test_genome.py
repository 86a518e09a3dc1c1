"""The genome's tables: sizes, the first generation, masks from counts, growing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from tests.helpers import (
    FEW_INPUTS,
    POOL_SIZE,
    assert_same,
    from_plain,
    individual,
    individuals,
    pool,
    random_dag,
    to_plain,
)
from wann_jax.errors import ConfigError
from wann_jax.genomes.genome import OUTPUT_LAYER, GenomeSpec, grow, initial_genome

SPEC = GenomeSpec.for_task(num_inputs=3, num_outputs=2, hidden_activations=(1, 3, 5), hidden_capacity=10)


def test_spec_holds_all_initial_connections_and_the_hidden_nodes():
    assert (SPEC.max_nodes, SPEC.max_connections) == (1 + 3 + 2 + 10, (1 + 3) * 2 + 4 * 10)
    assert (SPEC.first_output, SPEC.num_fixed, SPEC.max_hidden) == (4, 6, 10)
    assert SPEC.output_activation == 1
    assert hash(SPEC) == hash(GenomeSpec.for_task(3, 2, (1, 3, 5), 10))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((0, 2, 16, 48), "genome.num_inputs must be at least 1; got 0"),
        ((3, 0, 16, 48), "genome.num_outputs must be at least 1; got 0"),
        ((3, 2, 5, 48), "genome.max_nodes must be at least 6; got 5"),
        ((3, 2, 16, 0), "genome.max_connections must be at least 1; got 0"),
        ((3, 2, 2**14, 8), "genome.max_nodes must be below 16384; got 16384"),
        ((3, 2, 2**13, 2**17), "genome.max_nodes * genome.max_connections must be below 2**30; got 1073741824"),
    ],
)
def test_impossible_sizes_are_refused(sizes, message):
    with pytest.raises(ConfigError) as error:
        GenomeSpec(*sizes, hidden_activations=(1, 2))
    assert str(error.value) == message


def test_initial_genome_joins_every_source_with_every_output():
    plain = to_plain(initial_genome(jax.random.key(0), SPEC, 1.0))
    assert plain.activations == [1] * 6
    assert plain.connections == [(source, target, True) for source in (0, 1, 2, 3) for target in (4, 5)]


def test_initial_genome_is_what_its_lists_say():
    genome = initial_genome(jax.random.key(0), SPEC, 0.5)
    assert_same(genome, from_plain(SPEC, to_plain(genome)))
    assert genome.node_mark[:6].tolist() == [0, 1, 2, 3, 4, 5]
    assert genome.node_layer[:6].tolist() == [0, 0, 0, 0, OUTPUT_LAYER, OUTPUT_LAYER]


def test_initial_connections_are_enabled_with_the_given_probability():
    spec = GenomeSpec.for_task(63, 50, (1, 2), 1)
    probabilities = jnp.asarray([0.0, 0.05, 0.5, 1.0])
    keys = jax.random.split(jax.random.key(1), 4)
    counts = np.asarray(jax.vmap(lambda key, p: initial_genome(key, spec, p).num_enabled)(keys, probabilities))
    expected = 64 * 50 * np.asarray(probabilities)
    deviation = np.sqrt(expected * (1 - np.asarray(probabilities)))
    assert (np.abs(counts - expected) <= 4 * deviation).all()


def test_masks_follow_the_counts_of_one_and_of_a_batch():
    def masks(genome):
        return genome.node_mask, genome.conn_mask, genome.enabled_mask, genome.num_enabled

    of_batch, of_one = jax.jit(masks)(pool(FEW_INPUTS)), jax.jit(masks)
    for index, genome in enumerate(individuals(pool(FEW_INPUTS))):
        plain = to_plain(genome)
        enabled = [is_enabled for _, _, is_enabled in plain.connections]
        for node, conn, is_enabled, num_enabled in (of_one(genome), [array[index] for array in of_batch]):
            assert np.flatnonzero(node).tolist() == list(range(len(plain.activations)))
            assert np.flatnonzero(conn).tolist() == list(range(len(enabled)))
            assert np.flatnonzero(is_enabled).tolist() == np.flatnonzero(enabled).tolist()
            assert int(num_enabled) == sum(enabled)


def test_a_dead_slot_is_not_enabled():
    genome = from_plain(SPEC, random_dag(SPEC, 4, 0.5, seed=0))
    genome = genome.replace(conn_enabled=jnp.ones_like(genome.conn_enabled))
    assert int(genome.num_enabled) == int(genome.num_connections) < SPEC.max_connections


def test_grow_keeps_the_genes_and_adds_empty_slots():
    larger = GenomeSpec.for_task(5, 2, FEW_INPUTS.hidden_activations, 100)
    genomes = pool(FEW_INPUTS)
    grown = grow(genomes, larger)
    assert grown.node_activation.shape == (POOL_SIZE, larger.max_nodes)
    for index, genome in enumerate(individuals(grown)):
        assert_same(genome, grow(individual(genomes, index), larger))
        assert to_plain(genome) == to_plain(individual(genomes, index))
        np.testing.assert_array_equal(genome.node_layer[: FEW_INPUTS.max_nodes], genomes.node_layer[index])
        np.testing.assert_array_equal(genome.node_mark[: FEW_INPUTS.max_nodes], genomes.node_mark[index])
        assert not genome.node_activation[FEW_INPUTS.max_nodes :].any()
        assert not genome.conn_enabled[FEW_INPUTS.max_connections :].any()


def test_grow_refuses_smaller_tables():
    with pytest.raises(ConfigError, match=r"^spec must be no smaller than the genome's tables; got GenomeSpec"):
        grow(pool(FEW_INPUTS), SPEC)


def test_annotations_are_checked_here():
    genome = individual(pool(FEW_INPUTS), 0)
    for wrong in ({"num_nodes": 3.0}, {"node_mark": jnp.zeros(3, jnp.int32)}):
        with pytest.raises(TypeCheckError):
            genome.replace(**wrong)
    with pytest.raises(TypeCheckError):
        initial_genome(jnp.zeros(2, jnp.uint32), SPEC, 0.5)
