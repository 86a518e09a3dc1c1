"""Black-box tuning of the weights of one network: an evolution strategy's gradient estimates, and CMA-ES.

In: a task, a topology, starting weights. Out: a `Method` (see tuning/__init__.py). All candidates of an update see the
same episodes or images, and run through one batched program.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Float

from wann_jax.devices import over_population
from wann_jax.strictness import loose_types
from wann_jax.tasks.tunable import TunableTask
from wann_jax.topology import Topology
from wann_jax.tuning.config import TuneConfig


class _BlackBox:
    """What both share: the returns of candidates."""

    num_runs = 1

    def __init__(self, task: TunableTask, topology: Topology, config: TuneConfig):
        self.config = config
        self.topology = topology
        self.size = config.minibatch_size if task.score_name == "accuracy" else config.episodes

    def returns(self, task: TunableTask, key: Array, candidates: Float[Array, "P C"]) -> Float[Array, "P"]:
        """Mean return of each candidate; what is not finite counts as the worst of the others."""

        def of_some(candidates, task, key):
            return task.returns_of_weights(self.topology, candidates, key, self.size)

        returns = over_population(of_some)(candidates, task, key)
        finite = jnp.isfinite(returns)
        return jnp.where(finite, returns, jnp.where(finite, returns, jnp.inf).min())

    def only(self, state: Any, run: int) -> Any:
        """The state of one run alone; there is only one."""
        return state

    @property
    def work_per_step(self) -> float:
        """Network passes or episodes that one step takes."""
        return float(self.config.population_size * self.size)


class EvolutionStrategy(_BlackBox):
    """Antithetic candidates, centred ranks, any optimiser of optax. Source: Salimans et al. 2017."""

    def init(self, key: Array, start: Float[Array, "C"]) -> Any:
        """Mean and moments. The key makes no difference."""
        optimiser = self.config.optimiser(self.config.learning_rates[0])
        return start, optimiser.init(start)

    def weights(self, state: Any) -> Float[Array, "1 C"]:
        """The mean."""
        return state[0][None]

    def step(self, task: TunableTask, key: Array, state: Any) -> Any:
        """One update by the estimated gradient. Consumes `key`."""
        mean, moments = state
        noise_key, return_key = jax.random.split(key)
        half = jax.random.normal(noise_key, (self.config.population_size // 2, *mean.shape))
        noise = jnp.concatenate([half, -half])
        returns = self.returns(task, return_key, mean[None] + self.config.deviation * noise)
        gradient = -(centred_ranks(returns) @ noise) / (returns.shape[0] * self.config.deviation)
        optimiser = self.config.optimiser(self.config.learning_rates[0])
        with loose_types():
            changes, moments = optimiser.update(gradient, moments, mean)
            return optax.apply_updates(mean, changes), moments


class CovarianceAdaptation(_BlackBox):
    """CMA-ES, as evosax has it."""

    def __init__(self, task: TunableTask, topology: Topology, config: TuneConfig):
        from evosax.algorithms import CMA_ES  # here: its import takes longer than a short run

        super().__init__(task, topology, config)
        self.algorithm = CMA_ES(config.population_size, jnp.zeros(topology.num_connections))
        with loose_types():
            self.params = self.algorithm.default_params.replace(std_init=jnp.float32(config.deviation))

    def init(self, key: Array, start: Float[Array, "C"]) -> Any:
        """The algorithm's state around the start. Consumes `key`."""
        with loose_types():
            return self.algorithm.init(key, start, self.params)

    def weights(self, state: Any) -> Float[Array, "1 C"]:
        """The mean."""
        return state.mean[None]

    def step(self, task: TunableTask, key: Array, state: Any) -> Any:
        """One generation. Consumes `key`."""
        ask_key, return_key, tell_key = jax.random.split(key, 3)
        with loose_types():
            candidates, asked = self.algorithm.ask(ask_key, state, self.params)
        returns = self.returns(task, return_key, candidates)
        with loose_types():
            told, _ = self.algorithm.tell(tell_key, candidates, -returns, asked, self.params)
            return jax.tree.map(lambda new, old: jnp.asarray(new, jnp.asarray(old).dtype), told, state)


def centred_ranks(returns: Float[Array, "P"]) -> Float[Array, "P"]:
    """Ranks scaled to [-0.5, 0.5]; equal returns share the mean of their ranks, so that a flat region pulls nowhere."""
    below = (returns[:, None] > returns[None, :]).sum(-1)
    above = (returns[:, None] < returns[None, :]).sum(-1)
    return (below - above).astype(jnp.float32) / (2 * (returns.shape[0] - 1))
