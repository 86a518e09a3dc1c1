"""A car's way along its track: tiles visited, rewards, ends. Many lanes share a table of a few tracks.

    tracks = make_tracks(key, K)
    drive = start(tracks, track_index)                                  # track_index [B]
    drive, reward, has_ended = advance(tracks, track_index, drive, controls)

Lanes are last. The order of things within a step is the original's: the grip of this step is that of the tiles found in
the step before; the tiles found in this step are those under the wheels before they move.
"""

import dataclasses
import sys

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array, lax
from jaxtyping import Bool, Float, Int, UInt32

from wann_jax.envs.car_racing import contacts, dynamics, parts, tile_map, track
from wann_jax.envs.car_racing.dynamics import Car, Controls
from wann_jax.envs.car_racing.lanes import by_table
from wann_jax.envs.car_racing.tile_map import WINDOW
from wann_jax.envs.car_racing.track import FIELD, MAX_TILES, Track
from wann_jax.native import Library, numbers

TRACK_REWARD = 1000.0  # for all tiles together
STEP_COST = 0.1
LEAVING_REWARD = -100.0  # in place of the step's own
NUM_WORDS = -(-MAX_TILES // 32)
_MASSES = [parts.HULL_MASS, parts.HULL_INERTIA, parts.WHEEL_MASS, parts.WHEEL_INERTIA]
_PARTS_TABLE = np.array([*_MASSES, *parts.ANCHORS.ravel()], np.float32)  # as kernels/native/car.cc reads it
CAR = Library(
    "car",
    "wann_car",
    seconds=4,
    constants=lambda: numbers(sys.modules[__name__], contacts, dynamics, parts, tile_map, track),
)


class Drive(struct.PyTreeNode):
    """A car and what it has done."""

    car: Car
    on_road: Bool[Array, "4 *B"]  # each wheel, as last found
    visited: UInt32[Array, "13 *B"]  # a bit for each tile
    num_paid: Int[Array, "*B"]  # tiles visited that have been rewarded
    steps: Int[Array, "*B"]  # since the start, the first one without controls not counted

    @property
    def num_visited(self) -> Int[Array, "*B"]:
        """Tiles."""
        return lax.population_count(self.visited).sum(0).astype(jnp.int32)


def start(tracks: Track, track_index: Int[Array, "*B"]) -> Drive:
    """After the step without controls that belongs to the original's reset: it sets the wheels in place."""
    lanes = track_index.shape
    car = dynamics.new_car(jnp.moveaxis(tracks.start[track_index], -1, 0))
    nothing = jnp.zeros(lanes)
    drive = Drive(
        car=car,
        on_road=jnp.zeros((4, *lanes), bool),
        visited=jnp.zeros((NUM_WORDS, *lanes), jnp.uint32),
        num_paid=jnp.zeros(lanes, jnp.int32),
        steps=jnp.full(lanes, -1, jnp.int32),
    )
    return move(tracks, track_index, drive, Controls(steer=nothing, gas=nothing, brake=nothing))


def advance(
    tracks: Track, track_index: Int[Array, "*B"], drive: Drive, controls: Controls
) -> tuple[Drive, Float[Array, "*B"], Bool[Array, "*B"]]:
    """After a step; its reward; whether the car has left the field or has been everywhere."""
    drive = move(tracks, track_index, drive, controls)
    num_tiles, num_visited = tracks.num_tiles[track_index], drive.num_visited
    reward = _float(num_visited - drive.num_paid) * (TRACK_REWARD / _float(num_tiles)) - STEP_COST
    is_out = has_left(drive)
    reward = jnp.where(is_out, LEAVING_REWARD, reward)
    return dataclasses.replace(drive, num_paid=num_visited), reward, is_out | (num_visited >= num_tiles)


def has_left(drive: Drive) -> Bool[Array, "*B"]:
    """Whether the car is off the field."""
    x, y = dynamics.origin(drive.car.hull)
    return (jnp.abs(x) > FIELD) | (jnp.abs(y) > FIELD)


def move(tracks: Track, track_index: Int[Array, "*B"], drive: Drive, controls: Controls) -> Drive:
    """After a step that pays nothing."""
    return _MOVE(tracks, track_index, (drive, controls))


def move_by_xla(tracks: Track, track_index: Int[Array, "*B"], lanes: tuple[Drive, Controls]) -> Drive:
    """The definition, and what runs where there is no native code."""
    drive, controls = lanes
    first, touches = contacts.touched_tiles(tracks, track_index, drive.car.wheels)
    return Drive(
        car=dynamics.step(drive.car, controls, drive.on_road),
        on_road=touches.any(1),
        visited=drive.visited | _bits(first, touches, tracks.num_tiles[track_index]),
        num_paid=drive.num_paid,
        steps=drive.steps + 1,
    )


def move_natively(tracks: Track, track_index: Int[Array, "*B"], lanes: tuple[Drive, Controls]) -> Drive:
    """The same on the CPU, sixteen cars at once."""
    drive, controls = lanes
    arrays = [*jax.tree.leaves(drive.car), drive.on_road, drive.visited]
    flat = [leaf.reshape(*leaf.shape[: leaf.ndim - track_index.ndim], -1) for leaf in arrays]
    tables = [jnp.asarray(_PARTS_TABLE), tracks.corners, tracks.num_tiles, tracks.first_tile, track_index.reshape(-1)]
    wishes = [controls.steer.reshape(-1), controls.gas.reshape(-1), controls.brake.reshape(-1)]
    shapes = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in flat]
    new = CAR.call("wann_car", shapes, *tables, *wishes, *flat, in_place={8 + i: i for i in range(len(flat))})
    new = [leaf.reshape(old.shape) for leaf, old in zip(new, arrays, strict=True)]
    car = jax.tree.unflatten(jax.tree.structure(drive.car), new[:-2])
    return dataclasses.replace(drive, car=car, on_road=new[-2], visited=new[-1], steps=drive.steps + 1)


