"""Bipedal walker: a hull on two legs with four motors must walk over uneven ground to the far end.

In: four actions in [-1, 1], for the left hip and knee and the right hip and knee; the sign is a motor's direction, the
size its share of torque. Out: 24 numbers about hull, joints, feet and the ground ahead. The same task as Gymnasium's
BipedalWalker-v3, whose physics (Box2D) the package `bipedal` does again.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from gymnax.environments import environment, spaces
from jax import Array, lax
from jax.custom_batching import custom_vmap

from wann_jax.envs.bipedal import joints, lidar, terrain
from wann_jax.envs.bipedal.bodies import ACTION_OF_JOINT, BODIES, FEET, HIP_SPEED, HULL, JOINT_OF_ACTION, KNEE_SPEED
from wann_jax.envs.bipedal.natively import WALKER, step_natively
from wann_jax.envs.bipedal.vectors import frame_of
from wann_jax.envs.bipedal.world import EXACT, TIME_STEP, Passes, World, new_world, step
from wann_jax.errors import require

NUM_INPUTS = 24
_START_FORCE = 5.0  # N, at most, forward or backward on the hull during the first step
_PROGRESS_REWARD = 130.0 / 30.0  # per m
_TILT_PENALTY = 5.0  # per rad of the hull
_TORQUE_PENALTY = 0.00035 * 80.0  # per step at full torque, for each motor
_SPIN_SCALE = 2.0 * TIME_STEP
_SPEED_SCALE = (0.3 * 20.0 * TIME_STEP, 0.3 * (400.0 / 30.0) * TIME_STEP)  # forward, upward


@struct.dataclass
class EnvState(environment.EnvState):
    """The walker and its ground."""

    world: World
    heights: Array  # [points] m
    observation: Array  # [24]
    time: jax.Array | int  # steps


@struct.dataclass
class EnvParams(environment.EnvParams):
    """What a fall costs, and how long an episode is."""

    fall_penalty: float = 100.0  # a fall's reward is minus this; 0: that step is rewarded as any other
    max_steps_in_episode: int = 1600


class BipedalWalker(environment.Environment[EnvState, EnvParams]):
    """The environment, in gymnax's form. `passes`: how long the solver goes on; the default is the original's."""

    def __init__(self, passes: Passes = EXACT):
        super().__init__()
        self.passes = passes

    @property
    def default_params(self) -> EnvParams:
        """The original's."""
        return EnvParams()

    def step_env(
        self, key: jax.Array, state: EnvState, action: int | float | jax.Array, params: EnvParams
    ) -> tuple[jax.Array, EnvState, jax.Array, jax.Array, dict[Any, Any]]:
        """A fiftieth of a second."""
        action = jnp.asarray(action, jnp.float32)
        require(action.shape == (4,), "action", "an array of shape (4,)", action.shape)
        action = jnp.clip(action, -1.0, 1.0)
        world, observation = _advance(self.passes, state.world, state.observation, state.heights, action, jnp.zeros(()))
        x, old_x = _origin_x(world), _origin_x(state.world)
        tilt, old_tilt = jnp.abs(world.position[2, HULL]), jnp.abs(state.world.position[2, HULL])
        reward = _PROGRESS_REWARD * (x - old_x) - _TILT_PENALTY * (tilt - old_tilt)
        reward = reward - _TORQUE_PENALTY * jnp.abs(action).sum()
        state = EnvState(world=world, heights=state.heights, observation=observation, time=state.time + 1)
        falls = world.hull_hit | (x < 0.0)
        reward = jnp.where(falls & (params.fall_penalty > 0.0), -params.fall_penalty, reward)
        info = {"discount": self.discount(state, params)}
        return observation, state, reward, self.is_terminated(state, params), info

    def reset_env(self, key: jax.Array, params: EnvParams) -> tuple[jax.Array, EnvState]:
        """New ground, a push, and one step without action, as in the original. Consumes `key`."""
        terrain_key, force_key = jax.random.split(key)
        heights = terrain.generate(terrain_key)
        force = jax.random.uniform(force_key, (), jnp.float32, -_START_FORCE, _START_FORCE)
        return start(self.passes, heights, force)

    def get_obs(self, state: EnvState, params: EnvParams | None = None, key: jax.Array | None = None) -> jax.Array:
        """As the last step left it."""
        return state.observation

    def is_terminated(self, state: EnvState, params: EnvParams) -> jax.Array:
        """Whether the hull has touched the ground, or the walker has left it to the left, or reached the goal."""
        x = _origin_x(state.world)
        return state.world.hull_hit | (x < 0.0) | (x > terrain.GOAL_X)

    @property
    def name(self) -> str:
        """Environment name."""
        return "BipedalWalker-v3"

    @property
    def num_actions(self) -> int:
        """Size of the action."""
        return 4

    def action_space(self, params: EnvParams | None = None) -> spaces.Box:
        """Left hip, left knee, right hip, right knee."""
        return spaces.Box(-1.0, 1.0, (4,), jnp.float32)

    def observation_space(self, params: EnvParams) -> spaces.Box:
        """The original's bounds; nothing is clipped to them."""
        leg = [np.pi, 5.0, np.pi, 5.0, 5.0]
        high = jnp.array([np.pi, 5.0, 5.0, 5.0, *leg, *leg, *[1.0] * lidar.NUM_RAYS], jnp.float32)
        low = -high.at[jnp.array([8, 13])].set(0.0)
        return spaces.Box(low, high, (NUM_INPUTS,), jnp.float32)


