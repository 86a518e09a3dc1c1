"""The ground: 200 points, 14/30 m apart, joined by edges; and the pieces of it that are near.

In: a key, or heights [B, points] and places. Out: heights, or edges. Source: Gymnasium's BipedalWalker-v3.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float, Int, Key

from wann_jax.envs.bipedal.bodies import PIXEL
from wann_jax.envs.bipedal.vectors import Vec

NUM_POINTS = 200
NUM_EDGES = NUM_POINTS - 1
STEP = 14.0 * PIXEL  # m, from one point to the next
BASE_HEIGHT = 400.0 * PIXEL / 4.0  # m
START_PAD = 20  # points that are level
GRASS = 10  # points; the goal is this far from the end
START_X = STEP * START_PAD / 2.0  # m
GOAL_X = STEP * (NUM_POINTS - GRASS)  # m
_POINT_X = (np.arange(NUM_POINTS) * STEP).astype(np.float32)
_DECAY, _PULL, _NOISE = 0.8, 0.01, PIXEL  # of the slope; the last two in m per point


def generate(key: Key[Array, ""]) -> Float[Array, "points"]:
    """Heights of a new terrain, m. Consumes `key`.

    A slope wanders, pulled back to the base height. Each time a counter of 5 to 9 points runs out, the next point
    repeats the height before it.
    """
    noise_key, counter_key = jax.random.split(key)
    noise = jax.random.uniform(noise_key, (NUM_POINTS,), jnp.float32, -1.0, 1.0) * _NOISE
    noise = jnp.where(jnp.arange(NUM_POINTS) > START_PAD, noise, 0.0)
    counters = jax.random.randint(counter_key, (NUM_POINTS,), GRASS // 2, GRASS)

    def advance(carry, drawn):
        height, slope, counter, rests = carry
        noise, new_counter = drawn
        new_slope = _DECAY * slope + _PULL * jnp.sign(BASE_HEIGHT - height) + noise
        slope = jnp.where(rests, slope, new_slope)
        height = jnp.where(rests, height, height + slope)
        runs_out = counter == 1
        counter = jnp.where(runs_out, new_counter, counter - 1)
        return (height, slope, counter, runs_out), height

    start = (jnp.float32(BASE_HEIGHT), jnp.float32(0.0), jnp.int32(START_PAD), jnp.bool_(False))
    return lax.scan(advance, start, (noise, counters))[1]


def edges_at(heights: Float[Array, "B points"], edge: Int[Array, "*shape B"]) -> tuple[Vec, Vec]:
    """Start and end of the edges with these indices; outside the terrain, those of its ends."""
    edge = jnp.clip(edge, 0, NUM_EDGES - 1)
    lane = jnp.broadcast_to(jnp.arange(heights.shape[0]), edge.shape)
    x = jnp.asarray(_POINT_X)
    return Vec(x[edge], heights[lane, edge]), Vec(x[edge + 1], heights[lane, edge + 1])
