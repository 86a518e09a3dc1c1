"""Continuous collision: bodies that would pass into the ground within a step are stopped when they reach it.

In: the bodies' motion in a step. Out: where they end. As in Box2D, the earliest impact comes first; its body alone is
rewound to that moment, pushed out of the ground, given contact impulses, and sent on for the rest of the step.
"""

from functools import partial

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array, lax

from wann_jax.envs.bipedal import impulses
from wann_jax.envs.bipedal.bodies import BODIES, NUM_BODIES, take_body
from wann_jax.envs.bipedal.contacts import (
    NUM_SLOTS,
    Boxes,
    Contacts,
    find_contacts,
    last_event,
    newest_first,
    remember,
    sweep_boxes,
    touch,
)
from wann_jax.envs.bipedal.impact import TARGET, TOLERANCE, time_of_impact
from wann_jax.envs.bipedal.integrate import integrate
from wann_jax.envs.bipedal.terrain import edges_at
from wann_jax.envs.bipedal.vectors import Vec, frame_of
from wann_jax.kernels.apart import each_lane

POSITION_PASSES = 20
POSITION_CORRECTION = 0.75  # of the penetration, in one pass
_MAX_TRIES = 8  # impacts of one contact in one step
_MAX_EVENTS = 32  # impacts of one walker in one step
_LATEST = 1.0 - 10.0 * 1.1920929e-07  # share of the step; an impact later than this waits for the next step


class Motion(struct.PyTreeNode):
    """Bodies in the middle of a step; [.., bodies, B]."""

    before: Array  # [3, ...] where each body's remaining motion starts
    begun: Array  # the share of the step at which it starts
    position: Array  # [3, ...] where it ends
    velocity: Array  # [3, ...]
    contacts: Contacts
    boxes: Boxes
    touched: Array  # contact flags
    hit: Array  # whether any contact began
    clock: Array  # [B]


class _Impacts(struct.PyTreeNode):
    """Times of impact that are known [slots, bodies, B]."""

    time: Array  # share of the step; 1: none
    is_due: Array  # to be computed
    tries: Array
    is_off: Array  # out of the game until it is updated


def solve_impacts(motion: Motion, heights: Array, is_awake: Array, time_step: float, passes: int) -> Motion:
    """All impacts of the step; `passes` bounds the velocity passes after each."""
    shape = motion.contacts.edge.shape
    none = jnp.zeros(shape, bool)
    due = may_hit(motion, heights) & is_awake[None, None]
    impacts = _Impacts(jnp.ones(shape), due, jnp.zeros(shape, jnp.int32), none)

    def running(carry):
        count, _, impacts = carry
        return (count < _MAX_EVENTS) & (impacts.is_due.any() | (impacts.time < _LATEST).any())

    def advance(carry):
        count, motion, impacts = carry
        impacts = _compute_due(motion, impacts, heights)
        motion, impacts = _first_impact(motion, impacts, heights, time_step, passes)
        return count + 1, motion, impacts

    return lax.while_loop(running, advance, (0, motion, impacts))[1]


def may_hit(motion: Motion, heights: Array) -> Array:
    """Contacts [slots, bodies, B] whose body may come close to the edge: all but those that certainly stay apart.

    A body stays apart if its box does, or if all corners stay above the edge's line; corners move along arcs, which
    leave the chord by less than radius * angle^2 / 8.
    """
    start, end = edges_at(heights, motion.contacts.edge)
    up = -(end - start).unit().right()
    near = TARGET + TOLERANCE
    frames = [frame_of(position, BODIES.centre) for position in (motion.before, motion.position)]
    corners = [frame[None].place(BODIES.corner) for frame in frames]
    turn = motion.position[2] - motion.before[2]
    sag = near + 0.125 * BODIES.radius * turn * turn
    is_corner = BODIES.is_corner[:, None]
    lows = [jnp.where(is_corner, up[None].dot(corner[:, None] - start[None]), jnp.inf).min(0) for corner in corners]
    left = jnp.minimum(*(jnp.where(BODIES.is_corner, corner.x, jnp.inf).min(0) for corner in corners)) - sag
    right = jnp.maximum(*(jnp.where(BODIES.is_corner, corner.x, -jnp.inf).max(0) for corner in corners)) + sag
    beside = (left[None] > end.x) | (right[None] < start.x)
    return (motion.contacts.birth >= 0) & (jnp.minimum(*lows) <= sag[None]) & ~beside


