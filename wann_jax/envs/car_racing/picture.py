"""What the driver sees: 64 x 64 pixels, the original's frame without its indicators as the paper's wrapper shrinks it.

    textures = bake_all(tracks)                                # once per track
    pixels = render(textures, track_index, camera_of(drive))   # bytes [B, 64, 64, 3]

A frame is the track's texture seen by a camera that follows the hull and turns with it, and the car on top.
"""

import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jaxtyping import Float, Int, UInt8

from wann_jax.envs.car_racing import lens, texture
from wann_jax.envs.car_racing.drive import Drive
from wann_jax.envs.car_racing.dynamics import origin
from wann_jax.envs.car_racing.lens import SIZE
from wann_jax.envs.car_racing.texture import Texture
from wann_jax.envs.car_racing.trigonometry import sine_cosine

CLOSE = lens.NUM_ZOOMS - 1  # steps from the start until the camera is close


@struct.dataclass
class Camera:
    """Where the car is, when, and how its wheels stand."""

    x: Float[Array, "*B"]  # m, of the hull's origin
    y: Float[Array, "*B"]  # m
    angle: Float[Array, "*B"]  # rad, of the hull; 0: along y, positive: counter-clockwise
    steer: Float[Array, "*B"]  # rad, of the front wheels against the hull
    steps: Int[Array, "*B"]  # since the start: the camera comes closer until step CLOSE


def camera_of(drive: Drive) -> Camera:
    """As the car stands."""
    hull = drive.car.hull
    x, y = origin(hull)
    steer = 0.5 * (drive.car.wheels[2, 0] + drive.car.wheels[2, 1]) - hull[2]
    return Camera(x=x, y=y, angle=hull[2], steer=steer, steps=drive.steps)


def render(textures: Texture, track_index: Int[Array, "*B"], camera: Camera) -> UInt8[Array, "*B 64 64 3"]:
    """The pictures of lanes [*B] over a table of textures [K, ...]."""
    frame = jnp.clip(camera.steps, 0, CLOSE)
    red, green, blue = _sample(textures, track_index, camera, frame)
    car = _car(camera.steer, frame)
    planes = []
    for i, plane in enumerate((red, green, blue)):
        part = plane[..., lens.CAR_ROWS, lens.CAR_COLUMNS]
        part = part * (1.0 - car[..., 3]) + car[..., i]
        planes.append(plane.at[..., lens.CAR_ROWS, lens.CAR_COLUMNS].set(part))
    return jnp.floor(jnp.stack(planes, -1) + 0.5).astype(jnp.uint8)


def _sample(textures: Texture, track_index: Array, camera: Camera, frame: Array) -> list[Array]:
    """Red, green and blue [*B, 64, 64] of the field."""
    zooms = lens.zooms()
    levels = np.clip(np.round(np.log2(lens.ZOOM / zooms)), 0, len(texture.SIDES) - 1).astype(int)
    texel = texture.TEXEL * 2.0**levels
    rows = (lens.CAR_ROW - (np.arange(SIZE) + 0.5) * lens.PIXEL_HEIGHT).astype(np.float32)
    columns = ((np.arange(SIZE) + 0.5) * lens.PIXEL_WIDTH - lens.CAR_COLUMN).astype(np.float32)
    per_point = jnp.asarray(1.0 / (zooms * texel), jnp.float32)[frame]  # texels
    per_metre = jnp.asarray(1.0 / texel, jnp.float32)[frame]
    side = jnp.asarray(np.array(texture.SIDES, np.int32)[levels])[frame]
    sine, cosine = sine_cosine(camera.angle)
    ones = [1] * frame.ndim
    left, ahead = columns.reshape(*ones, 1, SIZE), rows.reshape(*ones, SIZE, 1)

    def over(values):
        return values[..., None, None]

    def place(middle, across, along):
        middle = (middle + texture.HALF_SIDE) * per_metre
        return over(middle) + over(across * per_point) * left + over(along * per_point) * ahead

    x, y = place(camera.x, cosine, -sine), place(camera.y, sine, cosine)
    column, row = jnp.floor(x).astype(jnp.int32), jnp.floor(y).astype(jnp.int32)
    last = over(side) - 1
    is_in = (x >= 0.0) & (y >= 0.0) & (column <= last) & (row <= last)
    column, row = jnp.clip(column, 0, last), jnp.clip(row, 0, last)
    first = jnp.asarray(np.array(texture.FIRST_TEXELS, np.int32)[levels])[frame]
    first = first + track_index * textures.texels.shape[-1]
    colour = textures.texels.reshape(-1)[over(first) + row * over(side) + column]
    colour = jnp.where(is_in, colour, jnp.uint32(0))
    return [((colour >> jnp.uint32(shift)) & jnp.uint32(255)).astype(jnp.float32) for shift in (0, 8, 16)]


def _car(steer: Array, frame: Array) -> Array:
    """[*B, rows, columns, 4]: colour times coverage, and coverage, between those of the two next steering angles."""
    table = jnp.asarray(lens.car_layers())
    first, last, number = lens.STEER_ANGLES[0], lens.STEER_ANGLES[-1], len(lens.STEER_ANGLES)
    place = jnp.clip((steer - float(first)) * float((number - 1) / (last - first)), 0.0, number - 1.001)
    below = jnp.floor(place).astype(jnp.int32)
    share = (place - below.astype(jnp.float32))[..., None, None, None]
    return table[frame, below] * (1.0 - share) + table[frame, below + 1] * share
