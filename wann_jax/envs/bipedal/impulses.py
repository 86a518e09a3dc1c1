"""Contacts with the ground, as sequential impulses.

In: velocities or positions [3, bodies, B] (x, y, angle) and contact points. Out: the same, one pass further. The ground
does not move, so contacts of different bodies do not meet: pass k treats the k-th contact of every body at once.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array, lax

from wann_jax.envs.bipedal.bodies import Bodies
from wann_jax.envs.bipedal.contacts import NUM_SLOTS
from wann_jax.envs.bipedal.manifold import SKIN, Manifold
from wann_jax.envs.bipedal.vectors import Vec, frame_of, where

LINEAR_SLOP = 0.005  # m, of penetration that is left alone
_MAX_LINEAR_CORRECTION = 0.2  # m, in one pass
_MAX_CONDITION = 1000.0  # of the two points' mass matrix; beyond it, one point is used


class ContactRows(struct.PyTreeNode):
    """What the velocity stage needs of contacts, in the order of solving; [slots, bodies, B] or [2, slots, ...]."""

    count: Array  # points in use
    normal: Vec  # out of the ground
    lever: Vec  # [2, ...] m, from the centre of mass
    normal_mass: Array  # [2, ...] kg
    tangent_mass: Array  # [2, ...] kg
    stiffness: tuple[Array, ...]  # of the two normal rows: xx, xy, yy (1/kg)
    block_mass: tuple[Array, ...]  # its inverse


def in_order(tree: Any, place: Array) -> Any:
    """Moves slot s to place[s]; leaves are [..., slots, bodies, B] with `place`'s last three axes."""
    target = jnp.arange(NUM_SLOTS, dtype=jnp.int32)[:, None, None, None]
    return jax.tree.map(lambda leaf: _gather(leaf, place[None] == target), tree)


def out_of_order(leaf: Array, place: Array) -> Array:
    """The inverse of `in_order`, for one array."""
    source = jnp.arange(NUM_SLOTS, dtype=jnp.int32)[:, None, None]
    return _gather(leaf, place[:, None] == source[None])


def _gather(leaf: Array, is_source: Array) -> Array:
    """For each new slot the old one chosen by `is_source` [new, old, bodies, B], true once along the old slots."""
    old = leaf[..., None, :, :, :]
    chosen = jnp.broadcast_to(is_source, (*old.shape[:-4], *is_source.shape))
    if leaf.dtype == bool:
        return (chosen & old).any(-3)
    return jnp.where(chosen, old, jnp.zeros((), leaf.dtype)).sum(-3, dtype=leaf.dtype)


def prepare(bodies: Bodies, manifold: Manifold, position: Array) -> ContactRows:
    """Rows at these positions."""
    frame = frame_of(position, bodies.centre)[None]
    centre = Vec(position[0], position[1])[None]
    normal = where(manifold.on_body, -frame.turn(manifold.normal), manifold.normal)
    lever = _world_points(manifold, frame, normal) - centre[None]
    inertia, mass = bodies.inverse_inertia[None], bodies.inverse_mass[None]
    by_normal, by_tangent = lever.cross(normal[None]), lever.cross(normal.right()[None])
    xx, yy = (mass + inertia * by_normal[i] * by_normal[i] for i in range(2))
    xy = mass + inertia * by_normal[0] * by_normal[1]
    determinant = xx * yy - xy * xy
    is_safe = xx * xx < _MAX_CONDITION * determinant
    scale = 1.0 / jnp.where(is_safe, determinant, 1.0)
    return ContactRows(
        count=jnp.where((manifold.count == 2) & ~is_safe, 1, manifold.count),
        normal=normal,
        lever=lever,
        normal_mass=jnp.stack([1.0 / xx, 1.0 / yy]),
        tangent_mass=1.0 / (mass[None] + inertia[None] * by_tangent * by_tangent),
        stiffness=(xx, xy, yy),
        block_mass=(scale * yy, -scale * xy, scale * xx),
    )


def _world_points(manifold: Manifold, frame, normal: Vec) -> Vec:
    """Middle of each point and the other shape's surface [2, slots, bodies, B], m."""
    clipped = where(manifold.on_body, manifold.point, frame[None].place(manifold.point))
    base = where(manifold.on_body, frame.place(manifold.base), manifold.base)
    outward = where(manifold.on_body, -normal, normal)  # of the reference side
    depth = (clipped - base[None]).dot(outward[None])
    # Halfway between both skins, which are SKIN / 2 thick each.
    return clipped - outward[None] * (0.5 * depth)


def warm_start(
    bodies: Bodies, velocity: Array, normal_impulse: Array, tangent_impulse: Array, rows: ContactRows, used: Array
) -> Array:
    """Velocities after the remembered impulses [2, slots, bodies, B]; `used`: slots that may hold points."""

    def push(slot, velocity):
        normal, lever, count = _of_slot((rows.normal, rows.lever, rows.count), slot)
        for point in range(2):
            along = normal * normal_impulse[point, slot] + normal.right() * tangent_impulse[point, slot]
            along = along * (count > point).astype(jnp.float32)
            velocity = velocity + _change(bodies, lever[point], along)
        return velocity

    return lax.fori_loop(0, used, push, velocity)


