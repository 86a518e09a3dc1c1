"""Black-box tuning of the weights of one network: an evolution strategy's gradient estimates, and CMA-ES.

In: a task, a topology, starting weights. Out: a `Method` (see tuning/api.py). All candidates of an update see the
same episodes or images, and run through one batched program.
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

MOST_WEIGHTS_OF_FULL = 250  # of CMA-ES: a covariance of more has too many numbers for the episodes that there are


class _BlackBox:
    """What both share: K restarts side by side, and the returns of their candidates."""

    first_snapshot = 0
    uses_all_devices = True

    def __init__(self, task: TunableTask, topology: Topology, config: TuneConfig):
        self.config = config
        self.topology = topology
        self.size = config.minibatch_size if task.score_name == "accuracy" else config.episodes
        self.num_runs = config.restarts

    def starts(self, key: Array, start: Float[Array, "C"]) -> Float[Array, "K C"]:
        """The start, and disturbed ones. Consumes `key`."""
        noise = self.config.start_deviation * jax.random.normal(key, (self.num_runs, *start.shape))
        return start[None] + noise.at[0].set(0.0)

    def returns(self, task: TunableTask, key: Array, candidates: Float[Array, "K P C"]) -> Float[Array, "K P"]:
        """Mean return of each candidate; what is not finite counts as the worst of the others of its run."""

        def of_some(candidates, task, key):
            return task.returns_of_weights(self.topology, candidates, key, self.size)

        together = candidates.reshape(-1, candidates.shape[-1])
        over_devices = over_population(of_some) if self.uses_all_devices else of_some
        returns = over_devices(together, task, key).reshape(candidates.shape[:2])
        finite = jnp.isfinite(returns)
        return jnp.where(finite, returns, jnp.where(finite, returns, jnp.inf).min(1, keepdims=True))

    @property
    def work_per_step(self) -> float:
        """Network passes or episodes that one step takes."""
        return float(self.num_runs * self.config.population_size * self.size)


class EvolutionStrategy(_BlackBox):
    """Antithetic candidates, centred ranks, any optimiser of optax. Source: Salimans et al. 2017."""

    def init(self, key: Array, start: Float[Array, "C"]) -> Any:
        """Means and moments of all runs, [K, ...]. Consumes `key`."""
        optimiser = self.config.optimiser(self.config.learning_rates[0])
        means = self.starts(key, start)
        return means, jax.vmap(optimiser.init)(means)

    def weights(self, state: Any) -> Float[Array, "K C"]:
        """The means."""
        return state[0]

    def step(self, task: TunableTask, key: Array, state: Any) -> Any:
        """One update by the estimated gradient. Consumes `key`."""
        means, _ = state
        noise_key, return_key = jax.random.split(key)
        num_runs, num_weights = means.shape
        half = jax.random.normal(noise_key, (num_runs, self.config.population_size // 2, num_weights))
        noise = jnp.concatenate([half, -half], axis=1)
        returns = self.returns(task, return_key, means[:, None] + self.config.deviation * noise)
        optimiser = self.config.optimiser(self.config.learning_rates[0])

        def update(state, noise, returns):
            mean, moments = state
            gradient = -(centred_ranks(returns) @ noise) / (returns.shape[0] * self.config.deviation)
            with loose_types():
                changes, moments = optimiser.update(gradient, moments, mean)
                return optax.apply_updates(mean, changes), moments

        return jax.vmap(update)(state, noise, returns)


class CovarianceAdaptation(_BlackBox):
    """CMA-ES, as evosax has it; with many weights the separable one, whose covariance is a diagonal.

    Sources: Hansen 2016; Ros & Hansen 2008, "A simple modification in CMA-ES achieving linear time and space
    complexity".
    """

    def __init__(self, task: TunableTask, topology: Topology, config: TuneConfig):
        from evosax.algorithms import CMA_ES, Sep_CMA_ES  # here: its import takes longer than a short run

        super().__init__(task, topology, config)
        # Factorisations of a batch hold a CPU's threads: where its devices also wait for each other, for ever.
        self.uses_all_devices = jax.default_backend() != "cpu"
        number = topology.num_connections
        is_separable = number > MOST_WEIGHTS_OF_FULL
        self.algorithm = (Sep_CMA_ES if is_separable else CMA_ES)(config.population_size, jnp.zeros(number))
        with loose_types():
            params = self.algorithm.default_params
            params = params.replace(std_init=jnp.float32(config.deviation))
            # A diagonal has few numbers to learn, and may be learned that much faster.
            faster = (number + 2) / 3 if is_separable else 1.0
            self.params = params.replace(c_1=faster * params.c_1, c_mu=jnp.minimum(faster * params.c_mu, 0.5))

    def init(self, key: Array, start: Float[Array, "C"]) -> Any:
        """The algorithm's states around the starts, [K, ...]. Consumes `key`."""
        start_key, init_key = jax.random.split(key)
        keys = jax.random.split(init_key, self.num_runs)
        with loose_types():
            return jax.vmap(lambda key, mean: self.algorithm.init(key, mean, self.params))(
                keys, self.starts(start_key, start)
            )

    def weights(self, state: Any) -> Float[Array, "K C"]:
        """The means."""
        return state.mean

    def step(self, task: TunableTask, key: Array, state: Any) -> Any:
        """One generation of every run, on the same episodes or images. Consumes `key`."""
        ask_key, return_key, tell_key = jax.random.split(key, 3)
        ask_keys, tell_keys = (jax.random.split(key, self.num_runs) for key in (ask_key, tell_key))
        with loose_types():
            candidates, asked = jax.vmap(lambda key, state: self.algorithm.ask(key, state, self.params))(
                ask_keys, state
            )
        losses = -self.returns(task, return_key, candidates)

        def told(key, candidates, losses, asked):
            return self.algorithm.tell(key, candidates, losses, asked, self.params)[0]

        with loose_types():
            new = jax.vmap(told)(tell_keys, candidates, losses, asked)
            return jax.tree.map(lambda leaf, old: jnp.asarray(leaf, jnp.asarray(old).dtype), new, state)


def centred_ranks(returns: Float[Array, "P"]) -> Float[Array, "P"]:
    """Ranks scaled to [-0.5, 0.5]; equal returns share the mean of their ranks, so that a flat region pulls nowhere."""
    below = (returns[:, None] > returns[None, :]).sum(-1)
    above = (returns[:, None] < returns[None, :]).sum(-1)
    return (below - above).astype(jnp.float32) / (2 * (returns.shape[0] - 1))
