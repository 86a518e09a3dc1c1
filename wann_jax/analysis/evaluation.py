"""Evaluating given networks: any networks, shared weights and number of episodes.

In: a task and networks, of any sizes. Out: scores [P, W, R].
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Key

from wann_jax.devices import over_population, replicated
from wann_jax.errors import require
from wann_jax.evolution.config import check_weights
from wann_jax.kernels.choosing import check_choice
from wann_jax.networks.layered import Topology
from wann_jax.networks.network import Network, stack_networks
from wann_jax.strictness import in_32_bits
from wann_jax.tasks.base import Task, check_fits
from wann_jax.tasks.tunable import TunableTask

SPLITS = ("validation", "test")


@in_32_bits
def evaluate(
    task: Task,
    networks: Sequence[Network],
    weights: Sequence[float],
    episodes: int = 100,
    seed: int = 0,
    split: str = "validation",
) -> np.ndarray:
    """Scores of each network under each shared weight.

    Args:
        task: what the networks are for.
        networks: compiled networks of any sizes.
        weights: shared weights.
        episodes: fresh episodes for each weight, the same for all networks and weights (control).
        seed: of the episodes.
        split: the images, "validation" or "test" (classification).

    Returns:
        [P, W, R]: the return of each episode, or, R = 1, the accuracy on the whole split.

    Raises:
        ConfigError: if a network does not fit the task, or an argument is out of range.
    """
    values = check_weights("weights", weights)
    require(episodes >= 1, "episodes", "at least 1", episodes)
    require(0 <= seed < 2**63, "seed", "between 0 and 2**63 - 1", seed)
    require(split in SPLITS, "split", f"one of {', '.join(SPLITS)}", split)
    require(len(networks) > 0, "networks", "at least one", len(networks))
    check_choice()
    for network in networks:
        check_fits(task, network)
    arguments = (task, stack_networks(networks), jnp.asarray(values, jnp.float32), jax.random.key(seed))
    return np.asarray(_score(*jax.device_put(arguments, replicated()), episodes, split))


@partial(jax.jit, static_argnames=("episodes", "split"))
def _score(
    task: Task, networks: Network, weights: Float[Array, "W"], key: Key[Array, ""], episodes: int, split: str
) -> Float[Array, "P W R"]:
    def score(networks, task, weights, key):
        return task.score(networks, weights, key, episodes, split)

    return over_population(score)(networks, task, weights, key)


@partial(jax.jit, static_argnames=("topology", "episodes", "split"))
def score_weights(
    task: TunableTask,
    topology: Topology,
    weights: Float[Array, "P #R C"],
    key: Key[Array, ""],
    episodes: int,
    split: str,
) -> Float[Array, "P R"]:
    """Scores under each weight vector, compiled; see `TunableTask`. Consumes `key`."""
    return task.score_weights(topology, weights, key, episodes, split)
