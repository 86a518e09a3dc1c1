"""When, within a step, a moving body comes to touch an edge of the ground.

In: where one body of each lane is before and after, and an edge. Out: the time, as a share of the step. Box2D's
conservative advancement: the closest features define an axis; along it, the first time at which the shapes are a small
target distance apart is sought, by bisection and secants in turn.

Shapes: one body, so [corners, 1, B] and [1, B].
"""

import jax.numpy as jnp
from flax import struct
from jax import Array, lax

from wann_jax.envs.bipedal.bodies import NUM_CORNERS, Bodies
from wann_jax.envs.bipedal.manifold import SKIN
from wann_jax.envs.bipedal.vectors import Frame, Vec, frame_of, where

_SLOP = 0.005  # m
TARGET = max(_SLOP, SKIN - 3.0 * _SLOP)  # m, the distance of touching cores
TOLERANCE = 0.25 * _SLOP  # m
_MAX_AXES, _MAX_POINTS, _MAX_ROOTS = 20, 16, 50  # iterations


class _Axis(struct.PyTreeNode):
    """The closest features, and the direction between them."""

    distance: Array  # m, of the cores; 0: they overlap
    turns: Array  # whether the axis belongs to the body's side `side` (else it is fixed)
    direction: Vec  # of the world, or of the body where it turns
    base: Vec  # m, middle of the body's side, in its frame; where the axis turns
    offset: Array  # m, of the ground along the fixed axis


class _Motion(struct.PyTreeNode):
    """One body on its way, and an edge."""

    bodies: Bodies
    before: Array  # [3, 1, B]
    after: Array  # [3, 1, B]
    start: Vec
    end: Vec

    def frame(self, time: Array) -> Frame:
        """Where the body is."""
        return frame_of((1.0 - time)[None] * self.before + time[None] * self.after, self.bodies.centre)


def time_of_impact(bodies: Bodies, before: Array, after: Array, start: Vec, end: Vec, is_due: Array) -> Array:
    """Share of the motion at which the cores are TARGET apart, 1 if they never are or overlap from the start."""
    motion = _Motion(bodies, before, after, start, end)

    def running(carry):
        count, live, *_ = carry
        return (count < _MAX_AXES) & live.any()

    def advance(carry):
        count, live, time, result = carry
        axis = _closest(motion, time)
        touches = live & (axis.distance > 0.0) & (axis.distance < TARGET + TOLERANCE)
        result = jnp.where(touches, time, result)
        live = live & (axis.distance >= TARGET + TOLERANCE)
        live, time, result = _along(motion, axis, live, time, result)
        return count + 1, live, time, result

    ones = jnp.ones_like(before[0])
    return lax.while_loop(running, advance, (0, is_due, jnp.zeros_like(ones), ones))[-1]


def _along(motion: _Motion, axis: _Axis, live: Array, time: Array, result: Array) -> tuple[Array, Array, Array]:
    """Follows one axis: lanes that are still live, the time up to which there is no contact, and results."""

    def running(carry):
        count, busy, *_ = carry
        return (count < _MAX_POINTS) & busy.any()

    def push(carry):
        count, busy, live, time, until, result = carry
        corner, is_end, late = _deepest(motion, axis, until)
        apart = busy & (late > TARGET + TOLERANCE)
        close = busy & ~apart & (late > TARGET - TOLERANCE)
        early = _separation(motion, axis, corner, is_end, time)
        rest = busy & ~apart & ~close
        failed = rest & (early < TARGET - TOLERANCE)
        touches = rest & ~failed & (early <= TARGET + TOLERANCE)
        result = jnp.where(touches, time, result)
        live = live & ~(apart | failed | touches)
        busy = rest & ~failed & ~touches
        time = jnp.where(close, until, time)
        until = _root(motion, axis, corner, is_end, (time, until, early, late), busy)
        return count + 1, busy, live, time, until, result

    start = (0, live, live, time, jnp.ones_like(time), result)
    _, _, live, time, _, result = lax.while_loop(running, push, start)
    return live, time, result


def _root(motion, axis, corner, is_end, bracket, busy) -> Array:
    """When the separation of two features is the target; the bracket's end for lanes that are not busy."""
    time, until, early, late = bracket

    def running(carry):
        count, busy, *_ = carry
        return (count < _MAX_ROOTS) & busy.any()

    def narrow(carry):
        count, busy, low, high, at_low, at_high, root = carry
        slope = jnp.where(at_high == at_low, 1.0, at_high - at_low)
        middle = jnp.where(count % 2 == 1, low + (TARGET - at_low) * (high - low) / slope, 0.5 * (low + high))
        value = _separation(motion, axis, corner, is_end, middle)
        found = busy & (jnp.abs(value - TARGET) < TOLERANCE)
        root = jnp.where(found, middle, root)
        busy = busy & ~found
        is_early = busy & (value > TARGET)
        is_late = busy & ~(value > TARGET)
        low, at_low = jnp.where(is_early, middle, low), jnp.where(is_early, value, at_low)
        high, at_high = jnp.where(is_late, middle, high), jnp.where(is_late, value, at_high)
        return count + 1, busy, low, high, at_low, at_high, root

    return lax.while_loop(running, narrow, (0, busy, time, until, early, late, until))[-1]


