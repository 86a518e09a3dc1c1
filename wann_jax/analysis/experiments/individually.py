"""A search under individual random weights: a weight of its own for each connection, drawn anew in every generation.

In: a task of classification. Out: a task that a search takes, or how good a search's champion is, under individual
random weights and under shared ones. Weights are uniform in [-2, 2], as many draws as there would be shared weights.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array, lax
from jaxtyping import Float, Key

from wann_jax.analysis.evaluation import evaluate, score_weights
from wann_jax.analysis.experiments.base import Record, Results, Setting
from wann_jax.analysis.experiments.champions import QUICK, WEIGHTS
from wann_jax.evolution.config import SearchConfig
from wann_jax.evolution.loop import search
from wann_jax.kernels.gradient import forward_with_gradient
from wann_jax.kernels.losses import Accuracy, CrossEntropy
from wann_jax.networks.layered import Topology
from wann_jax.networks.network import Network
from wann_jax.tasks.base import Evaluation
from wann_jax.tasks.classification import ClassificationTask
from wann_jax.tasks.registry import make_task

RANGE = 2.0
BATCH, POPULATION, GENERATIONS = 256, 64, 300
DRAWS = 200


class IndividualWeights(struct.PyTreeNode):
    """The same data, networks judged by individual random weights; `shared_weights` only tells how many draws."""

    task: ClassificationTask

    name = property(lambda self: self.task.name)
    num_inputs = property(lambda self: self.task.num_inputs)
    num_outputs = property(lambda self: self.task.num_outputs)
    hidden_activations = property(lambda self: self.task.hidden_activations)
    work_unit = property(lambda self: self.task.work_unit)
    score_name = property(lambda self: self.task.score_name)

    def evaluate(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> Evaluation:
        """Minus the mean cross-entropy over one mini-batch. Consumes `key`."""
        batch_key, draw_key = jax.random.split(key)
        batch = jax.random.permutation(batch_key, self.task.labels["train"].shape[0])[: self.task.batch_size]
        loss = CrossEntropy(self.task.labels["train"][batch], self.task.logit_deviation)
        found = self._under_draws(networks, shared_weights, draw_key, self.task.inputs["train"][batch], loss)
        return Evaluation(found * -1.0, jnp.full(found.shape[0], float(batch.shape[0] * shared_weights.shape[0])))

    def score(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int, split: str
    ) -> Float[Array, "P W 1"]:
        """Accuracy on a split under each draw. Consumes `key`."""
        accuracy = Accuracy(self.task.labels[split])
        inputs = self.task.inputs[split]
        return self._under_draws(networks, shared_weights, key, inputs, lambda out: accuracy(out)[:, 0])[..., None]

    def _under_draws(self, networks: Any, shared_weights: Array, key: Array, inputs: Array, summarise: Any) -> Array:
        """A summary of outputs for each network and draw, [P, W]."""
        shape = (shared_weights.shape[0], networks.spec.max_connections)
        vectors, num_rows = jax.random.uniform(key, shape, minval=-RANGE, maxval=RANGE), networks.num_rows.max()

        def of_network(network):
            outputs = jax.vmap(lambda vector: forward_with_gradient(network, vector, inputs, num_rows))(vectors)
            return summarise(outputs)

        return lax.map(of_network, networks)


def _searched(task_name: str, is_individual: bool, seed: int, is_quick: bool) -> dict[str, float]:
    """Test accuracies of a search's champion: the mean under individual random weights, and under shared ones."""
    task: Any = make_task(task_name, batch_size=BATCH, logit_deviation=2.0)
    chosen: dict[str, Any] = dict(population_size=POPULATION, generations=GENERATIONS, champion_interval=25)
    config = SearchConfig.preset(task_name, "best", **chosen | (QUICK if is_quick else {}))
    result = search(IndividualWeights(task) if is_individual else task, config, seed)
    topology, random = Topology.of(result.network), np.random.default_rng(seed)
    vectors = random.uniform(-RANGE, RANGE, (5 if is_quick else DRAWS, 1, topology.num_connections))
    individual = score_weights(task, topology, jnp.asarray(vectors, jnp.float32), jax.random.key(0), 1, "test")
    shared = evaluate(task, [result.network], list(WEIGHTS), split="test")
    return {"individual": float(individual.mean()), "shared": float(shared.mean())}


def searches(record: Record, setting: Setting) -> Results:
    """Accuracies of champions, by the weights that their search used and by those that they are judged under."""
    seeds, arms = range(setting.seeds), {"shared": False, "individual": True}
    jobs = {
        f"search under {arm} weights, seed {seed}": partial(_searched, setting.task, individual, seed, setting.is_quick)
        for arm, individual in arms.items()
        for seed in seeds
    }
    found = record.measured_all(jobs, setting.is_quick)
    return {
        arm: {under: [found[f"search under {arm} weights, seed {seed}"][under] for seed in seeds] for under in arms}
        for arm in arms
    }
