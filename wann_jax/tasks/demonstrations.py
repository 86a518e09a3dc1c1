"""Episodes in which an expert says at every look what it would do: what imitation learns from.

In: a task with an expert, and a network with weights of its own for its connections, or none: then the expert itself
acts. Out: what was seen, and what the expert wanted.
"""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Float, Key

from wann_jax.errors import require
from wann_jax.networks.layered import Topology, in_lanes
from wann_jax.tasks.lanes import InLanes, Lanes


@runtime_checkable
class TaughtTask(Protocol):
    """What a task in lanes (`InLanes`) has in addition, if it can be learned from an expert."""

    def expert(self, begun: Any, lanes: Lanes) -> Float[Array, "P L O"]:
        """Outputs that a network should have now; between the bounds."""
        ...

    @property
    def output_bounds(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Of each output, lowest and highest: beyond them it makes no difference."""
        ...


class Demonstrations(NamedTuple):
    """N looks: episodes x looks of each."""

    inputs: Float[Array, "N I"]
    wanted: Float[Array, "N O"]  # outputs
    counts: Bool[Array, "N"]  # whether the episode was still running


def require_expert(task: Any) -> None:
    """Raises ConfigError unless the task has an expert."""
    rule = f"adam, es or cma: {task.name!r} has no expert to imitate"
    require(isinstance(task, TaughtTask) and isinstance(task, InLanes), "method", rule, "imitation")


def looks_of(task: InLanes) -> int:
    """Of an episode."""
    return -(-int(task.step_limit) // task.steps_per_action)


def demonstrations(
    task: Any, topology: Topology, weights: Float[Array, "C"], by_expert: Any, key: Key[Array, ""], episodes: int
) -> Demonstrations:
    """Fresh episodes, driven by the network, or where `by_expert` (a truth value, traced or not) by the expert.

    Consumes `key`.
    """
    begun, stride = task.begin(key, episodes), task.steps_per_action

    def look(lanes, index):
        state, inputs = task.observe(begun, lanes)
        lanes = lanes._replace(state=state)
        wanted = task.expert(begun, lanes)
        outputs = jnp.where(by_expert, wanted, in_lanes(topology, weights, inputs))
        was_alive, actions = lanes.alive, task.act(outputs)

        def advance(step, lanes):
            return task.step(begun, index * stride + step, lanes, actions)

        return lax.fori_loop(0, stride, advance, lanes), (inputs[0], wanted[0], was_alive[0])

    shape = (1, episodes)
    lanes = Lanes(task.reset(begun, shape, episodes), jnp.zeros(shape), jnp.ones(shape, bool))
    _, (inputs, wanted, counts) = lax.scan(look, lanes, jnp.arange(looks_of(task)))
    return Demonstrations(
        inputs.reshape(-1, inputs.shape[-1]), wanted.reshape(-1, wanted.shape[-1]), counts.reshape(-1)
    )