def _compute_due(motion: Motion, impacts: _Impacts, heights: Array) -> _Impacts:
    """Times of impact of all due contacts."""
    edges = edges_at(heights, motion.contacts.edge)
    moves = motion.before, motion.begun, motion.position
    time = each_lane(_times_of_impact, moves, edges, impacts.is_due, impacts.time)
    return impacts.replace(time=time, is_due=jnp.zeros_like(impacts.is_due))


def _times_of_impact(moves: tuple[Array, ...], edges: tuple[Vec, Vec], is_due: Array, times: Array) -> Array:
    """[slots, bodies, B]; new ones where they are due, one of each lane after another."""

    def compute(carry):
        is_due, times = carry
        flat = is_due.reshape(NUM_SLOTS * NUM_BODIES, -1)
        chosen = _one_hot(flat.argmax(0), flat.any(0))
        is_body = chosen.any(0) | (~chosen.any((0, 1))[None] & (jnp.arange(NUM_BODIES)[:, None] == 0))
        bodies, before, begun, after = take_body((BODIES, *moves), is_body)
        start, end = jax.tree.map(lambda leaf: jnp.where(chosen, leaf, 0.0).sum((0, 1))[None], edges)
        share = time_of_impact(bodies, before, after, start, end, flat.any(0)[None])
        time = jnp.where(share < 1.0, jnp.minimum(begun + (1.0 - begun) * share, 1.0), 1.0)
        return is_due & ~chosen, jnp.where(chosen, time[None], times)

    return lax.while_loop(lambda carry: carry[0].any(), compute, (is_due, times))[1]


def _one_hot(index: Array, is_any: Array) -> Array:
    """[slots, bodies, B] from a flat index [B]."""
    flat = jnp.arange(NUM_SLOTS * NUM_BODIES)[:, None] == index[None]
    return (flat & is_any[None]).reshape(NUM_SLOTS, NUM_BODIES, -1)


def _first_impact(
    motion: Motion, impacts: _Impacts, heights: Array, time_step: float, passes: int
) -> tuple[Motion, _Impacts]:
    """Deals with the earliest impact of each lane."""
    places = newest_first(motion.contacts, motion.contacts.birth >= 0)
    earliest = impacts.time.min((0, 1))
    has_event = earliest < _LATEST
    rank = jnp.where(impacts.time == earliest[None, None], places, NUM_SLOTS)
    chosen = _one_hot(rank.reshape(NUM_SLOTS * NUM_BODIES, -1).argmin(0), has_event)
    is_body = chosen.any(0) | (~has_event[None] & (jnp.arange(NUM_BODIES)[:, None] == 0))
    one = take_body(
        (BODIES, motion.before, motion.begun, motion.position, motion.velocity, motion.contacts, chosen, places),
        is_body,
    )
    bodies, before, begun, position, velocity, contacts, is_first, place = one
    share = (earliest[None] - begun) / (1.0 - begun)
    share = jnp.where(has_event[None], share, 0.0)
    moment = (1.0 - share)[None] * before + share[None] * position
    manifold = touch(bodies, contacts, moment, heights)
    is_solid = (is_first & (manifold.count > 0)).any(0)  # [1, B]; else the contact was only near
    is_due = is_first | is_solid[None]
    contacts, began, ended = remember(contacts, manifold, is_due)
    place = jnp.where(is_first, 0, place + 1)
    touched = last_event(place, began, ended, take_body(motion.touched, is_body))

    is_touching = contacts.count > 0
    key_place = _rank(jnp.where(is_touching, place, NUM_SLOTS + 1))
    solved, end, velocity = each_lane(
        partial(_respond, passes),
        bodies,
        impulses.in_order(manifold, key_place),
        moment,
        velocity,
        is_touching.sum(0, dtype=jnp.int32).max(0),
        (1.0 - earliest)[None] * time_step,
    )
    is_event_body = is_body & has_event[None]
    is_solid_body = is_body & is_solid
    motion = motion.replace(
        before=_put(solved, is_solid_body, motion.before),
        begun=jnp.where(is_solid_body, earliest[None], motion.begun),
        position=_put(end, is_solid_body, motion.position),
        velocity=_put(velocity, is_solid_body, motion.velocity),
        contacts=jax.tree.map(lambda new, old: _put(new, is_event_body, old), contacts, motion.contacts),
        touched=_put(touched, is_event_body, motion.touched),
        hit=motion.hit | (is_event_body & began.any(0)),
    )
    return _after_impact(motion, impacts, heights, chosen, is_solid_body)


