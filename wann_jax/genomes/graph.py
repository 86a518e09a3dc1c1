"""Facts about a genome's graph: layers by longest path, liveness, and the invariants that hold for every genome.

In: one genome (vmap at the caller). Out: per-node arrays; or, for the host's check, a list of what is wrong.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Bool, Int

from wann_jax.genomes.genome import OUTPUT_LAYER, Genome, GenomeSpec
from wann_jax.genomes.graded import outside_grading

# Steps between two looks at whether anything changes still: as many as most populations need.
LIVE_STEPS = 2
LAYER_STEPS = 4


def relax_layers(genome: Genome, start: Bool[Array, ""] | bool = True) -> Int[Array, "N"]:
    """Raises layers until every connection gene, disabled or not, leads to a strictly later layer.

    From layers of 0 for hidden nodes this gives the longest path from the inputs; after a mutation it moves only
    what lies downstream. `start` False skips the work. Bounded by the number of nodes (the longest possible path).
    """
    mask = genome.conn_mask

    def relax(layer):
        pushed = jnp.where(mask, layer[genome.conn_source] + 1, 0)
        return layer.at[genome.conn_target].max(pushed)

    return _settled(relax, genome.node_layer, LAYER_STEPS, genome.spec.max_nodes, start)


def live_nodes(genome: Genome) -> Bool[Array, "N"]:
    """True at nodes from which enabled connections lead to an output, and at the outputs themselves.

    Starts with every node and takes away those that lead nowhere. In a graph without cycles that is the same as
    spreading from the outputs, and it ends after two steps where nothing is dead: evolved genomes have no dead hidden
    nodes, because a new node sits on a path that was enabled.
    """
    spec = genome.spec
    slot = jnp.arange(spec.max_nodes)
    is_output = (slot >= spec.first_output) & (slot < spec.num_fixed)
    enabled = genome.enabled_mask

    def thin_out(live):
        return is_output.at[genome.conn_source].max(enabled & live[genome.conn_target])

    return _settled(thin_out, jnp.ones(spec.max_nodes, bool), LIVE_STEPS, spec.max_nodes + 2)


def _settled(
    step: Callable[[Array], Array], first: Array, stride: int, most: int, start: Bool[Array, ""] | bool = True
) -> Array:
    """What `step`, taken again and again, comes to, at latest after about `most` steps; `start` False: none is taken.

    It looks after each `stride` steps whether the last one changed anything: at a look, an accelerator waits for its
    host.
    """

    def advance(carry):
        taken, value, _ = carry
        for _ in range(stride):
            before, value = value, step(value)
        return taken + stride, value, (value != before).any()

    def unsettled(carry):
        taken, _, changed = carry
        return changed & (taken < most)

    return lax.while_loop(unsettled, advance, (0, first, jnp.asarray(start)))[1]


def num_live_connections(genome: Genome) -> Int[Array, ""]:
    """Number of enabled connections from which a way leads to an output: the others do nothing."""
    return (genome.enabled_mask & live_nodes(genome)[genome.conn_target]).sum(dtype=jnp.int32)


def invariant_violations(genome: Genome) -> list[str]:
    """What is wrong with one genome, in words; empty if it is sound. Host only: plain NumPy, not for compiled code."""
    host, spec = jax.tree.map(np.asarray, genome), genome.spec
    num_nodes, num_connections = int(host.num_nodes), int(host.num_connections)
    if not spec.num_fixed <= num_nodes <= spec.max_nodes:
        return [f"num_nodes {num_nodes} outside [{spec.num_fixed}, {spec.max_nodes}]"]
    if not 0 <= num_connections <= spec.max_connections:
        return [f"num_connections {num_connections} outside [0, {spec.max_connections}]"]
    problems = []
    source, target = host.conn_source[:num_connections], host.conn_target[:num_connections]
    if ((source < 0) | (source >= num_nodes) | (target < spec.first_output) | (target >= num_nodes)).any():
        return ["a connection leads from or to a node that does not exist, or into an input"]
    if ((source >= spec.first_output) & (source < spec.num_fixed)).any():
        problems.append("a connection leaves an output")
    if len(set(zip(source.tolist(), target.tolist(), strict=True))) < num_connections:
        problems.append("two connections join the same nodes")
    hidden = host.node_activation[spec.num_fixed : num_nodes]
    if not np.isin(hidden, spec.hidden_activations).all():
        problems.append("a hidden node has an activation outside the allowed set")
    if len(set(host.node_mark[:num_nodes].tolist())) < num_nodes:
        problems.append("two nodes carry the same historical mark")
    if host.node_layer[:num_nodes].tolist() != longest_path(source, target, num_nodes, spec):
        problems.append("node_layer is not the longest path from the inputs")
    if spec.is_ordered and (host.node_depth[source] >= host.node_depth[target]).any():
        problems.append("a connection does not go up in node_depth")
    if spec.graded_depth and (fault := outside_grading(genome, spec.graded_depth)):
        problems.append(f"not graded: {fault}")
    return problems


def longest_path(source: np.ndarray, target: np.ndarray, num_nodes: int, spec: GenomeSpec) -> list[int] | None:
    """Layers from scratch, host only: inputs 0, outputs OUTPUT_LAYER, hidden nodes by longest path; None if cyclic."""
    layer = np.zeros(num_nodes, np.int64)
    layer[spec.first_output : spec.num_fixed] = OUTPUT_LAYER
    hidden_target = target >= spec.num_fixed
    source, target = source[hidden_target], target[hidden_target]
    for _ in range(num_nodes + 1):
        raised = layer.copy()
        np.maximum.at(raised, target, layer[source] + 1)
        if (raised == layer).all():
            return layer.tolist()
        layer = raised
    return None
