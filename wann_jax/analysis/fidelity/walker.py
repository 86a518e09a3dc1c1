"""One step of our walker from states that were recorded of Box2D's.

In: rows of a recording (box2d_walker.py). Out: how far each step ends from the recorded one.
"""

import jax
import jax.numpy as jnp
import numpy as np

from wann_jax.envs.bipedal.bodies import BODIES, JOINT_SIGN, NUM_BODIES
from wann_jax.envs.bipedal.contacts import NUM_SLOTS, Contacts, box_around, find_contacts, no_contacts, padded
from wann_jax.envs.bipedal.vectors import Vec, frame_of
from wann_jax.envs.bipedal.world import EXACT, Passes, World
from wann_jax.envs.bipedal_walker import BipedalWalker, EnvState

Rows = dict[str, np.ndarray]


def states_of(rows: Rows) -> EnvState:
    """Our states [steps, ...] at the beginning of each recorded step."""
    steps, order = rows["contacts"].shape[:2]
    heights = jnp.asarray(rows["terrain"][rows["episode"]])
    position = jnp.asarray(rows["position"].T)
    box = box_around(BODIES, frame_of(position, BODIES.centre))
    still = jnp.zeros_like(box.low.x)
    boxes = padded(box, Vec(still, still))
    clock = jnp.zeros((1, 1, steps), jnp.int32)
    edge = np.asarray(find_contacts(no_contacts(steps), boxes, box, still > 0, heights, clock).edge)
    world = World(
        position=position,
        velocity=jnp.asarray(rows["velocity"].T),
        joint_impulse=jnp.asarray((rows["joint_impulse"] * JOINT_SIGN[:, None]).T),
        contacts=_contacts_of(rows, edge),
        boxes=boxes,
        touched=jnp.asarray(rows["touched"].T > 0),
        hull_hit=jnp.zeros(steps, bool),
        still_time=jnp.zeros(steps),
        clock=jnp.full(steps, order + 1, jnp.int32),
    )
    return EnvState(
        world=jax.tree.map(lambda leaf: jnp.moveaxis(leaf, -1, 0), world),
        heights=heights,
        observation=jnp.zeros((steps, 24)),
        time=jnp.zeros(steps, jnp.int32),
    )


def _contacts_of(rows: Rows, edge: np.ndarray) -> Contacts:
    """Recorded contacts, newest first, in our slots."""
    recorded, impulses = rows["contacts"].astype(np.int32), rows["impulses"]
    shape = (NUM_SLOTS, NUM_BODIES, len(recorded))
    birth, count = np.full(shape, -1, np.int32), np.zeros(shape, np.int32)
    identity, stored = np.zeros((2, *shape), np.int32), np.zeros((4, *shape), np.float32)
    for row in range(recorded.shape[1]):
        body, number, points = recorded[:, row, :3].T
        slot, step = number % NUM_SLOTS, np.arange(len(recorded))
        at = tuple(values[(body >= 0) & (edge[slot, body, step] == number)] for values in (slot, body, step))
        birth[at], count[at] = recorded.shape[1] - row, points[at[2]]
        for point in range(2):
            identity[point][at] = np.maximum(recorded[at[2], row, 3 + point], 0)
        for i in range(4):
            stored[i][at] = impulses[at[2], row, i]
    arrays = edge, birth, count, identity, stored[:2], stored[2:]
    return Contacts(*map(jnp.asarray, arrays))


def one_step_errors(rows: Rows, passes: Passes = EXACT) -> Rows:
    """Largest differences of each step; `flags` counts contact flags that differ, `terminated` ends that do."""
    env = BipedalWalker(passes)
    step = jax.jit(jax.vmap(env.step_env, (None, 0, 0, None)))
    found = step(jax.random.key(0), states_of(rows), jnp.asarray(rows["action"]), env.default_params)
    obs, state, reward, terminated, _ = jax.tree.map(np.asarray, found)

    def largest(ours, theirs):
        return np.abs(ours - theirs).reshape(len(theirs), -1).max(1)

    return {
        "velocity": largest(state.world.velocity.swapaxes(1, 2), rows["next_velocity"]),
        "position": largest(state.world.position.swapaxes(1, 2), rows["next_position"]),
        "observation": largest(obs, rows["obs"]),
        "reward": largest(reward, rows["reward"]),
        "flags": (obs != rows["obs"])[:, [8, 13]].sum(1),
        "terminated": terminated != rows["terminated"],
    }
