"""Gradient descent on the weights of one network: several runs at once, each with its own start and learning rate.

In: a task, a topology, starting weights. Out: a `Method` (see tuning/api.py). Classification descends the
cross-entropy of mini-batches; control climbs the return through the simulator, where the environment allows that.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Float

from wann_jax.devices import over_population
from wann_jax.networks.layered import Topology
from wann_jax.strictness import loose_types
from wann_jax.tasks.tunable import TunableTask
from wann_jax.tuning.config import TuneConfig
from wann_jax.tuning.pruning import Pruning, steps_until_pruned


class GradientDescent:
    """Runs side by side: K = learning rates x starts x restarts."""

    uses_all_devices = True

    def __init__(self, task: TunableTask, topology: Topology, config: TuneConfig):
        self.config = config
        self.topology = topology
        self.size = config.minibatch_size if task.score_name == "accuracy" else config.episodes
        self.num_runs = len(config.learning_rates) * (1 + len(config.shared_starts)) * config.restarts
        self.scale = (
            jnp.asarray(topology.fan_in) ** -0.5 if config.fan_in_scaling else jnp.ones(topology.num_connections)
        )

    def init(self, key: Array, start: Float[Array, "C"]) -> Any:
        """The state of all runs, [K, ...]."""
        config = self.config
        noise = config.start_deviation * jax.random.normal(key, (config.restarts, *start.shape))
        shared = [jnp.full_like(start, weight) for weight in config.shared_starts]
        disturbed = jnp.stack([start, *shared])[:, None] + noise.at[0].set(0.0)[None]
        starts = jnp.tile(disturbed.reshape(-1, start.shape[0]), (len(config.learning_rates), 1))
        rates = jnp.repeat(jnp.asarray(config.learning_rates), starts.shape[0] // len(config.learning_rates))
        offsets = jnp.zeros_like(starts)  # what is descended: weights are start + scale * offset
        moments = jax.vmap(lambda rate, offset: config.optimiser(rate).init(offset))(rates, offsets)
        pruning = jax.vmap(Pruning.begin)(starts)
        return starts, offsets, rates, moments, pruning

    def weights(self, state: Any) -> Float[Array, "K C"]:
        """What the runs have come to."""
        starts, offsets, _, _, pruning = state
        return (starts + self.scale[None] * offsets) * pruning.mask

    def step(self, task: TunableTask, key: Array, state: Any) -> Any:
        """One update of every run, on the same mini-batch or episodes."""
        return over_population(self._step)(state, task, key)

    def _step(self, state: Any, task: TunableTask, key: Array) -> Any:
        config = self.config
        loss = task.loss_of_weights(self.topology, key, self.size, config.horizon, config.input_noise)

        def update(start, offset, rate, moments, pruning):
            weights = (start + self.scale * offset) * pruning.mask
            gradient = jax.grad(loss)(weights) * pruning.mask
            with loose_types():
                changes, moments = config.optimiser(rate).update(gradient * self.scale, moments, offset)
                changed = optax.apply_updates(offset, changes)
            if config.connections:
                pruning = pruning.update(weights, gradient, config.connections, config.steps)
            return start, changed, rate, moments, pruning

        return jax.vmap(update)(*state)

    @property
    def first_snapshot(self) -> int:
        """Steps before which no weights are kept: as long as connections go."""
        return steps_until_pruned(self.config.steps) if self.config.connections else 0

    @property
    def work_per_step(self) -> float:
        """Network passes or episodes that one step takes."""
        return float(self.num_runs * self.size)
