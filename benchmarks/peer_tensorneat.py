"""EMI-Group/tensorneat, run beside us on the same networks: whole populations, the way that its own pipeline does.

In: genomes of ours, shared weights, and images or an environment. Out: seconds of a call. What is compared: its genes
hold our nodes and connections, with our activation functions as its options, and every individual is transformed once
and evaluated under every shared weight (that is kinder than its pipeline, in which a weight would be one more
individual). `transform` and `forward` run under `jax.vmap` over a chunk of individuals, chunk after chunk in
`lax.scan`, which is what its `pop_batch_size` does; one program for the population, and no more than a chunk in memory.
"""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.common import commit, time_it
from benchmarks.peers import source_of
from wann_jax.genomes.genome import Genome
from wann_jax.kernels.losses import CrossEntropy
from wann_jax.networks.activations import FUNCTIONS

CHUNK_BYTES = 2**28  # of one value for each node, lane and individual of a chunk; a step holds several of these


class TensorNeat:
    """Its feed-forward genome. The bias is an input that is always 1."""

    def __init__(self, checkout: Path):
        sys.path.insert(0, source_of(checkout, "tensorneat"))
        self.genome_module = importlib.import_module("tensorneat.genome")
        self.problems = importlib.import_module("tensorneat.problem")
        self.commit = commit(checkout)

    def time_images(self, genomes: Genome, weights: Any, inputs: np.ndarray, labels: Any) -> tuple[Any, dict[str, Any]]:
        """Cross-entropies [P, W] of all networks under every shared weight on all samples, and how long they take."""
        made, tables = self._genes(genomes)
        with_bias = jnp.concatenate([jnp.ones((len(inputs), 1)), jnp.asarray(inputs)], axis=1)

        def evaluate(transformed):
            return CrossEntropy(labels)(
                jax.vmap(lambda sample: made.forward(None, transformed, sample))(with_bias)[None]
            )

        program = _in_chunks(made, evaluate, weights, len(inputs) * len(weights))
        return program(tables), time_it(lambda: program(tables), 3)

    def time_episodes(self, genomes: Genome, weights: Any, env: Any, params: Any, episodes: int) -> dict[str, Any]:
        """How long its own rollout takes for all networks under every shared weight in an environment of gymnax."""
        made, tables = self._genes(genomes)
        base: Any = self.problems.RLEnv

        class Problem(base):
            def env_reset(self, key):
                obs, state = env.reset_env(key, params)
                return _with_bias(obs), state

            def env_step(self, key, state, action):
                obs, *rest = env.step_env(key, state, action, params)
                return _with_bias(obs), *rest

        problem = Problem(max_step=params.max_steps_in_episode, repeat_times=episodes)

        def evaluate(transformed):
            return problem.evaluate(None, jax.random.PRNGKey(0), made.forward, transformed)

        program = _in_chunks(made, evaluate, weights, episodes * len(weights))
        return time_it(lambda: program(tables), 3)

    def _genes(self, genomes: Genome) -> tuple[Any, tuple[Any, Any]]:
        """What it calls a genome, and tables of nodes [P, N, 5] and connections [P, C, 3]."""
        host, spec = jax.tree.map(np.asarray, genomes), genomes.spec
        num_nodes, num_connections = int(host.num_nodes.max()), int(host.num_connections.max())
        ids = np.unique(host.node_activation[:, :num_nodes])
        node_gene = self.genome_module.DefaultNode(activation_options=[FUNCTIONS[i] for i in ids])
        room = max(num_connections, spec.first_output * spec.num_outputs)  # it insists on room for a full start
        made = self.genome_module.DefaultGenome(
            spec.first_output, spec.num_outputs, num_nodes, room, node_gene=node_gene
        )
        # Attributes of a node: bias, response, aggregation, activation. Of a connection: weight.
        kind = np.searchsorted(ids, host.node_activation[:, :num_nodes])
        index = np.broadcast_to(np.arange(num_nodes), kind.shape)
        nodes = np.stack([index, 0 * kind, 1 + 0 * kind, 0 * kind, kind], axis=-1).astype(np.float32)
        nodes[index >= host.num_nodes[:, None]] = np.nan
        ends = np.stack([host.conn_source, host.conn_target], axis=-1)[:, :num_connections]
        conns = np.full((len(kind), room, 3), np.nan, np.float32)
        conns[:, :num_connections] = np.concatenate([ends, np.ones((*ends.shape[:2], 1))], axis=-1)
        is_there = np.arange(num_connections) < host.num_connections[:, None]
        conns[:, :num_connections][~(is_there & host.conn_enabled[:, :num_connections])] = np.nan
        return made, (jnp.asarray(nodes), jnp.asarray(conns))


def _in_chunks(made: Any, evaluate: Callable[[Any], Any], weights: Any, num_lanes: int) -> Callable[..., Any]:
    """The compiled evaluation of a population's tables."""

    def individual(nodes, conns):
        order, nodes, conns, index = made.transform(None, nodes, conns)
        return jax.vmap(lambda weight: evaluate((order, nodes, conns.at[:, 2].multiply(weight), index)))(weights)

    @jax.jit
    def program(tables):
        size = tables[0].shape[0]
        chunk = max(1, min(size, CHUNK_BYTES // (4 * made.max_nodes * num_lanes)))
        while size % chunk:  # as it insists
            chunk -= 1
        chunks = jax.tree.map(lambda table: table.reshape(size // chunk, chunk, *table.shape[1:]), tables)
        _, results = lax.scan(lambda carry, some: (carry, jax.vmap(individual)(*some)), None, chunks)
        return results.reshape(size, len(weights))

    return program


def _with_bias(obs: Any) -> Any:
    return jnp.concatenate([jnp.ones(1), obs])
