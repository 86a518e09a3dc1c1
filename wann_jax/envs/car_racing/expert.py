"""A driver written by hand, which knows where the road goes: a yardstick, and a teacher for networks.

In: cars on their tracks. Out: actions. It looks at what a picture shows and at nothing else, not even at its speed:
only so can somebody learn from it who sees pictures. Gas and brake at the same time hold a speed, about 18 m/s times
gas / brake (the engine's push falls with the wheels' spin, the brake's does not), and both depend on the road ahead.
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from wann_jax.envs.car_racing.drive import Drive
from wann_jax.envs.car_racing.dynamics import origin
from wann_jax.envs.car_racing.track import MAX_TILES, Track

REACH = 15  # tiles ahead of the car that it knows
# Tiles ahead of the points that are steered for, and those by which it slows down; the rest are gains per rad. From a
# random search on 64 tracks (`python -m benchmarks.car_expert --search 120`), rounded.
_STEER_FOR, _SLOW_BY = (7.4, 3.9), (11.5, 3.5)
_STEER_GAINS, _GAS_LOSSES, _BRAKE_GAINS = (0.946, 0.1), (0.436, 0.244), (0.046, -0.013)
_GAS, _BRAKE, _HARDEST = 0.6, 0.049, 0.85  # on a straight; at most, so that wheels do not lock
SETTINGS = jnp.array([*_STEER_FOR, *_SLOW_BY, *_STEER_GAINS, _GAS, *_GAS_LOSSES, _BRAKE, *_BRAKE_GAINS])
"""[12], in this order: what `drive_by` takes."""


def drive_by(
    settings: Float[Array, "12"], tracks: Track, track_index: Int[Array, "*B"], drive: Drive
) -> Float[Array, "3 *B"]:
    """Steer [-1, 1] (1: right), gas [0, 1], brake [0, 0.85]."""
    right, ahead = road_ahead(tracks, track_index, drive)

    def aside(place):
        """Angle of the road's middle so many tiles ahead, in rad to the right."""
        place = jnp.clip(place, 0.0, REACH - 1e-3)
        first = place.astype(jnp.int32)
        share = place - first.astype(jnp.float32)
        far, near = ((1.0 - share) * way[first] + share * way[first + 1] for way in (ahead, right))
        return jnp.arctan2(near, far)

    steer_far, steer_near, bend_far, bend_near = (aside(place) for place in settings[:4])
    bend_far, bend_near = jnp.abs(bend_far), jnp.abs(bend_near)
    steer = settings[4] * steer_far + settings[5] * steer_near
    gas = settings[6] - settings[7] * bend_far - settings[8] * bend_near
    brake = settings[9] + settings[10] * bend_far + settings[11] * bend_near
    return jnp.stack([jnp.clip(steer, -1.0, 1.0), jnp.clip(gas, 0.0, 1.0), jnp.clip(brake, 0.0, _HARDEST)])


def road_ahead(
    tracks: Track, track_index: Int[Array, "*B"], drive: Drive
) -> tuple[Float[Array, "16 *B"], Float[Array, "16 *B"]]:
    """Middle of the road at the nearest tile and the next REACH ones: m to the right of the car and m ahead of it."""
    points, num_tiles = jnp.moveaxis(tracks.points[track_index], -2, 0), tracks.num_tiles[track_index][None]
    x, y = (place[None] for place in origin(drive.car.hull))
    ones = [1] * track_index.ndim
    tile, place = jnp.arange(MAX_TILES).reshape(-1, *ones), jnp.arange(REACH + 1).reshape(-1, *ones)
    distance = jnp.hypot(points[..., 0] - x, points[..., 1] - y)
    nearest = jnp.where(tile < num_tiles, distance, jnp.inf).argmin(0)[None]
    chosen = jnp.take_along_axis(points, ((nearest + place) % num_tiles)[..., None], 0)
    dx, dy = chosen[..., 0] - x, chosen[..., 1] - y
    cosine, sine = jnp.cos(drive.car.hull[2])[None], jnp.sin(drive.car.hull[2])[None]
    return cosine * dx + sine * dy, cosine * dy - sine * dx
