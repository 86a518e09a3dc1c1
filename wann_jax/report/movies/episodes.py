"""One episode of a network, step by step, to be looked at.

In: a task of a gymnax environment and a policy. Out: everything that happened, cut off where the episode ends.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Key

from wann_jax.kernels.forward import forward
from wann_jax.networks.layered import Topology, in_lanes
from wann_jax.networks.network import Network
from wann_jax.tasks.control import ControlTask

Policy = Callable[[Array], Array]  # from what is seen [I] to outputs [O]


class Episode(NamedTuple):
    """What happened in T steps."""

    states: Any  # the environment's, [T, ...], after each step
    observations: np.ndarray | Array  # [T, I], as the network saw them
    rewards: np.ndarray | Array  # [T]


def policy_of(network: Network, weight: float | np.ndarray) -> Policy:
    """The network under a shared weight, or under weights [C] of its own."""
    if np.ndim(weight) == 0:
        return lambda seen: forward(network, jnp.float32(weight), seen)
    topology, vector = Topology.of(network), jnp.asarray(weight, jnp.float32)
    return lambda seen: in_lanes(topology, vector[None], seen[None])[0]


def play(task: ControlTask, policy: Policy, key: Key[Array, ""], steps: int) -> Episode:
    """The one episode that the task evaluates under `key`, which it consumes; `steps`: at most so many."""

    @jax.jit
    def run(task, key):
        *begun, step_key = task.begin(key, 1)
        obs, state = jax.tree.map(lambda leaf: jnp.asarray(leaf)[0], begun)

        def advance(carry, count):
            obs, state = carry
            seen = obs.reshape(-1).astype(jnp.float32)
            (key,) = jax.random.split(jax.random.fold_in(step_key, count), 1)
            action = task.actions.from_outputs(policy(seen))
            obs, state, reward, terminated, _ = task.env.step_env(key, state, action, task.env_params)
            ended = terminated.astype(bool) | task.env.is_truncated(state, task.env_params)
            return (obs, state), (Episode(state, seen, reward.reshape(()).astype(jnp.float32)), ended)

        return jax.lax.scan(advance, (obs, state), jnp.arange(steps))[1]

    episode, ended = jax.device_get(run(task, key))
    length = int(ended.argmax()) + 1 if ended.any() else steps
    return jax.tree.map(lambda leaf: leaf[:length], episode)
