"""What outputs of a network do in an environment: one of several actions, or numbers within bounds.

In: the action space of gymnax or Gymnasium. Out: actions for outputs.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jaxtyping import Float

from wann_jax.errors import require


class Actions(struct.PyTreeNode):
    """An action space, read."""

    low: Float[Array, "A"]  # box actions only
    high: Float[Array, "A"]
    num_outputs: int = struct.field(pytree_node=False)
    shape: tuple[int, ...] | None = struct.field(pytree_node=False)  # None: discrete
    first: int = struct.field(pytree_node=False)  # of discrete ones

    @classmethod
    def of(cls, name: str, space: Any, spaces: Any) -> "Actions":
        """Reads an action space; `spaces` is the module that defines it. Raises ConfigError if it is not supported."""
        rule = f"{name}: action space"
        discrete = isinstance(space, spaces.Discrete)
        require(discrete or isinstance(space, spaces.Box), rule, "discrete or a box", space)
        real = discrete or np.issubdtype(space.dtype, np.floating)
        require(real, rule, "discrete, or a box of fractions: outputs are no whole numbers", space)
        if discrete:
            empty = jnp.zeros(0)
            return cls(empty, empty, int(space.n), None, int(getattr(space, "start", 0)))
        bounds = [
            np.broadcast_to(np.asarray(bound, np.float32), space.shape).ravel() for bound in (space.low, space.high)
        ]
        bounded = bool(np.isfinite(bounds).all() and bounds[0].size)
        require(bounded, rule, "bounded on both sides, so that outputs can be scaled", space)
        return cls(jnp.asarray(bounds[0]), jnp.asarray(bounds[1]), bounds[0].size, tuple(space.shape), 0)

    def from_outputs(self, outputs: Float[Array, "*lanes O"]) -> Array:
        """Discrete: the largest output. Box: outputs clipped to [-1, 1], which is scaled to the action's range."""
        if self.shape is None:
            return outputs.argmax(-1).astype(jnp.int32) + self.first
        unit = 0.5 * (jnp.clip(outputs, -1.0, 1.0) + 1.0)
        low, high = (jnp.broadcast_to(bound, outputs.shape) for bound in (self.low, self.high))
        return (low + unit * (high - low)).reshape(*outputs.shape[:-1], *self.shape)


def num_inputs(name: str, space: Any, spaces: Any) -> int:
    """Numbers in an observation. Raises ConfigError unless the space is a box."""
    require(isinstance(space, spaces.Box), f"{name}: observation space", "a box", space)
    return int(np.prod(space.shape))
