"""What the driver sees: 64 x 64 pixels, the original's frame without its indicators as the paper's wrapper shrinks it.

    textures = bake_all(tracks)                                # once per track
    pixels = render(textures, track_index, camera_of(drive))   # bytes [B, 64, 64, 3]

A frame is the track's texture seen by a camera that follows the hull and turns with it, and the car on top.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array, lax
from jaxtyping import Float, Int, UInt8

from wann_jax.envs.car_racing import lens, texture
from wann_jax.envs.car_racing.drive import Drive
from wann_jax.envs.car_racing.dynamics import origin
from wann_jax.envs.car_racing.lanes import by_table
from wann_jax.envs.car_racing.lens import SIZE
from wann_jax.envs.car_racing.texture import Texture
from wann_jax.envs.trigonometry import sin_cos
from wann_jax.native import Library, Value, numbers

CLOSE = lens.NUM_ZOOMS - 1  # steps from the start until the camera is close
# Points of the window ahead and to the right of the hull's origin, of each row and column of pixels.
_ROWS = (lens.CAR_ROW - (np.arange(SIZE) + 0.5) * lens.PIXEL_HEIGHT).astype(np.float32)
_COLUMNS = ((np.arange(SIZE) + 0.5) * lens.PIXEL_WIDTH - lens.CAR_COLUMN).astype(np.float32)


def _native_constants() -> dict[str, Value]:
    car = {"row": lens.CAR_ROWS, "column": lens.CAR_COLUMNS}
    first = {f"car_{name}": part.start for name, part in car.items()}
    return {**numbers(lens), **first, **{f"car_{name}s": part.stop - part.start for name, part in car.items()}}


PICTURE = Library("car_picture", "wann_car_picture", seconds=4, constants=_native_constants)


class Camera(struct.PyTreeNode):
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
    return _RENDER(textures, track_index, camera)


def render_by_xla(textures: Texture, track_index: Int[Array, "*B"], camera: Camera) -> UInt8[Array, "*B 64 64 3"]:
    """The definition, and what runs where there is no native code."""
    frame = jnp.clip(camera.steps, 0, CLOSE)
    colours = _sample(textures, track_index, camera, frame)
    pixels = lax.bitcast_convert_type(colours, jnp.uint8)[..., :3]  # the lowest byte is the first
    car = _car(camera.steer, frame)
    part = pixels[..., lens.CAR_ROWS, lens.CAR_COLUMNS, :].astype(jnp.float32)
    part = part * (1.0 - car[..., 3:]) + car[..., :3]
    part = jnp.floor(part + 0.5).astype(jnp.uint8)
    return pixels.at[..., lens.CAR_ROWS, lens.CAR_COLUMNS, :].set(part)


def render_natively(textures: Texture, track_index: Int[Array, "*B"], camera: Camera) -> UInt8[Array, "*B 64 64 3"]:
    """The same on the CPU."""
    lanes, (track_index, camera) = track_index.shape, jax.tree.map(jnp.ravel, (track_index, camera))
    frame = jnp.clip(camera.steps, 0, CLOSE)
    view = _view(track_index, camera, frame, textures.texels.shape[-1])
    result = jax.ShapeDtypeStruct((*track_index.shape, SIZE, SIZE, 3), jnp.uint8)
    arrays = textures.texels, jnp.asarray(_ROWS), jnp.asarray(_COLUMNS), *view, _car(camera.steer, frame)
    return PICTURE.call("wann_car_picture", result, *arrays).reshape(*lanes, SIZE, SIZE, 3)


_RENDER = by_table(render_by_xla, render_natively, PICTURE, lanes_last=False)


def _sample(textures: Texture, track_index: Array, camera: Camera, frame: Array) -> Array:
    """The field's packed colours [*B, 64, 64]."""
    # Without the barrier, every pixel would work out its lane's numbers again.
    view = lax.optimization_barrier(_view(track_index, camera, frame, textures.texels.shape[-1]))
    ones = [1] * frame.ndim
    middle_x, middle_y, across, along, side, first = (values[..., None, None] for values in view)
    left, ahead = _COLUMNS.reshape(*ones, 1, SIZE), _ROWS.reshape(*ones, SIZE, 1)
    x = middle_x + across * left - along * ahead
    y = middle_y + along * left + across * ahead
    column, row = jnp.floor(x).astype(jnp.int32), jnp.floor(y).astype(jnp.int32)
    is_in = (column >= 0) & (row >= 0) & (column < side) & (row < side)
    texel = jnp.where(is_in, first + row * side + column, 0)
    colour = textures.texels.reshape(-1).at[texel].get(mode="promise_in_bounds")
    return jnp.where(is_in, colour, jnp.uint32(0))


def _view(track_index: Array, camera: Camera, frame: Array, num_texels: int) -> tuple[Array, ...]:
    """Each lane's numbers, in texels of the level that suits its zoom.

    The hull's x and y, what a point of the window to the right adds to them, the level's side, and its first texel.
    """
    zooms = lens.zooms()
    levels = np.clip(np.round(np.log2(lens.ZOOM / zooms)), 0, len(texture.SIDES) - 1).astype(int)
    texel = texture.TEXEL * 2.0**levels
    per_metre = jnp.asarray(1.0 / texel, jnp.float32)[frame]
    per_point = jnp.asarray(1.0 / (zooms * texel), jnp.float32)[frame]
    sine, cosine = sin_cos(camera.angle)
    return (
        (camera.x + texture.HALF_SIDE) * per_metre,
        (camera.y + texture.HALF_SIDE) * per_metre,
        cosine * per_point,
        sine * per_point,
        jnp.asarray(np.array(texture.SIDES, np.int32)[levels])[frame],
        jnp.asarray(np.array(texture.FIRST_TEXELS, np.int32)[levels])[frame] + track_index * num_texels,
    )


def _car(steer: Array, frame: Array) -> Array:
    """[*B, rows, columns, 4]: colour times coverage, and coverage, between those of the two next steering angles."""
    table = jnp.asarray(lens.car_layers())
    first, last, number = lens.STEER_ANGLES[0], lens.STEER_ANGLES[-1], len(lens.STEER_ANGLES)
    place = jnp.clip((steer - float(first)) * float((number - 1) / (last - first)), 0.0, number - 1.001)
    below = jnp.floor(place).astype(jnp.int32)
    share = (place - below.astype(jnp.float32))[..., None, None, None]
    return table[frame, below] * (1.0 - share) + table[frame, below + 1] * share
