"""The walker's step in C++, for CPUs: world.py defines what it computes, kernels/native/biped.cc does it.

In: worlds and observations whose arrays begin with the lanes. Out: the same, one step later.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from wann_jax.envs.bipedal import (
    bodies,
    contacts,
    continuous,
    impact,
    impulses,
    integrate,
    joints,
    lidar,
    manifold,
    terrain,
    world,
)
from wann_jax.envs.bipedal.world import Passes, World
from wann_jax.native import Library, numbers

_SHARED = (bodies, contacts, continuous, impact, impulses, integrate, joints, lidar, manifold, terrain, world)
WALKER = Library("biped", "wann_biped", seconds=5, constants=lambda: numbers(*_SHARED))


def step_natively(
    worlds: World,
    observations: Float[Array, "B 24"],
    heights: Float[Array, "B points"],
    drive: Float[Array, "B joints"],
    hull_force: Float[Array, "B"],
    passes: Passes,
) -> tuple[World, Float[Array, "B 24"]]:
    """What `step` does, on the CPU, to worlds whose arrays begin with the lanes; and what the walkers then observe.

    Walkers whose hull was hit stay as they are.
    """
    leaves = [*jax.tree.leaves(worlds), observations]
    table = jnp.asarray(np.concatenate([bodies.MODEL_TABLE, lidar.RAYS.T.ravel()]))
    new = WALKER.call(
        "wann_biped",
        [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves],
        *(table, heights, drive, hull_force, *leaves),
        in_place={4 + i: i for i in range(len(leaves))},
        velocity_passes=passes.velocity,
        position_passes=passes.position,
    )
    return jax.tree.unflatten(jax.tree.structure(worlds), new[:-1]), new[-1]
