"""The classics of control, a few lines each: cart and pole, pendulum, mountain and car, two links.

In: axes, the state of an environment at one step and its parameters. Out: lines in the axes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnax.environments.classic_control.acrobot import Acrobot
from gymnax.environments.classic_control.cartpole import CartPole
from gymnax.environments.classic_control.continuous_mountain_car import ContinuousMountainCar
from gymnax.environments.classic_control.mountain_car import MountainCar
from gymnax.environments.classic_control.pendulum import Pendulum
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from wann_jax.envs.cartpole_swingup import CartPoleSwingUp

_DARK, _BLUE, _ORANGE = "#333333", "#40608f", "#d9822b"


def swing_up(axes: Axes, state: Any, params: Any) -> None:
    """The cart on its track; an angle of 0 is upright."""
    _cart_and_pole(axes, state.position, state.angle, params.pole_length, params.track_half_length)


def cart_pole(axes: Axes, state: Any, params: Any) -> None:
    """As swing-up; `length` is half the pole's."""
    _cart_and_pole(axes, state.x, state.theta, 2.0 * params.length, params.x_threshold)


def _cart_and_pole(axes: Axes, x: Any, angle: Any, length: float, limit: float) -> None:
    _view(axes, 1.15 * limit, 1.3 * length)
    axes.plot([-limit, limit], [0.0, 0.0], color=_DARK, linewidth=1.0)
    axes.plot([-limit, -limit, np.nan, limit, limit], [-0.15, 0.15, np.nan, -0.15, 0.15], color=_DARK, linewidth=1.0)
    axes.add_patch(Rectangle((x - 0.25, -0.11), 0.5, 0.22, facecolor=_BLUE, zorder=2))
    _links(axes, [x, x + length * np.sin(angle)], [0.0, length * np.cos(angle)])


def pendulum(axes: Axes, state: Any, params: Any) -> None:
    """The rod, upright at 0; the torque as an arc around the joint."""
    _view(axes, 1.3 * params.l, 1.3 * params.l)
    angle, torque = float(state.theta), float(np.squeeze(state.last_u)) / params.max_torque
    sweep = np.linspace(0.0, 1.5 * torque, 20)
    axes.plot(-0.25 * np.sin(sweep), 0.25 * np.cos(sweep), color=_BLUE, linewidth=2.0)
    # Angles count to the left here, as in Gymnasium's picture.
    _links(axes, [0.0, -params.l * np.sin(angle)], [0.0, params.l * np.cos(angle)])


def mountain_car(axes: Axes, state: Any, params: Any) -> None:
    """The valley, the car in it, the flag at the goal."""
    low, high = params.min_position, params.max_position
    x = np.linspace(low, high, 100)
    axes.set(xlim=(low, high), ylim=(-0.1, 1.35), xticks=[], yticks=[])
    axes.fill_between(x, _height(x), -0.1, color="#cfd8c0", linewidth=0)
    axes.plot(x, _height(x), color="#55683b", linewidth=1.2)
    goal = params.goal_position
    axes.plot([goal, goal], [_height(goal), _height(goal) + 0.25], color=_DARK, linewidth=1.0)
    axes.fill([goal, goal, goal + 0.08], _height(goal) + np.array([0.25, 0.15, 0.2]), color=_ORANGE)
    position = float(state.position)
    axes.plot(position, _height(position) + 0.05, "o", color=_BLUE, markersize=10)


def _height(x: Any) -> Any:
    return 0.45 * np.sin(3.0 * np.asarray(x)) + 0.55


def acrobot(axes: Axes, state: Any, params: Any) -> None:
    """Two links that hang from a joint; the dashed line is where the tip has to go."""
    first = float(state.joint_angle1)
    second = first + float(state.joint_angle2)
    reach = 1.2 * (params.link_length_1 + params.link_length_2)
    _view(axes, reach, reach)
    axes.axhline(params.link_length_1, color=_DARK, linewidth=1.0, linestyle="--")
    x, y = params.link_length_1 * np.sin(first), -params.link_length_1 * np.cos(first)
    _links(
        axes,
        [0.0, x, x + params.link_length_2 * np.sin(second)],
        [0.0, y, y - params.link_length_2 * np.cos(second)],
    )


def _links(axes: Axes, x: list[Any], y: list[Any]) -> None:
    """Rods from joint to joint."""
    axes.plot(x, y, color=_ORANGE, linewidth=5.0, solid_capstyle="round", zorder=3)
    axes.plot(x[:-1], y[:-1], "o", color=_DARK, markersize=5, zorder=4)


def _view(axes: Axes, half_width: float, half_height: float) -> None:
    """Equal scales on both axes, the origin in the middle; at least so wide and so high."""
    width, height = axes.figure.bbox.size
    half_width = max(half_width, half_height * width / height)
    half_height = half_width * height / width
    limits = ((-half_width, half_width), (-half_height, half_height))
    axes.set(xlim=limits[0], ylim=limits[1], xticks=[], yticks=[], aspect="equal")


# By the class of the environment.
PAINTERS: dict[type, Callable[[Axes, Any, Any], None]] = {
    Acrobot: acrobot,
    CartPole: cart_pole,
    CartPoleSwingUp: swing_up,
    ContinuousMountainCar: mountain_car,
    MountainCar: mountain_car,
    Pendulum: pendulum,
}
