"""Drivers written by hand, who know where the road goes: yardsticks, and teachers for networks.

In: cars on their tracks. Out: outputs. They look at what a picture shows and at nothing else, not even at their speed:
only so can somebody learn from them who sees pictures. Gas and brake at the same time hold a speed, about 18 m/s times
gas / brake (the engine's push falls with the wheels' spin, the brake's does not), and both depend on the road ahead.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from wann_jax.envs.car_racing.drive import Drive
from wann_jax.envs.car_racing.dynamics import origin
from wann_jax.envs.car_racing.track import MAX_TILES, Track

REACH = 15  # tiles ahead of the car that it knows
# Of each driver: tiles ahead of the two points that are steered for, and of the two by which it slows down; gains per
# rad. From random searches on 64 tracks, with which `python -m benchmarks.car_expert --search 120` goes on; rounded.
PRECISE = np.array([7.4, 3.9, 11.5, 3.5, 0.946, 0.1, 0.2, 0.872, 0.488, 0.049, 0.046, -0.013], np.float32)
"""[12] What `outputs_for` takes, for a driver that holds its speed by gas and brake at the same time."""
BOLD = np.array([8.0, 3.4, 15.0, 1.7, 2.5, 0.07, 8.4, 36.6, 1.3, 0.0, 0.0, 0.0], np.float32)
"""[12] A driver that never brakes, and drives, too, where its outputs are multiplied by any number from 0.14 to 3.5."""


def outputs_for(
    settings: Float[Array | np.ndarray, "12"], tracks: Track, track_index: Int[Array, "*B"], drive: Drive
) -> Float[Array, "3 *B"]:
    """Outputs as of a network, which `drive.paper_action` clips: steer (1: right), gas (-1: none), brake."""
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
    return jnp.stack([steer, gas, brake])


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
