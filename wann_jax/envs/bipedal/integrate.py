"""Moves bodies on.

In: positions and velocities [3, bodies, B] (x, y, angle), and a time. Out: both, after the limits on one step's motion.
"""

import jax.numpy as jnp
from jax import Array

_MAX_TRANSLATION = 2.0  # m in one step
_MAX_ROTATION = 0.5 * 3.14159265359  # rad in one step


def integrate(position: Array, velocity: Array, time: Array | float) -> tuple[Array, Array]:
    """Positions after `time` (s, a number or [1, B])."""
    moved = velocity * time if isinstance(time, float) else velocity * time[None]
    length = jnp.sqrt(moved[0] * moved[0] + moved[1] * moved[1])
    slow = jnp.where(length > _MAX_TRANSLATION, _MAX_TRANSLATION / jnp.maximum(length, _MAX_TRANSLATION), 1.0)
    turn = jnp.abs(moved[2])
    spin = jnp.where(turn > _MAX_ROTATION, _MAX_ROTATION / jnp.maximum(turn, _MAX_ROTATION), 1.0)
    scale = jnp.stack([slow, slow, spin])
    return position + moved * scale, velocity * scale
