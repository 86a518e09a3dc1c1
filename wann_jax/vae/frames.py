"""Frames to train and judge the VAE on: poses along random tracks, and drives.

In: a key and counts. Out: pictures, and where on the road the car is in each. Half of the drives begin at the start,
with its second of zooming in, half anywhere on a track; some drivers follow the road, more or less well, others do
whatever a slow random walk tells them.
"""

import math
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array, lax
from jaxtyping import Bool, Float, Int, Key, UInt8

from wann_jax.envs.car_racing import drive as driving
from wann_jax.envs.car_racing.dynamics import Controls, new_car
from wann_jax.envs.car_racing.parts import WHEEL_RADIUS
from wann_jax.envs.car_racing.picture import CLOSE, Camera, camera_of, render
from wann_jax.envs.car_racing.texture import bake_all
from wann_jax.envs.car_racing.track import Track, make_tracks

RENDER_CHUNK = 64  # frames at a time
STEPS_BETWEEN = 6  # of a drive, from frame to frame
FRAMES_PER_DRIVE = 40
NEAR_OFFSET, NEAR_HEADING = 9.0, 1.2  # m, rad: about where a car is that still finds back
_POSE_OFFSET, _POSE_HEADING = 9.0, 0.4  # m (uniform, to both sides), rad (deviation)
_LOST_SHARE, _LOST_OFFSET = 0.1, 25.0  # of the poses: anywhere around the road, with any heading
_ZOOMING_SHARE = 0.05  # of the poses: within the first second
_MAX_STEER = 0.4  # rad
_LOOK_AHEAD = (2, 12)  # points of the road
_SPEED = (10.0, 60.0)  # m/s
_START_OFFSET = 4.0  # m
_BLIND_SHARE = 0.3  # of the drivers


class Frames(struct.PyTreeNode):
    """Pictures, and what is true of them."""

    pixels: UInt8[Array, "N 64 64 3"]
    offset: Float[Array, "N"]  # m from the middle of the road, positive to the right of its direction
    heading: Float[Array, "N"]  # rad of the hull against the road, positive: counter-clockwise; within half a turn
    track: Int[Array, "N"]
    is_close: Bool[Array, "N"]  # the camera is no longer zooming in
    is_drive: Bool[Array, "N"]

    @property
    def is_near(self) -> Bool[Array, "N"]:
        """On the road or beside it, and not turned round: what the probe is judged on."""
        return self.is_close & (jnp.abs(self.offset) < NEAR_OFFSET) & (jnp.abs(self.heading) < NEAR_HEADING)


@partial(jax.jit, static_argnames=("num_tracks", "num_poses", "num_drive_frames"))
def make_frames(key: Key[Array, ""], num_tracks: int, num_poses: int, num_drive_frames: int) -> Frames:
    """Poses, then frames of drives, on new tracks. Consumes `key`."""
    track_key, pose_key, drive_key = jax.random.split(key, 3)
    tracks = make_tracks(track_key, num_tracks)
    cameras, indices = random_poses(pose_key, tracks, num_poses)
    num_drives = -(-num_drive_frames // FRAMES_PER_DRIVE)
    driven, driven_indices = random_drives(drive_key, tracks, num_drives)
    kept = jnp.linspace(0.0, num_drives * FRAMES_PER_DRIVE - 1.0, num_drive_frames).astype(jnp.int32)
    driven, driven_indices = jax.tree.map(lambda leaf: leaf[kept], (driven, driven_indices))
    cameras = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), cameras, driven)
    indices = jnp.concatenate([indices, driven_indices])
    offset, heading = place_on_road(tracks, indices, cameras)
    return Frames(
        pixels=_render_all(tracks, indices, cameras),
        offset=offset,
        heading=heading,
        track=indices,
        is_close=cameras.steps >= CLOSE,
        is_drive=jnp.arange(num_poses + num_drive_frames) >= num_poses,
    )


