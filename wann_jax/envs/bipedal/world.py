"""One step of the walker's world: contacts, velocities, positions, impacts.

In: a `World` whose arrays end with the lanes (B), terrain heights [B, points], motor drives. Out: the next `World`.
The order of everything is Box2D's; so are the numbers of passes, which a `Passes` can lower.
"""

import dataclasses
from functools import partial

import jax.numpy as jnp
from flax import struct
from jax import Array, lax
from jaxtyping import Float

from wann_jax.envs.bipedal import impulses, joints
from wann_jax.envs.bipedal.bodies import BODIES, HULL, NUM_JOINTS, start_position
from wann_jax.envs.bipedal.contacts import (
    Boxes,
    Contacts,
    box_around,
    find_contacts,
    last_event,
    newest_first,
    no_contacts,
    padded,
    part,
    remember,
    sweep_boxes,
    touch,
)
from wann_jax.envs.bipedal.continuous import Motion, solve_impacts
from wann_jax.envs.bipedal.integrate import integrate
from wann_jax.envs.bipedal.manifold import Manifold
from wann_jax.envs.bipedal.terrain import BASE_HEIGHT, START_X
from wann_jax.envs.bipedal.vectors import Vec, frame_of
from wann_jax.kernels.apart import each_lane

TIME_STEP = 1.0 / 50.0  # s
GRAVITY = -10.0  # m/s^2
_CORRECTION = 0.2  # of a contact's penetration, in one position pass
_STILL_TIME = 0.5  # s after which bodies at rest fall asleep, until the motors wake them
_STILL_SPEED, _STILL_SPIN = 0.01, float(joints.ANGULAR_SLOP)  # m/s, rad/s


@dataclasses.dataclass(frozen=True)
class Passes:
    """How long the solver goes on."""

    velocity: int = 180
    position: int = 60


EXACT = Passes()  # Box2D's


class World(struct.PyTreeNode):
    """All that a step leaves to the next."""

    position: Array  # [3, bodies, B] centre of mass (m) and angle (rad)
    velocity: Array  # [3, bodies, B] m/s and rad/s
    joint_impulse: Array  # [4, joints, B] x, y (N s), limit, motor (N m s)
    contacts: Contacts
    boxes: Boxes  # padded
    touched: Array  # [bodies, B] contact flags, as the original sets them
    hull_hit: Array  # [B] whether the hull has ever touched the ground
    still_time: Array  # [B] s
    clock: Array  # [B] counts searches for new contacts


def new_world(heights: Float[Array, "B points"]) -> World:
    """Walkers just put down, before their first step."""
    lanes = heights.shape[0]
    start = jnp.asarray(start_position(BASE_HEIGHT, START_X))[..., None]
    position = jnp.broadcast_to(start, (*start.shape[:-1], lanes))
    box = box_around(BODIES, frame_of(position, BODIES.centre))
    nowhere = jnp.zeros_like(box.low.x)
    boxes = padded(box, Vec(nowhere, nowhere))
    clock = jnp.zeros(lanes, jnp.int32)
    contacts = find_contacts(no_contacts(lanes), boxes, box, jnp.ones_like(nowhere, bool), heights, clock[None, None])
    return World(
        position=position,
        velocity=jnp.zeros_like(position),
        joint_impulse=jnp.zeros((4, NUM_JOINTS, lanes)),
        contacts=contacts,
        boxes=boxes,
        touched=jnp.zeros_like(nowhere, bool),
        hull_hit=jnp.zeros(lanes, bool),
        still_time=jnp.zeros(lanes),
        clock=clock,
    )


def step(
    world: World,
    heights: Float[Array, "B points"],
    drive: Float[Array, "joints B"],
    hull_force: Float[Array, "B"],
    passes: Passes,
) -> World:
    """The world 1/50 s later; `hull_force` (N) acts forward on the hull in this step."""
    contacts, left = part(world.contacts, world.boxes, heights)
    manifold = touch(BODIES, contacts, world.position, heights)
    place = newest_first(world.contacts, world.contacts.birth >= 0)
    contacts, began, ended = remember(contacts, manifold, contacts.birth >= 0)
    touched = last_event(place, began, ended | left, world.touched)
    hull_hit = world.hull_hit | began[:, HULL].any(0)

    position, velocity, joint_impulse, contacts, is_solved = _solve(
        world, contacts, manifold, drive, hull_force, passes
    )
    velocity, still_time, is_awake = _sleep(velocity, world.still_time, is_solved)

    moved = jnp.ones_like(touched)
    boxes, swept, is_new = sweep_boxes(BODIES, world.boxes, world.position, position, moved)
    clock = world.clock + 1
    contacts = find_contacts(contacts, boxes, swept, is_new, heights, clock[None, None])
    motion = Motion(
        before=world.position,
        begun=jnp.zeros_like(position[0]),
        position=position,
        velocity=velocity,
        contacts=contacts,
        boxes=boxes,
        touched=touched,
        hit=jnp.zeros_like(touched),
        clock=clock,
    )
    motion = solve_impacts(motion, heights, is_awake, TIME_STEP, passes.velocity)
    return World(
        position=motion.position,
        velocity=motion.velocity,
        joint_impulse=joint_impulse,
        contacts=motion.contacts,
        boxes=motion.boxes,
        touched=motion.touched,
        hull_hit=hull_hit | motion.hit[HULL],
        still_time=still_time,
        clock=motion.clock,
    )


