"""Scenes in files: so many frames, the right moments, nothing half-written."""

import numpy as np
import pytest
from PIL import Image

from wann_jax.errors import ConfigError
from wann_jax.report.movies.scenes import Scene, frame, save, steps_of


def scene(length, size=(1.0, 0.5)):
    """The step as a share of red."""
    seen = []

    def draw(figure, step):
        seen.append(step)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        figure.set_facecolor((step / length, 0.0, 0.0))

    return Scene(length, size, draw), seen


def test_frames_are_steps():
    shown, seen = scene(10)
    pixels = frame(shown, 5)
    assert pixels.shape == (40, 80, 3)
    assert pixels[20, 40].tolist() == [128, 0, 0]
    assert seen == [5]


@pytest.mark.parametrize(("length", "every"), [(1, 2), (5, 2), (600, 2), (601, 3), (1000, 4)])
def test_long_episodes_take_larger_steps(length, every):
    shown, _ = scene(length)
    assert steps_of(shown) == range(0, length, every)
    assert len(steps_of(shown)) <= 300


def test_a_gif_has_the_frames(tmp_path):
    shown, seen = scene(9)
    save(tmp_path / "scene.gif", shown)
    assert seen == [0, 2, 4, 6, 8]
    with Image.open(tmp_path / "scene.gif") as image:
        assert (image.n_frames, image.info["duration"], image.size) == (5, 40, (80, 40))


@pytest.mark.parametrize(("size", "pixels"), [((1.0, 0.5), (160, 80)), ((9.0, 0.5), (720, 160))])
def test_a_png_has_moments_in_one_or_two_columns(tmp_path, size, pixels):
    shown, seen = scene(101, size)
    save(tmp_path / "scene.png", shown, moments=4)
    assert seen == [0, 33, 67, 100]
    with Image.open(tmp_path / "scene.png") as image:
        assert image.size == pixels
        first, last = np.asarray(image)[2, 2], np.asarray(image)[-2, -2]
    assert (first[0], last[0]) == (0, round(100 / 101 * 255))


def test_a_failure_leaves_nothing(tmp_path):
    def fail(figure, step):
        raise RuntimeError("no picture")

    with pytest.raises(RuntimeError, match="no picture"):
        save(tmp_path / "scene.gif", Scene(3, (1.0, 0.5), fail))
    with pytest.raises(ConfigError, match=r"path must be a name that ends in \.gif, \.mp4, \.png; got '.*scene.avi'"):
        save(tmp_path / "scene.avi", Scene(3, (1.0, 0.5), fail))
    assert list(tmp_path.iterdir()) == []
