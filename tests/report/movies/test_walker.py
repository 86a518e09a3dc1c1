"""Pictures of a walk."""

import jax
import numpy as np
import pytest
from matplotlib.figure import Figure

import wann_jax as wann
from tests.helpers import PlainGenome, from_plain
from wann_jax.envs.bipedal.bodies import HULL, start_position
from wann_jax.genomes.genome import GenomeSpec
from wann_jax.report.movies.episodes import play, policy_of
from wann_jax.report.movies.walker import draw, paint

SPEC = GenomeSpec(num_inputs=24, num_outputs=4, max_nodes=29, max_connections=4, hidden_activations=(5,))


def test_a_walk_ends_where_the_walker_falls():
    """A walker that swings both hips back."""
    plain = PlainGenome([1] * 29, [(0, 25, True), (0, 27, True)])
    network = wann.express(from_plain(SPEC, plain))
    states = play(wann.make_task("biped"), policy_of(network, 0.9), jax.random.key(3), steps=120).states
    length = len(states.heights)
    assert 5 < length < 120
    assert states.world.hull_hit.tolist() == [False] * (length - 1) + [True]
    axes = Figure().add_subplot()
    paint(axes, jax.tree.map(lambda leaf: leaf[4], states), None)
    again = Figure().add_subplot()
    draw(again, states.world.position[4], states.heights[4], states.observation[4])
    np.testing.assert_array_equal(axes.patches[0].get_xy(), again.patches[0].get_xy())


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
