"""The car's motion: a hull on four wheels with their own spin, seen from above.

In: a car, its controls, which wheels are on the road. Out: the car 1/50 s later. Box2D solves the four joints by 180
passes of impulses; as every wheel is held at its own centre, what they converge to has a closed form. Lanes are last.
"""

import jax.numpy as jnp
from flax import struct
from jax import Array, lax
from jaxtyping import Float

from wann_jax.envs.car_racing.parts import (
    ANCHORS,
    HULL_CENTRE,
    HULL_INERTIA,
    HULL_MASS,
    NUM_WHEELS,
    WHEEL_INERTIA,
    WHEEL_MASS,
    WHEEL_RADIUS,
)
from wann_jax.envs.trigonometry import sin_cos, turned

TIME_STEP = 0.02  # s
_ENGINE_POWER = 40_000.0  # W
_SPIN_INERTIA = 1.6  # kg m^2, about a wheel's axle
_GRIP = (240.0, 400.0)  # N, on grass and on the road
_SLIP_STIFFNESS = 82.0  # N s / m
_BRAKE = 15.0  # rad/s per step, at full brake
_GAS_RISE = 0.1  # per step, at most
_STEER_GAIN, _STEER_SPEED = 50.0, 3.0  # 1/s, rad/s
_MAX_ANGLE = 0.4  # rad, of a joint
_MAX_SPEED, _MAX_SPIN = 2.0 / TIME_STEP, 1.57079632679 / TIME_STEP  # m/s, rad/s
_PASSES, _POSITION_PASSES = 180, 60
_LINEAR_SLOP, _ANGULAR_SLOP, _MAX_CORRECTION = 0.005, 0.0349065850, 0.1396263402  # m, rad, rad
_ROUNDING = 2e-6  # rad: a joint corrected to the very tolerance is fine; Box2D may go on without moving it
_HINGE_INERTIA = 1.0 / (1.0 / HULL_INERTIA + 1.0 / WHEEL_INERTIA)  # kg m^2
_MAX_HOLD = 64.8 * TIME_STEP  # N m s, of a joint's motor in a step


class Car(struct.PyTreeNode):
    """Lanes are last; x and y in m, angles in rad, counter-clockwise; velocities in m/s and rad/s."""

    hull: Float[Array, "3 *B"]  # x and y of the centre of mass, and angle
    hull_velocity: Float[Array, "3 *B"]
    wheels: Float[Array, "3 4 *B"]
    wheel_velocity: Float[Array, "3 4 *B"]
    spin: Float[Array, "4 *B"]  # rad/s, about the axles
    phase: Float[Array, "4 *B"]  # rad
    hold: Float[Array, "4 *B"]  # N m s: what the stop of a joint pushed back in the last step
    pull: Float[Array, "2 4 *B"]  # N s: of each joint on its wheel, in the last step
    gas: Float[Array, "*B"]  # of the rear wheels, 0 to 1


class Controls(struct.PyTreeNode):
    """What the driver does."""

    steer: Float[Array, "*B"]  # rad, the front wheels' wanted angle; positive to the left
    gas: Float[Array, "*B"]  # 0 to 1
    brake: Float[Array, "*B"]  # 0 to 1


def new_car(start: Float[Array, "3 *B"]) -> Car:
    """At rest with the hull's origin at x, y, angle. The wheels are in place only after the first step."""
    x, y, angle = start
    lanes = angle.shape
    sine, cosine = sin_cos(angle)
    across, along = HULL_CENTRE.tolist()
    hull = jnp.stack([x + cosine * across - sine * along, y + sine * across + cosine * along, angle])
    place = (ANCHORS + HULL_CENTRE).astype("float32").T.reshape(2, NUM_WHEELS, *[1] * len(lanes))
    wheels = jnp.stack([x[None] + place[0], y[None] + place[1], jnp.broadcast_to(angle, (NUM_WHEELS, *lanes))])
    zeros = jnp.zeros((NUM_WHEELS, *lanes))
    return Car(
        hull=hull,
        hull_velocity=jnp.zeros_like(hull),
        wheels=wheels,
        wheel_velocity=jnp.zeros_like(wheels),
        spin=zeros,
        phase=zeros,
        hold=zeros,
        pull=jnp.zeros((2, NUM_WHEELS, *lanes)),
        gas=jnp.zeros(lanes),
    )