def start(passes: Passes, heights: Array, force: Array) -> tuple[Array, EnvState]:
    """Observation and state after the first step on this ground, with this force (N) on the hull."""
    world = jax.tree.map(lambda leaf: leaf[..., 0], new_world(heights[None]))
    world, observation = _advance(passes, world, jnp.zeros(NUM_INPUTS), heights, jnp.zeros(4), force)
    return observation, EnvState(world=world, heights=heights, observation=observation, time=jnp.int32(0))


def observe(world: World, heights: Array) -> Array:
    """Observations [24, B] of worlds that end with the lanes, over heights [B, points]."""
    angle, speed = joints.joint_angles(world.position), joints.joint_speeds(world.velocity)
    origin = frame_of(world.position, BODIES.centre).origin[HULL]
    left_hip, left_knee, right_hip, right_knee = JOINT_OF_ACTION
    rows = [
        world.position[2, HULL],
        _SPIN_SCALE * world.velocity[2, HULL],
        _SPEED_SCALE[0] * world.velocity[0, HULL],
        _SPEED_SCALE[1] * world.velocity[1, HULL],
    ]
    for hip, knee, foot in ((left_hip, left_knee, FEET[0]), (right_hip, right_knee, FEET[1])):
        rows += [angle[hip], speed[hip] / HIP_SPEED, angle[knee] + 1.0, speed[knee] / KNEE_SPEED]
        rows.append(world.touched[foot].astype(jnp.float32))
    return jnp.concatenate([jnp.stack(rows), lidar.measure(heights, origin)])


def _advance(
    passes: Passes, world: World, observation: Array, heights: Array, action: Array, force: Array
) -> tuple[World, Array]:
    """One walker's step and observation."""
    one = jax.tree.map(lambda leaf: leaf[None], (world, observation, heights, action, force))
    return jax.tree.map(lambda leaf: leaf[0], _advance_lanes(passes)(*one))


@functools.cache
def _advance_lanes(passes: Passes):
    """The same for [B, ...] walkers. However it is batched, the physics sees one axis of lanes.

    A walker whose hull has hit the ground stays as it is: the episode is over, and natively it costs nothing more.
    """

    def by_xla(world, observation, heights, drive, force):
        lanes_last = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -1), world)
        new = step(lanes_last, heights, drive.T, force, passes)
        has_ended = lanes_last.hull_hit
        new = jax.tree.map(
            lambda old, leaf: jnp.where(jnp.broadcast_to(has_ended, leaf.shape), old, leaf), lanes_last, new
        )
        observation = jnp.where(has_ended[:, None], observation, observe(new, heights).T)
        return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, -1, 0), new), observation

    def natively(world, observation, heights, drive, force):
        return step_natively(world, observation, heights, drive, force, passes)

    @custom_vmap
    def advance(world, observation, heights, action, force):
        arguments = world, observation, heights, action[:, jnp.array(ACTION_OF_JOINT)], force
        if WALKER.ready():
            return lax.platform_dependent(*arguments, cpu=natively, default=by_xla)
        return by_xla(*arguments)

    @advance.def_vmap
    def _(axis_size, is_batched, *arguments):
        def flatten(leaf, batched):
            leaf = leaf if batched else jnp.broadcast_to(leaf, (axis_size, *leaf.shape))
            return leaf.reshape(-1, *leaf.shape[2:])

        results = advance(*jax.tree.map(flatten, arguments, tuple(is_batched)))
        results = jax.tree.map(lambda leaf: leaf.reshape(axis_size, -1, *leaf.shape[1:]), results)
        return results, jax.tree.map(lambda leaf: True, results)

    return advance


def _origin_x(world: World) -> Array:
    """Of the hull's origin, m."""
    return frame_of(world.position, BODIES.centre[..., 0]).origin.x[HULL]
