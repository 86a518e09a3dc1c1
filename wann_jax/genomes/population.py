"""The population: the first generation, the next one from chosen parents, and tables that grow by buckets.

In: genomes with a leading P axis. Out: the same. Keys are folded by individual, so results do not depend on how the
population is split over devices.
"""

import dataclasses
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Bool, Float, Int, Key, UInt32

from wann_jax.errors import require
from wann_jax.genomes import genome as genome_module
from wann_jax.genomes.crossover import crossover
from wann_jax.genomes.genome import (
    CONNECTIONS_PER_HIDDEN,
    MIN_HIDDEN_CAPACITY,
    OUTPUT_DEPTH,
    OUTPUT_LAYER,
    Genome,
    GenomeSpec,
    grow,
    initial_genome,
)
from wann_jax.genomes.graded import initial_graded_genome, outside_grading
from wann_jax.genomes.mutation import MUTATIONS, Mutated, mutate
from wann_jax.native import Library, Value, numbers

# In the order of kernels/native/breed.cc.
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


def _native_constants() -> dict[str, Value]:
    order = {mutation.name: index for index, mutation in enumerate(MUTATIONS)}
    columns = {
        name: tuple(getattr(each, name) for each in MUTATIONS) for name in ("grows", "new_nodes", "new_connections")
    }
    return {**numbers(genome_module), **order, **columns}


BREED = Library("breed", "wann_breed", seconds=5, constants=_native_constants)


def initial_population(
    key: Key[Array, ""], spec: GenomeSpec, population_size: int, enabled_probability: Float[Array, ""] | float
) -> Genome:
    """P first-generation genomes. Consumes `key`."""
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(population_size))
    first = initial_graded_genome if spec.graded_depth else initial_genome
    return jax.vmap(lambda k: first(k, spec, enabled_probability))(keys)


def adopted(genome: Genome, spec: GenomeSpec) -> Genome:
    """A genome of another search, for one with this spec to go on from, in its own tables; host only.

    Hidden nodes get historical marks that no node of this search will have, counted down from the largest. In an
    ordered spec their layers, spread evenly, become their depths: every connection goes up in them. Raises ConfigError
    where the genome's sizes or activations are not the task's, or where it is no graded one and the spec is graded.
    """
    old = genome.spec
    sizes, wanted = (old.num_inputs, old.num_outputs), (spec.num_inputs, spec.num_outputs)
    require(sizes == wanted, "initial: inputs and outputs", f"the task's, {wanted}", sizes)
    slot = jnp.arange(genome.node_activation.shape[-1])
    is_hidden = genome.node_mask & (slot >= spec.num_fixed)
    if spec.graded_depth:
        fault = outside_grading(genome, spec.graded_depth)
        require(not fault, "initial", f"a network graded at depth {spec.graded_depth} (see wann check)", fault)
    strange = {*np.asarray(genome.node_activation[is_hidden]).tolist()} - {*spec.hidden_activations}
    require(not strange, "initial: activations", f"among the task's, {spec.hidden_activations}", sorted(strange))
    num_layers = jnp.where(is_hidden, genome.node_layer, 0).max()
    depth = genome.node_layer * (OUTPUT_DEPTH // (1 + num_layers))
    return genome.replace(
        node_mark=jnp.where(is_hidden, jnp.iinfo(jnp.int32).max - 1 - slot, genome.node_mark),
        node_depth=jnp.where(genome.node_layer == OUTPUT_LAYER, OUTPUT_DEPTH, depth),
        spec=dataclasses.replace(
            old,
            hidden_activations=spec.hidden_activations,
            is_ordered=spec.is_ordered,
            graded_depth=spec.graded_depth,
        ),
    )


class Pairs(NamedTuple):
    """Who each child comes from."""

    parents: Int[Array, "P"]
    partners: Int[Array, "P"]  # whose genes a crossed child also gets
    is_crossed: Bool[Array, "P"]


class _Chances(NamedTuple):
    """All that is random about children, or new with them."""

    coins: UInt32[Array, "P"]  # of crossover
    num_changes: Int[Array, "P"]  # at most M
    draws: Float[Array, "P M 3"]  # of each mutation
    rates: Float[Array, "P kinds"]
    marks: Int[Array, "P"]  # of a node that the first change adds; the next change's is one more

    @classmethod
    def drawn(
        cls,
        key: Key[Array, ""],
        rates: Float[Array, "P kinds"],
        first_mark: Int[Array, ""],
        max_changes: int,
        first_slot: Int[Array, ""] | int,
    ) -> "_Chances":
        """For P children, from a slot of the population on. Consumes `key`; folds by slot."""
        individual = first_slot + jnp.arange(rates.shape[0])
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, individual)
        draws = jax.vmap(lambda key: jax.random.uniform(key, (4,)))(keys)
        more = jax.vmap(lambda key: jax.random.uniform(jax.random.fold_in(key, 1), (max_changes, 3)))(keys)
        return cls(
            coins=lax.bitcast_convert_type(draws[:, 3], jnp.uint32),
            num_changes=1 + (more[:, 0, 0] * max_changes).astype(jnp.int32),
            draws=more.at[:, 0].set(draws[:, :3]),
            rates=rates,
            marks=first_mark + individual * max_changes,
        )