def step(car: Car, controls: Controls, on_road: Array) -> Car:
    """The car after a step; `on_road` [4, *B]: of each wheel, whether it has the road's grip."""
    spin, phase, gas, force = _drive_wheels(car, controls, on_road)
    joint_angle = car.wheels[2] - car.hull[2][None]
    stop = jnp.where(jnp.abs(joint_angle) >= _MAX_ANGLE, jnp.sign(joint_angle), 0.0)
    speed = _steer(joint_angle, controls.steer)
    held = _solve_velocities(car, force, jnp.where(stop == 0.0, speed, 0.0))
    speed, hold = _press(car, stop, speed, held[1], held[2])
    hull_velocity, wheel_velocity, pull = _solve_velocities(car, force, speed)
    hull_velocity, wheel_velocity = _limited(hull_velocity), _limited(wheel_velocity)
    hull, wheels = _solve_positions(car.hull + TIME_STEP * hull_velocity, car.wheels + TIME_STEP * wheel_velocity, stop)
    return Car(
        hull=hull,
        hull_velocity=hull_velocity,
        wheels=wheels,
        wheel_velocity=wheel_velocity,
        spin=spin,
        phase=phase,
        hold=hold,
        pull=pull,
        gas=gas,
    )


def origin(hull: Float[Array, "3 *B"]) -> tuple[Array, Array]:
    """x and y of the hull's origin, which the camera and the field's edges go by."""
    sine, cosine = sin_cos(hull[2])
    across, along = HULL_CENTRE.tolist()
    return hull[0] - cosine * across + sine * along, hull[1] - sine * across - cosine * along


def _drive_wheels(car: Car, controls: Controls, on_road: Array) -> tuple[Array, Array, Array, tuple[Array, Array]]:
    """Engine, brakes and the road's friction: the wheels' spin and phase, the gas, and the force on each wheel."""
    wanted = jnp.clip(controls.gas, 0.0, 1.0)
    gas = car.gas + jnp.minimum(wanted - car.gas, _GAS_RISE)
    driven = jnp.stack([jnp.zeros_like(gas)] * 2 + [gas] * 2)
    spin = car.spin + (TIME_STEP * _ENGINE_POWER / _SPIN_INERTIA) * driven / (jnp.abs(car.spin) + 5.0)
    brake = controls.brake[None]
    slower = jnp.sign(spin) * jnp.maximum(jnp.abs(spin) - _BRAKE * jnp.maximum(brake, 0.0), 0.0)
    spin = jnp.where(brake >= 0.9, 0.0, slower)
    phase = car.phase + TIME_STEP * spin
    sine, cosine = sin_cos(car.wheels[2])
    vx, vy, _ = car.wheel_velocity
    forward = (spin * WHEEL_RADIUS - (cosine * vy - sine * vx)) * _SLIP_STIFFNESS
    aside = -(cosine * vx + sine * vy) * _SLIP_STIFFNESS
    size = jnp.sqrt(forward * forward + aside * aside)
    limit = jnp.where(on_road, _GRIP[1], _GRIP[0])
    share = jnp.where(size > limit, limit / jnp.maximum(size, 1e-6), 1.0)
    forward, aside = forward * share, aside * share
    spin = spin - (TIME_STEP * WHEEL_RADIUS / _SPIN_INERTIA) * forward
    return spin, phase, gas, (aside * cosine - forward * sine, aside * sine + forward * cosine)