_MOVE = by_table(move_by_xla, move_natively, CAR, lanes_last=True)


def controls_of(action: Float[Array, "3 *B"]) -> Controls:
    """The original environment's action: steer (1: right), gas, brake."""
    return Controls(steer=-action[0], gas=action[1], brake=action[2])


def paper_action(outputs: Float[Array, "3 *B"]) -> Float[Array, "3 *B"]:
    """The action that the paper makes of a network's outputs: at output 0 the gas is half open."""
    steer, gas, brake = outputs
    gas = 0.5 * (jnp.clip(gas, -1.0, 1.0) + 1.0)
    return jnp.stack([jnp.clip(steer, -1.0, 1.0), gas, jnp.clip(brake, 0.0, 1.0)])


def _float(count: Array) -> Array:
    return count.astype(jnp.float32)


def _bits(first: Array, touches: Array, num_tiles: Array) -> Array:
    """The touched tiles as bits [13, *B]. A window may reach over the end of a word, and over the end of the track."""
    weight = (jnp.uint32(1) << jnp.arange(WINDOW, dtype=jnp.uint32)).reshape(1, WINDOW, *[1] * num_tiles.ndim)
    mask = jnp.where(touches, weight, jnp.uint32(0)).sum(1, dtype=jnp.uint32)
    left = jnp.clip(num_tiles[None] - first, 0, WINDOW).astype(jnp.uint32)
    before, after = mask & ((jnp.uint32(1) << left) - jnp.uint32(1)), mask >> left
    shift = (first & 31).astype(jnp.uint32)
    low = before << shift
    high = jnp.where(shift == 0, jnp.uint32(0), before >> ((jnp.uint32(32) - shift) & jnp.uint32(31)))
    word = first >> 5
    words = []
    for index in range(NUM_WORDS):
        found = jnp.where(word == index, low, jnp.uint32(0)) | jnp.where(word + 1 == index, high, jnp.uint32(0))
        found = found | after if index == 0 else found
        words.append(found[0] | found[1] | found[2] | found[3])
    return jnp.stack(words)
