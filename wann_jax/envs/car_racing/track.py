"""Tracks: a closed road of up to 400 tiles through twelve random checkpoints.

In: a key, or the uniform numbers of one try. Out: a Track. A try can fail (about one in fourteen does): it is drawn
again, as in the original. Several tracks are one Track with a leading axis K:

    tracks = make_tracks(jax.random.key(0), 4)       # or jax.vmap(make_track)(keys)
"""

import math

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array, lax
from jaxtyping import Bool, Float, Int, Key

from wann_jax.envs.car_racing import tile_map

MAX_TILES = 400  # 242 to 371 were seen
NUM_UNIFORMS = 24  # of one try
FIELD = 2000.0 / 6.0  # m, half the side of the playfield
HALF_WIDTH = 40.0 / 6.0  # m, of the road
_NUM_CHECKPOINTS = 12
_RADIUS = 900.0 / 6.0  # m
_STEP = 21.0 / 6.0  # m, from point to point
_TURN_RATE = 0.31  # rad per point, at most
_SCALE = 6.0
_MAX_POINTS = 2500
_MAX_LAPS = 4
_MAX_TRIES = 64
_BORDER_RUN = 4  # points of one hard turn
_START_ANGLE = -math.pi / _NUM_CHECKPOINTS
_TURN = 2.0 * math.pi


class Track(struct.PyTreeNode):
    """One track; several have a leading axis. Entries past `num_tiles` repeat the last tile's or are zero."""

    corners: Float[Array, "*K 400 4 2"]  # m, of each tile, counter-clockwise
    kerb: Int[Array, "*K 400"]  # side of the red and white border: -1, 0 (none), 1
    points: Float[Array, "*K 400 3"]  # m, m, rad: middle of the road, and its heading (0: along y, counter-clockwise)
    num_tiles: Int[Array, "*K"]
    first_tile: Int[Array, "*K 320 320"]  # of the tiles that a wheel can touch from a cell of the map; -1: none

    @property
    def start(self) -> Float[Array, "*K 3"]:
        """Where a car starts: x, y, angle."""
        return self.points[..., 0, :]


def make_track(key: Key[Array, ""]) -> Track:
    """A random track. Consumes `key`."""

    def retry(carry):
        count, _, _ = carry
        uniforms = jax.random.uniform(jax.random.fold_in(key, count), (NUM_UNIFORMS,))
        return count + 1, *lay_points(uniforms)

    first = (jnp.int32(0), (jnp.zeros((MAX_TILES, 3)), jnp.int32(0)), jnp.bool_(False))

    def goes_on(carry):
        return ~carry[2] & (carry[0] < _MAX_TRIES)

    _, (points, num_tiles), _ = lax.while_loop(goes_on, retry, first)
    return lay_tiles(points, num_tiles)


def make_tracks(key: Key[Array, ""], num_tracks: int) -> Track:
    """A table of random tracks [K, ...], each from its own key. Consumes `key`."""
    return jax.vmap(make_track)(jax.random.split(key, num_tracks))


def track_from_uniforms(uniforms: Float[Array, "24"]) -> tuple[Track, Bool[Array, ""]]:
    """The track of one try and whether it is one; else its tiles are meaningless."""
    (points, num_tiles), is_track = lay_points(uniforms)
    return lay_tiles(points, num_tiles), is_track


def lay_points(uniforms: Float[Array, "24"]) -> tuple[tuple[Float[Array, "400 3"], Int[Array, ""]], Bool[Array, ""]]:
    """Points of the road, their number, and whether they close."""
    alphas, points, length = _walk(*_checkpoints(uniforms))
    index = jnp.arange(_MAX_POINTS)
    before = jnp.roll(alphas, 1)
    crosses = (alphas > _START_ANGLE) & (before <= _START_ANGLE) & (index >= 1) & (index < length)
    last = jnp.max(jnp.where(crosses, index, -1))
    first = jnp.max(jnp.where(crosses & (index < last), index, -1))
    num_tiles = last - 1 - first
    is_long = (first > 0) & (num_tiles >= 2 * _BORDER_RUN) & (num_tiles <= MAX_TILES)
    num_tiles = jnp.clip(num_tiles, 2, MAX_TILES)
    chosen = points[jnp.minimum(first + jnp.minimum(jnp.arange(MAX_TILES), num_tiles - 1), _MAX_POINTS - 1)]
    gap = chosen[0, :2] - chosen[num_tiles - 1, :2]
    jump = jnp.hypot(jnp.cos(chosen[0, 2]) * gap[0], jnp.sin(chosen[0, 2]) * gap[1])
    return (chosen, num_tiles.astype(jnp.int32)), is_long & (jump <= _STEP)


