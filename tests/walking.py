"""A task with an expert, so simple that plain numbers tell what must come out."""

import jax
import jax.numpy as jnp
from flax import struct

from wann_jax.tasks.lanes import InLanes, Lanes
from wann_jax.tasks.tunable import NoGradients

STEPS = 5


class Walking(InLanes, NoGradients, struct.PyTreeNode):
    """A point at x, seen with a twist of its own, that an expert brings back to 0; it falls off at 3.

    Beyond 1 the expert does not want to go faster. What is not at 0 costs its distance at every step.
    """

    num_inputs: int = struct.field(pytree_node=False, default=2)
    num_outputs: int = struct.field(pytree_node=False, default=1)
    steps_per_action: int = struct.field(pytree_node=False, default=1)
    step_limit: int = struct.field(pytree_node=False, default=STEPS)
    name: str = struct.field(pytree_node=False, default="walking")
    score_name: str = struct.field(pytree_node=False, default="return")
    work_unit: str = struct.field(pytree_node=False, default="steps")
    hidden_activations: tuple = struct.field(pytree_node=False, default=(1,))

    output_bounds = ((-1.0,), (1.0,))

    def begin(self, key, episodes):
        return jax.random.uniform(key, (episodes,), minval=-2.0, maxval=2.0)

    def reset(self, begun, shape, episodes):
        return jnp.tile(begun, (shape[0], shape[1] // episodes))

    def observe(self, begun, lanes):
        return lanes.state, jnp.stack([lanes.state + 0.5, 0.5 * lanes.state], axis=-1)

    def expert(self, begun, lanes, is_bold):
        return (-10.0 if is_bold else -2.0) * lanes.state[..., None]

    def act(self, outputs):
        return jnp.clip(outputs[..., 0], -1.0, 1.0)

    def step(self, begun, count, lanes, actions):
        place = lanes.state + 0.5 * actions
        returns = lanes.returns - jnp.where(lanes.alive, jnp.abs(place), 0.0)
        return Lanes(place, returns, lanes.alive & (jnp.abs(place) < 3.0))
