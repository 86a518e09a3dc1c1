"""How bodies touch edges of the ground: up to two contact points for each pair.

In: edges, frames of bodies. Out: manifolds, in local coordinates so that the position stage can move the bodies on.
This is Box2D's scheme for a polygon and an edge without neighbours: the axis of least penetration decides the reference
side, and the other shape's opposing side is clipped against it.

Shapes: edges [slots, bodies, B], frames [bodies, B]; `Manifold` fields as written there.
"""

import jax.numpy as jnp
from flax import struct
from jax import Array

from wann_jax.envs.bipedal.bodies import NUM_CORNERS, Bodies
from wann_jax.envs.bipedal.vectors import Frame, Vec, where

SKIN = 0.02  # m, between the cores of two shapes that just touch: 0.01 on each
_RELATIVE_TOLERANCE, _ABSOLUTE_TOLERANCE = 0.98, 0.001  # a side of the body must win by this much (m)
# A point's identity: the features that made it. Two indices and two kinds, packed.
_SECOND, _FIRST_IS_SIDE, _SECOND_IS_SIDE = 8, 64, 128


class Manifold(struct.PyTreeNode):
    """Contact points, and the side that they are measured against."""

    on_body: Array  # [slots, bodies, B] whether the reference side belongs to the body (else to the ground)
    normal: Vec  # [slots, bodies, B] of the reference side, in its own frame
    base: Vec  # [slots, bodies, B] m, a point of that side, in its own frame
    point: Vec  # [2, slots, bodies, B] m, in the frame of the other shape
    identity: Array  # [2, slots, bodies, B]
    count: Array  # [slots, bodies, B] 0, 1 or 2 points


class _End(struct.PyTreeNode):
    """One end of the side that is clipped: a point and the features that made it."""

    point: Vec
    index: Array  # of the reference shape's vertex, once clipped
    other_index: Array
    is_clipped: Array


def collide(bodies: Bodies, frame: Frame, centroid: Vec, start: Vec, end: Vec) -> Manifold:
    """Manifolds of all pairs of slot and body."""
    corner, outward = frame[None].place(bodies.corner), frame[None].turn(bodies.outward)
    down = (end - start).unit().right()
    faces_down = down.dot(centroid[None] - start) >= 0.0
    normal = where(faces_down, down, -down)

    is_corner = bodies.is_corner[:, None]
    edge_gap = normal[None].dot(corner[:, None] - start[None])
    edge_gap = jnp.where(is_corner, edge_gap, jnp.inf).min(0)
    from_start = -outward[:, None].dot(corner[:, None] - start[None])
    from_end = -outward[:, None].dot(corner[:, None] - end[None])
    side_gaps = jnp.where(is_corner, jnp.minimum(from_start, from_end), -jnp.inf)
    side_gap, side = side_gaps.max(0), side_gaps.argmax(0).astype(jnp.int32)
    is_near = (edge_gap <= SKIN) & (side_gap <= SKIN)
    on_body = side_gap > _RELATIVE_TOLERANCE * edge_gap + _ABSOLUTE_TOLERANCE

    facing = jnp.where(is_corner, normal[None].dot(outward[:, None]), jnp.inf).argmin(0).astype(jnp.int32)
    first = jnp.where(on_body, side, facing)  # the body's side that takes part, either way
    second = jnp.where(first == bodies.last_corner[None], 0, first + 1)
    body_first, body_second = _pick(corner, first), _pick(corner, second)
    ground_first, ground_second = where(faces_down, start, end), where(faces_down, end, start)
    face = where(on_body, _pick(outward, first), normal)
    reference_first = where(on_body, body_first, ground_first)
    reference_second = where(on_body, body_second, ground_second)
    ground_index = jnp.where(faces_down, 0, 1).astype(jnp.int32)
    zero = jnp.zeros_like(first)
    no = jnp.zeros_like(on_body)
    ends = (
        _End(where(on_body, start, body_first), zero, first, no),
        _End(where(on_body, end, body_second), zero, jnp.where(on_body, first, second), no),
    )
    along = face.right()
    ends, is_cut = _clip(ends, along, along.dot(reference_first), jnp.where(on_body, first, ground_index))
    ends, is_cut_too = _clip(ends, -along, -along.dot(reference_second), jnp.where(on_body, second, 1 - ground_index))
    valid = is_near & is_cut & is_cut_too

    holds = [valid & (face.dot(end_.point - reference_first) <= SKIN) for end_ in ends]
    points = [where(on_body, end_.point, frame[None].find(end_.point)) for end_ in ends]
    identities = [_identity(end_, on_body) for end_ in ends]
    # A lone second point moves up.
    point = where(holds[0], points[0], points[1])
    identity = jnp.where(holds[0], identities[0], identities[1])
    return Manifold(
        on_body=on_body,
        normal=where(on_body, _pick(bodies.outward, first), face),
        base=where(on_body, _pick(bodies.corner, first), reference_first),
        point=Vec(jnp.stack([point.x, points[1].x]), jnp.stack([point.y, points[1].y])),
        identity=jnp.stack([identity, identities[1]]),
        count=holds[0].astype(jnp.int32) + holds[1].astype(jnp.int32),
    )


def _pick(values: Vec, index: Array) -> Vec:
    """Of [corners, bodies, B], those with `index` [slots, bodies, B]."""

    is_chosen = index[None] == jnp.arange(NUM_CORNERS, dtype=jnp.int32)[:, None, None, None]

    def pick(component):
        return jnp.where(is_chosen, component[:, None], 0.0).sum(0)

    return Vec(pick(values.x), pick(values.y))


def _clip(ends: tuple[_End, _End], along: Vec, offset: Array, vertex: Array) -> tuple[tuple[_End, _End], Array]:
    """The part of a side behind a line; second value: whether two points are left."""
    first, second = ends
    first_past, second_past = (along.dot(end.point) - offset for end in ends)
    first_in, second_in = first_past <= 0.0, second_past <= 0.0
    crosses = first_past * second_past < 0.0
    share = first_past / jnp.where(crosses, first_past - second_past, 1.0)
    crossing = _End(
        first.point + (second.point - first.point) * share, vertex, first.other_index, jnp.ones_like(crosses)
    )
    both = first_in & second_in
    kept = (_select(first_in, first, second), _select(both, second, crossing))
    return kept, both | crosses


def _select(condition: Array, chosen: _End, other: _End) -> _End:
    return _End(
        where(condition, chosen.point, other.point),
        jnp.where(condition, chosen.index, other.index),
        jnp.where(condition, chosen.other_index, other.other_index),
        jnp.where(condition, chosen.is_clipped, other.is_clipped),
    )


def _identity(end: _End, on_body: Array) -> Array:
    """As Box2D names points: by which shape's side and which shape's vertex they come from."""
    flips = end.is_clipped & ~on_body
    first = jnp.where(on_body, end.other_index, end.index)
    second = jnp.where(on_body, end.index, end.other_index)
    return first + _SECOND * second + jnp.where(flips, _SECOND_IS_SIDE, _FIRST_IS_SIDE)
