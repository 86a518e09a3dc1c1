"""The walker's bodies and joints as data, in the order of the chain they form.

0 lower right leg, 1 upper right leg, 2 hull, 3 upper left leg, 4 lower left leg; joint j links bodies j and j + 1.
Lengths were drawn in pixels, 30 to a metre. Source: Gymnasium's BipedalWalker-v3.
"""

import jax
import numpy as np
from flax import struct
from jax import Array
from jax import numpy as jnp

from wann_jax.envs.bipedal.vectors import Vec

PIXEL = 1.0 / 30.0  # m
NUM_BODIES = 5
NUM_JOINTS = 4
NUM_CORNERS = 5  # of a body, padded
LOWER_RIGHT, UPPER_RIGHT, HULL, UPPER_LEFT, LOWER_LEFT = range(NUM_BODIES)
FEET = (LOWER_LEFT, LOWER_RIGHT)  # the original's order of legs

LEG_HEIGHT = 34.0 * PIXEL  # m, of the upper and of the lower leg
HIP_HEIGHT = -8.0 * PIXEL  # m, of the hip joints in the hull
UPPER_WIDTH = 8.0 * PIXEL  # m
LOWER_WIDTH = 0.8 * UPPER_WIDTH  # m
_HULL_PIXELS = ((34, -8), (34, 1), (6, 9), (-30, 9), (-30, -8))  # as Box2D orders them
_DENSITY = np.array([1.0, 1.0, 5.0, 1.0, 1.0])  # kg/m^2
_GROUND_FRICTION, _LEG_FRICTION, _HULL_FRICTION = 2.5, 0.2, 0.1

MAX_MOTOR_TORQUE = 80.0  # N m
HIP_SPEED = 4.0  # rad/s
KNEE_SPEED = 6.0  # rad/s
START_SPREAD = 0.05  # rad, of each leg from the vertical; the hips measure their angle from there
# A joint measures the angle of the leg against what it hangs on: +1 where that is the second body of the pair.
JOINT_SIGN = np.array([-1.0, -1.0, 1.0, 1.0], np.float32)
ACTION_OF_JOINT = (3, 2, 0, 1)  # actions: left hip, left knee, right hip, right knee
JOINT_OF_ACTION = (2, 3, 1, 0)
JOINT_MAX_SPEED = np.array([KNEE_SPEED, HIP_SPEED, HIP_SPEED, KNEE_SPEED], np.float32)  # rad/s
JOINT_LOW = np.array([-1.6, -0.8, -0.8, -1.6], np.float32)  # rad
JOINT_HIGH = np.array([-0.1, 1.1, 1.1, -0.1], np.float32)  # rad
JOINT_REFERENCE = np.array([0.0, START_SPREAD, -START_SPREAD, 0.0], np.float32)  # rad
# Where a joint is in its two bodies, relative to their origins (m).
ANCHOR_FIRST = np.array([[0, LEG_HEIGHT / 2], [0, LEG_HEIGHT / 2], [0, HIP_HEIGHT], [0, -LEG_HEIGHT / 2]])
ANCHOR_SECOND = np.array([[0, -LEG_HEIGHT / 2], [0, HIP_HEIGHT], [0, LEG_HEIGHT / 2], [0, LEG_HEIGHT / 2]])


class Bodies(struct.PyTreeNode):
    """What does not change about the bodies; trailing axis of one for the lanes."""

    corner: Vec  # [corners, bodies, 1] m, counter-clockwise in the body's frame
    outward: Vec  # [corners, bodies, 1], unit normal of the side from each corner to the next
    is_corner: Array | np.ndarray  # [corners, bodies, 1]; False: padding
    last_corner: Array | np.ndarray  # [bodies, 1]
    centre: Vec  # [bodies, 1] m, the centre of mass
    inverse_mass: Array  # [bodies, 1] 1/kg
    inverse_inertia: Array  # [bodies, 1] 1/(kg m^2), about the centre of mass
    friction: Array  # [bodies, 1], against the ground
    radius: Array  # [bodies, 1] m, of the farthest corner from the centre of mass


def _box(width: float) -> np.ndarray:
    x, y = width / 2, LEG_HEIGHT / 2
    return np.array([[-x, -y], [x, -y], [x, y], [-x, y]])


POLYGONS = (_box(LOWER_WIDTH), _box(UPPER_WIDTH), np.array(_HULL_PIXELS) * PIXEL, _box(UPPER_WIDTH), _box(LOWER_WIDTH))


def mass_properties(polygon: np.ndarray, density: float) -> tuple[float, np.ndarray, float]:
    """Mass (kg), centre of mass (m) and inertia about it (kg m^2) of a uniform polygon [corners, 2]."""
    after = np.roll(polygon, -1, axis=0)
    doubled = polygon[:, 0] * after[:, 1] - polygon[:, 1] * after[:, 0]
    mass = density * doubled.sum() / 2
    centre = density * (doubled[:, None] * (polygon + after)).sum(0) / 6 / mass
    squares = (polygon * polygon + polygon * after + after * after).sum(1)
    return mass, centre, density * (doubled * squares).sum() / 12 - mass * (centre @ centre)


