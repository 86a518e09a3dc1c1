"""The four mutations: a child differs from its parent by exactly one change of topology.

In: a key and a genome. Out: the changed genome. Each mutation takes `gate`: where it is False nothing is written,
so that under vmap the four cost a few single-element writes instead of four copies of the gene tables. Random
draws do not depend on the tables' capacity: growing them changes no run. Source: paper section 3, and the
original's operators, except that a change that cannot apply is never chosen (README, "differences").
"""

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxtyping import Bool, Float, Int, Key

from wann_jax.genome import OUTPUT_LAYER, Genome, GenomeSpec
from wann_jax.graph import relax_layers

MUTATION_NAMES = ("add_connection", "add_node", "enable_connection", "change_activation")
ADD_CONNECTION, ADD_NODE, ENABLE_CONNECTION, CHANGE_ACTIVATION = range(4)


class Mutated(struct.PyTreeNode):
    """A child and what was done to it."""

    genome: Genome
    kind: Int[Array, "*P"]  # index into MUTATION_NAMES, or -1: no change could apply
    overflow: Bool[Array, "*P"]  # a full table kept a change out


def mutate(
    key: Key[Array, ""], genome: Genome, spec: GenomeSpec, rates: Float[Array, "4"], mark: Int[Array, ""]
) -> Mutated:
    """Makes one change, drawn by `rates` (in MUTATION_NAMES order) among those that can apply.

    Consumes `key`. `mark` is the historical mark a new node gets.
    """
    applies, overflow = applicable(genome, spec)
    odds = jnp.where(applies, rates, 0.0)
    found = odds.sum() > 0
    choice_key, *keys = jax.random.split(key, 5)
    kind = jnp.searchsorted(jnp.cumsum(odds), jax.random.uniform(choice_key) * odds.sum(), side="right")
    kind = jnp.where(found, jnp.minimum(kind, len(MUTATION_NAMES) - 1), -1)
    # Adding a node comes last: the other three leave layers alone and may read the genome's own.
    genome = add_connection(keys[0], genome, spec, kind == ADD_CONNECTION)
    genome = enable_connection(keys[1], genome, kind == ENABLE_CONNECTION)
    genome = change_activation(keys[2], genome, spec, kind == CHANGE_ACTIVATION)
    genome = add_node(keys[3], genome, spec, mark, kind == ADD_NODE)
    return Mutated(genome, kind, overflow)


def applicable(genome: Genome, spec: GenomeSpec) -> tuple[Bool[Array, "4"], Bool[Array, ""]]:
    """Which mutations can apply, in MUTATION_NAMES order; and whether a full table kept one out."""
    free_connections = spec.max_connections - genome.num_connections
    has_enabled = genome.enabled_mask.any()
    wants = jnp.stack(
        [
            num_open_pairs(genome, spec) > 0,
            has_enabled,
            (genome.conn_mask & ~genome.conn_enabled).any(),
            (genome.num_nodes > spec.num_fixed) & (len(spec.hidden_activations) > 1),
        ]
    )
    room = jnp.stack(
        [
            free_connections >= 1,
            (free_connections >= 2) & (genome.num_nodes < spec.max_nodes),
            jnp.bool_(True),
            jnp.bool_(True),
        ]
    )
    return wants & room, (wants & ~room).any()


def num_open_pairs(genome: Genome, spec: GenomeSpec) -> Int[Array, ""]:
    """Number of (source, target in a strictly later layer) pairs that no connection gene joins yet."""
    return jnp.where(genome.node_mask, num_later_nodes(genome, spec), 0).sum() - genome.num_connections


def num_later_nodes(genome: Genome, spec: GenomeSpec) -> Int[Array, "N"]:
    """Of each node slot, the number of nodes in strictly later layers."""
    is_hidden = genome.node_mask & (jnp.arange(spec.max_nodes) >= spec.num_fixed)
    layer = jnp.minimum(genome.node_layer, spec.max_nodes - 1)  # outputs: any layer past the hidden ones
    per_layer = jnp.zeros(spec.max_nodes, jnp.int32).at[layer].add(is_hidden.astype(jnp.int32))
    later_hidden = per_layer.sum() - jnp.cumsum(per_layer)[layer]
    return jnp.where(genome.node_layer == OUTPUT_LAYER, 0, later_hidden + spec.num_outputs)


