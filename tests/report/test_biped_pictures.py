"""Pictures of a walk."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import wann_jax as wann
from tests.helpers import PlainGenome, from_plain
from wann_jax.envs.bipedal.bodies import HULL, start_position
from wann_jax.genomes.genome import GenomeSpec
from wann_jax.report.biped import draw, save_movie, save_png, walk

SPEC = GenomeSpec(num_inputs=24, num_outputs=4, max_nodes=29, max_connections=4, hidden_activations=(5,))


@pytest.fixture(scope="module")
def states():
    """A walker that swings both hips back: it falls."""
    plain = PlainGenome([1] * 29, [(0, 25, True), (0, 27, True)])
    network = wann.express(from_plain(SPEC, plain))
    return walk(network, 0.9, seed=3, steps=120)


def test_a_walk_ends_where_the_walker_falls(states):
    length = len(states.heights)
    assert 5 < length < 120
    assert states.world.hull_hit.tolist() == [False] * (length - 1) + [True]


def test_pictures_are_files_of_the_walk(states, tmp_path):
    save_png(tmp_path / "walk.png", states, moments=2)
    with Image.open(tmp_path / "walk.png") as image:
        assert image.size == (1000, 290)
    save_movie(tmp_path / "walk.gif", states, every=10)
    with Image.open(tmp_path / "walk.gif") as image:
        assert image.n_frames == -(-len(states.heights) // 10)


def test_bodies_are_drawn_where_they_are():
    axes = Figure().add_subplot()
    position = start_position(10.0, 5.0)
    draw(axes, position, np.full(200, 10.0), np.ones(24))
    shapes = [patch.get_xy() for patch in axes.patches]
    assert [len(shape) - 1 for shape in shapes] == [4, 4, 5, 4, 4]
    hull = shapes[HULL][:-1]
    assert np.sort(hull[:, 0]) == pytest.approx(5.0 + np.array([-30, -30, 6, 34, 34]) / 30)
    feet = min(shape[:, 1].min() for shape in shapes)
    assert feet == pytest.approx(10.0 + (68 - 34 * 1.5 + 8 - 17) / 30, abs=0.02)
    rays = [line.get_xydata() for line in axes.lines[1:]]
    assert [ray[0].tolist() for ray in rays] == [pytest.approx([5.0, 10.0 + 68 / 30], abs=1e-6)] * 10
    assert rays[0][1] == pytest.approx([5.0, 10.0 + (68 - 160) / 30], abs=1e-5)
