"""Control: networks as policies in any gymnax environment with a box observation and a discrete or box action.

In: networks and shared weights. Out: returns. Lanes are weight x episode; all individuals and weights see the same
episodes. Steps run `step_env`, so nothing resets; a lane that has ended earns nothing more, and the loop stops when
every lane has.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from gymnax.environments import environment, spaces
from jax import Array, lax
from jaxtyping import Float, Key

from wann_jax.activations import ACTIVATION_IDS
from wann_jax.devices import over_blocks
from wann_jax.errors import require
from wann_jax.forward import forward_lanes_in, lanes_memory
from wann_jax.network import Network
from wann_jax.tasks.base import Evaluation

BLOCK_BYTES = 300 << 10  # of values that a block of individuals computes on


class ControlTask(struct.PyTreeNode):
    """A gymnax environment as a task."""

    env_params: Any  # the environment's own parameters, traced
    action_low: Float[Array, "A"]  # box actions only
    action_high: Float[Array, "A"]
    env: environment.Environment = struct.field(pytree_node=False)
    name: str = struct.field(pytree_node=False)
    num_inputs: int = struct.field(pytree_node=False)
    num_outputs: int = struct.field(pytree_node=False)
    action_shape: tuple[int, ...] | None = struct.field(pytree_node=False)  # None: discrete
    hidden_activations: tuple[int, ...] = struct.field(pytree_node=False, default=tuple(ACTIVATION_IDS.values()))
    work_unit: str = struct.field(pytree_node=False, default="steps")
    score_name: str = struct.field(pytree_node=False, default="return")

    @classmethod
    def create(cls, name: str, env: environment.Environment, env_params: Any) -> "ControlTask":
        """Reads the sizes from the environment's spaces. Raises ConfigError for spaces that are not supported."""
        observation, action = env.observation_space(env_params), env.action_space(env_params)
        require(isinstance(observation, spaces.Box), f"{name}: observation space", "a box", observation)
        discrete = isinstance(action, spaces.Discrete)
        require(discrete or isinstance(action, spaces.Box), f"{name}: action space", "discrete or a box", action)
        low, high = np.zeros(0, np.float32), np.zeros(0, np.float32)
        if not discrete:
            low = np.broadcast_to(np.asarray(action.low, np.float32), action.shape).ravel()
            high = np.broadcast_to(np.asarray(action.high, np.float32), action.shape).ravel()
            bounded = bool(np.isfinite(low).all() and np.isfinite(high).all() and low.size)
            require(bounded, f"{name}: action space", "bounded on both sides, so that outputs can be scaled", action)
        return cls(
            env_params=env_params,
            action_low=jnp.asarray(low),
            action_high=jnp.asarray(high),
            env=env,
            name=name,
            num_inputs=int(np.prod(observation.shape)),
            num_outputs=int(action.n) if discrete else low.size,
            action_shape=None if discrete else tuple(action.shape),
        )

    def evaluate(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> Evaluation:
        """Mean return over the episodes. Consumes `key`."""
        returns, steps = self.rollout(networks, shared_weights, key, episodes)
        return Evaluation(returns.mean(-1), steps)

    def score(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int, split: str
    ) -> Float[Array, "P W R"]:
        """The return of each episode; `split` makes no difference: every key is fresh. Consumes `key`."""
        return self.rollout(networks, shared_weights, key, episodes)[0]

    def rollout(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> tuple[Float[Array, "P W R"], Float[Array, "P"]]:
        """Return of each episode, and the steps that each individual took in all. Consumes `key`.

        One block of individuals runs after another: a block's values stay in the cache (and below the size from
        which XLA splits each tiny operation over threads), and each block ends with its own last lane.
        """
        lanes_bytes = 4 * networks.spec.num_slots * shared_weights.shape[0] * episodes
        block_size = max(1, BLOCK_BYTES // lanes_bytes)
        return over_blocks(
            lambda block: self._rollout_block(block, shared_weights, key, episodes), networks, block_size
        )

    def _rollout_block(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> tuple[Float[Array, "P W R"], Float[Array, "P"]]:
        num_networks, num_weights = networks.num_rows.shape[0], shared_weights.shape[0]
        lanes = (num_networks, num_weights * episodes)
        lane_weights = jnp.repeat(shared_weights, episodes)
        start_key, step_key = jax.random.split(key)
        obs, state = jax.vmap(self.env.reset_env, (0, None))(jax.random.split(start_key, episodes), self.env_params)
        obs, state = jax.tree.map(lambda leaf: _over_lanes(jnp.asarray(leaf), lanes), (obs, state))
        step_env = jax.vmap(jax.vmap(self.env.step_env, (0, 0, 0, None)), (None, 0, 0, None))
        truncated = jax.vmap(jax.vmap(self.env.is_truncated, (0, None)), (0, None))

        def running(carry):
            step, *_, alive = carry
            return (step < self.env_params.max_steps_in_episode) & alive.any()

        def advance(carry):
            step, memory, obs, state, returns, steps, alive = carry
            inputs = obs.reshape(*lanes, -1).astype(jnp.float32)
            memory, outputs = forward_lanes_in(memory, networks, lane_weights, inputs)
            keys = jax.random.split(jax.random.fold_in(step_key, step), episodes)
            actions = self.to_action(outputs)
            obs, state, reward, terminated, _ = step_env(jnp.tile(keys, num_weights), state, actions, self.env_params)
            returns = returns + jnp.where(alive, reward.reshape(lanes).astype(jnp.float32), 0.0)
            steps = steps + alive.sum(-1, dtype=jnp.float32)
            alive = alive & ~terminated.astype(bool) & ~truncated(state, self.env_params)
            return step + 1, memory, obs, state, returns, steps, alive

        memory = lanes_memory(networks, lanes[1])
        start = (0, memory, obs, state, jnp.zeros(lanes), jnp.zeros(num_networks), jnp.ones(lanes, bool))
        *_, returns, steps, _ = lax.while_loop(running, advance, start)
        return returns.reshape(num_networks, num_weights, episodes), steps

    def to_action(self, outputs: Float[Array, "*lanes O"]) -> Array:
        """Discrete: the largest output. Box: outputs clipped to [-1, 1], which is scaled to the action's range."""
        if self.action_shape is None:
            return outputs.argmax(-1).astype(jnp.int32)
        unit = 0.5 * (jnp.clip(outputs, -1.0, 1.0) + 1.0)
        low, high = (jnp.broadcast_to(bound, outputs.shape) for bound in (self.action_low, self.action_high))
        return (low + unit * (high - low)).reshape(*outputs.shape[:-1], *self.action_shape)


def _over_lanes(leaf: Array, lanes: tuple[int, int]) -> Array:
    """From [R, ...] to [P, W * R, ...]: the same episodes for every individual and weight."""
    num_networks, num_lanes = lanes
    tiled = jnp.tile(leaf, (num_lanes // leaf.shape[0],) + (1,) * (leaf.ndim - 1))
    return jnp.broadcast_to(tiled, (num_networks, *tiled.shape))
