"""Hinges with motors and limits, as sequential impulses.

In: velocities or positions [3, bodies, B] (x, y, angle) and what the joints remember. Out: the same, one pass further.
Joint j links bodies j and j + 1; its angle and motor turn the second against the first (`bodies.JOINT_SIGN`). Impulses
(N s, and N m s for the angular ones) act on the second body, and reversed on the first.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array

from wann_jax.envs.bipedal.bodies import (
    BODIES,
    CHAIN_HIGH,
    CHAIN_LOW,
    CHAIN_REFERENCE,
    CHAIN_SPEED,
    JOINT_SIGN,
    LEVER_FIRST,
    LEVER_SECOND,
    MAX_MOTOR_TORQUE,
    NUM_JOINTS,
)
from wann_jax.envs.bipedal.vectors import Frame, Vec
from wann_jax.envs.trigonometry import sin_cos

LINEAR_SLOP = 0.005  # m
# As Box2D rounds them, in single precision.
ANGULAR_SLOP = np.float32(2.0) / np.float32(180.0) * np.float32(np.pi)  # rad
_MAX_ANGULAR_CORRECTION = np.float32(8.0) / np.float32(180.0) * np.float32(np.pi)  # rad, in one pass

# By joint [joints, 1].
_LOW, _HIGH, _REFERENCE = CHAIN_LOW[:, None], CHAIN_HIGH[:, None], CHAIN_REFERENCE[:, None]
_MASS = BODIES.inverse_mass[:-1], BODIES.inverse_mass[1:]  # [joints, 1] each
_INERTIA = BODIES.inverse_inertia[:-1], BODIES.inverse_inertia[1:]
_MOTOR_MASS = 1.0 / (_INERTIA[0] + _INERTIA[1])


class JointRows(struct.PyTreeNode):
    """What the velocity stage needs of the joints, [joints, B] each; symmetric inverses by their upper triangles."""

    first: Vec  # m, lever arms
    second: Vec
    inverse2: tuple[Array, ...]  # xx, xy, yy
    inverse3: tuple[Array, ...]  # xx, xy, xz, yy, yz, zz
    coupling: Vec  # of angular impulses to the linear rows
    at_limit: Array  # -1 at the lower, 1 at the upper, else 0
    speed: Array  # rad/s that the motor aims at
    max_motor_impulse: Array  # N m s


def joint_angles(position: Array) -> Array:
    """[joints, B], rad; as the original's joints measure them."""
    return jnp.asarray(JOINT_SIGN)[:, None] * (position[2, 1:] - position[2, :-1] - _REFERENCE)


def joint_speeds(velocity: Array) -> Array:
    """[joints, B], rad/s."""
    return jnp.asarray(JOINT_SIGN)[:, None] * (velocity[2, 1:] - velocity[2, :-1])


def prepare(position: Array, drive: Array, time_step: float) -> JointRows:
    """Rows at these positions; `drive` [joints, B] in [-1, 1] is the motors' share of torque, with its direction."""
    first, second = _levers(position)
    xx, xy, yy = _linear_mass(first, second)
    coupling = Vec(-first.y * _INERTIA[0] - second.y * _INERTIA[1], first.x * _INERTIA[0] + second.x * _INERTIA[1])
    angle = position[2, 1:] - position[2, :-1] - _REFERENCE
    at_limit = jnp.where(angle <= _LOW, -1, jnp.where(angle >= _HIGH, 1, 0)).astype(jnp.int32)
    return JointRows(
        first=first,
        second=second,
        inverse2=_inverse2(xx, xy, yy),
        inverse3=_inverse3(xx, xy, coupling.x, yy, coupling.y, jnp.asarray(_INERTIA[0] + _INERTIA[1])),
        coupling=coupling,
        at_limit=at_limit,
        speed=jnp.asarray(CHAIN_SPEED)[:, None] * jnp.sign(drive),
        max_motor_impulse=time_step * (MAX_MOTOR_TORQUE * jnp.abs(drive)),
    )