def _steer(angle: Array, steer: Array) -> Array:
    """How fast each wheel's motor wants it to turn against the hull (rad/s)."""
    error = jnp.stack([steer, steer, jnp.zeros_like(steer), jnp.zeros_like(steer)]) - angle
    return jnp.sign(error) * jnp.minimum(_STEER_GAIN * jnp.abs(error), _STEER_SPEED)


def _press(car: Car, stop: Array, speed: Array, held: Array, pull: Array) -> tuple[Array, Array]:
    """How fast each wheel does turn against the hull, and what its stop pushes back; `held`, `pull`: were all held.

    In each of Box2D's passes the motor brings the wheel to its speed, then joint and stop bring it to rest: the stop
    pushes back what the motor adds, and what turns the hull as the joint's pull changes (nearly all in the first pass).
    Each step begins with what the last one left. A motor turned back unwinds this first; then the wheel comes free.
    """
    sine, cosine = sin_cos(car.hull[2])
    lever = _levers(sine[None], cosine[None])
    more_x, more_y = pull - car.pull
    given = WHEEL_INERTIA * stop * (held[2] - car.wheel_velocity[2])
    most = _MAX_HOLD - given
    turned_hull = stop * (lever[0] * more_y - lever[1] * more_x) / HULL_INERTIA
    outward = stop * speed
    first = jnp.clip(car.hold + _HINGE_INERTIA * (turned_hull + outward), 0.0, most)
    hold = first + (_PASSES - 1) * _HINGE_INERTIA * outward
    free = jnp.clip(hold * (-1.0 / _HINGE_INERTIA), 0.0, jnp.abs(speed))
    return jnp.where(stop == 0.0, speed, -stop * free), jnp.where(stop == 0.0, 0.0, jnp.clip(hold, 0.0, most))


def _solve_velocities(car: Car, force: tuple[Array, Array], speed: Array) -> tuple[Array, Array, Array]:
    """Velocities of hull and wheels under which the joints hold, with all momentum kept; the joints' pull on wheels."""
    sine, cosine = sin_cos(car.hull[2])
    lever = _levers(sine[None], cosine[None])
    # What each wheel brings in beyond the hull's motion.
    vx, vy, turn = car.hull_velocity[:, None]
    push_x = WHEEL_MASS * (car.wheel_velocity[0] - vx + turn * lever[1]) + TIME_STEP * force[0]
    push_y = WHEEL_MASS * (car.wheel_velocity[1] - vy - turn * lever[0]) + TIME_STEP * force[1]
    twist = (lever[0] * push_y - lever[1] * push_x).sum(0)
    twist = twist - WHEEL_INERTIA * (speed - (car.wheel_velocity[2] - turn)).sum(0)
    total_x, total_y = push_x.sum(0), push_y.sum(0)
    # In the hull's frame the anchors lie symmetrically: only sideways motion and turning are coupled.
    aside, along = cosine * total_x + sine * total_y, cosine * total_y - sine * total_x
    mass = HULL_MASS + NUM_WHEELS * WHEEL_MASS
    coupling = WHEEL_MASS * float(ANCHORS[:, 1].sum())
    inertia = HULL_INERTIA + NUM_WHEELS * WHEEL_INERTIA + WHEEL_MASS * float((ANCHORS**2).sum())
    determinant = mass * inertia - coupling**2
    gain_aside = (inertia * aside + coupling * twist) / determinant
    gain_turn = (coupling * aside + mass * twist) / determinant
    gain_along = along / mass
    gain_x, gain_y = cosine * gain_aside - sine * gain_along, sine * gain_aside + cosine * gain_along
    hull_velocity = car.hull_velocity + jnp.stack([gain_x, gain_y, gain_turn])
    vx, vy, turn = hull_velocity[:, None]
    wheel_velocity = jnp.stack([vx - turn * lever[1], vy + turn * lever[0], turn + speed])
    pull = WHEEL_MASS * (wheel_velocity - car.wheel_velocity)[:2] - TIME_STEP * jnp.stack(force)
    return hull_velocity, wheel_velocity, pull


