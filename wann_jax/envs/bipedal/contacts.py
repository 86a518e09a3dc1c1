"""Which edges of the ground each body is near and touches, remembered from step to step.

In: contacts as they were, and where the bodies are. Out: contacts as they are; points that persist keep their impulses.
Each body has 8 slots; the edge with index i is kept in slot i mod 8, so that nothing moves when the window of near
edges does. A contact begins to exist when padded boxes meet (Box2D's broad phase), and contacts are solved in the order
in which they came to exist, newest first.
"""

import jax.numpy as jnp
from flax import struct
from jax import Array

from wann_jax.envs.bipedal.bodies import NUM_BODIES, Bodies
from wann_jax.envs.bipedal.manifold import Manifold, collide
from wann_jax.envs.bipedal.terrain import NUM_EDGES, STEP, edges_at
from wann_jax.envs.bipedal.vectors import Frame, Vec, frame_of

NUM_SLOTS = 8  # edges near one body; a power of two, and 3.7 m in all
_SHAPE_SKIN = 0.01  # m, of one shape
_BOX_MARGIN = 0.1  # m, of padding around boxes
_PREDICTION = 2.0  # steps of motion that a moved box is stretched by
_REACH = 0.3  # m, beyond a body's own box, that the window of edges starts before it
_EDGES_PER_BATCH = 256  # orders contacts that came to exist together: more than there are edges


class Contacts(struct.PyTreeNode):
    """Remembered contacts; impulses in N s."""

    edge: Array  # [slots, bodies, B] index of the edge; -1: none
    birth: Array  # [slots, bodies, B] when the contact came to exist, in counts of `clock`; -1: it does not
    count: Array  # [slots, bodies, B] touching points
    identity: Array  # [2, slots, bodies, B] what makes each point
    normal_impulse: Array  # [2, slots, bodies, B]
    tangent_impulse: Array  # [2, slots, bodies, B]


class Boxes(struct.PyTreeNode):
    """Axis-parallel boxes [bodies, B], m."""

    low: Vec
    high: Vec


def no_contacts(lanes: int) -> Contacts:
    """Of walkers in the air."""
    shape = (NUM_SLOTS, NUM_BODIES, lanes)
    none, points = jnp.full(shape, -1, jnp.int32), jnp.zeros((2, *shape))
    return Contacts(none, none, jnp.zeros(shape, jnp.int32), jnp.zeros((2, *shape), jnp.int32), points, points)


def box_around(bodies: Bodies, frame: Frame) -> Boxes:
    """The bodies' own boxes."""
    corner = frame[None].place(bodies.corner)

    def least(values):
        return jnp.where(bodies.is_corner, values, jnp.inf).min(0) - _SHAPE_SKIN

    def most(values):
        return jnp.where(bodies.is_corner, values, -jnp.inf).max(0) + _SHAPE_SKIN

    return Boxes(Vec(least(corner.x), least(corner.y)), Vec(most(corner.x), most(corner.y)))


def padded(box: Boxes, shift: Vec) -> Boxes:
    """A box with its margin, stretched along the motion `shift` (m per step)."""
    ahead = shift * _PREDICTION
    low = Vec(box.low.x - _BOX_MARGIN + jnp.minimum(ahead.x, 0.0), box.low.y - _BOX_MARGIN + jnp.minimum(ahead.y, 0.0))
    high = Vec(
        box.high.x + _BOX_MARGIN + jnp.maximum(ahead.x, 0.0), box.high.y + _BOX_MARGIN + jnp.maximum(ahead.y, 0.0)
    )
    return Boxes(low, high)


def sweep_boxes(
    bodies: Bodies, boxes: Boxes, before: Array, after: Array, is_moved: Array
) -> tuple[Boxes, Boxes, Array]:
    """Padded boxes after a motion from `before` to `after` [3, bodies, B] of the bodies that moved.

    A padded box is renewed only when the body leaves it. Also gives the unpadded boxes of the motion, and which padded
    boxes are new.
    """
    frames = frame_of(before, bodies.centre), frame_of(after, bodies.centre)
    first, last = (box_around(bodies, frame) for frame in frames)
    swept = Boxes(
        Vec(jnp.minimum(first.low.x, last.low.x), jnp.minimum(first.low.y, last.low.y)),
        Vec(jnp.maximum(first.high.x, last.high.x), jnp.maximum(first.high.y, last.high.y)),
    )
    inside = (boxes.low.x <= swept.low.x) & (boxes.low.y <= swept.low.y)
    inside = inside & (swept.high.x <= boxes.high.x) & (swept.high.y <= boxes.high.y)
    renewed = padded(swept, frames[1].origin - frames[0].origin)
    is_new = is_moved & ~inside
    return _where_boxes(is_new, renewed, boxes), swept, is_new


