"""A map of the field that tells near which tiles a place is, so that a wheel is held against a few tiles only.

In: the tiles' corners. Out: for each of 320 x 320 cells the first of up to WINDOW successive tiles that a wheel whose
centre lies in the cell can touch.
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

CELLS = 320  # along each side of the field
WINDOW = 6  # tiles
_FIELD = 2000.0 / 6.0  # m, half the side
CELL = 2.0 * _FIELD / CELLS  # m
_REACH = 0.65  # m: half a wheel's diagonal and the tolerance of contacts
_PATCH = 11  # cells along the side of a square that holds any tile, and a wheel beside it


def cell_of(coordinate: Float[Array, "*B"]) -> Int[Array, "*B"]:
    """Index of the row or column; outside the field, of the nearest."""
    return jnp.clip(jnp.floor((coordinate + _FIELD) / CELL), 0, CELLS - 1).astype(jnp.int32)


def first_tiles(corners: Float[Array, "N 4 2"], num_tiles: Int[Array, ""]) -> Int[Array, "320 320"]:
    """The map, rows along y."""
    max_tiles = corners.shape[0]
    index = jnp.arange(max_tiles, dtype=jnp.int32)
    low = cell_of(corners.min(1) - _REACH)
    square = jnp.arange(_PATCH)
    column = low[:, None, None, 0] + square[None, None, :]
    row = low[:, None, None, 1] + square[None, :, None]
    centre = jnp.stack(jnp.broadcast_arrays(column, row), -1).astype(jnp.float32) * CELL + (0.5 * CELL - _FIELD)
    near = _distance_bound(corners, centre) < _REACH + 0.5 * CELL
    near &= (index < num_tiles)[:, None, None] & (row < CELLS) & (column < CELLS)
    # The tiles of a cell follow each other round the track: their first is the lowest when counted from a tile that is
    # not among them, and of two such counts, half a track apart, one always is.
    half = num_tiles // 2
    nothing = jnp.int32(2 * max_tiles)

    def lowest(rank):
        rank = jnp.where(near, rank[:, None, None], nothing)
        return jnp.full((CELLS, CELLS), nothing).at[row, column].min(rank, mode="drop")

    plain, turned = lowest(index), lowest((index + half) % num_tiles)
    is_clear = (plain >= num_tiles // 4) & (plain < num_tiles - num_tiles // 4)
    first = jnp.where(is_clear, plain, (turned - half) % num_tiles)
    return jnp.where(plain == nothing, -1, first).astype(jnp.int32)


def _distance_bound(corners: Array, centre: Array) -> Array:
    """Along the edges' normals, how far each point is outside of its tile: never more than its distance."""
    edge = jnp.roll(corners, -1, 1) - corners
    normal = jnp.stack([edge[..., 1], -edge[..., 0]], -1)
    normal = normal / jnp.maximum(jnp.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    x = centre[..., None, 0] - corners[:, None, None, :, 0]
    y = centre[..., None, 1] - corners[:, None, None, :, 1]
    beyond = x * normal[:, None, None, :, 0] + y * normal[:, None, None, :, 1]
    # Along a tilted normal, a cell's half diagonal counts, not its half side.
    tilt = jnp.abs(normal).sum(-1)[:, None, None, :] - 1.0
    return (beyond - 0.5 * CELL * tilt).max(-1)