class Speeds(struct.PyTreeNode):
    """What the velocity stage changes; contacts in the order of solving."""

    velocity: Array  # [3, bodies, B]
    joint_impulse: Array  # [4, joints, B]
    normal: Array  # impulses of contacts, [2, slots, bodies, B]
    tangent: Array


def _solve(
    world: World, contacts: Contacts, manifold: Manifold, drive: Array, hull_force: Array, passes: Passes
) -> tuple[Array, Array, Array, Contacts, Array]:
    """Positions, velocities, impulses of joints, contacts with theirs, and which lanes [B] are within tolerance."""
    is_touching = contacts.count > 0
    place = newest_first(contacts, is_touching)
    used = is_touching.sum(0, dtype=jnp.int32).max(0)
    ordered = impulses.in_order(manifold, place)
    rows = impulses.prepare(BODIES, ordered, world.position)
    hinges = joints.prepare(world.position, drive, TIME_STEP)
    pushed = hull_force * BODIES.inverse_mass[HULL] * TIME_STEP
    start = Speeds(
        velocity=world.velocity.at[1].add(GRAVITY * TIME_STEP).at[0, HULL].add(pushed),
        joint_impulse=world.joint_impulse,
        normal=impulses.in_order(contacts.normal_impulse, place),
        tangent=impulses.in_order(contacts.tangent_impulse, place),
    )
    speeds = each_lane(partial(_solve_velocities, passes.velocity), start, rows, hinges, used)
    position, velocity = integrate(world.position, speeds.velocity, TIME_STEP)
    position, is_solved = each_lane(
        partial(_solve_positions, passes.position), position, ordered, hinges.at_limit, used
    )
    contacts = contacts.replace(
        normal_impulse=impulses.out_of_order(speeds.normal, place),
        tangent_impulse=impulses.out_of_order(speeds.tangent, place),
    )
    return position, velocity, speeds.joint_impulse, contacts, is_solved


def _solve_velocities(
    passes: int, start: Speeds, rows: impulses.ContactRows, hinges: joints.JointRows, used: Array
) -> Speeds:
    """Joints, then contacts, until nothing changes; `used` [B]: contacts of the body that has most."""
    most = used.max()
    velocity = impulses.warm_start(BODIES, start.velocity, start.normal, start.tangent, rows, most)
    limit = start.joint_impulse[2]
    is_kept = ((hinges.at_limit < 0) & (limit > 0.0)) | ((hinges.at_limit > 0) & (limit < 0.0))
    joint_impulse = start.joint_impulse.at[2].set(jnp.where(is_kept, limit, 0.0))
    velocity = joints.warm_start(velocity, joint_impulse, hinges)

    def solve(carry):
        count, _, old = carry
        new, joint_impulse = joints.solve_velocities(old.velocity, old.joint_impulse, hinges)
        new, normal, tangent = impulses.solve_velocities(BODIES, new, old.normal, old.tangent, rows, most)
        return count + 1, (new != old.velocity).any(), Speeds(new, joint_impulse, normal, tangent)

    def running(carry):
        return (carry[0] < passes) & carry[1]

    first = start.replace(velocity=velocity, joint_impulse=joint_impulse)
    return lax.while_loop(running, solve, (0, jnp.bool_(True), first))[2]


def _solve_positions(
    passes: int, position: Array, ordered: Manifold, at_limit: Array, used: Array
) -> tuple[Array, Array]:
    """Contacts, then joints, until a lane is within tolerance; also gives which lanes [B] are."""
    most = used.max()

    def solve(carry):
        count, position, busy = carry
        new, least = impulses.solve_positions(BODIES, position, ordered, most, _CORRECTION)
        new, is_fine = joints.solve_positions(new, at_limit)
        is_fine = is_fine & (least.min(0) >= -3.0 * impulses.LINEAR_SLOP)
        return count + 1, jnp.where(busy[None, None], new, position), busy & ~is_fine

    def running(carry):
        return (carry[0] < passes) & carry[2].any()

    busy = jnp.ones(position.shape[-1], bool)
    _, position, busy = lax.while_loop(running, solve, (0, position, busy))
    return position, ~busy


def _sleep(velocity: Array, still_time: Array, is_solved: Array) -> tuple[Array, Array, Array]:
    """Stops bodies that have been still for long; also gives the time of rest so far and who is awake."""
    square = velocity * velocity
    is_still = (square[0] + square[1] <= _STILL_SPEED**2) & (square[2] <= _STILL_SPIN**2)
    still_time = jnp.where(is_still.all(0), still_time + TIME_STEP, 0.0)
    sleeps = (still_time >= _STILL_TIME) & is_solved
    return jnp.where(sleeps[None, None], 0.0, velocity), jnp.where(sleeps, 0.0, still_time), ~sleeps
