"""The population: the first generation, the next one from chosen parents, and tables that grow by buckets.

In: genomes with a leading P axis. Out: the same. Keys are folded by individual, so results do not depend on how the
population is split over devices.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Float, Int, Key

from wann_jax import native
from wann_jax.genome import MIN_HIDDEN_CAPACITY, Genome, GenomeSpec, initial_genome
from wann_jax.mutation import GROWS, Mutated, mutate

# In the order of native/breed.cc.
NATIVE_TABLES = (
    "node_activation",
    "node_mark",
    "node_layer",
    "conn_source",
    "conn_target",
    "conn_enabled",
    "num_nodes",
    "num_connections",
)


def initial_population(
    key: Key[Array, ""], spec: GenomeSpec, population_size: int, enabled_probability: Float[Array, ""] | float
) -> Genome:
    """P first-generation genomes. Consumes `key`."""
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(population_size))
    return jax.vmap(lambda k: initial_genome(k, spec, enabled_probability))(keys)


def breed(
    key: Key[Array, ""],
    genomes: Genome,
    parents: Int[Array, "P"],
    spec: GenomeSpec,
    rates: Float[Array, "5"],
    is_elite: Bool[Array, "P"],
    generation: Int[Array, ""],
    connection_limit: int = 0,
) -> Mutated:
    """One child of each parent, given by its index; elites pass unchanged (kind -1). Consumes `key`.

    A parent with `connection_limit` enabled connections (0: no limit) gets no child with more.
    A node born in slot p of generation g has the historical mark num_fixed + g * P + p: unique in a run.
    """
    population_size = is_elite.shape[0]
    individual = jnp.arange(population_size)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, individual)
    draws = jax.vmap(lambda key: jax.random.uniform(key, (3,)))(keys)
    marks = spec.num_fixed + generation * population_size + individual
    odds = jnp.where(is_elite[:, None], 0.0, rates)
    if connection_limit:
        is_full = genomes.num_enabled[parents] >= connection_limit
        odds = jnp.where(is_full[:, None] & jnp.asarray(GROWS)[None, :], 0.0, odds)
    by_xla, natively = partial(_breed_by_xla, spec=spec), partial(_breed_natively, spec=spec)
    if not native.available():
        return by_xla(genomes, parents, draws, odds, marks)
    return lax.platform_dependent(genomes, parents, draws, odds, marks, cpu=natively, default=by_xla)


def _breed_by_xla(
    genomes: Genome,
    parents: Int[Array, "P"],
    draws: Float[Array, "P 3"],
    odds: Float[Array, "P 5"],
    marks: Int[Array, "P"],
    spec: GenomeSpec,
) -> Mutated:
    chosen = jax.tree.map(lambda table: table[parents], genomes)
    return jax.vmap(lambda *each: mutate(each[0], each[1], spec, *each[2:]))(draws, chosen, odds, marks)


def _breed_natively(
    genomes: Genome,
    parents: Int[Array, "P"],
    draws: Float[Array, "P 3"],
    odds: Float[Array, "P 5"],
    marks: Int[Array, "P"],
    spec: GenomeSpec,
) -> Mutated:
    tables = [getattr(genomes, name) for name in NATIVE_TABLES]
    size = parents.shape[0]
    results = [jax.ShapeDtypeStruct((size, *table.shape[1:]), table.dtype) for table in tables]
    results += [jax.ShapeDtypeStruct((size,), jnp.int32), jax.ShapeDtypeStruct((size,), jnp.bool_)]
    allowed = jnp.asarray(spec.hidden_activations, jnp.int32)
    *children, kind, overflow = native.call(
        "wann_breed",
        results,
        *tables,
        parents,
        draws,
        odds,
        marks,
        allowed,
        num_inputs=spec.num_inputs,
        num_outputs=spec.num_outputs,
    )
    return Mutated(Genome(**dict(zip(NATIVE_TABLES, children, strict=True))), kind, overflow)


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
