"""Random genomes of a given size, shaped like those that long searches evolve.

In: numbers of inputs, outputs, hidden nodes, connections. Out: a batch of genomes, every node alive, of depth
`DEPTH`, half of the connections from inputs (evolved MNIST networks: depth 14 to 22, mean in-degree 2 to 5).
"""

import jax
import jax.numpy as jnp
import numpy as np

from wann_jax.genomes.activation_ids import ACTIVATION_IDS, STEP
from wann_jax.genomes.genome import OUTPUT_LAYER, Genome, GenomeSpec
from wann_jax.genomes.graph import longest_path

DEPTH = 18
INPUT_SHARE = 0.5


def random_genomes(
    count: int, num_inputs: int, num_outputs: int, hidden: int, connections: int, seed: int = 0, distinct: int = 32
) -> Genome:
    """`count` genomes in the smallest bucket of a search that holds them; after `distinct` they repeat."""
    capacity = 32
    activations = tuple(i for i in ACTIVATION_IDS.values() if i != STEP)
    while True:
        spec = GenomeSpec.for_task(num_inputs, num_outputs, activations, capacity)
        if hidden <= spec.max_hidden and connections <= spec.max_connections:
            break
        capacity *= 2
    rng = np.random.default_rng(seed)
    genomes = [_random_genome(rng, spec, hidden, connections) for _ in range(min(count, distinct))]
    index = jnp.arange(count) % len(genomes)
    return jax.tree.map(lambda *leaves: jnp.stack(leaves)[index], *genomes)


def _random_genome(rng: np.random.Generator, spec: GenomeSpec, hidden: int, connections: int) -> Genome:
    sources, outputs = np.arange(spec.first_output), np.arange(spec.first_output, spec.num_fixed)
    nodes = spec.num_fixed + np.arange(hidden)
    layer = dict(zip(nodes.tolist(), rng.integers(1, DEPTH, hidden).tolist(), strict=True))
    below = {depth: [node for node in nodes.tolist() if layer[node] < depth] for depth in range(DEPTH + 1)}
    above = {depth: [node for node in nodes.tolist() if layer[node] > depth] for depth in range(DEPTH + 1)}

    def source_of(node):
        earlier = below[layer.get(node, DEPTH)]
        return int(rng.choice(sources if not earlier or rng.random() < INPUT_SHARE else earlier))

    pairs = {(source_of(node), node) for node in (*nodes.tolist(), *outputs.tolist())}
    fed = {source for source, _ in pairs}
    pairs |= {(node, int(rng.choice(above[layer[node]] or outputs))) for node in nodes.tolist() if node not in fed}
    while len(pairs) < connections:
        node = int(rng.choice([*nodes, *outputs]))
        pairs.add((source_of(node), node))
    links = np.zeros((spec.max_connections, 2), np.int32)
    links[: len(pairs)] = rng.permutation(sorted(pairs))
    return _genome(rng, spec, hidden, links, len(pairs))


def _genome(rng: np.random.Generator, spec: GenomeSpec, hidden: int, links: np.ndarray, count: int) -> Genome:
    num_nodes = spec.num_fixed + hidden
    activation = np.ones(spec.max_nodes, np.int32)
    activation[spec.num_fixed : num_nodes] = rng.choice(spec.hidden_activations, hidden)
    layer = longest_path(links[:count, 0], links[:count, 1], num_nodes, spec)
    assert layer is not None
    node_layer = np.zeros(spec.max_nodes, np.int32)
    node_layer[:num_nodes] = layer
    assert node_layer[spec.num_fixed : num_nodes].max(initial=0) < OUTPUT_LAYER
    return Genome(
        node_activation=jnp.asarray(activation),
        node_mark=jnp.arange(spec.max_nodes, dtype=jnp.int32),
        node_layer=jnp.asarray(node_layer),
        node_depth=jnp.asarray(node_layer),
        conn_source=jnp.asarray(links[:, 0]),
        conn_target=jnp.asarray(links[:, 1]),
        conn_enabled=jnp.arange(spec.max_connections) < count,
        num_nodes=jnp.int32(num_nodes),
        num_connections=jnp.int32(count),
        spec=spec,
    )