def warm_start(velocity: Array, impulse: Array, rows: JointRows) -> Array:
    """Velocities after the remembered impulses [4, joints, B] (x, y, limit, motor)."""
    for joint in range(NUM_JOINTS):
        row = _row(rows, joint)
        push = Vec(impulse[0, joint], impulse[1, joint])
        velocity = _push(velocity, joint, row, push, impulse[2, joint] + impulse[3, joint])
    return velocity


def solve_velocities(velocity: Array, impulse: Array, rows: JointRows) -> tuple[Array, Array]:
    """One pass over the joints: motor, then limit and hinge together."""
    for joint in range(NUM_JOINTS):
        row = _row(rows, joint)
        change, turn, new = _impulse_of(velocity, impulse[:, joint], joint, row)
        velocity = _push(velocity, joint, row, change, turn)
        impulse = impulse.at[:, joint].set(new)
    return velocity, impulse


def _impulse_of(velocity: Array, old: Array, joint: int, row: JointRows) -> tuple[Vec, Array, Array]:
    """Impulses of a joint: linear, angular (limit and motor together), and the accumulated ones [4, B]."""
    one, two = velocity[:, joint], velocity[:, joint + 1]
    inertia = _INERTIA[0][joint], _INERTIA[1][joint]
    spin = two[2] - one[2]
    motor = jnp.clip(old[3] - _MOTOR_MASS[joint] * (spin - row.speed), -row.max_motor_impulse, row.max_motor_impulse)
    by_motor = motor - old[3]
    spin_one, spin_two = one[2] - inertia[0] * by_motor, two[2] + inertia[1] * by_motor
    gap = Vec(two[0], two[1]) + row.second.left() * spin_two - Vec(one[0], one[1]) - row.first.left() * spin_one

    xx, xy, xz, yy, yz, zz = row.inverse3
    turn = spin_two - spin_one
    limit = old[2] - (xz * gap.x + yz * gap.y + zz * turn)
    holds = ((row.at_limit < 0) & (limit >= 0.0)) | ((row.at_limit > 0) & (limit <= 0.0))
    full = Vec(-(xx * gap.x + xy * gap.y + xz * turn), -(xy * gap.x + yy * gap.y + yz * turn))
    rest = row.coupling * old[2] - gap
    xx, xy, yy = row.inverse2
    reduced = Vec(xx * rest.x + xy * rest.y, xy * rest.x + yy * rest.y)
    limit = jnp.where(holds, limit, 0.0)
    change = Vec(jnp.where(holds, full.x, reduced.x), jnp.where(holds, full.y, reduced.y))
    new = jnp.stack([old[0] + change.x, old[1] + change.y, limit, motor])
    return change, limit - old[2] + by_motor, new


def solve_positions(position: Array, at_limit: Array) -> tuple[Array, Array]:
    """One pass that moves bodies together; also gives which lanes [B] were already within tolerance."""
    is_fine = jnp.ones(position.shape[-1], bool)
    for joint in range(NUM_JOINTS):
        position, is_joint_fine = _solve_position(position, joint, at_limit[joint])
        is_fine = is_fine & is_joint_fine
    return position, is_fine