def find_contacts(
    contacts: Contacts, boxes: Boxes, swept: Boxes, is_new: Array, heights: Array, clock: Array
) -> Contacts:
    """Moves the windows of edges along, and lets contacts exist where new padded boxes meet edges."""
    first = jnp.floor((swept.low.x - _REACH) * (1.0 / STEP)).astype(jnp.int32)[None]
    slot = jnp.arange(NUM_SLOTS, dtype=jnp.int32)[:, None, None]
    edge = first + ((slot - first) & (NUM_SLOTS - 1))
    edge = jnp.where((edge >= 0) & (edge < NUM_EDGES), edge, -1)
    stays = edge == contacts.edge
    birth = jnp.where(stays, contacts.birth, -1)
    arises = is_new[None] & (birth < 0) & boxes_meet(boxes, edge, heights)
    return Contacts(
        edge=edge,
        birth=jnp.where(arises, clock, birth),
        count=jnp.where(stays, contacts.count, 0),
        identity=contacts.identity,
        normal_impulse=jnp.where(stays[None], contacts.normal_impulse, 0.0),
        tangent_impulse=jnp.where(stays[None], contacts.tangent_impulse, 0.0),
    )


def boxes_meet(boxes: Boxes, edge: Array, heights: Array) -> Array:
    """Whether padded boxes of bodies meet those of edges [slots, bodies, B]."""
    start, end = edges_at(heights, edge)
    margin = _SHAPE_SKIN + _BOX_MARGIN
    meets = (start.x - margin <= boxes.high.x[None]) & (boxes.low.x[None] <= end.x + margin)
    meets = meets & (jnp.minimum(start.y, end.y) - margin <= boxes.high.y[None])
    return (edge >= 0) & meets & (boxes.low.y[None] <= jnp.maximum(start.y, end.y) + margin)


def newest_first(contacts: Contacts, is_included: Array) -> Array:
    """Place of each slot [slots, bodies, B] among those included of its body, in the order of solving; others last."""
    key = jnp.where(is_included, contacts.birth * _EDGES_PER_BATCH + contacts.edge, -1)
    # Slots that are left out share a key: the slot's own index breaks the tie.
    slot = jnp.arange(NUM_SLOTS, dtype=jnp.int32)
    is_earlier = (slot[None] < slot[:, None])[..., None, None]
    goes_before = (key[None] > key[:, None]) | ((key[None] == key[:, None]) & is_earlier)
    return goes_before.sum(1, dtype=jnp.int32)


def touch(bodies: Bodies, contacts: Contacts, position: Array, heights: Array) -> Manifold:
    """Manifolds of all contacts that exist, at these positions."""
    start, end = edges_at(heights, contacts.edge)
    frame = frame_of(position, bodies.centre)
    manifold = collide(bodies, frame, Vec(position[0], position[1]), start, end)
    return manifold.replace(count=jnp.where(contacts.birth >= 0, manifold.count, 0))


def remember(contacts: Contacts, manifold: Manifold, is_due: Array) -> tuple[Contacts, Array, Array]:
    """Contacts with new points where `is_due` [slots, bodies, B]; points that persist keep their impulses.

    Also gives which contacts began and which ended.
    """
    normal_impulse, tangent_impulse = _carried(contacts, manifold)
    began = is_due & (contacts.count == 0) & (manifold.count > 0)
    ended = is_due & (contacts.count > 0) & (manifold.count == 0)
    is_due_twice = jnp.broadcast_to(is_due, manifold.identity.shape)
    contacts = contacts.replace(
        count=jnp.where(is_due, manifold.count, contacts.count),
        identity=jnp.where(is_due_twice, manifold.identity, contacts.identity),
        normal_impulse=jnp.where(is_due_twice, normal_impulse, contacts.normal_impulse),
        tangent_impulse=jnp.where(is_due_twice, tangent_impulse, contacts.tangent_impulse),
    )
    return contacts, began, ended


def part(contacts: Contacts, boxes: Boxes, heights: Array) -> tuple[Contacts, Array]:
    """Ends contacts whose padded boxes no longer meet; also gives which of them were touching."""
    stays = (contacts.birth >= 0) & boxes_meet(boxes, contacts.edge, heights)
    left = contacts.replace(birth=jnp.where(stays, contacts.birth, -1), count=jnp.where(stays, contacts.count, 0))
    return left, ~stays & (contacts.count > 0)


def _carried(contacts: Contacts, manifold: Manifold) -> tuple[Array, Array]:
    """Impulses of new points: those of the first old point with the same identity, else 0."""
    is_old = jnp.stack([contacts.count > 0, contacts.count > 1])
    is_new = jnp.stack([manifold.count > 0, manifold.count > 1])
    first = is_new & is_old[:1] & (manifold.identity == contacts.identity[:1])
    second = is_new & is_old[1:] & (manifold.identity == contacts.identity[1:])

    def carry(impulse):
        return jnp.where(first, impulse[:1], jnp.where(second, impulse[1:], 0.0))

    return carry(contacts.normal_impulse), carry(contacts.tangent_impulse)


def last_event(place: Array, began: Array, ended: Array, before: Array) -> Array:
    """Contact flags [bodies, B] after events: the last one in the order of contacts decides, whatever else touches."""
    latest = jnp.where(began | ended, place, -1)
    is_last = (latest == latest.max(0, keepdims=True)) & (latest >= 0)
    return (is_last & began).any(0) | (before & ~is_last.any(0))


def _where_boxes(condition: Array, chosen: Boxes, other: Boxes) -> Boxes:
    def pick(first: Vec, second: Vec) -> Vec:
        return Vec(jnp.where(condition, first.x, second.x), jnp.where(condition, first.y, second.y))

    return Boxes(pick(chosen.low, other.low), pick(chosen.high, other.high))