def _make_bodies() -> tuple[Bodies, np.ndarray]:
    corners = np.zeros((NUM_CORNERS, NUM_BODIES, 2))
    normals = np.zeros((NUM_CORNERS, NUM_BODIES, 2))
    masses, centres, inertias = zip(*map(mass_properties, POLYGONS, _DENSITY), strict=True)
    for body, polygon in enumerate(POLYGONS):
        side = np.roll(polygon, -1, axis=0) - polygon
        corners[: len(polygon), body] = polygon
        normals[: len(polygon), body] = np.stack([side[:, 1], -side[:, 0]], 1) / np.hypot(*side.T)[:, None]
    counts = np.array([len(polygon) for polygon in POLYGONS])
    friction = np.where(np.arange(NUM_BODIES) == HULL, _HULL_FRICTION, _LEG_FRICTION)
    reach = [np.hypot(*(polygon - centre).T).max() for polygon, centre in zip(POLYGONS, centres, strict=True)]

    def column(values):
        return np.asarray(values, np.float32)[..., None]

    def vec(values):
        return Vec(column(values[..., 0]), column(values[..., 1]))

    bodies = Bodies(
        corner=vec(corners),
        outward=vec(normals),
        is_corner=(np.arange(NUM_CORNERS)[:, None] < counts)[..., None],
        last_corner=(counts - 1).astype(np.int32)[:, None],
        centre=vec(np.array(centres)),
        inverse_mass=column(1 / np.array(masses)),
        inverse_inertia=column(1 / np.array(inertias)),
        friction=column(np.sqrt(_GROUND_FRICTION * friction)),
        radius=column(reach),
    )
    return bodies, np.array(centres)


BODIES, _CENTRES = _make_bodies()
LEVER_FIRST = (ANCHOR_FIRST - _CENTRES[:-1]).astype(np.float32)  # [joints, 2] m, from the centre of mass
LEVER_SECOND = (ANCHOR_SECOND - _CENTRES[1:]).astype(np.float32)

# Joint angle limits, reference angles and motor speeds of the second body against the first.
CHAIN_LOW = np.where(JOINT_SIGN > 0, JOINT_LOW, -JOINT_HIGH)  # rad
CHAIN_HIGH = np.where(JOINT_SIGN > 0, JOINT_HIGH, -JOINT_LOW)  # rad
CHAIN_REFERENCE = JOINT_SIGN * JOINT_REFERENCE  # rad
CHAIN_SPEED = JOINT_SIGN * JOINT_MAX_SPEED  # rad/s


def _make_table() -> np.ndarray:
    """All of this as numbers in a row, as the native code reads them: each body, then each joint."""
    rows: list[np.ndarray] = []
    for body in range(NUM_BODIES):
        points = [
            np.stack([vec.x[:, body, 0], vec.y[:, body, 0]], 1).ravel() for vec in (BODIES.corner, BODIES.outward)
        ]
        centre = np.array([BODIES.centre.x[body, 0], BODIES.centre.y[body, 0]])
        scalars = (BODIES.inverse_mass, BODIES.inverse_inertia, BODIES.friction, BODIES.radius)
        rows += [np.array([len(POLYGONS[body])]), *points, centre, np.array([values[body, 0] for values in scalars])]
    for joint in range(NUM_JOINTS):
        limits = [values[joint] for values in (CHAIN_LOW, CHAIN_HIGH, CHAIN_REFERENCE, CHAIN_SPEED)]
        rows += [LEVER_FIRST[joint], LEVER_SECOND[joint], np.array(limits)]
    return np.concatenate(rows).astype(np.float32)  # the lidar's rays follow


MODEL_TABLE = _make_table()


def start_position(terrain_height: float, x: float) -> np.ndarray:
    """Centres of mass and angles [3, bodies] of a walker that is put down at `x`: upright, legs a little spread."""
    y = terrain_height + 2 * LEG_HEIGHT
    upper, lower = y - LEG_HEIGHT / 2 - HIP_HEIGHT, y - LEG_HEIGHT * 3 / 2 - HIP_HEIGHT
    origins = np.array([[x, lower], [x, upper], [x, y], [x, upper], [x, lower]])
    angles = START_SPREAD * np.array([1, 1, 0, -1, -1])
    return np.concatenate([(origins + _CENTRES).T, angles[None]]).astype(np.float32)


def take_body(tree, is_chosen: Array):
    """One body of each lane: leaves [..., bodies, B] become [..., 1, B]. `is_chosen` [bodies, B] is true once."""

    def take(leaf):
        leaf = jnp.asarray(leaf)
        chosen = jnp.broadcast_to(is_chosen, (*leaf.shape[:-1], is_chosen.shape[-1]))
        if leaf.dtype == bool:
            return jnp.any(chosen & leaf, axis=-2, keepdims=True)
        return jnp.sum(jnp.where(chosen, leaf, jnp.zeros((), leaf.dtype)), axis=-2, keepdims=True, dtype=leaf.dtype)

    return jax.tree.map(take, tree)
