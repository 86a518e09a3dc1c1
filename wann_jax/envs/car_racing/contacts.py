"""Which tiles of the road the wheels touch: boxes against convex quads, exactly as far as Box2D's tolerance.

In: tracks and wheels. Out: for each wheel the first tile that it may touch, and which of the WINDOW tiles from there on
it does. Lanes are last.
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from wann_jax.envs.car_racing.parts import WHEEL_HALF_WIDTH, WHEEL_RADIUS
from wann_jax.envs.car_racing.tile_map import WINDOW, cell_of
from wann_jax.envs.car_racing.track import Track
from wann_jax.envs.trigonometry import sin_cos

_MARGIN = 0.02  # m: both shapes have a skin of half of it


def touched_tiles(
    tracks: Track, track_index: Int[Array, "*B"], wheels: Float[Array, "3 4 *B"]
) -> tuple[Int[Array, "4 *B"], Bool[Array, "4 W *B"]]:
    """First tile of each wheel's window, and which of the window's tiles it touches."""
    x, y, angle = wheels
    sine, cosine = sin_cos(angle)
    first = tracks.first_tile[track_index[None], cell_of(y), cell_of(x)]
    num_tiles = tracks.num_tiles[track_index][None, None]
    window = jnp.arange(WINDOW, dtype=jnp.int32).reshape(1, WINDOW, *[1] * track_index.ndim)
    tile = jnp.maximum(first, 0)[:, None] + window
    tile = jnp.where(tile >= num_tiles, tile - num_tiles, tile)
    corners = jnp.moveaxis(tracks.corners[track_index[None, None], tile].reshape(*tile.shape, 8), -1, 0)
    # Seen from the wheel, which lies along the axes.
    dx, dy = corners[0::2] - x[None, :, None], corners[1::2] - y[None, :, None]
    sine, cosine = sine[None, :, None], cosine[None, :, None]
    touches = ~_is_apart(cosine * dx + sine * dy, cosine * dy - sine * dx)
    return jnp.maximum(first, 0), touches & (first >= 0)[:, None]


def _is_apart(x: Array, y: Array) -> Array:
    """Whether quads with corners x, y [4, ...] lie a margin or more from a wheel at the origin.

    The shortest way between two convex shapes is across an edge of one of them, or from corner to corner. So it is
    enough to look along the normals of the quad's edges and from each of its corners to the wheel's nearest point.
    """
    apart = jnp.zeros(x.shape[1:], bool)
    for i in range(4):
        along_x, along_y = x[(i + 1) % 4] - x[i], y[(i + 1) % 4] - y[i]
        normal_x, normal_y = along_y, -along_x
        gap = -(normal_x * x[i] + normal_y * y[i])
        gap = gap - jnp.abs(normal_x) * WHEEL_HALF_WIDTH - jnp.abs(normal_y) * WHEEL_RADIUS
        apart |= _is_wide(gap, normal_x, normal_y)
        near_x = jnp.clip(x[i], -WHEEL_HALF_WIDTH, WHEEL_HALF_WIDTH)
        near_y = jnp.clip(y[i], -WHEEL_RADIUS, WHEEL_RADIUS)
        way_x, way_y = x[i] - near_x, y[i] - near_y
        gap = (way_x[None] * (x - near_x[None]) + way_y[None] * (y - near_y[None])).min(0)
        apart |= _is_wide(gap, way_x, way_y)
    return apart


def _is_wide(gap: Array, x: Array, y: Array) -> Array:
    """Whether a gap, measured along (x, y) in units of its length, is a margin or more."""
    return (gap > 0.0) & (gap * gap >= _MARGIN**2 * (x * x + y * y))