def random_poses(key: Key[Array, ""], tracks: Track, count: int) -> tuple[Camera, Int[Array, "N"]]:
    """Cameras [N] along the tracks in turn, and their tracks. Consumes `key`."""
    keys = jax.random.split(key, 7)
    index = jnp.arange(count) % tracks.num_tiles.shape[0]
    lost = jax.random.bernoulli(keys[0], _LOST_SHARE, (count,))
    aside = jax.random.uniform(keys[1], (count,), minval=-1.0, maxval=1.0)
    aside = aside * jnp.where(lost, _LOST_OFFSET, _POSE_OFFSET)
    turned = _POSE_HEADING * jax.random.normal(keys[2], (count,))
    anywhere = jax.random.uniform(keys[3], (count,), minval=-math.pi, maxval=math.pi)
    x, y, angle = _beside_road(keys[4], tracks, index, aside, jnp.where(lost, anywhere, turned))
    steer = jax.random.uniform(keys[5], (count,), minval=-_MAX_STEER, maxval=_MAX_STEER)
    zoom = jax.random.randint(keys[6], (count,), 0, int(CLOSE / _ZOOMING_SHARE))
    return Camera(x=x, y=y, angle=angle, steer=steer, steps=jnp.minimum(zoom, CLOSE)), index


def random_drives(key: Key[Array, ""], tracks: Track, num_drives: int) -> tuple[Camera, Int[Array, "N"]]:
    """Cameras of FRAMES_PER_DRIVE moments of each drive, [num_drives * FRAMES_PER_DRIVE]. Consumes `key`."""
    start_key, driver_key, walk_key = jax.random.split(key, 3)
    index = jnp.arange(num_drives) % tracks.num_tiles.shape[0]
    drive = _starts(start_key, tracks, index)
    drivers = _drivers(driver_key, num_drives)

    def advance(carry, step):
        drive, noise = carry
        fresh = jax.random.normal(jax.random.fold_in(walk_key, step), noise.shape)
        noise = 0.95 * noise + math.sqrt(1.0 - 0.95**2) * fresh
        action = _act(drivers, tracks, index, drive, noise)
        drive = driving.move(tracks, index, drive, driving.controls_of(action))
        return (drive, noise), camera_of(drive)

    def several(carry, first):
        carry, cameras = lax.scan(advance, carry, first + jnp.arange(STEPS_BETWEEN))
        return carry, jax.tree.map(lambda leaf: leaf[-1], cameras)

    carry = (drive, jnp.zeros((3, num_drives)))
    _, cameras = lax.scan(several, carry, STEPS_BETWEEN * jnp.arange(FRAMES_PER_DRIVE))
    cameras = jax.tree.map(lambda leaf: leaf.T.reshape(-1), cameras)
    return cameras, jnp.repeat(index, FRAMES_PER_DRIVE)


def place_on_road(tracks: Track, index: Int[Array, "N"], camera: Camera) -> tuple[Float[Array, "N"], Float[Array, "N"]]:
    """Offset (m) and heading (rad) against the nearest point of the road; see `Frames`."""

    def place(index, x, y, angle):
        points = tracks.points[index]
        nearest = points[_nearest(points, x, y)]
        heading = angle - nearest[2]
        offset = jnp.cos(nearest[2]) * (x - nearest[0]) + jnp.sin(nearest[2]) * (y - nearest[1])
        return offset, heading - 2.0 * math.pi * jnp.round(heading / (2.0 * math.pi))

    return jax.vmap(place)(index, camera.x, camera.y, camera.angle)


def _nearest(points: Float[Array, "400 3"], x: Array, y: Array) -> Array:
    """Index; entries past the last tile repeat the last point, and the first of equals is taken."""
    return jnp.argmin(jnp.square(points[:, 0] - x) + jnp.square(points[:, 1] - y))


def _beside_road(key: Array, tracks: Track, index: Array, aside: Array, turned: Array) -> tuple[Array, Array, Array]:
    """x, y, angle at a random point of each lane's track, moved `aside` (m) and `turned` (rad)."""
    share_key, along_key = jax.random.split(key)
    share = jax.random.uniform(share_key, index.shape)
    point = jnp.floor(share * tracks.num_tiles[index].astype(jnp.float32)).astype(jnp.int32)
    x, y, beta = tracks.points[index, point].T
    along = jax.random.uniform(along_key, index.shape, minval=-1.75, maxval=1.75)  # half the way to the next points
    x = x + aside * jnp.cos(beta) - along * jnp.sin(beta)
    return x, y + aside * jnp.sin(beta) + along * jnp.cos(beta), beta + turned