def solve_velocities(
    bodies: Bodies, velocity: Array, normal_impulse: Array, tangent_impulse: Array, rows: ContactRows, used: Array
) -> tuple[Array, Array, Array]:
    """One pass over the contacts: friction first, then the normal rows of both points together."""

    def solve(slot, carry):
        velocity, normal_impulse, tangent_impulse = carry
        row = _of_slot(rows, slot)
        new_tangent, old_normal = [], (normal_impulse[0, slot], normal_impulse[1, slot])
        for point in range(2):
            velocity, impulse = _rub(bodies, velocity, row, point, tangent_impulse[point, slot], old_normal[point])
            new_tangent.append(impulse)
        new_normal = _press(velocity, row, old_normal)
        for point in range(2):
            push = row.normal * (new_normal[point] - old_normal[point])
            velocity = velocity + _change(bodies, row.lever[point], push)
        normal_impulse = normal_impulse.at[:, slot].set(jnp.stack(new_normal))
        return velocity, normal_impulse, tangent_impulse.at[:, slot].set(jnp.stack(new_tangent))

    return lax.fori_loop(0, used, solve, (velocity, normal_impulse, tangent_impulse))


def _rub(bodies, velocity, row, point, old, pressure) -> tuple[Array, Array]:
    """Friction at one point: velocities and the accumulated impulse."""
    tangent, lever = row.normal.right(), row.lever[point]
    most = bodies.friction * pressure
    new = jnp.clip(old - row.tangent_mass[point] * _point_velocity(velocity, lever).dot(tangent), -most, most)
    new = jnp.where(row.count > point, new, old)
    return velocity + _change(bodies, lever, tangent * (new - old)), new


def _press(velocity: Array, row: ContactRows, old: tuple[Array, Array]) -> tuple[Array, Array]:
    """Accumulated normal impulses that stop both points, or one of them, from going deeper.

    Of the four cases (both points held, one of them, neither) the first that fits is taken; if none, nothing changes.
    """
    speed = [_point_velocity(velocity, row.lever[point]).dot(row.normal) for point in range(2)]
    single = jnp.maximum(old[0] - row.normal_mass[0] * speed[0], 0.0)
    xx, xy, yy = row.stiffness
    first = speed[0] - (xx * old[0] + xy * old[1])
    second = speed[1] - (xy * old[0] + yy * old[1])
    ixx, ixy, iyy = row.block_mass
    both = -(ixx * first + ixy * second), -(ixy * first + iyy * second)
    only_first, only_second = -row.normal_mass[0] * first, -row.normal_mass[1] * second
    zero = jnp.zeros_like(first)
    cases = (  # whether it fits, and its impulses; the last fitting one written wins, so in reverse order
        ((first >= 0.0) & (second >= 0.0), zero, zero),
        ((only_second >= 0.0) & (xy * only_second + first >= 0.0), zero, only_second),
        ((only_first >= 0.0) & (xy * only_first + second >= 0.0), only_first, zero),
        ((both[0] >= 0.0) & (both[1] >= 0.0), *both),
    )
    new = old
    for fits, impulse, other in cases:
        new = jnp.where(fits, impulse, new[0]), jnp.where(fits, other, new[1])
    is_block, is_single = row.count == 2, row.count == 1
    return jnp.where(is_block, new[0], jnp.where(is_single, single, old[0])), jnp.where(is_block, new[1], old[1])


def solve_positions(
    bodies: Bodies, position: Array, manifold: Manifold, used: Array, correction: float
) -> tuple[Array, Array]:
    """One pass that moves bodies out of the ground, by the share `correction` of what is too deep.

    Also gives the least separation of each body's points before they were moved, [bodies, B] in m, and at most 0.
    """

    def solve(slot, carry):
        position, least = carry
        contact = _of_slot(manifold, slot)
        for point in range(2):
            position, separation = _lift(bodies, position, contact, point, correction)
            least = jnp.minimum(least, separation)
        return position, least

    return lax.fori_loop(0, used, solve, (position, jnp.zeros_like(position[0])))


def _lift(bodies, position, contact: Manifold, point: int, correction: float) -> tuple[Array, Array]:
    frame = frame_of(position, bodies.centre)
    normal = where(contact.on_body, frame.turn(contact.normal), contact.normal)
    base = where(contact.on_body, frame.place(contact.base), contact.base)
    place = where(contact.on_body, contact.point[point], frame.place(contact.point[point]))
    separation = (place - base).dot(normal) - SKIN
    separation = jnp.where(contact.count > point, separation, 0.0)
    error = jnp.clip(correction * (separation + LINEAR_SLOP), -_MAX_LINEAR_CORRECTION, 0.0)
    lever = place - Vec(position[0], position[1])
    outward = where(contact.on_body, -normal, normal)
    turn = lever.cross(outward)
    push = outward * (-error / (bodies.inverse_mass + bodies.inverse_inertia * turn * turn))
    return position + _change(bodies, lever, push), separation


def _point_velocity(velocity: Array, lever: Vec) -> Vec:
    return Vec(velocity[0], velocity[1]) + lever.left() * velocity[2]


def _change(bodies: Bodies, lever: Vec, push: Vec) -> Array:
    """Of velocities (or positions) [3, bodies, B] by an impulse at a lever."""
    return jnp.stack(
        [bodies.inverse_mass * push.x, bodies.inverse_mass * push.y, bodies.inverse_inertia * lever.cross(push)]
    )


def _of_slot(tree: Any, slot: Array) -> Any:
    return jax.tree.map(lambda leaf: leaf[..., slot, :, :], tree)
