"""Moving pictures: frames come back as they went in, and mistakes get one line."""

import sys

import av
import numpy as np
import pytest
from PIL import Image

from wann_jax.errors import ConfigError
from wann_jax.report.movies.encoding import save_movie


def frames():
    """A bright column that moves to the right, on black."""
    pictures = np.zeros((5, 32, 48, 3), np.uint8)
    for index, picture in enumerate(pictures):
        picture[:, 8 * index : 8 * index + 8] = (255, 255, 255)
    return pictures


def test_a_gif_has_every_frame(tmp_path):
    save_movie(tmp_path / "column.gif", iter(frames()), 40)
    with Image.open(tmp_path / "column.gif") as image:
        assert (image.n_frames, image.info["duration"]) == (5, 40)
        for index, frame in enumerate(frames()):
            image.seek(index)
            np.testing.assert_array_equal(np.asarray(image.convert("RGB")), frame)


def test_an_mp4_has_every_frame(tmp_path):
    save_movie(tmp_path / "column.mp4", iter(frames()), 40)
    with av.open(str(tmp_path / "column.mp4")) as file:
        seen = np.array([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)], int)
        assert file.streams.video[0].average_rate == 25
    assert np.abs(seen - frames()).mean() < 8  # it loses a little


def test_mistakes_get_one_line(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"path must be a name that ends in \.gif or \.mp4; got 'column.avi'"):
        save_movie(type(tmp_path)("column.avi"), frames(), 40)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ConfigError, match="without the extra video"):
        save_movie(tmp_path / "column.mp4", frames(), 40)
    assert list(tmp_path.iterdir()) == []
