"""Pruning: the connections that matter least go, step by step, while the others learn.

In: weights and the gradient of the loss to them. Out: which connections are left. Sources: how many are left when,
Zhu & Gupta 2017 (a cubic); which, Molchanov et al. 2019: the squared change of the loss, to first order, if the weight
were 0, here averaged over the last steps.
"""

import math

import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxtyping import Float, Int

BEGIN, END = 0.1, 0.7  # of all steps: in between, connections go
DECAY = 0.99  # of the average, for each step


class Pruning(struct.PyTreeNode):
    """Where the pruning of one run is (vmap over runs)."""

    step: Int[Array, ""]
    mask: Float[Array, "C"]  # 1: left, 0: gone, for good
    saliency: Float[Array, "C"]

    @classmethod
    def begin(cls, weights: Float[Array, "C"]) -> "Pruning":
        """All connections are left."""
        return cls(jnp.int32(0), jnp.ones_like(weights), jnp.zeros_like(weights))

    def update(self, weights: Float[Array, "C"], gradient: Float[Array, "C"], least: int, num_steps: int) -> "Pruning":
        """After one more step of `num_steps`; `least` connections are left at the end."""
        saliency = DECAY * self.saliency + (1.0 - DECAY) * jnp.square(weights * gradient)
        order = jnp.argsort(jnp.where(self.mask > 0.0, -saliency, jnp.inf))
        count = connections_left(self.step, saliency.shape[0], least, num_steps)
        left = jnp.zeros_like(self.mask).at[order].set((jnp.arange(order.shape[0]) < count).astype(jnp.float32))
        return Pruning(self.step + 1, self.mask * left, saliency)


def connections_left(step: Int[Array, ""], num_connections: int, least: int, num_steps: int) -> Int[Array, ""]:
    """How many connections may be left after a step: all up to a tenth of the steps, then fewer along a cubic."""
    done = step.astype(jnp.float32) + 1.0
    progress = jnp.clip((done - BEGIN * num_steps) / ((END - BEGIN) * num_steps), 0.0, 1.0)
    return jnp.round(least + (num_connections - least) * (1.0 - progress) ** 3).astype(jnp.int32)


def steps_until_pruned(num_steps: int) -> int:
    """Steps after which no connection goes any more."""
    return math.ceil(END * num_steps)
