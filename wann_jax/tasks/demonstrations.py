"""Episodes in which an expert says at every look what it would do: what imitation learns from.

In: a task with an expert, and what acts. Out: what was seen, and what the expert wanted.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Float, Int, Key

from wann_jax.errors import require
from wann_jax.tasks.lanes import InLanes, Lanes

LOOKS_PER_UPDATE = 512


@runtime_checkable
class TaughtTask(Protocol):
    """What a task in lanes (`InLanes`) has in addition, if it can be learned from an expert."""

    def expert(self, begun: Any, lanes: Lanes, is_bold: bool) -> Float[Array, "P L O"]:
        """Outputs that a network should have now; it acts on what is within the bounds.

        Of a bold expert: it does well, too, where its outputs are multiplied by some positive number.
        """
        ...

    @property
    def output_bounds(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Of each output, lowest and highest: beyond them it makes no difference."""
        ...


Act = Callable[[Float[Array, "R I"], Float[Array, "R O"]], Float[Array, "R O"]]
"""Outputs, from inputs and what the expert wants."""


class Demonstrations(NamedTuple):
    """N looks: episodes x looks of each."""

    inputs: Float[Array, "N I"]
    wanted: Float[Array, "N O"]  # outputs
    counts: Bool[Array, "N"]  # whether the episode was still running

    def put(self, new: "Demonstrations", place: Any) -> "Demonstrations":
        """With the new ones in the place of others, from this number on."""
        return jax.tree.map(lambda old, part: lax.dynamic_update_slice_in_dim(old, part, place, 0), self, new)

    def drawer(self) -> Callable[[Key[Array, ""]], Int[Array, "looks"]]:
        """What draws numbers of looks that count, LOOKS_PER_UPDATE of them, and consumes a key."""
        order, number = jnp.argsort(~self.counts, stable=True), self.counts.sum()
        return lambda key: order[jax.random.randint(key, (LOOKS_PER_UPDATE,), 0, number)]


def require_expert(task: Any, field: str, rule: str, value: str) -> None:
    """Raises ConfigError, whose line these words make, unless the task has an expert."""
    is_taught = isinstance(task, TaughtTask) and isinstance(task, InLanes)
    require(is_taught, field, f"{rule}: {task.name!r} has no expert to imitate", value)


def looks_of(task: InLanes) -> int:
    """Of an episode."""
    return -(-int(task.step_limit) // task.steps_per_action)


def demonstrations(
    task: Any, act: Act, key: Key[Array, ""], episodes: int, is_bold: bool = False
) -> tuple[Demonstrations, Float[Array, "R"]]:
    """Fresh episodes in which `act` says the outputs, and their returns. Consumes `key`."""
    begun, stride = task.begin(key, episodes), task.steps_per_action

    def look(lanes, index):
        state, inputs = task.observe(begun, lanes)
        lanes = lanes._replace(state=state)
        wanted = task.expert(begun, lanes, is_bold)
        was_alive, actions = lanes.alive, task.act(act(inputs[0], wanted[0])[None])

        def advance(step, lanes):
            return task.step(begun, index * stride + step, lanes, actions)

        return lax.fori_loop(0, stride, advance, lanes), (inputs[0], wanted[0], was_alive[0])

    shape = (1, episodes)
    lanes = Lanes(task.reset(begun, shape, episodes), jnp.zeros(shape), jnp.ones(shape, bool))
    lanes, (inputs, wanted, counts) = lax.scan(look, lanes, jnp.arange(looks_of(task)))
    seen = inputs.reshape(-1, inputs.shape[-1]), wanted.reshape(-1, wanted.shape[-1]), counts.reshape(-1)
    return Demonstrations(*seen), lanes.returns[0]


def no_demonstrations(num_inputs: int, num_outputs: int, number: int) -> Demonstrations:
    """Of so many looks, none of which counts."""
    return Demonstrations(jnp.zeros((number, num_inputs)), jnp.zeros((number, num_outputs)), jnp.zeros(number, bool))
