"""The mutations, the four of the paper and a fifth: a child differs from its parent by exactly one change of topology.

In: uniform draws and a genome. Out: the changed genome. Each mutation takes `gate`: where it is False nothing is
written, so that under vmap all cost a few single-element writes instead of copies of the gene tables.
What a draw chooses does not depend on the tables' capacity: growing them changes no run. Written twice: here, and
natively for whole populations on CPU (kernels/native/breed.cc); both do the same, to the bit. Source: paper section
3, and the original's operators, except that a change that cannot apply is never chosen (see ARCHITECTURE.md).
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxtyping import Bool, Float, Int

from wann_jax.genomes.genome import OUTPUT_LAYER, Genome
from wann_jax.genomes.graph import relax_layers
from wann_jax.genomes.hashing import mix


@dataclasses.dataclass(frozen=True)
class Mutation:
    """One kind of change; `MUTATIONS` lists all."""

    name: str
    rate: float  # by default, relative to the others: the paper's
    grows: bool  # whether it adds an enabled connection
    new_nodes: int  # genes that it needs room for
    new_connections: int
    applies: Callable[[Genome], Bool[Array, ""]]  # whether there is anything to change, room aside
    operator: Callable[[Any, Genome, Any, Any], Genome]  # draws [2], genome, mark of a new node, gate


class Mutated(struct.PyTreeNode):
    """A child and what was done to it."""

    genome: Genome
    kind: Int[Array, "*P"]  # index into MUTATIONS, or -1: no change could apply
    overflow: Bool[Array, "*P"]  # a full table kept a change out


def mutate(draws: Float[Array, "3"], genome: Genome, rates: Float[Array, "kinds"], mark: Int[Array, ""]) -> Mutated:
    """Makes one change, drawn by `rates` (in the order of MUTATIONS) among those that can apply.

    `draws`: uniform in [0, 1), independent: one for the kind, two for the change. `mark` is the historical mark a
    new node gets.
    """
    applies, overflow = applicable(genome)
    odds = jnp.where(applies, rates, 0.0)
    cumulated = [odds[0]]
    for index in range(1, len(MUTATIONS)):  # in this order: the native version must round alike
        cumulated.append(cumulated[-1] + odds[index])
    total = cumulated[-1]
    place = draws[0] * total
    kind = sum((below <= place).astype(jnp.int32) for below in cumulated[:-1])
    kind = jnp.where(total > 0, kind, -1)
    # What adds a node comes last: it moves layers, the others may read the genome's own.
    for index in sorted(range(len(MUTATIONS)), key=lambda index: MUTATIONS[index].new_nodes):
        genome = MUTATIONS[index].operator(draws[1:], genome, mark, kind == index)
    return Mutated(genome, kind, overflow)


def applicable(genome: Genome) -> tuple[Bool[Array, "kinds"], Bool[Array, ""]]:
    """Which mutations can apply, in the order of MUTATIONS; and whether a full table kept one out."""
    spec = genome.spec
    free_nodes = spec.max_nodes - genome.num_nodes
    free_connections = spec.max_connections - genome.num_connections
    wants = jnp.stack([mutation.applies(genome) for mutation in MUTATIONS])
    room = jnp.stack(
        [(free_nodes >= mutation.new_nodes) & (free_connections >= mutation.new_connections) for mutation in MUTATIONS]
    )
    return wants & room, (wants & ~room).any()


def num_open_pairs(genome: Genome) -> Int[Array, ""]:
    """Number of (source, strictly higher target) pairs that no connection gene joins yet."""
    return jnp.where(genome.node_mask, num_later_nodes(genome), 0).sum() - genome.num_connections


def heights(genome: Genome) -> Int[Array, "N"]:
    """What a new connection must go up in: the layer, or the order that all genomes share."""
    return genome.node_depth if genome.spec.is_ordered else genome.node_layer


def num_later_nodes(genome: Genome) -> Int[Array, "N"]:
    """Of each node slot, the number of nodes that are strictly higher."""
    spec = genome.spec
    if spec.is_ordered:
        ordered = jnp.sort(jnp.where(genome.node_mask, genome.node_depth, -1))
        return spec.max_nodes - jnp.searchsorted(ordered, genome.node_depth, side="right").astype(jnp.int32)
    is_hidden = genome.node_mask & (jnp.arange(spec.max_nodes) >= spec.num_fixed)
    layer = jnp.minimum(genome.node_layer, spec.max_nodes - 1)  # outputs: any layer past the hidden ones
    per_layer = jnp.zeros(spec.max_nodes, jnp.int32).at[layer].add(is_hidden.astype(jnp.int32))
    later_hidden = per_layer.sum() - jnp.cumsum(per_layer)[layer]
    return jnp.where(genome.node_layer == OUTPUT_LAYER, 0, later_hidden + spec.num_outputs)


def pick(draw: Float[Array, ""], mask: Bool[Array, "n"]) -> Int[Array, ""]:
    """Index of a True entry, by a uniform draw; n if there is none. The choice does not depend on n."""
    cumulated = jnp.cumsum(mask.astype(jnp.int32))
    return (cumulated <= _nth(draw, cumulated[-1])).sum()


def _nth(draw: Float[Array, ""], count: Int[Array, ""]) -> Int[Array, ""]:
    """A whole number from 0 to count - 1; 0 if count is 0."""
    return (draw * count.astype(jnp.float32)).astype(jnp.int32)


def add_connection(
    draws: Float[Array, "2"],
    genome: Genome,
    mark: Int[Array, ""] | int = 0,
    gate: Bool[Array, ""] | bool = True,
) -> Genome:
    """Joins a random source that has an open target to a random one of its open targets.

    Open: in a strictly later layer (strictly deeper in an ordered spec), with no connection gene from the source yet,
    enabled or not.
    """
    spec, conn_source, mask = genome.spec, genome.conn_source, genome.conn_mask
    num_targets = jnp.zeros(spec.max_nodes, jnp.int32).at[conn_source].add(mask.astype(jnp.int32))
    has_open = genome.node_mask & (num_later_nodes(genome) > num_targets)
    source = pick(draws[0], has_open)
    from_source = mask & (conn_source == source)
    joined = (
        jnp.zeros(spec.max_nodes, bool)
        .at[jnp.where(from_source, genome.conn_target, spec.max_nodes)]
        .set(True, mode="drop")
    )
    height = heights(genome)
    target = pick(draws[1], genome.node_mask & (height > height.at[source].get(mode="clip")) & ~joined)
    genome = _append_connection(genome, source, target, gate)
    if not spec.is_ordered:
        return genome
    layer = genome.node_layer
    pushes = gate & (layer.at[target].get(mode="clip") <= layer.at[source].get(mode="clip"))
    return genome.replace(node_layer=relax_layers(genome, pushes))


def enable_connection(
    draws: Float[Array, "2"],
    genome: Genome,
    mark: Int[Array, ""] | int = 0,
    gate: Bool[Array, ""] | bool = True,
) -> Genome:
    """Turns one disabled connection back on, drawn uniformly."""
    slot = pick(draws[0], genome.conn_mask & ~genome.conn_enabled)
    return genome.replace(conn_enabled=_write(genome.conn_enabled, slot, True, gate))


def disable_connection(
    draws: Float[Array, "2"],
    genome: Genome,
    mark: Int[Array, ""] | int = 0,
    gate: Bool[Array, ""] | bool = True,
) -> Genome:
    """Turns one enabled connection off, drawn uniformly. Not in the paper: it lets a network at a limit rewire."""
    slot = pick(draws[0], genome.enabled_mask)
    return genome.replace(conn_enabled=_write(genome.conn_enabled, slot, False, gate))


def change_activation(
    draws: Float[Array, "2"],
    genome: Genome,
    mark: Int[Array, ""] | int = 0,
    gate: Bool[Array, ""] | bool = True,
) -> Genome:
    """Gives one hidden node a different allowed activation, node and activation drawn uniformly."""
    spec = genome.spec
    allowed = jnp.asarray(spec.hidden_activations, jnp.int32)
    node = pick(draws[0], genome.node_mask & (jnp.arange(spec.max_nodes) >= spec.num_fixed))
    current = genome.node_activation.at[node].get(mode="clip")
    activation = allowed.at[pick(draws[1], allowed != current)].get(mode="clip")
    return genome.replace(node_activation=_write(genome.node_activation, node, activation, gate))


def add_node(
    draws: Float[Array, "2"],
    genome: Genome,
    mark: Int[Array, ""] | int = 0,
    gate: Bool[Array, ""] | bool = True,
) -> Genome:
    """Splits one enabled connection, drawn uniformly: source -> new node -> target.

    The old connection is disabled, the new node's activation is drawn from the allowed ones.
    """
    gate = jnp.asarray(gate)
    spec = genome.spec
    allowed = jnp.asarray(spec.hidden_activations, jnp.int32)
    conn = pick(draws[0], splittable(genome))
    source = genome.conn_source.at[conn].get(mode="clip")
    target = genome.conn_target.at[conn].get(mode="clip")
    node = genome.num_nodes
    activation = allowed[_nth(draws[1], jnp.int32(len(spec.hidden_activations)))]
    layer = genome.node_layer[source] + 1
    depth = depth_between(genome.node_depth[source], genome.node_depth[target], jnp.asarray(mark))
    genome = genome.replace(
        node_activation=_write(genome.node_activation, node, activation, gate),
        node_mark=_write(genome.node_mark, node, mark, gate),
        node_layer=_write(genome.node_layer, node, layer, gate),
        node_depth=_write(genome.node_depth, node, depth, gate),
        num_nodes=node + gate.astype(jnp.int32),
        conn_enabled=_write(genome.conn_enabled, conn, False, gate),
    )
    genome = _append_connection(genome, source, node, gate)
    genome = _append_connection(genome, node, target, gate)
    pushes = gate & (genome.node_layer[target] <= layer)
    return genome.replace(node_layer=relax_layers(genome, pushes))


def depth_between(low: Int[Array, ""], high: Int[Array, ""], mark: Int[Array, ""]) -> Int[Array, ""]:
    """The depth of a node born between two others, by its mark: in the middle half, so that many splits find room."""
    rise = high - low
    half, share = rise >> 1, (mix(mark) & 255).astype(jnp.int32)
    offset = (half >> 8) * share + (((half & 255) * share) >> 8)  # half * share / 256, within 32 bits
    return low + jnp.maximum((rise >> 2) + offset, 1)


def splittable(genome: Genome) -> Bool[Array, "E"]:
    """Enabled connections; in an ordered spec, those with room for another depth between their ends."""
    if not genome.spec.is_ordered:
        return genome.enabled_mask
    rise = genome.node_depth[genome.conn_target] - genome.node_depth[genome.conn_source]
    return genome.enabled_mask & (rise >= 2)


def _append_connection(genome: Genome, source: Array, target: Array, gate: Array | bool) -> Genome:
    slot = genome.num_connections
    return genome.replace(
        conn_source=_write(genome.conn_source, slot, source, gate),
        conn_target=_write(genome.conn_target, slot, target, gate),
        conn_enabled=_write(genome.conn_enabled, slot, True, gate),
        num_connections=slot + jnp.asarray(gate, jnp.int32),
    )


def _write(table: Array, slot: Array, value: Array | int | bool, gate: Array | bool) -> Array:
    """Writes one entry where `gate` holds; elsewhere the index is out of range and the write is dropped."""
    value = jnp.asarray(value).astype(table.dtype)
    return table.at[jnp.where(gate, slot, table.shape[-1])].set(value, mode="drop")


def _has_open_pair(genome: Genome) -> Bool[Array, ""]:
    return num_open_pairs(genome) > 0


def _has_splittable(genome: Genome) -> Bool[Array, ""]:
    return splittable(genome).any()


def _has_disabled(genome: Genome) -> Bool[Array, ""]:
    return (genome.conn_mask & ~genome.conn_enabled).any()


def _has_other_activation(genome: Genome) -> Bool[Array, ""]:
    return (genome.num_hidden > 0) & (len(genome.spec.hidden_activations) > 1)


def _has_enabled(genome: Genome) -> Bool[Array, ""]:
    return genome.enabled_mask.any()


# The order is that of rates everywhere, of `Mutated.kind`, and of the native version.
MUTATIONS = (
    Mutation("add_connection", 0.20, True, 0, 1, _has_open_pair, add_connection),
    Mutation("add_node", 0.25, True, 1, 2, _has_splittable, add_node),
    Mutation("enable_connection", 0.05, True, 0, 0, _has_disabled, enable_connection),
    Mutation("change_activation", 0.50, False, 0, 0, _has_other_activation, change_activation),
    Mutation("disable_connection", 0.0, False, 0, 0, _has_enabled, disable_connection),
)
KINDS = {mutation.name: index for index, mutation in enumerate(MUTATIONS)}
