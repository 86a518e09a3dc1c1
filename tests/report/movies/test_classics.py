"""Classics of control: lines end where the state says."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

import wann_jax as wann
from wann_jax.report.movies.classics import PAINTERS


def painted(env_id, **state):
    """Axes with one state of a gymnax environment."""
    task = wann.make_task(f"gymnax:{env_id}")
    axes = Figure(figsize=(5, 2.75)).add_axes((0, 0, 1, 1))
    PAINTERS[type(task.env)](axes, SimpleNamespace(**state), task.env_params)
    return axes


def rods(axes):
    """Corners of the thick line."""
    (line,) = [line for line in axes.lines if line.get_linewidth() == 5.0]
    return np.asarray(line.get_xydata(), float)


def test_swing_up_hangs_at_pi_and_stands_at_0():
    hanging = painted("CartPoleSwingUp-v0", position=0.5, angle=np.pi)
    np.testing.assert_allclose(rods(hanging), [[0.5, 0.0], [0.5, -0.6]], atol=1e-6)
    np.testing.assert_allclose(rods(painted("CartPoleSwingUp-v0", position=0.5, angle=0.0))[1], [0.5, 0.6])
    leaning = painted("CartPoleSwingUp-v0", position=-1.0, angle=0.3)
    np.testing.assert_allclose(rods(leaning)[1], [-1.0 + 0.6 * np.sin(0.3), 0.6 * np.cos(0.3)], rtol=1e-6)
    assert leaning.patches[0].get_center() == pytest.approx((-1.0, 0.0))
    assert leaning.get_xlim() == pytest.approx((-1.15 * 2.4, 1.15 * 2.4))


def test_cart_pole_has_a_pole_of_twice_its_length():
    np.testing.assert_allclose(rods(painted("CartPole-v1", x=1.0, theta=0.0)), [[1.0, 0.0], [1.0, 1.0]])


def test_the_pendulum_turns_to_the_left():
    axes = painted("Pendulum-v1", theta=np.pi / 2, last_u=2.0)
    np.testing.assert_allclose(rods(axes), [[0, 0], [-1, 0]], atol=1e-6)
    arc = axes.lines[0].get_xydata()
    assert arc[0] == pytest.approx([0.0, 0.25])
    assert arc[-1] == pytest.approx([-0.25 * np.sin(1.5), 0.25 * np.cos(1.5)])
    assert axes.get_ylim() == pytest.approx((-1.3, 1.3))


@pytest.mark.parametrize(("env_id", "goal"), [("MountainCar-v0", 0.5), ("MountainCarContinuous-v0", 0.45)])
def test_the_car_stands_on_the_mountain(env_id, goal):
    axes = painted(env_id, position=-0.5)
    valley, flag, car = axes.lines
    x, y = car.get_xydata()[0]
    assert x == -0.5
    assert 0.0 < y - np.interp(-0.5, *valley.get_data()) < 0.1
    assert flag.get_xdata() == pytest.approx([goal, goal])


def test_the_acrobot_hangs_and_folds():
    down = rods(painted("Acrobot-v1", joint_angle1=0.0, joint_angle2=0.0))
    np.testing.assert_allclose(down, [[0, 0], [0, -1], [0, -2]], atol=1e-6)
    folded = rods(painted("Acrobot-v1", joint_angle1=np.pi / 2, joint_angle2=np.pi / 2))
    np.testing.assert_allclose(folded, [[0, 0], [1, 0], [1, 1]], atol=1e-6)
