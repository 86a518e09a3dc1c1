"""The population: the first generation, the next one from chosen parents, and tables that grow by buckets.

In: genomes with a leading P axis. Out: the same. Keys are folded by individual, so results do not depend on how the
population is split over devices.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Float, Int, Key, UInt32

from wann_jax import native
from wann_jax.crossover import crossover
from wann_jax.genome import CONNECTIONS_PER_HIDDEN, MIN_HIDDEN_CAPACITY, Genome, GenomeSpec, initial_genome
from wann_jax.mutation import GROWS, Mutated, mutate

# In the order of native/breed.cc.
NATIVE_TABLES = (
    "node_activation",
    "node_mark",
    "node_layer",
    "node_depth",
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


class Pairs(NamedTuple):
    """Who each child comes from."""

    parents: Int[Array, "P"]
    partners: Int[Array, "P"]  # whose genes a crossed child also gets
    is_crossed: Bool[Array, "P"]


class _Chances(NamedTuple):
    """All that is random about children, or new with them."""

    coins: UInt32[Array, "P"]  # of crossover
    draws: Float[Array, "P 3"]  # of mutation
    rates: Float[Array, "P 5"]
    marks: Int[Array, "P"]


def breed(
    key: Key[Array, ""],
    genomes: Genome,
    pairs: Pairs,
    spec: GenomeSpec,
    rates: Float[Array, "5"],
    is_elite: Bool[Array, "P"],
    generation: Int[Array, ""],
    connection_limit: int = 0,
) -> Mutated:
    """One child of each pair: crossed where it says so, then mutated; elites pass unchanged (kind -1).

    Consumes `key`. A genome with `connection_limit` enabled connections (0: no limit) gets no more by either.
    A node born in slot p of generation g has the historical mark num_fixed + g * P + p: unique in a run.
    """
    population_size = is_elite.shape[0]
    individual = jnp.arange(population_size)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, individual)
    draws = jax.vmap(lambda key: jax.random.uniform(key, (4,)))(keys)
    chances = _Chances(
        coins=lax.bitcast_convert_type(draws[:, 3], jnp.uint32),
        draws=draws[:, :3],
        rates=jnp.where(is_elite[:, None], 0.0, rates),
        marks=spec.num_fixed + generation * population_size + individual,
    )
    pairs = pairs._replace(is_crossed=pairs.is_crossed & ~is_elite & (pairs.partners != pairs.parents))
    by_xla = partial(_breed_by_xla, spec=spec, connection_limit=connection_limit)
    natively = partial(_breed_natively, spec=spec, connection_limit=connection_limit)
    if not native.available():
        return by_xla(genomes, pairs, chances)
    return lax.platform_dependent(genomes, pairs, chances, cpu=natively, default=by_xla)


def _breed_by_xla(genomes: Genome, pairs: Pairs, chances: _Chances, spec: GenomeSpec, connection_limit: int) -> Mutated:
    def one(parent, partner, is_crossed, chance):
        fits = jnp.bool_(True)
        if spec.is_ordered:
            parent, fits = crossover(chance.coins, parent, partner, spec, connection_limit, is_crossed)
        rates = chance.rates
        if connection_limit:
            is_full = parent.num_enabled >= connection_limit
            rates = jnp.where(is_full & jnp.asarray(GROWS), 0.0, rates)
        child = mutate(chance.draws, parent, spec, rates, chance.marks)
        return child.replace(overflow=child.overflow | ~fits)

    parents = jax.tree.map(lambda table: table[pairs.parents], genomes)
    partners = jax.tree.map(lambda table: table[pairs.partners], genomes)
    return jax.vmap(one)(parents, partners, pairs.is_crossed, chances)


def _breed_natively(
    genomes: Genome, pairs: Pairs, chances: _Chances, spec: GenomeSpec, connection_limit: int
) -> Mutated:
    tables = [getattr(genomes, name) for name in NATIVE_TABLES]
    size = pairs.parents.shape[0]
    results = [jax.ShapeDtypeStruct((size, *table.shape[1:]), table.dtype) for table in tables]
    results += [jax.ShapeDtypeStruct((size,), jnp.int32), jax.ShapeDtypeStruct((size,), jnp.bool_)]
    *children, kind, overflow = native.call(
        "wann_breed",
        results,
        *tables,
        *pairs,
        *chances,
        jnp.asarray(spec.hidden_activations, jnp.int32),
        num_inputs=spec.num_inputs,
        num_outputs=spec.num_outputs,
        is_ordered=int(spec.is_ordered),
        connection_limit=connection_limit,
    )
    return Mutated(Genome(**dict(zip(NATIVE_TABLES, children, strict=True))), kind, overflow)


def has_room(spec: GenomeSpec, genomes: Genome) -> Bool[Array, ""]:
    """Whether the tables hold whatever one more generation may add: a node and two connections.

    Crossover may add more, up to a whole other genome. In an ordered spec a sixth of the tables is kept free for it;
    unions that still do not fit are not made, and counted as overflows.
    """
    spare_nodes = 1 + spec.max_hidden // 6 * spec.is_ordered
    spare_connections = 2 + spec.max_hidden * CONNECTIONS_PER_HIDDEN // 6 * spec.is_ordered
    nodes_fit = genomes.num_nodes.max() + spare_nodes <= spec.max_nodes
    return nodes_fit & (genomes.num_connections.max() + spare_connections <= spec.max_connections)


def spec_with_room(spec: GenomeSpec, genomes: Genome) -> GenomeSpec:
    """The smallest larger bucket that has room for the next generation; host only.

    Capacity for hidden nodes doubles from bucket to bucket, so a long search compiles only a few programs.
    """
    hidden = max(spec.max_hidden, MIN_HIDDEN_CAPACITY)
    while not has_room(spec, genomes):
        hidden *= 2
        sizes = (spec.num_inputs, spec.num_outputs, spec.hidden_activations, hidden)
        spec = GenomeSpec.for_task(*sizes, is_ordered=spec.is_ordered)
    return spec
