"""Pictures of a walk: terrain, hull, legs and lidar.

In: states of the bipedal walker, one after another. Out: one of them in axes.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from wann_jax.envs.bipedal.bodies import (
    HULL,
    LOWER_LEFT,
    LOWER_RIGHT,
    POLYGONS,
    UPPER_LEFT,
    UPPER_RIGHT,
    mass_properties,
)
from wann_jax.envs.bipedal.lidar import RAYS
from wann_jax.envs.bipedal.terrain import STEP

_VIEW = (-3.0, 7.0, -3.0, 2.5)  # m around the hull: left, right, down, up
_COLOURS = {
    LOWER_RIGHT: "#5b7db1",
    UPPER_RIGHT: "#40608f",
    HULL: "#d9822b",
    UPPER_LEFT: "#7fb069",
    LOWER_LEFT: "#a3cf8b",
}
_FIRST_RAY = 14  # of an observation


def paint(axes: Axes, state: Any, params: Any) -> None:
    """The walker as the environment's state has it; its parameters make no difference."""
    draw(axes, *(np.asarray(values) for values in (state.world.position, state.heights, state.observation)))


def draw(axes: Axes, position: np.ndarray, heights: np.ndarray, observation: np.ndarray) -> None:
    """One moment; `position` [3, bodies] as a World has it."""
    x, y = position[:2, HULL]
    axes.set(xlim=(x + _VIEW[0], x + _VIEW[1]), ylim=(y + _VIEW[2], y + _VIEW[3]), aspect="equal", xticks=[], yticks=[])
    ground = np.arange(len(heights)) * STEP
    axes.fill_between(ground, heights, y + _VIEW[2] - 1.0, color="#cfd8c0", linewidth=0)
    axes.plot(ground, heights, color="#55683b", linewidth=1.2)
    shapes = [_corners(body, position[:, body]) for body in range(len(POLYGONS))]
    origin = _placed(np.zeros((1, 2)), HULL, position[:, HULL])[0]
    for ray, fraction in zip(RAYS.T, observation[_FIRST_RAY:], strict=True):
        end = origin + ray * fraction
        axes.plot(*zip(origin, end, strict=True), color="#c23b22", linewidth=0.6, alpha=0.7)
    for body in (LOWER_RIGHT, UPPER_RIGHT, HULL, UPPER_LEFT, LOWER_LEFT):
        axes.fill(*shapes[body].T, facecolor=_COLOURS[body], edgecolor="#333333", linewidth=0.8)


def _corners(body: int, position: np.ndarray) -> np.ndarray:
    """[corners, 2], m."""
    return _placed(POLYGONS[body], body, position)


def _placed(points: np.ndarray, body: int, position: np.ndarray) -> np.ndarray:
    """Points of a body's frame, seen from the world."""
    x, y, angle = np.asarray(position, float)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points - mass_properties(POLYGONS[body], 1.0)[1]) @ turn.T + (x, y)
