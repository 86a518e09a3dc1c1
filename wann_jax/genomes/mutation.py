"""The mutations, the four of the paper and a fifth: a child differs from its parent by exactly one change of topology.

In: uniform draws and a genome. Out: the changed genome. Each kind says what it may begin from (its candidates) and
what it would write (its edit); only the edit of the kind that was drawn is written. So under vmap, where all kinds are
worked out, there is one choice among candidates and one pass over the tables. In graded genomes three kinds are
others (graded.py).
What a draw chooses does not depend on the tables' capacity: growing them changes no run. Written twice: here, and
natively for whole populations on CPU (kernels/native/breed.cc); both do the same, to the bit. Source: paper section
3, and the original's operators, except that a change that cannot apply is never chosen (see ARCHITECTURE.md).
"""

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array, lax
from jaxtyping import Bool, Float, Int

from wann_jax.genomes.change import Edit, Mutation, nth, pick
from wann_jax.genomes.genome import OUTPUT_LAYER, Genome, GenomeSpec
from wann_jax.genomes.graded import as_graded
from wann_jax.genomes.graph import relax_layers
from wann_jax.genomes.hashing import mix


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
    spec, mutations = genome.spec, mutations_of(genome.spec)
    # In one table for all kinds, so that there is one choice; it does not depend on how long the table is.
    size = max(spec.max_nodes, spec.max_connections)
    masks = [mutation.candidates(genome) for mutation in mutations]
    candidates = jnp.stack([jnp.pad(mask, (0, size - mask.shape[0])) for mask in masks])
    applies, overflow = _applicable(genome, candidates.any(1))
    odds = jnp.where(applies, rates, 0.0)
    cumulated = [odds[0]]
    for index in range(1, len(MUTATIONS)):  # in this order: the native version must round alike
        cumulated.append(cumulated[-1] + odds[index])
    total = cumulated[-1]
    place = draws[0] * total
    kind = sum((below <= place).astype(jnp.int32) for below in cumulated[:-1])
    kind = jnp.where(total > 0, kind, -1)
    slot = pick(draws[1], (candidates & (jnp.arange(len(MUTATIONS)) == kind)[:, None]).any(0))
    edits = [Edit(), *(mutation.edit(draws[2], genome, slot, mark) for mutation in mutations)]
    edit = jax.tree.map(lambda *each: lax.select_n(kind + 1, *(jnp.asarray(value) for value in each)), *edits)
    return Mutated(_edited(genome, edit, mark), kind, overflow)


def _applicable(genome: Genome, wants: Bool[Array, "kinds"]) -> tuple[Bool[Array, "kinds"], Bool[Array, ""]]:
    """Which of the kinds that have candidates have room; and whether a full table kept one out."""
    free_nodes = genome.spec.max_nodes - genome.num_nodes
    free_connections = genome.spec.max_connections - genome.num_connections
    room = jnp.stack(
        [(free_nodes >= mutation.new_nodes) & (free_connections >= mutation.new_connections) for mutation in MUTATIONS]
    )
    return wants & room, (wants & ~room).any()


def _edited(genome: Genome, edit: Edit, mark: Int[Array, ""]) -> Genome:
    """The genome with an edit written. By comparing slots, so that XLA writes all tables in one pass."""
    spec = genome.spec
    slot = jnp.arange(spec.max_connections)
    is_new = [(slot == genome.num_connections + index) & (index < edit.num_connections) for index in range(2)]

    def joined(table, ends):
        return jnp.where(is_new[0], ends[0], jnp.where(is_new[1], ends[1], table))

    is_node = jnp.arange(spec.max_nodes) == edit.node
    is_born = is_node & edit.is_birth
    enabled = jnp.where(slot == edit.switched, edit.is_on, genome.conn_enabled)
    genome = genome.replace(
        node_activation=jnp.where(is_node, edit.activation, genome.node_activation),
        node_mark=jnp.where(is_born, mark, genome.node_mark),
        node_layer=jnp.where(is_born, edit.layer, genome.node_layer),
        node_depth=jnp.where(is_born, edit.depth, genome.node_depth),
        conn_source=joined(genome.conn_source, edit.sources),
        conn_target=joined(genome.conn_target, edit.targets),
        conn_enabled=enabled | is_new[0] | is_new[1],
        num_nodes=genome.num_nodes + jnp.asarray(edit.is_birth, jnp.int32),
        num_connections=genome.num_connections + edit.num_connections,
    )
    return genome.replace(node_layer=relax_layers(genome, jnp.asarray(edit.pushes)))


def heights(genome: Genome) -> Int[Array, "N"]:
    """What a new connection must go up in: the layer, or the order that all genomes share."""
    return genome.node_depth if genome.spec.is_ordered else genome.node_layer


def num_later_nodes(genome: Genome) -> Int[Array, "N"]:
    """Of each node slot, the number of nodes that are strictly higher."""
    spec = genome.spec
    if spec.is_ordered:
        ordered = jnp.sort(jnp.where(genome.node_mask, genome.node_depth, -1))
        not_higher = jnp.searchsorted(ordered, genome.node_depth, side="right", method="scan_unrolled")
        return spec.max_nodes - not_higher.astype(jnp.int32)
    is_hidden = genome.node_mask & (jnp.arange(spec.max_nodes) >= spec.num_fixed)
    layer = jnp.minimum(genome.node_layer, spec.max_nodes - 1)  # outputs: any layer past the hidden ones
    per_layer = jnp.zeros(spec.max_nodes, jnp.int32).at[layer].add(is_hidden.astype(jnp.int32))
    later_hidden = per_layer.sum() - jnp.cumsum(per_layer)[layer]
    return jnp.where(genome.node_layer == OUTPUT_LAYER, 0, later_hidden + spec.num_outputs)


