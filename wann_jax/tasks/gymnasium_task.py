"""Real Gymnasium environments as tasks: `gymnasium:NAME`.

In: networks and shared weights. Out: returns. The networks run in the compiled program, all lanes in one batch; the
environments run in other processes and are called at every step. For judging, and for searches of small populations.
"""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.experimental import io_callback
from jaxtyping import Float, Int, Key

from wann_jax.devices import need_one_device
from wann_jax.errors import ConfigError, require
from wann_jax.genomes.activation_ids import ACTIVATION_IDS
from wann_jax.tasks.actions import Actions, num_inputs
from wann_jax.tasks.gymnasium_workers import WorkerError, take_failure, workers_of
from wann_jax.tasks.lanes import InLanes, Lanes
from wann_jax.tasks.tunable import NoGradients

_MOST_LANES = 256  # environments at once
_MOST_STEPS = 10_000  # of an environment that has no limit of its own
_NUMBER = jax.ShapeDtypeStruct((), jnp.int32)


class GymnasiumTask(InLanes, NoGradients, struct.PyTreeNode):
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

    @property
    def max_lanes(self) -> int:
        """Environments at once."""
        return _MOST_LANES

    @property
    def step_limit(self) -> int:
        """The environment's own, or a lower one."""
        return self.max_steps

    def begin(self, key: Key[Array, ""], episodes: int) -> Int[Array, "R"]:
        """Seeds of the environments, one for each episode. Consumes `key`."""
        return jax.random.randint(key, (episodes,), 0, 2**31 - 1)

    def reset(self, begun: Int[Array, "R"], shape: tuple[int, int], episodes: int) -> tuple[Array, Array]:
        """The number of a session with the workers, and observations."""
        seen = jax.ShapeDtypeStruct((*shape, self.observation_size), jnp.float32)

        def reset(seeds):
            session, obs = workers_of(self.env_id).reset(np.asarray(seeds), shape[0] * shape[1] // episodes)
            return session, obs.reshape(seen.shape)

        return io_callback(reset, (_NUMBER, seen), begun)

    def observe(self, begun: Int[Array, "R"], lanes: Lanes) -> tuple[Any, Float[Array, "P L I"]]:
        """Observations, or what the eye makes of them."""
        _, obs = lanes.state
        seen = self.eye(obs.reshape(-1, self.observation_size)).reshape(*obs.shape[:2], -1) if self.eye else obs
        return lanes.state, seen

    def act(self, outputs: Float[Array, "P L O"]) -> Array:
        """As the environment's action space wants it."""
        return self.actions.from_outputs(outputs)

    def step(self, begun: Int[Array, "R"], count: Any, lanes: Lanes, actions: Array) -> Lanes:
        """Workers step the environments that go on."""
        session, obs = lanes.state
        shapes = [jax.ShapeDtypeStruct(part.shape, part.dtype) for part in (obs, lanes.returns, lanes.alive)]

        def step(session, actions):
            actions = np.asarray(actions)
            results = workers_of(self.env_id).step(session, actions.reshape(-1, *actions.shape[2:]))
            return [part.reshape(whole.shape) for part, whole in zip(results, shapes, strict=True)]

        obs, reward, alive = io_callback(step, shapes, session, actions)
        return Lanes((session, obs), lanes.returns + reward, alive)

    def stop(self, lanes: Lanes) -> None:
        """The workers may forget the session."""

        def finish(session, _):
            workers_of(self.env_id).finish(session)
            return np.int32(0)

        io_callback(finish, _NUMBER, lanes.state[0], lanes.alive)


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
