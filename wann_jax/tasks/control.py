"""Control: networks as policies in any gymnax environment with a box observation and a discrete or box action.

In: networks and shared weights. Out: returns. Episodes run in lanes (lanes.py). Steps run `step_env`: nothing resets.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import gymnax
import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment, spaces
from jax import Array, lax
from jaxtyping import Float, Key

from wann_jax.envs import REGISTERED
from wann_jax.errors import DataError, require, require_known
from wann_jax.genomes.activation_ids import ACTIVATION_IDS
from wann_jax.kernels.backend import LaneEpisodes
from wann_jax.networks.layered import Topology, in_lanes
from wann_jax.tasks.actions import Actions, num_inputs
from wann_jax.tasks.lanes import InLanes, Lanes


class ControlTask(InLanes, struct.PyTreeNode):
    """A gymnax environment as a task."""

    env_params: Any  # the environment's own parameters, traced
    actions: Actions
    env: environment.Environment = struct.field(pytree_node=False)
    name: str = struct.field(pytree_node=False)
    num_inputs: int = struct.field(pytree_node=False)
    hidden_activations: tuple[int, ...] = struct.field(pytree_node=False, default=tuple(ACTIVATION_IDS.values()))
    static_max_steps: int = struct.field(pytree_node=False, default=0)  # set by `differentiable`
    work_unit: str = struct.field(pytree_node=False, default="steps")
    score_name: str = struct.field(pytree_node=False, default="return")

    @classmethod
    def create(cls, name: str, env: environment.Environment, env_params: Any) -> "ControlTask":
        """Reads the sizes from the environment's spaces. Raises ConfigError for spaces that are not supported."""
        return cls(
            env_params=env_params,
            actions=Actions.of(name, env.action_space(env_params), spaces),
            env=env,
            name=name,
            num_inputs=num_inputs(name, env.observation_space(env_params), spaces),
        )

    @property
    def num_outputs(self) -> int:
        """One for each action, or for each number of an action."""
        return self.actions.num_outputs

    @property
    def step_limit(self) -> Any:
        """The environment's own."""
        return self.env_params.max_steps_in_episode

    def begin(self, key: Key[Array, ""], episodes: int) -> tuple[Any, Any, Key[Array, ""]]:
        """First observations and states of the episodes [R], and the key of their steps. Consumes `key`."""
        start_key, step_key = jax.random.split(key)
        keys = jax.random.split(start_key, episodes)
        return *jax.vmap(self.env.reset_env, (0, None))(keys, self.env_params), step_key

    def reset(self, begun: Any, shape: tuple[int, int], episodes: int) -> tuple[Any, Any]:
        """Observations and states."""
        return jax.tree.map(lambda leaf: _over_lanes(jnp.asarray(leaf), shape), begun[:2])

    def observe(self, begun: Any, lanes: Lanes) -> tuple[Any, Float[Array, "P L I"]]:
        """Observations are what networks see."""
        return lanes.state, lanes.state[0].reshape(*lanes.alive.shape, -1).astype(jnp.float32)

    def act(self, outputs: Float[Array, "P L O"]) -> Array:
        """As the environment's action space wants it."""
        return self.actions.from_outputs(outputs)

    def lane(self, begun: Any) -> LaneEpisodes:
        """One lane of an environment that draws no random numbers; another's is refused by the kernels."""

        def step(task, state, outputs):
            action, nobody = task.actions.from_outputs(outputs), jax.random.key(0)
            obs, state, reward, terminated, _ = task.env.step_env(nobody, state[1], action, task.env_params)
            return (
                (obs, state),
                reward.reshape(()).astype(jnp.float32),
                terminated.astype(bool) | task.env.is_truncated(state, task.env_params),
            )

        return LaneEpisodes(
            self, begun[:2], self.step_limit, step, lambda state: state[0].reshape(-1).astype(jnp.float32)
        )

    def step(self, begun: Any, count: Any, lanes: Lanes, actions: Array) -> Lanes:
        """The same randomness for the lanes of an episode."""
        obs, step_key = begun[0], begun[2]
        episodes, (_, state), shape = jax.tree.leaves(obs)[0].shape[0], lanes.state, lanes.alive.shape
        keys = jax.random.split(jax.random.fold_in(step_key, count), episodes)
        keys = jnp.tile(keys, shape[1] // episodes)
        step_env = jax.vmap(jax.vmap(self.env.step_env, (0, 0, 0, None)), (None, 0, 0, None))
        truncated = jax.vmap(jax.vmap(self.env.is_truncated, (0, None)), (0, None))
        obs, state, reward, terminated, _ = step_env(keys, state, actions, self.env_params)
        returns = lanes.returns + jnp.where(lanes.alive, reward.reshape(shape).astype(jnp.float32), 0.0)
        alive = lanes.alive & ~terminated.astype(bool) & ~truncated(state, self.env_params)
        return Lanes((obs, state), returns, alive)

    def loss_of_weights(
        self, topology: Topology, key: Key[Array, ""], size: int, horizon: int, input_noise: float
    ) -> Callable[[Float[Array, "C"]], Float[Array, ""]]:
        """Minus the mean return over `size` episodes; gradients reach back `horizon` steps. Consumes `key`.

        Only of a task that is `differentiable()`. The clipping of actions passes gradients on.
        """
        start_key, step_key = jax.random.split(key)
        obs, state = jax.vmap(self.env.reset_env, (0, None))(jax.random.split(start_key, size), self.env_params)
        step_env = jax.vmap(self.env.step_env, (0, 0, 0, None))
        num_chunks = -(-self.static_max_steps // horizon)

        def loss(weights):
            def advance(carry, index):
                obs, state, alive = carry
                outputs = in_lanes(topology, weights, obs.reshape(size, -1))
                outputs = outputs + lax.stop_gradient(jnp.clip(outputs, -1.0, 1.0) - outputs)
                keys = jax.random.split(jax.random.fold_in(step_key, index), size)
                obs, state, reward, terminated, _ = step_env(
                    keys, state, self.actions.from_outputs(outputs), self.env_params
                )
                earned = jnp.where(alive & (index < self.env_params.max_steps_in_episode), reward, 0.0)
                return (obs, state, alive & ~terminated), earned

            @jax.checkpoint
            def chunk(carry, chunk_index):
                carry = lax.stop_gradient(carry)
                carry, earned = lax.scan(advance, carry, chunk_index * horizon + jnp.arange(horizon))
                return carry, earned.sum(0)

            _, earned = lax.scan(chunk, (obs, state, jnp.ones(size, bool)), jnp.arange(num_chunks))
            return -earned.sum(0).mean()

        return loss

    def differentiable(self) -> "ControlTask":
        """The same with gradients through the environment's steps.

        Raises ConfigError for discrete actions and environments without gradients.
        """
        fits = self.actions.shape is not None and self.env.supports_transition_gradients
        require(fits, "method", f"es or cma: {self.name!r} has no gradients through its steps", "adam")
        return self.replace(
            env=_differentiable(self.env),
            static_max_steps=int(self.env_params.max_steps_in_episode),
        )


def gymnax_task(name: str, env_id: str, max_steps: int | None = None, **changes: Any) -> ControlTask:
    """The task called `name` of a gymnax environment, with changes of its parameters.

    `max_steps`: length limit of an episode. Raises ConfigError for an unknown environment or one that is not
    supported, DataError for one whose data cannot be had.
    """
    require_known("gymnax environment", env_id, REGISTERED)
    if max_steps is not None:
        require(max_steps >= 1, "task.max_steps", "at least 1", max_steps)
        require(max_steps < 2**31, "task.max_steps", "below 2**31", max_steps)
    try:
        env, params = _made(env_id)
    except OSError as error:  # an environment that downloads its data
        raise DataError(f"gymnax environment {env_id} cannot be made: {error}") from None
    if max_steps is not None:
        kind = type(params.max_steps_in_episode)  # a float in some environments, which then count on it
        changes["max_steps_in_episode"] = kind(max_steps)
    return ControlTask.create(name, env, params.replace(**changes))


# One object for each environment, so that compiled programs are found again.
_made = cache(gymnax.make)


@cache
def _differentiable(env: environment.Environment) -> environment.Environment:
    """One object for each environment, so that compiled programs are found again."""
    return env.with_transition_gradients()


def _over_lanes(leaf: Array, shape: tuple[int, int]) -> Array:
    """From [R, ...] to [P, W * R, ...]: the same episodes for every individual and weight."""
    num_networks, num_lanes = shape
    tiled = jnp.tile(leaf, (num_lanes // leaf.shape[0],) + (1,) * (leaf.ndim - 1))
    return jnp.broadcast_to(tiled, (num_networks, *tiled.shape))