def _solve_position(position: Array, joint: int, at_limit: Array) -> tuple[Array, Array]:
    one, two = position[:, joint], position[:, joint + 1]
    angle = two[2] - one[2] - _REFERENCE[joint]
    below, above = angle - _LOW[joint], angle - _HIGH[joint]
    low = jnp.clip(below + ANGULAR_SLOP, -_MAX_ANGULAR_CORRECTION, 0.0)
    high = jnp.clip(above - ANGULAR_SLOP, 0.0, _MAX_ANGULAR_CORRECTION)
    error = jnp.where(at_limit < 0, low, jnp.where(at_limit > 0, high, 0.0))
    angular_error = jnp.where(at_limit < 0, -below, jnp.where(at_limit > 0, above, 0.0))
    turn = -_MOTOR_MASS[joint] * error
    angle_one = one[2] - _INERTIA[0][joint] * turn
    angle_two = two[2] + _INERTIA[1][joint] * turn

    first, second = _lever(LEVER_FIRST[joint], angle_one), _lever(LEVER_SECOND[joint], angle_two)
    gap = Vec(two[0], two[1]) + second - Vec(one[0], one[1]) - first
    mass, inertia = [m[joint] for m in _MASS], [i[joint] for i in _INERTIA]
    xx = mass[0] + mass[1] + inertia[0] * first.y * first.y + inertia[1] * second.y * second.y
    xy = -inertia[0] * first.x * first.y - inertia[1] * second.x * second.y
    yy = mass[0] + mass[1] + inertia[0] * first.x * first.x + inertia[1] * second.x * second.x
    ixx, ixy, iyy = _inverse2(xx, xy, yy)
    push = Vec(-(ixx * gap.x + ixy * gap.y), -(ixy * gap.x + iyy * gap.y))
    one = jnp.stack([one[0] - mass[0] * push.x, one[1] - mass[0] * push.y, angle_one - inertia[0] * first.cross(push)])
    two = jnp.stack([two[0] + mass[1] * push.x, two[1] + mass[1] * push.y, angle_two + inertia[1] * second.cross(push)])
    is_fine = (jnp.sqrt(gap.square()) <= LINEAR_SLOP) & (angular_error <= ANGULAR_SLOP)
    return position.at[:, joint].set(one).at[:, joint + 1].set(two), is_fine


def _levers(position: Array) -> tuple[Vec, Vec]:
    sine, cosine = sin_cos(position[2])
    nowhere = Vec(jnp.zeros(()), jnp.zeros(()))

    def levers(local, body):
        frame = Frame(cosine[body], sine[body], nowhere)
        return frame.turn(Vec(jnp.asarray(local[:, :1]), jnp.asarray(local[:, 1:])))

    return levers(LEVER_FIRST, slice(0, -1)), levers(LEVER_SECOND, slice(1, None))


def _lever(local: np.ndarray, angle: Array) -> Vec:
    sine, cosine = sin_cos(angle)
    return Vec(cosine * local[0] - sine * local[1], sine * local[0] + cosine * local[1])


def _linear_mass(first: Vec, second: Vec) -> tuple[Array, Array, Array]:
    total = _MASS[0] + _MASS[1]
    xx = total + first.y * first.y * _INERTIA[0] + second.y * second.y * _INERTIA[1]
    xy = -first.y * first.x * _INERTIA[0] - second.y * second.x * _INERTIA[1]
    return xx, xy, total + first.x * first.x * _INERTIA[0] + second.x * second.x * _INERTIA[1]


def _inverse2(xx: Array, xy: Array, yy: Array) -> tuple[Array, Array, Array]:
    scale = 1.0 / (xx * yy - xy * xy)
    return scale * yy, -scale * xy, scale * xx


def _inverse3(xx: Array, xy: Array, xz: Array, yy: Array, yz: Array, zz: Array) -> tuple[Array, ...]:
    cxx, cxy, cxz = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    scale = 1.0 / (xx * cxx + xy * cxy + xz * cxz)
    minors = cxx, cxy, cxz, xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    return tuple(scale * minor for minor in minors)


def _row(rows: JointRows, joint: int) -> JointRows:
    return jax.tree.map(lambda leaf: leaf[joint], rows)


def _push(velocity: Array, joint: int, row: JointRows, push: Vec, turn: Array) -> Array:
    one = jnp.stack(
        [
            -_MASS[0][joint] * push.x,
            -_MASS[0][joint] * push.y,
            -_INERTIA[0][joint] * (row.first.cross(push) + turn),
        ]
    )
    two = jnp.stack(
        [
            _MASS[1][joint] * push.x,
            _MASS[1][joint] * push.y,
            _INERTIA[1][joint] * (row.second.cross(push) + turn),
        ]
    )
    return velocity.at[:, joint].add(one).at[:, joint + 1].add(two)