def pick(key: Key[Array, ""], mask: Bool[Array, "n"]) -> Int[Array, ""]:
    """Index of a True entry, drawn uniformly; n if there is none. The draw does not depend on n. Consumes `key`."""
    cumulated = jnp.cumsum(mask.astype(jnp.int32))
    nth = jax.random.randint(key, (), 0, jnp.maximum(cumulated[-1], 1))
    return (cumulated <= nth).sum()


def add_connection(
    key: Key[Array, ""], genome: Genome, spec: GenomeSpec, gate: Bool[Array, ""] | bool = True
) -> Genome:
    """Joins a random source that has an open target to a random one of its open targets. Consumes `key`.

    Open: in a strictly later layer, with no connection gene from the source yet, enabled or not.
    """
    source_key, target_key = jax.random.split(key)
    conn_source, mask = genome.conn_source, genome.conn_mask
    num_targets = jnp.zeros(spec.max_nodes, jnp.int32).at[conn_source].add(mask.astype(jnp.int32))
    has_open = genome.node_mask & (num_later_nodes(genome, spec) > num_targets)
    source = pick(source_key, has_open)
    from_source = mask & (conn_source == source)
    joined = (
        jnp.zeros(spec.max_nodes, bool)
        .at[jnp.where(from_source, genome.conn_target, spec.max_nodes)]
        .set(True, mode="drop")
    )
    source_layer = genome.node_layer.at[source].get(mode="clip")
    target = pick(target_key, genome.node_mask & (genome.node_layer > source_layer) & ~joined)
    return _append_connection(genome, source, target, gate)


def enable_connection(key: Key[Array, ""], genome: Genome, gate: Bool[Array, ""] | bool = True) -> Genome:
    """Turns one disabled connection back on, drawn uniformly. Consumes `key`."""
    slot = pick(key, genome.conn_mask & ~genome.conn_enabled)
    return genome.replace(conn_enabled=_write(genome.conn_enabled, slot, True, gate))


def change_activation(
    key: Key[Array, ""], genome: Genome, spec: GenomeSpec, gate: Bool[Array, ""] | bool = True
) -> Genome:
    """Gives one hidden node a different allowed activation, node and activation drawn uniformly. Consumes `key`."""
    node_key, activation_key = jax.random.split(key)
    allowed = jnp.asarray(spec.hidden_activations, jnp.int32)
    node = pick(node_key, genome.node_mask & (jnp.arange(spec.max_nodes) >= spec.num_fixed))
    current = genome.node_activation.at[node].get(mode="clip")
    activation = allowed.at[pick(activation_key, allowed != current)].get(mode="clip")
    return genome.replace(node_activation=_write(genome.node_activation, node, activation, gate))


def add_node(
    key: Key[Array, ""],
    genome: Genome,
    spec: GenomeSpec,
    mark: Int[Array, ""] | int,
    gate: Bool[Array, ""] | bool = True,
) -> Genome:
    """Splits one enabled connection, drawn uniformly: source -> new node -> target. Consumes `key`.

    The old connection is disabled, the new node's activation is drawn from the allowed ones.
    """
    split_key, activation_key = jax.random.split(key)
    gate = jnp.asarray(gate)
    allowed = jnp.asarray(spec.hidden_activations, jnp.int32)
    conn = pick(split_key, genome.enabled_mask)
    source = genome.conn_source.at[conn].get(mode="clip")
    target = genome.conn_target.at[conn].get(mode="clip")
    node = genome.num_nodes
    activation = allowed[jax.random.randint(activation_key, (), 0, len(spec.hidden_activations))]
    layer = genome.node_layer[source] + 1
    genome = genome.replace(
        node_activation=_write(genome.node_activation, node, activation, gate),
        node_mark=_write(genome.node_mark, node, mark, gate),
        node_layer=_write(genome.node_layer, node, layer, gate),
        num_nodes=node + gate.astype(jnp.int32),
        conn_enabled=_write(genome.conn_enabled, conn, False, gate),
    )
    genome = _append_connection(genome, source, node, gate)
    genome = _append_connection(genome, node, target, gate)
    pushes = gate & (genome.node_layer[target] <= layer)
    return genome.replace(node_layer=relax_layers(genome, pushes))


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