def lay_tiles(points: Float[Array, "400 3"], num_tiles: Int[Array, ""]) -> Track:
    """The road over its points."""
    before = jnp.roll(points, 1, 0).at[0].set(points[num_tiles - 1])

    def ends(point):
        across = HALF_WIDTH * jnp.stack([jnp.cos(point[:, 2]), jnp.sin(point[:, 2])], 1)
        return point[:, :2] - across, point[:, :2] + across

    (left, right), (left_before, right_before) = ends(points), ends(before)
    corners = _counter_clockwise(jnp.stack([left, right, right_before, left_before], 1))
    return Track(
        corners=corners,
        kerb=_kerbs(points[:, 2], num_tiles),
        points=points,
        num_tiles=num_tiles,
        first_tile=tile_map.first_tiles(corners, num_tiles),
    )


def _checkpoints(uniforms: Array) -> tuple[Array, Array, Array]:
    """Polar angle, x and y of each."""
    index = jnp.arange(_NUM_CHECKPOINTS, dtype=jnp.float32)
    noise, share = uniforms.reshape(_NUM_CHECKPOINTS, 2).T
    angle = (_TURN / _NUM_CHECKPOINTS) * (index + noise)
    radius = _RADIUS * (1.0 + 2.0 * share) / 3.0
    is_end = (index == 0) | (index == _NUM_CHECKPOINTS - 1)
    angle = jnp.where(is_end, (_TURN / _NUM_CHECKPOINTS) * index, angle)
    radius = jnp.where(is_end, 1.5 * _RADIUS, radius)
    return angle, radius * jnp.cos(angle), radius * jnp.sin(angle)


def _walk(angles: Array, xs: Array, ys: Array) -> tuple[Array, Array, Array]:
    """Towards one checkpoint after the other for five laps: polar angles, points (x, y, heading), their number."""
    order = jnp.arange(_NUM_CHECKPOINTS)

    def advance(carry):
        count, x, y, heading, target, laps, was_below, alphas, points = carry
        alpha = jnp.arctan2(y, x)
        passes = was_below & (alpha > 0.0)
        laps, was_below = laps + passes.astype(jnp.int32), (was_below & ~passes) | (alpha < 0.0)
        alpha = jnp.where(alpha < 0.0, alpha + _TURN, alpha)
        ahead = (alpha <= angles) & (order >= target)
        wraps = ~ahead.any()
        alpha = jnp.where(wraps, alpha - _TURN, alpha)
        target = jnp.argmax(jnp.where(wraps, alpha <= angles, ahead)).astype(jnp.int32)
        cosine, sine = jnp.cos(heading), jnp.sin(heading)
        off = _SCALE * (cosine * (xs[target] - x) + sine * (ys[target] - y))
        turns = jnp.ceil(jnp.maximum(jnp.abs(heading - alpha) - 1.5 * math.pi, 0.0) / _TURN)
        old = heading - jnp.sign(heading - alpha) * turns * _TURN
        bend = jnp.where(jnp.abs(off) > 0.3, jnp.minimum(_TURN_RATE, 0.001 * jnp.abs(off)), 0.0)
        heading = old - jnp.sign(off) * bend
        x, y = x - sine * _STEP, y + cosine * _STEP
        alphas = alphas.at[count].set(alpha)
        points = points.at[count].set(jnp.stack([x, y, 0.5 * (old + heading)]))
        return count + 1, x, y, heading, target, laps, was_below, alphas, points

    def goes_on(carry):
        return (carry[0] < _MAX_POINTS) & (carry[5] <= _MAX_LAPS)

    zero = jnp.int32(0)
    start = (zero, jnp.float32(1.5 * _RADIUS), jnp.float32(0.0), jnp.float32(0.0), zero, zero, jnp.bool_(False))
    carry = lax.while_loop(goes_on, advance, (*start, jnp.zeros(_MAX_POINTS), jnp.zeros((_MAX_POINTS, 3))))
    return carry[7], carry[8], carry[0]


def _kerbs(heading: Array, num_tiles: Array) -> Array:
    """On which side each tile has one: where four bends in a row are hard and to the same side, and along all four."""
    index = jnp.arange(MAX_TILES)
    is_tile = index < num_tiles
    bend = heading - heading[(index - 1) % num_tiles]
    hard = jnp.where(jnp.abs(bend) > 0.2 * _TURN_RATE, jnp.sign(bend), 0.0)
    runs = jnp.stack([hard[(index - k) % num_tiles] for k in range(_BORDER_RUN)])
    flags = (jnp.abs(runs.sum(0)) == _BORDER_RUN) & is_tile

    def spread(i, flags):  # one after the other: a flag that has been spread over the start is spread again
        behind = (i - jnp.arange(_BORDER_RUN)) % num_tiles
        return flags.at[behind].max(flags[i])

    flags = lax.fori_loop(0, num_tiles, spread, flags)
    return jnp.where(flags & is_tile, -jnp.sign(bend), 0.0).astype(jnp.int32)


def _counter_clockwise(corners: Array) -> Array:
    """The same corners in order around their middle: where the ends of a track meet, a quad may be folded."""
    offset = corners - corners.mean(1, keepdims=True)
    order = jnp.argsort(jnp.arctan2(offset[..., 1], offset[..., 0]), axis=1)
    return jnp.take_along_axis(corners, order[..., None], 1)
