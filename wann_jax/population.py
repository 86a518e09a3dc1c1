"""The population: the first generation, the next one from chosen parents, and tables that grow by buckets.

In: genomes with a leading P axis. Out: the same. Keys are folded by individual, so results do not depend on how the
population is split over devices.
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int, Key

from wann_jax.genome import MIN_HIDDEN_CAPACITY, Genome, GenomeSpec, initial_genome
from wann_jax.mutation import Mutated, mutate


def initial_population(
    key: Key[Array, ""], spec: GenomeSpec, population_size: int, enabled_probability: Float[Array, ""] | float
) -> Genome:
    """P first-generation genomes. Consumes `key`."""
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(population_size))
    return jax.vmap(lambda k: initial_genome(k, spec, enabled_probability))(keys)


def breed(
    key: Key[Array, ""],
    parents: Genome,
    spec: GenomeSpec,
    rates: Float[Array, "4"],
    is_elite: Bool[Array, "P"],
    generation: Int[Array, ""],
) -> Mutated:
    """One child of each parent; elites pass unchanged (kind -1). Consumes `key`.

    A node born in slot p of generation g has the historical mark num_fixed + g * P + p: unique in a run.
    """
    population_size = is_elite.shape[0]
    individual = jnp.arange(population_size)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, individual)
    marks = spec.num_fixed + generation * population_size + individual

    def child(key, parent, mark, elite):
        return mutate(key, parent, spec, jnp.where(elite, 0.0, rates), mark)

    return jax.vmap(child)(keys, parents, marks, is_elite)


def has_room(spec: GenomeSpec, genomes: Genome) -> Bool[Array, ""]:
    """Whether the tables hold whatever one more generation may add: a node and two connections."""
    nodes_fit = genomes.num_nodes.max() + 1 <= spec.max_nodes
    return nodes_fit & (genomes.num_connections.max() + 2 <= spec.max_connections)


def spec_with_room(spec: GenomeSpec, genomes: Genome) -> GenomeSpec:
    """The smallest larger bucket that has room for the next generation; host only.

    Capacity for hidden nodes doubles from bucket to bucket, so a long search compiles only a few programs.
    """
    hidden = max(spec.max_hidden, MIN_HIDDEN_CAPACITY)
    while not has_room(spec, genomes):
        hidden *= 2
        spec = GenomeSpec.for_task(spec.num_inputs, spec.num_outputs, spec.hidden_activations, hidden)
    return spec
