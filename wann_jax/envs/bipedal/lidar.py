"""Ten range finders, from straight down to almost level ahead.

In: the hull's origin and the terrain. Out: how far each ray gets before it meets the ground, as a share of its range.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from wann_jax.envs.bipedal.bodies import PIXEL
from wann_jax.envs.bipedal.terrain import STEP, edges_at
from wann_jax.envs.bipedal.vectors import Vec

NUM_RAYS = 10
RANGE = 160.0 * PIXEL  # m
_ANGLES = 1.5 * np.arange(NUM_RAYS) / 10.0  # rad from straight down
RAYS = np.stack([np.sin(_ANGLES), -np.cos(_ANGLES)]).astype(np.float32) * np.float32(RANGE)  # [2, rays] m
_EDGES_IN_REACH = int(np.ceil(RAYS[0].max() / STEP)) + 1


def measure(heights: Float[Array, "B points"], origin: Vec) -> Float[Array, "rays B"]:
    """Fractions in [0, 1] from `origin` [B]; 1 where a ray meets nothing."""
    first = jnp.floor(origin.x * (1.0 / STEP)).astype(jnp.int32)
    start, end = edges_at(heights, first[None] + jnp.arange(_EDGES_IN_REACH, dtype=jnp.int32)[:, None])
    side = end - start
    normal = side.right().unit()
    ray = Vec(jnp.asarray(RAYS[0])[:, None, None], jnp.asarray(RAYS[1])[:, None, None])
    start_from_here = start - Vec(origin.x[None], origin.y[None])
    distance = normal.dot(start_from_here)[None]
    approach = normal[None].dot(ray)
    fraction = distance / jnp.where(approach == 0.0, 1.0, approach)
    hit = ray * fraction - start_from_here[None]
    along = hit.dot(side[None]) / side.square()[None]
    is_hit = (approach != 0.0) & (fraction >= 0.0) & (fraction <= 1.0) & (along >= 0.0) & (along <= 1.0)
    return jnp.where(is_hit, fraction, 1.0).min(axis=1)
