"""Genomes from plain lists of their genes, several genomes as one, or a part of one; host only.

In: lists, or genomes. Out: a genome in tables that just fit.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wann_jax.errors import ConfigError, DataError, require
from wann_jax.genomes.activation_ids import ACTIVATION_IDS
from wann_jax.genomes.genome import Genome, GenomeSpec
from wann_jax.genomes.graph import longest_path
from wann_jax.strictness import in_32_bits


@in_32_bits
def unite(genomes: Sequence[Genome]) -> Genome:
    """Several genomes side by side, as one.

    Bias, inputs and outputs are shared, hidden nodes are not, whatever their marks: each genome works on as it did, and
    an output adds up what it gets from all (a connection that several have counts once).

    Args:
        genomes: at least one, with the same inputs, outputs and output activations.

    Returns:
        A genome with the hidden nodes of all and every connection that is enabled in one of them.

    Raises:
        ConfigError: if there is none, or they do not fit together.
        DataError: if that is too large for a genome.
    """
    require(len(genomes) > 0, "networks", "at least one", len(genomes))
    first, spec = genomes[0], genomes[0].spec
    sizes, fixed = (spec.num_inputs, spec.num_outputs), spec.num_fixed
    activations = np.asarray(first.node_activation)[spec.first_output : fixed].tolist()
    kinds = (*sizes, tuple(activations))
    pairs: dict[tuple[int, int], None] = {}  # in order, each once
    for genome in genomes:
        host, own = jax.tree.map(np.asarray, genome), genome.spec
        outputs = host.node_activation[spec.first_output : fixed].tolist()
        found = (own.num_inputs, own.num_outputs, tuple(outputs))
        require(found == kinds, "networks: inputs, outputs and their activations", f"the same in all, {kinds}", found)
        shift = len(activations) - spec.num_outputs  # of this genome's hidden nodes
        enabled = np.asarray(genome.enabled_mask)
        ends = np.stack([host.conn_source, host.conn_target], axis=-1)[enabled]
        pairs |= dict.fromkeys(map(tuple, np.where(ends < fixed, ends, ends + shift).tolist()))
        activations += host.node_activation[fixed : int(host.num_nodes)].tolist()
    marks = [*range(fixed, fixed + len(activations) - spec.num_outputs)]
    return build_genome("genomes", sizes, activations, marks, [*pairs], [])


@in_32_bits
def pruned(genome: Genome, weights: Float[np.ndarray, "C"]) -> tuple[Genome, Float[np.ndarray, "C_left"]]:
    """A genome without the connections of weight 0, as `tune` leaves them where it prunes.

    Args:
        genome: one genome.
        weights: one for each enabled connection, [C].

    Returns:
        The smaller genome, without disabled connections and hidden nodes that nothing joins; and the other weights.
    """
    host, spec = jax.tree.map(np.asarray, genome), genome.spec
    left = weights != 0.0
    ends = np.stack([host.conn_source, host.conn_target], axis=-1)[np.asarray(genome.enabled_mask)][left]
    joined = np.unique(ends[ends >= spec.num_fixed])
    place = np.arange(spec.max_nodes)
    place[joined] = spec.num_fixed + np.arange(len(joined))
    slots = [*range(spec.first_output, spec.num_fixed), *joined.tolist()]
    activations, marks = host.node_activation[slots].tolist(), host.node_mark[joined].tolist()
    pairs = [*map(tuple, place[ends].tolist())]
    small = build_genome("genome", (spec.num_inputs, spec.num_outputs), activations, marks, pairs, [])
    return small, weights[left]


def build_genome(
    name: str,
    sizes: tuple[int, int],
    activations: list[int],
    marks: list[int],
    enabled: list[tuple[int, int]],
    disabled: list[tuple[int, int]],
) -> Genome:
    """A genome in tables that just fit.

    `activations`: ids, from the first output on. `marks`: of the hidden nodes. `enabled`, `disabled`: pairs, in
    table order. Raises DataError, which calls the lists `name`, where they are no network.
    """
    num_inputs, num_outputs = sizes
    fixed = 1 + num_inputs + num_outputs
    num_nodes = fixed + len(marks)
    require(all(activations), f"{name}: activations", f"among {', '.join(ACTIVATION_IDS)}", "another", DataError)
    own = len({*range(fixed), *marks}) == num_nodes and min(marks, default=0) >= 0
    require(own, f"{name}: marks", f"different from each other and at least {fixed}", marks[:8], DataError)
    pairs = np.array(enabled + disabled, np.int64).reshape(-1, 2)
    source, target = pairs.T
    in_range = ((pairs >= 0) & (pairs < num_nodes)).all(1) & (target > num_inputs)
    from_output = (source > num_inputs) & (source < fixed)
    for mask, rule in (
        (in_range, "between existing nodes, and not into bias or inputs"),
        (~from_output, "no output as their source"),
    ):
        bad = pairs[~mask][:1].tolist()
        require(not bad, f"{name}: connections", rule if "no " not in rule else f"those with {rule}", bad, DataError)
    require(
        len(set(enabled + disabled)) == len(pairs), f"{name}: connections", "all different", "a duplicate", DataError
    )
    try:
        spec = GenomeSpec(
            num_inputs=num_inputs,
            num_outputs=num_outputs,
            max_nodes=num_nodes,
            max_connections=max(1, len(pairs)),
            hidden_activations=tuple(ACTIVATION_IDS.values()),
        )
    except ConfigError as error:
        raise DataError(f"{name}: {error}") from None
    layer = longest_path(source, target, num_nodes, spec)
    require(layer is not None, f"{name}: connections", "free of cycles", "a cycle", DataError)
    padded = np.zeros((spec.max_connections, 2), np.int32)
    padded[: len(pairs)] = pairs
    slots = np.arange(1 + num_inputs)
    return Genome(
        node_activation=jnp.asarray([1] * len(slots) + activations, jnp.int32),
        node_mark=jnp.asarray([*range(fixed), *marks], jnp.int32),
        node_layer=jnp.asarray(layer, jnp.int32),
        node_depth=jnp.asarray(layer, jnp.int32),  # files hold no depths; layers are an order too
        conn_source=jnp.asarray(padded[:, 0]),
        conn_target=jnp.asarray(padded[:, 1]),
        conn_enabled=jnp.arange(spec.max_connections) < len(enabled),
        num_nodes=jnp.int32(num_nodes),
        num_connections=jnp.int32(len(pairs)),
        spec=spec,
    )