def _levers(sine: Array, cosine: Array) -> tuple[Array, Array]:
    """From the hull's centre of mass to the wheels' anchors [4, *B]; sine and cosine [1, *B]."""
    x, y = ANCHORS.astype("float32").T.reshape(2, NUM_WHEELS, *[1] * (sine.ndim - 1))
    return cosine * x - sine * y, sine * x + cosine * y


def _limited(velocity: Array) -> Array:
    """No body moves by more than 2 m or a quarter turn in a step."""
    speed = jnp.sqrt(velocity[0] * velocity[0] + velocity[1] * velocity[1])
    share = jnp.where(speed > _MAX_SPEED, _MAX_SPEED / jnp.maximum(speed, 1.0), 1.0)
    return jnp.stack([velocity[0] * share, velocity[1] * share, jnp.clip(velocity[2], -_MAX_SPIN, _MAX_SPIN)])


def _solve_positions(hull: Array, wheels: Array, stop: Array) -> tuple[Array, Array]:
    """Pulls the wheels to their anchors, one after another as Box2D does, until all are within its tolerance."""
    anchors = jnp.asarray(ANCHORS, jnp.float32)

    def pull(carry, wheel):
        (hull, sine, cosine, fine), (anchor, stop, (x, y, angle)) = carry, wheel
        beyond = jnp.where(stop == 0.0, 0.0, stop * (angle - hull[2]) - _MAX_ANGLE)
        back = stop * _HINGE_INERTIA * jnp.clip(beyond - _ANGULAR_SLOP, 0.0, _MAX_CORRECTION)
        sine, cosine = turned(sine, cosine, back / HULL_INERTIA)
        lever_x, lever_y = cosine * anchor[0] - sine * anchor[1], sine * anchor[0] + cosine * anchor[1]
        off_x, off_y = x - hull[0] - lever_x, y - hull[1] - lever_y
        compliance = 1.0 / HULL_MASS + 1.0 / WHEEL_MASS
        arm = lever_x * off_y - lever_y * off_x
        arm = arm / (HULL_INERTIA * compliance + anchor[0] * anchor[0] + anchor[1] * anchor[1])
        push_x, push_y = (off_x + lever_y * arm) / compliance, (off_y - lever_x * arm) / compliance
        turn = (lever_x * push_y - lever_y * push_x) / HULL_INERTIA
        sine, cosine = turned(sine, cosine, turn)
        moved = jnp.stack([push_x / HULL_MASS, push_y / HULL_MASS, turn + back / HULL_INERTIA])
        placed = jnp.stack([x - push_x / WHEEL_MASS, y - push_y / WHEEL_MASS, angle - back / WHEEL_INERTIA])
        fine &= (off_x * off_x + off_y * off_y <= _LINEAR_SLOP**2) & (beyond <= _ANGULAR_SLOP + _ROUNDING)
        return (hull + moved, sine, cosine, fine), placed

    def one_pass(carry):
        count, busy, hull, wheels = carry
        start = (hull, *sin_cos(hull[2]), jnp.ones_like(busy))
        (new_hull, _, _, fine), placed = lax.scan(
            pull, start, (anchors, stop, jnp.moveaxis(wheels, 1, 0)), reverse=True
        )
        hull = jnp.where(busy[None], new_hull, hull)
        wheels = jnp.where(busy[None, None], jnp.moveaxis(placed, 0, 1), wheels)
        return count + 1, busy & ~fine, hull, wheels

    first = one_pass((0, jnp.ones(hull.shape[1:], bool), hull, wheels))

    def goes_on(carry):
        return (carry[0] < _POSITION_PASSES) & carry[1].any()

    _, _, hull, wheels = lax.while_loop(goes_on, one_pass, first)
    return hull, wheels
