"""A genetic algorithm on the weights of one network.

In: a task, a topology, starting weights. Out: a `Method` (tuning/api.py) of one run.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from wann_jax.networks.layered import Topology
from wann_jax.tasks.tunable import TunableTask
from wann_jax.tuning.config import TuneConfig


class GeneticAlgorithm:
    """The best quarter are parents, children get noise, the best stays. Source: Such et al. 2017. One run, K = 1."""

    def __init__(self, task: TunableTask, topology: Topology, config: TuneConfig):
        self.config, self.topology = config, topology
        self.size = config.minibatch_size if task.score_name == "accuracy" else config.episodes

    def init(self, key: Array, start: Float[Array, "C"]) -> Any:
        """Disturbed copies of the start, and the start itself, first. Consumes `key`."""
        noise = jax.random.normal(key, (self.config.population_size, *start.shape))
        return start[None] + self.config.deviation * noise.at[0].set(0.0)

    def weights(self, state: Any) -> Float[Array, "K C"]:
        """The first, who was the best of the last generation."""
        return state[:1]

    def step(self, task: TunableTask, key: Array, state: Any) -> Any:
        """One generation. Consumes `key`."""
        return_key, parent_key, noise_key = jax.random.split(key, 3)
        returns = task.returns_of_weights(self.topology, state, return_key, self.size)
        order = jnp.argsort(-jnp.where(jnp.isfinite(returns), returns, -jnp.inf))
        size = state.shape[0]
        parents = order[jax.random.randint(parent_key, (size,), 0, size // 4).at[0].set(0)]
        noise = jax.random.normal(noise_key, state.shape).at[0].set(0.0)
        return state[parents] + self.config.deviation * noise