def _after_impact(
    motion: Motion, impacts: _Impacts, heights: Array, chosen: Array, is_solid_body: Array
) -> tuple[Motion, _Impacts]:
    """Finds new contacts of bodies that were rewound, and marks their impacts as due."""
    boxes, swept, is_new = sweep_boxes(BODIES, motion.boxes, motion.before, motion.position, is_solid_body)
    clock = motion.clock + 1
    contacts = find_contacts(motion.contacts, boxes, swept, is_new, heights, clock[None, None])
    motion = motion.replace(boxes=boxes, contacts=contacts, clock=clock)
    tries = impacts.tries + chosen.astype(jnp.int32)
    is_redone = jnp.broadcast_to(is_solid_body[None], chosen.shape)
    is_off = (impacts.is_off | chosen) & ~is_redone
    due = is_redone & may_hit(motion, heights) & (tries <= _MAX_TRIES)
    return motion, _Impacts(jnp.where(is_redone | chosen, 1.0, impacts.time), due, tries, is_off)


def _respond(passes, bodies, manifold, moment, velocity, used, time_left) -> tuple[Array, Array, Array]:
    """Pushes one body out of the ground at `moment` and moves it on: position then, position at the end, velocity."""
    used = used.max()

    def lift(carry):
        count, position, busy = carry
        lifted, least = impulses.solve_positions(bodies, position, manifold, used, POSITION_CORRECTION)
        position = jnp.where(busy[None], lifted, position)
        return count + 1, position, busy & (least < -1.5 * impulses.LINEAR_SLOP)

    def lifting(carry):
        return (carry[0] < POSITION_PASSES) & carry[2].any()

    busy = manifold.count.sum(0) > 0
    _, position, _ = lax.while_loop(lifting, lift, (0, moment, busy))
    rows = impulses.prepare(bodies, manifold, position)
    zero = jnp.zeros_like(rows.normal_mass)

    def press(carry):
        count, _, old, normal, tangent = carry
        new, normal, tangent = impulses.solve_velocities(bodies, old, normal, tangent, rows, used)
        return count + 1, (new != old).any(), new, normal, tangent

    def pressing(carry):
        return (carry[0] < passes) & carry[1]

    _, _, velocity, _, _ = lax.while_loop(pressing, press, (0, jnp.bool_(True), velocity, zero, zero))
    end, velocity = integrate(position, velocity, time_left)
    return position, end, velocity


def _rank(key: Array) -> Array:
    """Place of each slot in ascending order of `key` [slots, 1, B]; the slot's index breaks ties."""
    slot = jnp.arange(NUM_SLOTS, dtype=jnp.int32)
    is_earlier = (slot[None] < slot[:, None])[..., None, None]
    return ((key[None] < key[:, None]) | ((key[None] == key[:, None]) & is_earlier)).sum(1, dtype=jnp.int32)


def _put(new: Array, is_body: Array, old: Array) -> Array:
    """Writes one body [..., 1, B] into [..., bodies, B] where `is_body` [bodies, B]."""
    return jnp.where(jnp.broadcast_to(is_body, old.shape), jnp.broadcast_to(new, old.shape), old)