def _starts(key: Array, tracks: Track, index: Array) -> driving.Drive:
    """Every other one at its track's start, at rest; the rest anywhere on the road, moving, with the camera close."""
    place_key, aside_key, speed_key = jax.random.split(key, 3)
    shape = index.shape
    is_midway = jnp.arange(shape[0]) % 2 == 1
    aside = jax.random.uniform(aside_key, shape, minval=-_START_OFFSET, maxval=_START_OFFSET)
    pose = jnp.stack(_beside_road(place_key, tracks, index, aside, jnp.zeros(shape)))
    pose = jnp.where(is_midway[None], pose, jnp.moveaxis(tracks.start[index], -1, 0))
    speed = jnp.where(is_midway, jax.random.uniform(speed_key, shape, maxval=_SPEED[1]), 0.0)
    nothing = Controls(*jnp.zeros((3, *shape)))
    drive = driving.start(tracks, index)
    drive = driving.move(tracks, index, replace(drive, car=new_car(pose)), nothing)  # which puts the wheels in place
    velocity = jnp.stack([-speed * jnp.sin(pose[2]), speed * jnp.cos(pose[2]), jnp.zeros(shape)])
    car = replace(
        drive.car,
        hull_velocity=velocity,
        wheel_velocity=jnp.broadcast_to(velocity[:, None], drive.car.wheel_velocity.shape),
        spin=jnp.broadcast_to((speed / WHEEL_RADIUS)[None], drive.car.spin.shape),
    )
    return replace(drive, car=car, steps=jnp.where(is_midway, CLOSE, 0))


class _Drivers(struct.PyTreeNode):
    """How each car is driven."""

    look_ahead: Int[Array, "B"]  # points of the road
    gain: Float[Array, "B"]  # steering per rad that the point ahead is off
    speed: Float[Array, "B"]  # m/s, aimed at
    unrest: Float[Array, "B"]  # deviation of a random walk that is added
    is_blind: Bool[Array, "B"]  # does not look at the road


def _drivers(key: Array, count: int) -> _Drivers:
    keys = jax.random.split(key, 5)
    return _Drivers(
        look_ahead=jax.random.randint(keys[0], (count,), *_LOOK_AHEAD),
        gain=jax.random.uniform(keys[1], (count,), minval=0.5, maxval=3.0),
        speed=jax.random.uniform(keys[2], (count,), minval=_SPEED[0], maxval=_SPEED[1]),
        unrest=jax.random.uniform(keys[3], (count,)),
        is_blind=jax.random.bernoulli(keys[4], _BLIND_SHARE, (count,)),
    )


def _act(drivers: _Drivers, tracks: Track, index: Array, drive: driving.Drive, noise: Array) -> Array:
    """Actions [3, B]: towards a point ahead at the wanted speed, with some noise; or just noise."""

    def off(index, pose, look_ahead):
        points = tracks.points[index]
        x, y, _ = points[(_nearest(points, pose[0], pose[1]) + look_ahead) % tracks.num_tiles[index]]
        angle = jnp.arctan2(pose[0] - x, y - pose[1]) - pose[2]
        return angle - 2.0 * math.pi * jnp.round(angle / (2.0 * math.pi))

    hull, (vx, vy, _) = drive.car.hull, drive.car.hull_velocity
    steer = -drivers.gain * jax.vmap(off, (0, 1, 0))(index, hull, drivers.look_ahead)
    short = drivers.speed - jnp.hypot(vx, vy)
    seeing = jnp.stack([steer, 0.1 * short, -0.05 * (short + 10.0)]) + 0.5 * drivers.unrest[None] * noise
    blind = noise * jnp.array([0.5, 0.4, 0.3])[:, None] + jnp.array([0.0, 0.3, -0.3])[:, None]
    low, high = jnp.array([-1.0, 0.0, 0.0])[:, None], jnp.ones((3, 1))
    return jnp.clip(jnp.where(drivers.is_blind[None], blind, seeing), low, high)


def _render_all(tracks: Track, index: Array, cameras: Camera) -> UInt8[Array, "N 64 64 3"]:
    """A few at a time: what a frame is made of is much larger than the frame."""
    textures = bake_all(tracks)
    return lax.map(lambda lane: render(textures, *lane), (index, cameras), batch_size=RENDER_CHUNK)
