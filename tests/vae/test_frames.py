"""Training frames: poses and drives are where they say, and look like it."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wann_jax.envs.car_racing.picture import CLOSE, Camera, render
from wann_jax.envs.car_racing.texture import bake_all
from wann_jax.envs.car_racing.track import make_tracks
from wann_jax.vae.frames import FRAMES_PER_DRIVE, STEPS_BETWEEN, make_frames, place_on_road, random_drives

NUM_TRACKS, POSES, DRIVE_FRAMES = 2, 48, 48


@pytest.fixture(scope="module")
def tracks():
    return jax.jit(make_tracks, static_argnums=1)(jax.random.key(7), NUM_TRACKS)


@pytest.fixture(scope="module")
def frames():
    return jax.device_get(make_frames(jax.random.key(3), NUM_TRACKS, POSES, DRIVE_FRAMES))


def test_places_match_a_slow_search(tracks):
    """Nearest point of the road, one camera after the other; offset to the right, heading counter-clockwise."""
    random = np.random.default_rng(0)
    index = np.arange(40, dtype=np.int32) % NUM_TRACKS
    start = np.asarray(tracks.points)[index, random.integers(0, 240, 40)]
    x, y, angle = (start + random.normal(size=(40, 3)) * [4.0, 4.0, 2.0]).T.astype(np.float32)
    camera = Camera(*map(jnp.asarray, (x, y, angle)), steer=jnp.zeros(40), steps=jnp.zeros(40, jnp.int32))
    offset, heading = jax.jit(place_on_road)(tracks, jnp.asarray(index), camera)
    for i in range(40):
        points = np.asarray(tracks.points[index[i]])[: int(tracks.num_tiles[index[i]])].astype(float)
        near = points[np.argmin([np.hypot(px - x[i], py - y[i]) for px, py, _ in points])]
        right = np.array([np.cos(near[2]), np.sin(near[2])])
        assert abs(offset[i] - right @ [x[i] - near[0], y[i] - near[1]]) < 1e-3
        wanted = np.angle(np.exp(1j * (angle[i] - near[2])))
        assert abs(heading[i] - wanted) < 1e-4


def test_the_same_key_gives_the_same_frames_and_another_key_others(frames):
    again = make_frames(jax.random.key(3), NUM_TRACKS, POSES, DRIVE_FRAMES)
    chex.assert_trees_all_equal(frames, again)
    other = make_frames(jax.random.key(4), NUM_TRACKS, POSES, DRIVE_FRAMES)
    assert not (np.asarray(other.pixels)[:, None] == frames.pixels).all((2, 3, 4)).any()


def test_poses_lie_along_the_road_on_all_tracks(frames):
    poses = ~frames.is_drive
    assert poses.sum() == POSES
    assert set(frames.track[poses]) == set(range(NUM_TRACKS))
    assert frames.is_near[poses].mean() > 0.7
    assert 3.0 < frames.offset[frames.is_near].std() < 7.0
    assert 0.2 < frames.heading[frames.is_near].std() < 0.6


def test_pictures_show_road_where_the_car_is_on_it(frames):
    """Just ahead of the car there is grey where it is on the road, and green where it is off it."""
    ahead = frames.pixels[:, 44:48, 31:33].astype(int).mean((1, 2))
    grey = np.abs(ahead - ahead.mean(1, keepdims=True)).max(1) < 12.0
    sure = frames.is_close & (np.abs(frames.heading) < 0.5)
    on_road, off_road = sure & (np.abs(frames.offset) < 4.0), sure & (np.abs(frames.offset) > 8.5)
    assert on_road.sum() > 20
    assert grey[on_road].mean() > 0.9
    assert grey[off_road].mean() < 0.3


def test_the_offset_has_the_pictures_sign(tracks):
    """A car on the right of the road sees the road on the left of its picture."""
    start = tracks.points[0, 100]
    aside = 6.0 * jnp.array([jnp.cos(start[2]), jnp.sin(start[2])])
    lanes = jnp.zeros(1, jnp.int32)
    camera = Camera(
        x=start[None, 0] + aside[0],
        y=start[None, 1] + aside[1],
        angle=start[None, 2],
        steer=jnp.zeros(1),
        steps=jnp.full(1, CLOSE),
    )
    offset, heading = place_on_road(tracks, lanes, camera)
    np.testing.assert_allclose((offset[0], heading[0]), (6.0, 0.0), atol=1e-3)
    one = jax.tree.map(lambda leaf: leaf[:1], tracks)
    picture = np.asarray(jax.jit(render)(bake_all(one), lanes, camera))[0].astype(int)
    green = picture[40:48, :, 1] > 150
    assert green[:, 36:].mean() > 0.7
    assert green[:, 16:28].mean() < 0.3


def test_drives_begin_at_the_start_or_on_the_way_and_move_as_cars_do(tracks):
    cameras, index = jax.device_get(jax.jit(random_drives, static_argnums=2)(jax.random.key(5), tracks, 6))
    steps = cameras.steps.reshape(6, FRAMES_PER_DRIVE)
    assert index.reshape(6, -1)[:, 0].tolist() == [0, 1] * 3
    wanted = STEPS_BETWEEN * (1 + np.arange(FRAMES_PER_DRIVE))
    np.testing.assert_array_equal(steps - steps[:, :1], np.broadcast_to(wanted - wanted[0], steps.shape))
    assert (steps[::2, 0] < CLOSE).all()
    assert (steps[1::2, 0] >= CLOSE).all()
    x, y = (values.reshape(6, FRAMES_PER_DRIVE) for values in (cameras.x, cameras.y))
    speed = np.hypot(np.diff(x), np.diff(y)) / (0.02 * STEPS_BETWEEN)
    assert speed.max() < 100.0
    assert (speed.max(1) > 5.0).sum() >= 5
