"""The field from above, painted once per track and smoothed as much as the picture's pixels do.

In: tracks. Out: textures, each a pyramid of six squares: half a metre to a texel, then a metre, and so on. A table of
tracks gives a table of textures; 9.6 MB each.
"""

import functools

import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array, lax
from jaxtyping import Float, UInt32

from wann_jax.envs.car_racing.lens import DARKER
from wann_jax.envs.car_racing.track import FIELD, HALF_WIDTH, MAX_TILES, Track

TEXEL = 0.5  # m, of the finest level
HALF_SIDE = 336.0  # m, of the square that is painted; the field, and some black around it
SIDES = tuple(1344 >> level for level in range(6))  # texels along a level's side
FIRST_TEXELS = tuple(sum(side * side for side in SIDES[:level]) for level in range(6))
_NUM_TEXELS = sum(side * side for side in SIDES)
_GRAIN = TEXEL / 2  # m, of the painting
_GRAINS = 2 * SIDES[0]
_PATCH = 72  # grains along the side of a square that holds any tile and its kerb
_GRASS_CELL = FIELD / 20.0  # m
_KERB_WIDTH = 8.0 / 6.0  # m
_SPREAD = 0.03  # m: a polygon's outline is drawn around it
_BLUR = np.array([1, 7, 21, 35, 35, 21, 7, 1]) / 128.0  # over grains: what the picture's pixels average over
_BLACK, _FIELD, _GRASS, _ROAD, _WHITE, _RED = 0, 1, 2, 3, 6, 7
_COLOURS = [(0, 0, 0), (102, 204, 102), (102, 230, 102), *[(grey,) * 3 for grey in (102, 104, 107, 255)], (255, 0, 0)]
_SEEN = np.maximum(np.array(_COLOURS) - DARKER, 0)


class Texture(struct.PyTreeNode):
    """Colours, 8 bits each of red, green and blue from the lowest on; level after level, row after row along y."""

    texels: UInt32[Array, "*K S"]


def bake(track: Track) -> Texture:
    """The texture of a track. For a table of tracks, `bake_all` needs less memory than `vmap`."""
    colours = jnp.asarray(_SEEN.T, jnp.float32)
    field = _paint_tiles(_paint_field(), track)
    planes = [_levels(plane[field.astype(jnp.int32)]) for plane in colours]
    red, green, blue = (jnp.floor(plane + 0.5).astype(jnp.uint32) for plane in planes)
    return Texture(texels=red | green << jnp.uint32(8) | blue << jnp.uint32(16))


def bake_all(tracks: Track) -> Texture:
    """Textures [K, ...] of tracks [K, ...], one after another."""
    return lax.map(bake, tracks)


def _paint_field() -> Array:
    """Grass in two shades, black around it: colour numbers [y, x] of grains."""
    place = (jnp.arange(_GRAINS, dtype=jnp.float32) + 0.5) * _GRAIN - HALF_SIDE
    inside = jnp.abs(place) < FIELD
    is_even = jnp.floor(place / _GRASS_CELL).astype(jnp.int32) % 2 == 0
    colour = jnp.where(is_even[:, None] & is_even[None, :], jnp.uint8(_GRASS), jnp.uint8(_FIELD))
    return jnp.where(inside[:, None] & inside[None, :], colour, jnp.uint8(_BLACK))


def _paint_tiles(field: Array, track: Track) -> Array:
    """Tiles and kerbs over it, in the original's order."""
    kerbs = _kerb_corners(track)
    square = jnp.arange(_PATCH, dtype=jnp.float32) + 0.5
    low = jnp.minimum(track.corners.min(1), kerbs.min(1)) - 2.0 * _GRAIN
    first = jnp.floor((low + HALF_SIDE) / _GRAIN).astype(jnp.int32)

    def paint(i, field):
        column, row = jnp.clip(first[i], 0, _GRAINS - _PATCH)
        x = (column.astype(jnp.float32) + square) * _GRAIN - HALF_SIDE
        y = (row.astype(jnp.float32) + square) * _GRAIN - HALF_SIDE
        patch = lax.dynamic_slice(field, (row, column), (_PATCH, _PATCH))
        road = (_ROAD + i % 3).astype(jnp.uint8)
        patch = jnp.where(_is_inside(track.corners[i], x, y), road, patch)
        has_kerb = _is_inside(kerbs[i], x, y) & (track.kerb[i] != 0)
        patch = jnp.where(has_kerb, jnp.where(i % 2 == 0, _WHITE, _RED).astype(jnp.uint8), patch)
        return lax.dynamic_update_slice(field, patch, (row, column))

    return lax.fori_loop(0, jnp.minimum(track.num_tiles, MAX_TILES), paint, field)


def _kerb_corners(track: Track) -> Float[Array, "400 4 2"]:
    """The quads of all kerbs, counter-clockwise or clockwise."""
    before = jnp.roll(track.points, 1, 0).at[0].set(track.points[track.num_tiles - 1])
    side = track.kerb.astype(jnp.float32)[:, None]

    def place(points, offset):
        across = jnp.stack([jnp.cos(points[:, 2]), jnp.sin(points[:, 2])], 1)
        return points[:, :2] + side * offset * across

    outside = HALF_WIDTH + _KERB_WIDTH
    quads = [place(track.points, HALF_WIDTH), place(track.points, outside), place(before, outside)]
    return jnp.stack([*quads, place(before, HALF_WIDTH)], 1)


def _is_inside(corners: Array, x: Array, y: Array) -> Array:
    """[y, x]: points in a convex quad or on its outline."""
    after = jnp.roll(corners, -1, 0)
    edges = after - corners
    area = (corners[:, 0] * after[:, 1] - corners[:, 1] * after[:, 0]).sum()
    normals = jnp.stack([edges[:, 1], -edges[:, 0]], 1) * jnp.sign(area)
    normals = normals / jnp.maximum(jnp.linalg.norm(edges, axis=1, keepdims=True), 1e-6)
    inside = jnp.ones((y.shape[0], x.shape[0]), bool)
    for i in range(4):
        along_x, along_y = normals[i, 0] * (x - corners[i, 0]), normals[i, 1] * (y - corners[i, 1])
        inside &= along_x[None, :] + along_y[:, None] <= _SPREAD
    return inside


def _levels(plane: Array) -> Array:
    """A colour's pyramid, flat. Each level is smoothed in proportion to its texels."""
    levels = []
    for _ in SIDES:
        levels.append(_halved(_halved(plane, _BLUR).T, _BLUR).T.reshape(-1))
        plane = _halved(_halved(plane, np.array([0.5, 0.5])).T, np.array([0.5, 0.5])).T
    return jnp.concatenate(levels)


def _halved(plane: Array, taps: np.ndarray) -> Array:
    """Half as many columns, each a weighted sum of an even number of columns around its middle."""
    reach = len(taps) // 2 - 1
    padded = jnp.pad(plane, ((0, 0), (reach, reach)))
    columns = plane.shape[1]
    shares = [float(tap) * padded[:, k : k + columns : 2] for k, tap in enumerate(taps)]
    return functools.reduce(jnp.add, shares)