def breed(
    key: Key[Array, ""],
    genomes: Genome,
    pairs: Pairs,
    rates: Float[Array, "kinds"],
    is_elite: Bool[Array, "P"],
    first_mark: Int[Array, ""],
    connection_limit: int = 0,
    max_changes: int = 1,
    first_slot: Int[Array, ""] | int = 0,
) -> Mutated:
    """One child of each pair: crossed where it says so, then mutated; elites pass unchanged (kind -1).

    Consumes `key`. A child gets from 1 to `max_changes` (M) mutations; `kind` is the first one's. A genome with
    `connection_limit` enabled connections (0: no limit) gets no more by either. A node born by change m of the child
    in slot p has the historical mark first_mark + p * M + m. Where these are not all children of a population, theirs
    are the slots from `first_slot` on.
    """
    chances = _Chances.drawn(key, jnp.where(is_elite[:, None], 0.0, rates), first_mark, max_changes, first_slot)
    pairs = pairs._replace(is_crossed=pairs.is_crossed & ~is_elite & (pairs.partners != pairs.parents))
    by_xla = partial(_breed_by_xla, connection_limit=connection_limit)
    natively = partial(_breed_natively, connection_limit=connection_limit)
    if not BREED.ready():
        return by_xla(genomes, pairs, chances)
    return lax.platform_dependent(genomes, pairs, chances, cpu=natively, default=by_xla)


def _breed_by_xla(genomes: Genome, pairs: Pairs, chances: _Chances, connection_limit: int) -> Mutated:
    grows = jnp.asarray([mutation.grows for mutation in MUTATIONS])

    def one(parent, partner, is_crossed, chance):
        fits = jnp.bool_(True)
        if parent.spec.is_ordered:
            parent, fits = crossover(chance.coins, parent, partner, connection_limit, is_crossed)
        child = Mutated(parent, jnp.int32(-1), ~fits)
        for change in range(chance.draws.shape[0]):
            is_due = change < chance.num_changes
            rates = jnp.where(is_due, chance.rates, 0.0)
            if connection_limit:
                is_full = child.genome.num_enabled >= connection_limit
                rates = jnp.where(is_full & grows, 0.0, rates)
            changed = mutate(chance.draws[change], child.genome, rates, chance.marks + change)
            kind = child.kind if change else changed.kind
            child = Mutated(changed.genome, kind, child.overflow | (changed.overflow & is_due))
        return child

    parents = jax.tree.map(lambda table: table[pairs.parents], genomes)
    partners = jax.tree.map(lambda table: table[pairs.partners], genomes)
    return jax.vmap(one)(parents, partners, pairs.is_crossed, chances)


def _breed_natively(genomes: Genome, pairs: Pairs, chances: _Chances, connection_limit: int) -> Mutated:
    spec = genomes.spec
    tables = [getattr(genomes, name) for name in NATIVE_TABLES]
    size = pairs.parents.shape[0]
    results = [jax.ShapeDtypeStruct((size, *table.shape[1:]), table.dtype) for table in tables]
    results += [jax.ShapeDtypeStruct((size,), jnp.int32), jax.ShapeDtypeStruct((size,), jnp.bool_)]
    *children, kind, overflow = BREED.call(
        "wann_breed",
        results,
        *tables,
        *pairs,
        *chances,
        jnp.asarray(spec.hidden_activations, jnp.int32),
        num_inputs=spec.num_inputs,
        num_outputs=spec.num_outputs,
        is_ordered=int(spec.is_ordered),
        graded_depth=spec.graded_depth,
        connection_limit=connection_limit,
    )
    return Mutated(genomes.replace(**dict(zip(NATIVE_TABLES, children, strict=True))), kind, overflow)


def has_room(genomes: Genome, max_changes: int = 1, spec: GenomeSpec | None = None) -> Bool[Array, ""]:
    """Whether tables (of `spec`, by default their own) hold what one more generation may add: for each change, a node
    and two connections.

    Crossover may add more, up to a whole other genome. In an ordered spec a sixth of the tables is kept free for it;
    unions that still do not fit are not made, and counted as overflows.
    """
    spec = spec or genomes.spec
    spare_nodes = max_changes + spec.max_hidden // 6 * spec.is_ordered
    spare_connections = 2 * max_changes + spec.max_hidden * CONNECTIONS_PER_HIDDEN // 6 * spec.is_ordered
    nodes_fit = genomes.num_nodes.max() + spare_nodes <= spec.max_nodes
    return nodes_fit & (genomes.num_connections.max() + spare_connections <= spec.max_connections)


def with_room(genomes: Genome, max_changes: int = 1, spec: GenomeSpec | None = None) -> Genome:
    """The same genes in the smallest bucket, from `spec` (by default their own) on, that has room; host only.

    Capacity for hidden nodes doubles from bucket to bucket, so a long search compiles only a few programs.
    """
    spec = spec or genomes.spec
    hidden = max(spec.max_hidden, MIN_HIDDEN_CAPACITY)
    while not has_room(genomes, max_changes, spec):
        hidden *= 2
        sizes = (spec.num_inputs, spec.num_outputs, spec.hidden_activations, hidden)
        spec = GenomeSpec.for_task(*sizes, is_ordered=spec.is_ordered, graded_depth=spec.graded_depth)
    return grow(genomes, spec)
