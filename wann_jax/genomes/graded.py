"""Evolution among graded networks only (grading.py tells what those are): first genomes, and changes that stay inside.

In a genome whose spec has a `graded_depth`, every connection, disabled ones too, leads from one depth to the next, and
outputs all lie at that depth, which is even. A hidden node's depth is its `node_layer`. At odd depths nodes are linear
or inverse, at even ones also abs or relu. So all nodes of a depth have one factor, |w|^depth, with the sign of w at odd
depths: outputs are |w|^graded_depth f(x), and one shared weight tells the class under all.

In: as mutation.py. Out: the same records; only what may be joined, and which activations a node may have, differs.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int, Key

from wann_jax.genomes.activation_ids import ACTIVATION_NAMES
from wann_jax.genomes.change import Edit, Mutation, pick, pick_again
from wann_jax.genomes.genome import (
    AT_ANY_DEPTH,
    AT_EVEN_DEPTHS,
    OUTPUT_DEPTH,
    OUTPUT_LAYER,
    Genome,
    GenomeSpec,
    initial_genome,
)


def initial_graded_genome(
    key: Key[Array, ""], spec: GenomeSpec, enabled_probability: Float[Array, ""] | float
) -> Genome:
    """A first-generation genome: that of a search that is not graded, with a chain of nodes before each output.

    Consumes `key`. Inputs and bias are joined to the first nodes of the chains, each connection enabled with the given
    probability; chains are whole, their activations drawn among those allowed. Chains are the same genes in all
    genomes: their marks are their slots.
    """
    genome_key, draw_key = jax.random.split(key)
    genome = initial_genome(genome_key, spec, enabled_probability)
    num_genes, num_outputs, num_chained = (1 + spec.num_inputs) * spec.num_outputs, spec.num_outputs, spec.num_chained
    chained = spec.num_fixed + np.arange(num_chained, dtype=np.int32)
    chain = np.concatenate([chained, np.arange(spec.first_output, spec.num_fixed, dtype=np.int32)])
    layer = 1 + np.arange(num_chained, dtype=np.int32) // num_outputs
    nodes = slice(spec.num_fixed, spec.num_fixed + num_chained)
    genes = slice(num_genes, num_genes + num_chained)
    ids, allowed = _allowed_at(spec, jnp.asarray(layer))
    draws = jax.random.uniform(draw_key, (num_chained,))
    return genome.replace(
        node_activation=genome.node_activation.at[nodes].set(ids[jax.vmap(pick)(draws, allowed)]),
        node_mark=genome.node_mark.at[nodes].set(chained),
        node_layer=genome.node_layer.at[nodes].set(layer),
        node_depth=genome.node_depth.at[nodes].set(layer * _depth_step(spec)),
        conn_source=genome.conn_source.at[genes].set(chain[:num_chained]),
        conn_target=genome.conn_target.at[:num_genes]
        .set(np.tile(chain[:num_outputs], 1 + spec.num_inputs))
        .at[genes]
        .set(chain[num_outputs:]),
        conn_enabled=genome.conn_enabled.at[genes].set(True),
        num_nodes=genome.num_nodes + num_chained,
        num_connections=genome.num_connections + num_chained,
    )


def _depth_step(spec: GenomeSpec) -> int:
    """What `node_depth`, the order that crossover needs, rises by from one depth to the next."""
    return OUTPUT_DEPTH // spec.graded_depth


def depths(genome: Genome) -> Int[Array, "N"]:
    """Number of connections on every path to each node."""
    return jnp.where(genome.node_layer == OUTPUT_LAYER, genome.spec.graded_depth, genome.node_layer)


def _num_lower(genome: Genome, by: int) -> Int[Array, "N"]:
    """Of each node slot, the number of nodes whose depth is less by so much."""
    depth = depths(genome)
    per_depth = jnp.zeros(genome.spec.graded_depth + 1, jnp.int32).at[depth].add(genome.node_mask.astype(jnp.int32))
    return jnp.where(depth >= by, per_depth.at[depth - by].get(mode="clip"), 0)


def _allowed_at(spec: GenomeSpec, depth: Int[Array, "*n"]) -> tuple[Int[Array, "kinds"], Bool[Array, "*n kinds"]]:
    """The activations of hidden nodes, and which of them are allowed at each depth."""
    ids = jnp.asarray(spec.hidden_activations, jnp.int32)
    anywhere = np.asarray([kind in AT_ANY_DEPTH for kind in spec.hidden_activations])
    return ids, jnp.where((depth % 2 == 0)[..., None], True, anywhere.reshape((1,) * depth.ndim + (-1,)))


def has_open_source(genome: Genome) -> Bool[Array, "N"]:
    """Nodes that have fewer connections, enabled or not, than there are nodes one depth below."""
    num_sources = (
        jnp.zeros(genome.spec.max_nodes, jnp.int32).at[genome.conn_target].add(genome.conn_mask.astype(jnp.int32))
    )
    return genome.node_mask & (_num_lower(genome, 1) > num_sources)


def join(draw: Float[Array, ""], genome: Genome, target: Int[Array, ""], mark: Int[Array, ""]) -> Edit:
    """Joins a random open source to the target: a node one depth below, with no connection gene to it yet.

    Targets are drawn first, so that the few nodes of the upper depths have as much choice as the many inputs.
    """
    to_target = genome.conn_mask & (genome.conn_target == target)
    joined = jnp.zeros(genome.spec.max_nodes, bool).at[genome.conn_source].max(to_target)
    depth = depths(genome)
    source = pick(draw, genome.node_mask & (depth == depth.at[target].get(mode="clip") - 1) & ~joined)
    return Edit(sources=(source, 0), targets=(target, 0), num_connections=1)


def may_get_between(genome: Genome) -> Bool[Array, "N"]:
    """Nodes that have others two depths below them."""
    return genome.node_mask & (_num_lower(genome, 2) > 0)


def put_between(draw: Float[Array, ""], genome: Genome, target: Int[Array, ""], mark: Int[Array, ""]) -> Edit:
    """A new node between the target and a random node two depths below. No connection is disabled."""
    spec, depth = genome.spec, depths(genome)
    below = depth.at[target].get(mode="clip") - 2
    sources = genome.node_mask & (depth == below)
    ids, allowed = _allowed_at(spec, below + 1)
    node, source = genome.num_nodes, pick(draw, sources)
    return Edit(
        node=node,
        activation=ids.at[pick_again(draw, allowed)].get(mode="clip"),
        is_birth=True,
        layer=below + 1,
        depth=(below + 1) * _depth_step(spec),
        sources=(source, node),
        targets=(node, target),
        num_connections=2,
    )


def changeable_at_depth(genome: Genome) -> Bool[Array, "N"]:
    """Hidden nodes, if there is another activation for them at their depth."""
    spec = genome.spec
    _, allowed = _allowed_at(spec, depths(genome))
    is_hidden = genome.node_mask & (jnp.arange(spec.max_nodes) >= spec.num_fixed)
    return is_hidden & (allowed.sum(-1, dtype=jnp.int32) > 1)


def change_at_depth(draw: Float[Array, ""], genome: Genome, node: Int[Array, ""], mark: Int[Array, ""]) -> Edit:
    """Gives a hidden node a different activation of those allowed at its depth, drawn uniformly."""
    ids, allowed = _allowed_at(genome.spec, depths(genome).at[node].get(mode="clip"))
    others = allowed & (ids != genome.node_activation.at[node].get(mode="clip"))
    return Edit(node=node, activation=ids.at[pick(draw, others)].get(mode="clip"))


def as_graded(mutations: tuple[Mutation, ...]) -> tuple[Mutation, ...]:
    """The same kinds, in their order, as they are in graded genomes."""
    own = {
        "add_connection": (has_open_source, join),
        "add_node": (may_get_between, put_between),
        "change_activation": (changeable_at_depth, change_at_depth),
    }
    return tuple(
        dataclasses.replace(each, candidates=own[each.name][0], edit=own[each.name][1]) if each.name in own else each
        for each in mutations
    )


def outside_grading(genome: Genome, graded_depth: int) -> str:
    """What keeps a genome out of the graded ones of that depth, in words; empty if nothing does. Host only."""
    host, spec = jax.tree.map(np.asarray, genome), genome.spec
    depth = np.where(host.node_layer == OUTPUT_LAYER, graded_depth, host.node_layer)
    live = slice(int(host.num_connections))
    for source, target in zip(host.conn_source[live].tolist(), host.conn_target[live].tolist(), strict=True):
        if depth[target] != depth[source] + 1:
            return f"node {source} at depth {depth[source]} leads to node {target} at depth {depth[target]}"
    for node in range(spec.first_output, int(host.num_nodes)):
        kind, own = int(host.node_activation[node]), int(depth[node])
        if kind not in AT_ANY_DEPTH and (own % 2 or kind not in AT_EVEN_DEPTHS):
            return f"node {node} at depth {own} is {ACTIVATION_NAMES[kind]}"
    return ""
