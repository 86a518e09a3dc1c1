"""Real Gymnasium environments as tasks: `gymnasium:NAME`.

In: networks and shared weights. Out: returns. The networks run in the compiled program, all lanes in one batch; the
environments run in other processes and are called at every step. For judging, and for searches of small populations.
"""

import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array, lax
from jax.experimental import io_callback
from jaxtyping import Float, Int, Key

from wann_jax.devices import need_one_device, over_blocks
from wann_jax.errors import ConfigError, require
from wann_jax.genomes.activation_ids import ACTIVATION_IDS
from wann_jax.kernels.choosing import Backend, on_each_platform
from wann_jax.networks.layered import Topology, in_lanes
from wann_jax.networks.network import Network
from wann_jax.tasks.actions import Actions, num_inputs
from wann_jax.tasks.base import Episodic
from wann_jax.tasks.gymnasium_workers import WorkerError, take_failure, workers_of
from wann_jax.tasks.tunable import NoGradients

_MOST_LANES = 256  # environments at once
_MOST_STEPS = 10_000  # of an environment that has no limit of its own


class GymnasiumTask(Episodic, NoGradients, struct.PyTreeNode):
    """An environment of Gymnasium's registry with a box observation and a discrete or box action."""

    actions: Any  # makes actions of outputs: see Actions
    eye: Any  # makes inputs of observations [N, size], and knows their number; None: they are the inputs
    env_id: str = struct.field(pytree_node=False)
    name: str = struct.field(pytree_node=False)
    observation_size: int = struct.field(pytree_node=False)
    max_steps: int = struct.field(pytree_node=False)
    hidden_activations: tuple[int, ...] = struct.field(pytree_node=False, default=tuple(ACTIVATION_IDS.values()))
    work_unit: str = struct.field(pytree_node=False, default="steps")
    score_name: str = struct.field(pytree_node=False, default="return")

    @classmethod
    def create(cls, env_id: str, max_steps: int | None = None, eye: Any = None, actions: Any = None) -> "GymnasiumTask":
        """Reads the sizes from the environment. Raises ConfigError if it is unknown, or cannot be used."""
        name = f"gymnasium:{env_id}"
        env, spaces = _make(env_id)
        need_one_device(name)
        limit = env.spec.max_episode_steps or _MOST_STEPS
        env.close()
        task = cls(
            actions=actions or Actions.of(name, env.action_space, spaces),
            eye=eye,
            env_id=env_id,
            name=name,
            observation_size=num_inputs(name, env.observation_space, spaces),
            max_steps=limit if max_steps is None else min(max_steps, limit),
        )
        task._try_out()
        return task

    def _try_out(self) -> None:
        """One environment is reset and stepped where all will be. Raises ConfigError with what it said."""
        action = np.asarray(self.actions.from_outputs(jnp.zeros((1, self.num_outputs))))
        workers = workers_of(self.env_id)
        try:
            session, obs = workers.reset(np.zeros(1, np.int64), 1)
            workers.step(session, action)
            workers.finish(session)
        except WorkerError as error:
            take_failure()
            raise ConfigError(f"task {error}") from None
        fits = obs.shape == (1, self.observation_size)
        rule = f"of {self.observation_size} numbers, as its space says"
        require(fits, f"task {self.name}: an observation", rule, f"{obs[0].size} numbers")

    @property
    def num_inputs(self) -> int:
        """What the eye gives, or all of an observation."""
        return self.eye.num_inputs if self.eye else self.observation_size

    @property
    def num_outputs(self) -> int:
        """One for each action, or for each number of an action."""
        return self.actions.num_outputs

    def rollout(
        self, networks: Network, shared_weights: Float[Array, "W"], key: Key[Array, ""], episodes: int
    ) -> tuple[Float[Array, "P W R"], Float[Array, "P"]]:
        """Return of each episode, and the steps that each individual took in all. Consumes `key`."""
        lane_weights = jnp.repeat(shared_weights, episodes)
        num_lanes = lane_weights.shape[0]

        def rollout(backend: Backend, task, networks, lane_weights, seeds):
            def run(block):
                policy, lanes = backend.policy(block, lane_weights), (block.num_rows.shape[0], num_lanes)
                returns, steps = task._run_lanes(policy.step, policy.memory, lanes, seeds)
                return returns.reshape(lanes[0], -1, episodes), steps

            return over_blocks(run, networks, max(1, _MOST_LANES // num_lanes))

        return on_each_platform(rollout, self, networks, lane_weights, _seeds(key, episodes))

    def score_weights(
        self, topology: Topology, weights: Float[Array, "P #R C"], key: Key[Array, ""], episodes: int, split: str
    ) -> Float[Array, "P R"]:
        """Return of each of R = `episodes` episodes under each weight vector, or a vector for each episode.

        Consumes `key`; `split` makes no difference: every key is fresh.
        """
        seeds = _seeds(key, episodes)

        def run(block):
            def policy(memory, inputs):
                return memory, in_lanes(topology, block, inputs)

            return self._run_lanes(policy, (), (block.shape[0], episodes), seeds)[0]

        return over_blocks(run, weights, max(1, _MOST_LANES // episodes))

    def _run_lanes(
        self, policy: Callable[[Any, Array], Any], memory: Any, lanes: tuple[int, int], seeds: Int[Array, "R"]
    ) -> tuple[Float[Array, "P L"], Float[Array, "P"]]:
        """Returns of all lanes, and each individual's steps; `policy(memory, inputs)` gives memory and outputs."""
        seen = jax.ShapeDtypeStruct((*lanes, self.observation_size), jnp.float32)
        earned, goes_on = jax.ShapeDtypeStruct(lanes, jnp.float32), jax.ShapeDtypeStruct(lanes, bool)
        number = jax.ShapeDtypeStruct((), jnp.int32)

        def reset(seeds):
            session, obs = workers_of(self.env_id).reset(np.asarray(seeds), lanes[0] * lanes[1] // len(seeds))
            return session, obs.reshape(seen.shape)

        def step(session, actions):
            actions = np.asarray(actions)
            results = workers_of(self.env_id).step(session, actions.reshape(-1, *actions.shape[2:]))
            return tuple(
                part.reshape(whole.shape) for part, whole in zip(results, (seen, earned, goes_on), strict=True)
            )

        def finish(session, _):
            workers_of(self.env_id).finish(session)
            return np.int32(0)

        def running(carry):
            count, *_, alive = carry
            return (count < self.max_steps) & alive.any()

        def advance(carry):
            count, memory, obs, returns, steps, alive = carry
            inputs = self.eye(obs.reshape(-1, self.observation_size)).reshape(*lanes, -1) if self.eye else obs
            memory, outputs = policy(memory, inputs)
            steps = steps + alive.sum(-1, dtype=jnp.float32)
            obs, reward, alive = io_callback(step, (seen, earned, goes_on), session, self.actions.from_outputs(outputs))
            return count + 1, memory, obs, returns + reward, steps, alive

        session, obs = io_callback(reset, (number, seen), seeds)
        start = (0, memory, obs, jnp.zeros(lanes), jnp.zeros(lanes[0]), jnp.ones(lanes, bool))
        *_, returns, steps, alive = lax.while_loop(running, advance, start)
        io_callback(finish, number, session, alive)
        return returns, steps


def _seeds(key: Key[Array, ""], episodes: int) -> Int[Array, "R"]:
    """Of the environments, one for each episode. Consumes `key`."""
    return jax.random.randint(key, (episodes,), 0, 2**31 - 1)


def _make(env_id: str) -> tuple[Any, Any]:
    """An environment, and Gymnasium's module of spaces."""
    try:
        import gymnasium
    except ImportError:
        raise ConfigError(f"task gymnasium:{env_id} needs Gymnasium: pip install 'wann_jax[box2d]'") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Box2D's module warns at import, Gymnasium of old versions
            return gymnasium.make(env_id), gymnasium.spaces
    except gymnasium.error.DependencyNotInstalled as error:
        text = " ".join(str(error).split())  # names a package of Gymnasium's own
        advice = f"pip install 'wann_jax[box2d]' ({text})" if "box2d" in text.lower() else text
        raise ConfigError(f"task gymnasium:{env_id} needs more: {advice}") from None
    except (gymnasium.error.Error, ImportError) as error:
        text = " ".join(str(error).split())
        raise ConfigError(
            f"task gymnasium:NAME must name an environment of Gymnasium's; got {env_id!r}: {text}"
        ) from None
    except Exception as error:  # of the environment's own code
        text = " ".join(str(error).split())
        raise ConfigError(f"task gymnasium:{env_id}: making it raised {type(error).__name__}: {text}") from None