def has_open_target(genome: Genome) -> Bool[Array, "N"]:
    """Nodes below more nodes than they have connections to, enabled or not."""
    source, mask = genome.conn_source, genome.conn_mask
    num_targets = jnp.zeros(genome.spec.max_nodes, jnp.int32).at[source].add(mask.astype(jnp.int32))
    return genome.node_mask & (num_later_nodes(genome) > num_targets)


def add_connection(draw: Float[Array, ""], genome: Genome, source: Int[Array, ""], mark: Int[Array, ""]) -> Edit:
    """Joins the source to a random one of its open targets.

    Open: in a strictly later layer (strictly deeper in an ordered spec), with no connection gene from the source yet,
    enabled or not.
    """
    spec = genome.spec
    from_source = genome.conn_mask & (genome.conn_source == source)
    joined = jnp.zeros(spec.max_nodes, bool).at[genome.conn_target].max(from_source)
    height, layer = heights(genome), genome.node_layer
    target = pick(draw, genome.node_mask & (height > height.at[source].get(mode="clip")) & ~joined)
    pushes = layer.at[target].get(mode="clip") <= layer.at[source].get(mode="clip")
    return Edit(sources=(source, 0), targets=(target, 0), num_connections=1, pushes=pushes)


def disabled(genome: Genome) -> Bool[Array, "E"]:
    """Connections that are turned off."""
    return genome.conn_mask & ~genome.conn_enabled


def enable_connection(draw: Float[Array, ""], genome: Genome, conn: Int[Array, ""], mark: Int[Array, ""]) -> Edit:
    """Turns a disabled connection back on."""
    return Edit(switched=conn, is_on=True)


def enabled(genome: Genome) -> Bool[Array, "E"]:
    """Connections that are turned on."""
    return genome.enabled_mask


def disable_connection(draw: Float[Array, ""], genome: Genome, conn: Int[Array, ""], mark: Int[Array, ""]) -> Edit:
    """Turns an enabled connection off. Not in the paper: it lets a network at a limit rewire."""
    return Edit(switched=conn)


def changeable(genome: Genome) -> Bool[Array, "N"]:
    """Hidden nodes, if there is another activation for them."""
    spec = genome.spec
    is_hidden = genome.node_mask & (jnp.arange(spec.max_nodes) >= spec.num_fixed)
    return is_hidden & (len(spec.hidden_activations) > 1)


def change_activation(draw: Float[Array, ""], genome: Genome, node: Int[Array, ""], mark: Int[Array, ""]) -> Edit:
    """Gives a hidden node a different allowed activation, drawn uniformly."""
    allowed = jnp.asarray(genome.spec.hidden_activations, jnp.int32)
    current = genome.node_activation.at[node].get(mode="clip")
    return Edit(node=node, activation=allowed.at[pick(draw, allowed != current)].get(mode="clip"))


def add_node(draw: Float[Array, ""], genome: Genome, conn: Int[Array, ""], mark: Int[Array, ""]) -> Edit:
    """Splits an enabled connection: source -> new node -> target.

    The old connection is disabled, the new node's activation is drawn from the allowed ones.
    """
    allowed = jnp.asarray(genome.spec.hidden_activations, jnp.int32)
    source = genome.conn_source.at[conn].get(mode="clip")
    target = genome.conn_target.at[conn].get(mode="clip")
    node, layer = genome.num_nodes, genome.node_layer[source] + 1
    return Edit(
        switched=conn,
        node=node,
        activation=allowed[nth(draw, jnp.int32(len(genome.spec.hidden_activations)))],
        is_birth=True,
        layer=layer,
        depth=depth_between(genome.node_depth[source], genome.node_depth[target], mark),
        sources=(source, node),
        targets=(node, target),
        num_connections=2,
        pushes=genome.node_layer[target] <= layer,
    )


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


# The order is that of rates everywhere, of `Mutated.kind`, and of the native version.
MUTATIONS = (
    Mutation("add_connection", 0.20, True, 0, 1, has_open_target, add_connection),
    Mutation("add_node", 0.25, True, 1, 2, splittable, add_node),
    Mutation("enable_connection", 0.05, True, 0, 0, disabled, enable_connection),
    Mutation("change_activation", 0.50, False, 0, 0, changeable, change_activation),
    Mutation("disable_connection", 0.0, False, 0, 0, enabled, disable_connection),
)
GRADED_MUTATIONS = as_graded(MUTATIONS)
KINDS = {mutation.name: index for index, mutation in enumerate(MUTATIONS)}


def mutations_of(spec: GenomeSpec) -> tuple[Mutation, ...]:
    """The kinds of change in genomes of a spec, in the order of MUTATIONS."""
    return GRADED_MUTATIONS if spec.graded_depth else MUTATIONS
