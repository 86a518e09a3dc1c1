"""Pictures of a drive."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from wann_jax.envs.car_racing.environment import CarRacing
from wann_jax.envs.car_racing.parts import HULL_POLYGONS
from wann_jax.errors import ConfigError
from wann_jax.report.movies.car import draw_map, scene, travel
from wann_jax.report.movies.scenes import save


def towards_the_grey(memory, picture):
    """Steers for the side where more road is seen ahead."""
    grey = (picture[20:40, :, 1] < 120).astype(jnp.float32)
    side = (grey * jnp.linspace(-1.0, 1.0, 64)[None]).sum() / (grey.sum() + 1.0)
    return memory + 1, jnp.stack([2.0 * side, -0.6 + 0.0 * side, 0.0 * side])


@pytest.fixture(scope="module")
def journey():
    return travel(towards_the_grey, jnp.int32(0), jax.random.key(3), steps=130)


def test_a_drive_follows_the_road(journey):
    assert journey.pictures.shape == (130, 64, 64, 3)
    assert journey.rewards.sum() > 30
    way = np.linalg.norm(np.diff(journey.poses[:, :2], axis=0), axis=1).sum()
    assert way > 30
    nearest = np.linalg.norm(journey.corners.mean(1)[None] - journey.poses[:, None, :2], axis=-1).min(1)
    assert nearest.max() < 12


def test_pictures_are_files_of_the_drive(journey, tmp_path):
    save(tmp_path / "drive.png", scene(journey), moments=2)
    with Image.open(tmp_path / "drive.png") as image:
        assert image.size == (720, 512)
    short = journey.replace(rewards=journey.rewards[:5])
    save(tmp_path / "drive.gif", scene(short))
    with Image.open(tmp_path / "drive.gif") as image:
        assert (image.n_frames, image.size) == (3, (720, 256))


def test_the_map_shows_track_way_and_car(journey):
    axes = Figure().add_subplot()
    draw_map(axes, journey, 60, view=20.0)
    assert len(axes.collections[0].get_paths()) == len(journey.corners)
    np.testing.assert_allclose(axes.lines[0].get_xydata(), journey.poses[:61, :2])
    x, y, angle = journey.poses[60].astype(float)
    bumper = np.array([complex(*corner) for corner in HULL_POLYGONS[0]]) * np.exp(1j * angle) + complex(x, y)
    drawn = axes.patches[0].get_xy()[:-1]
    np.testing.assert_allclose(drawn, np.stack([bumper.real, bumper.imag], 1), atol=1e-4)
    assert len(axes.patches) == len(HULL_POLYGONS)


def test_mistakes_are_answered_in_one_line():
    with pytest.raises(ConfigError, match="steps must be at least 1; got 0"):
        travel(towards_the_grey, jnp.int32(0), jax.random.key(0), steps=0)
    with pytest.raises(ConfigError, match="env must be an environment with pictures"):
        travel(towards_the_grey, jnp.int32(0), jax.random.key(0), steps=5, env=CarRacing(with_picture=False))
