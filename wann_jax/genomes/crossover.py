"""Structural crossover: the child has every gene that either parent has.

In: two genomes of one search, the better one first. Out: their union. Nodes are the same gene if they carry the same
historical mark, connections if they join the same nodes; the activation and the enabled flag of a gene that both have
come from either, by a fair coin. A union of two acyclic graphs may have cycles, so the spec must be ordered: every
connection goes up in `node_depth`, which means the same in both. Not in the paper, whose search has no crossover.
Written twice: here, and natively (kernels/native/breed.cc); both do the same, to the bit.
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Int, UInt32

from wann_jax.genomes.genome import Genome, GenomeSpec
from wann_jax.genomes.graph import relax_layers
from wann_jax.genomes.hashing import mix


def crossover(
    coins: UInt32[Array, ""],
    better: Genome,
    other: Genome,
    connection_limit: int = 0,
    gate: Bool[Array, ""] | bool = True,
) -> tuple[Genome, Bool[Array, ""]]:
    """The union of two genomes; second value: whether it fits.

    `coins` decides which parent shared genes come from. Where the tables are too small for the union, or it has more
    than `connection_limit` enabled connections (0: no limit), or `gate` is False, the child is the better parent.
    """
    spec = better.spec
    slot_of, is_new_node = _match_nodes(better, other)
    source, target = (slot_of.at[ends].get(mode="clip") for ends in (other.conn_source, other.conn_target))
    at, is_shared = _match_connections(better, other, source, target)
    is_new = other.conn_mask & ~is_shared

    from_other = _coin(coins, other.node_mark) & other.node_mask & ~is_new_node & _is_hidden(spec)
    node_at = jnp.where(from_other | is_new_node, slot_of, spec.max_nodes)
    new_node_at = jnp.where(is_new_node, slot_of, spec.max_nodes)
    pair = mix(other.node_mark[other.conn_source]) + other.node_mark[other.conn_target].astype(jnp.uint32)
    flag_from_other = is_shared & _coin(coins, mix(pair))
    new_at = better.num_connections + jnp.cumsum(is_new.astype(jnp.int32)) - 1
    new_conn_at = jnp.where(is_new, new_at, spec.max_connections)
    flag_at = jnp.where(flag_from_other, at, new_conn_at)

    union = better.replace(
        node_activation=_put(better.node_activation, node_at, other.node_activation),
        node_mark=_put(better.node_mark, new_node_at, other.node_mark),
        node_depth=_put(better.node_depth, new_node_at, other.node_depth),
        # Both parents' layers are lower bounds; relaxing raises them to the union's longest paths.
        node_layer=better.node_layer.at[jnp.where(other.node_mask, slot_of, spec.max_nodes)].max(
            other.node_layer, mode="drop"
        ),
        conn_source=_put(better.conn_source, new_conn_at, source),
        conn_target=_put(better.conn_target, new_conn_at, target),
        conn_enabled=_put(better.conn_enabled, flag_at, other.conn_enabled),
        num_nodes=better.num_nodes + is_new_node.sum(dtype=jnp.int32),
        num_connections=better.num_connections + is_new.sum(dtype=jnp.int32),
    )
    fits = (union.num_nodes <= spec.max_nodes) & (union.num_connections <= spec.max_connections)
    wanted = fits & jnp.asarray(gate)
    if connection_limit:
        wanted = wanted & (union.num_enabled <= connection_limit)
    union = union.replace(node_layer=relax_layers(union, wanted))
    child = jax.tree.map(lambda new, old: jnp.where(wanted, new, old), union, better)
    return child, fits | ~jnp.asarray(gate)


def _is_hidden(spec: GenomeSpec) -> Bool[Array, "N"]:
    return jnp.arange(spec.max_nodes) >= spec.num_fixed


def _match_nodes(better: Genome, other: Genome) -> tuple[Int[Array, "N"], Bool[Array, "N"]]:
    """Slot in the child of each of the other's nodes, and which of them are new there."""
    last = jnp.iinfo(jnp.int32).max
    marks = jnp.where(better.node_mask, better.node_mark, last)
    order = jnp.argsort(marks)
    place = jnp.searchsorted(marks[order], other.node_mark, method="scan_unrolled")
    slot = order.at[place].get(mode="clip").astype(jnp.int32)
    is_new = other.node_mask & (marks[slot] != other.node_mark)
    appended = better.num_nodes + jnp.cumsum(is_new.astype(jnp.int32)) - 1
    return jnp.where(is_new, appended, slot), is_new


def _match_connections(
    better: Genome, other: Genome, source: Int[Array, "E"], target: Int[Array, "E"]
) -> tuple[Int[Array, "E"], Bool[Array, "E"]]:
    """Where in the better parent each of the other's connections (ends in the child's slots) is, and whether it is."""
    # Slots stay below 2**14, so a pair fits; in a union too large for the tables the comparison is idle.
    width = 2 * better.spec.max_nodes
    last = jnp.iinfo(jnp.int32).max
    pairs = jnp.where(better.conn_mask, better.conn_source * width + better.conn_target, last)
    order = jnp.argsort(pairs)
    wanted = source * width + target
    place = jnp.searchsorted(pairs[order], wanted, method="scan_unrolled")
    at = order.at[place].get(mode="clip").astype(jnp.int32)
    return at, other.conn_mask & (pairs[at] == wanted)


def _coin(coins: UInt32[Array, ""], number: Array) -> Bool[Array, "n"]:
    """A fair coin for each number, the same in all places where the number and `coins` are."""
    return (mix(number.astype(jnp.uint32) ^ coins) & 1) == 1


def _put(table: Array, at: Array, values: Array) -> Array:
    """Writes values where the index is inside the table."""
    return table.at[at].set(values, mode="drop")