def _separation(motion: _Motion, axis: _Axis, corner: Array, is_end: Array, time: Array) -> Array:
    """Of two features, along the axis (m)."""
    frame = motion.frame(time)
    fixed = axis.direction.dot(frame.place(_choose(motion.bodies.corner, corner))) - axis.offset
    ground = where(is_end, motion.end, motion.start)
    return jnp.where(axis.turns, frame.turn(axis.direction).dot(ground - frame.place(axis.base)), fixed)


def _deepest(motion: _Motion, axis: _Axis, time: Array) -> tuple[Array, Array, Array]:
    """The features that are deepest along the axis: the body's corner, whether the edge's end, their separation."""
    frame = motion.frame(time)
    depth = axis.direction[None].dot(frame[None].place(motion.bodies.corner))
    depth = jnp.where(motion.bodies.is_corner, depth, jnp.inf)
    turned, base = frame.turn(axis.direction), frame.place(axis.base)
    at_start, at_end = turned.dot(motion.start - base), turned.dot(motion.end - base)
    separation = jnp.where(axis.turns, jnp.minimum(at_start, at_end), depth.min(0) - axis.offset)
    return depth.argmin(0).astype(jnp.int32), at_end < at_start, separation


def _closest(motion: _Motion, time: Array) -> _Axis:
    bodies, frame = motion.bodies, motion.frame(time)
    corner, outward = frame[None].place(bodies.corner), frame[None].turn(bodies.outward)
    start, side = motion.start, motion.end - motion.start
    # Corners against the edge.
    share = (corner - start[None]).dot(side[None]) / side.square()[None]
    gap = corner - (start[None] + side[None] * jnp.clip(share, 0.0, 1.0))
    square = jnp.where(bodies.is_corner, gap.square(), jnp.inf)
    by_corner, index = square.min(0), square.argmin(0).astype(jnp.int32)
    share = _choose_one(share, index)
    # The edge's ends against the body's sides.
    to_start, to_end = _end_to_sides(bodies, corner, start), _end_to_sides(bodies, corner, motion.end)
    at_end = to_end[0] < to_start[0]
    by_side, side_index, side_inner = (jnp.where(at_end, b, a) for a, b in zip(to_start, to_end, strict=True))

    on_edge = (share > 0.0) & (share < 1.0) & (by_corner <= by_side)
    turns = ~on_edge & side_inner & (by_side <= by_corner)
    normal = side.right().unit()
    here = _choose(corner, index)
    normal = where(normal.dot(here - start) < 0.0, -normal, normal)
    nearest = where(share >= 0.5, motion.end, start)
    fixed = where(on_edge, normal, (here - nearest).unit())
    middle = start + side * 0.5
    far = jnp.maximum(fixed.dot(start), fixed.dot(motion.end))
    following = _next_corner(bodies, bodies.corner)
    return _Axis(
        distance=jnp.where(_overlaps(bodies, corner, outward, motion), 0.0, jnp.sqrt(jnp.minimum(by_corner, by_side))),
        turns=turns,
        direction=where(turns, _choose(bodies.outward, side_index), fixed),
        base=(_choose(bodies.corner, side_index) + _choose(following, side_index)) * 0.5,
        offset=jnp.where(on_edge, fixed.dot(middle), far),
    )


def _overlaps(bodies: Bodies, corner: Vec, outward: Vec, motion: _Motion) -> Array:
    """Whether no axis separates the cores."""
    heights = (motion.end - motion.start).right()[None].dot(corner - motion.start[None])
    above = jnp.where(bodies.is_corner, heights, jnp.inf).min(0)
    below = jnp.where(bodies.is_corner, heights, -jnp.inf).max(0)
    gaps = jnp.minimum(outward.dot(motion.start[None] - corner), outward.dot(motion.end[None] - corner))
    return (jnp.where(bodies.is_corner, gaps, -jnp.inf).max(0) <= 0.0) & (above <= 0.0) & (below >= 0.0)


def _end_to_sides(bodies: Bodies, corner: Vec, point: Vec) -> tuple[Array, Array, Array]:
    """Least squared distance, the side it belongs to, and whether the nearest point is inside that side."""
    side = _next_corner(bodies, corner) - corner
    length = jnp.where(bodies.is_corner, side.square(), 1.0)
    share = (point[None] - corner).dot(side) / length
    square = (point[None] - corner - side * jnp.clip(share, 0.0, 1.0)).square()
    square = jnp.where(bodies.is_corner, square, jnp.inf)
    index = square.argmin(0).astype(jnp.int32)
    share = _choose_one(share, index)
    return square.min(0), index, (share > 0.0) & (share < 1.0)


def _next_corner(bodies: Bodies, corner: Vec) -> Vec:
    is_last = jnp.arange(NUM_CORNERS, dtype=jnp.int32)[:, None, None] == bodies.last_corner[None]

    def after(values):
        return jnp.where(is_last, values[:1], jnp.roll(values, -1, axis=0))

    return Vec(after(corner.x), after(corner.y))


def _choose(values: Vec, index: Array) -> Vec:
    return Vec(_choose_one(values.x, index), _choose_one(values.y, index))


def _choose_one(values: Array, index: Array) -> Array:
    is_chosen = index[None] == jnp.arange(NUM_CORNERS, dtype=jnp.int32)[:, None, None]
    return jnp.where(is_chosen, values, 0.0).sum(0)
