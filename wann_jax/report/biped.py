"""Pictures of a walk: terrain, hull, legs and lidar.

In: states of the bipedal walker, one after another. Out: a PNG with several moments side by side, or a GIF or MP4.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

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
from wann_jax.envs.bipedal_walker import BipedalWalker, EnvState
from wann_jax.errors import require
from wann_jax.kernels.forward import forward
from wann_jax.networks.network import Network
from wann_jax.report import movie

_VIEW = (-3.0, 7.0, -3.0, 2.5)  # m around the hull: left, right, down, up
_COLOURS = {
    LOWER_RIGHT: "#5b7db1",
    UPPER_RIGHT: "#40608f",
    HULL: "#d9822b",
    UPPER_LEFT: "#7fb069",
    LOWER_LEFT: "#a3cf8b",
}
_FIRST_RAY = 14  # of an observation
_FRAME_MILLISECONDS = 40


def walk(network: Network, shared_weight: float, seed: int, steps: int, env: BipedalWalker | None = None) -> EnvState:
    """States [T, ...] of one episode, cut off where it ends. `steps`: at most so many."""
    require(steps >= 1, "steps", "at least 1", steps)
    env = env or BipedalWalker()
    params = env.default_params.replace(fall_penalty=0.0)

    @jax.jit
    def run(network, weight, key):
        _, state = env.reset_env(key, params)

        def advance(state, _):
            action = jnp.clip(forward(network, weight, state.observation), -1.0, 1.0)
            _, state, _, ended, _ = env.step_env(key, state, action, params)
            return state, (state, ended)

        return jax.lax.scan(advance, state, None, steps)[1]

    states, ended = jax.device_get(run(network, jnp.float32(shared_weight), jax.random.key(seed)))
    length = int(ended.argmax()) + 1 if ended.any() else steps
    return jax.tree.map(lambda leaf: leaf[:length], states)


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


def save_png(path: Path, states: EnvState, moments: int = 6) -> None:
    """Some moments of a walk, evenly spaced, below each other in two columns."""
    length = states.heights.shape[0]
    rows = -(-moments // 2)
    figure = Figure(figsize=(10, 2.9 * rows), layout="constrained")
    for index, moment in enumerate(np.linspace(0, length - 1, moments).round().astype(int).tolist()):
        axes = figure.add_subplot(rows, 2, index + 1)
        _draw_state(axes, states, moment)
        axes.set_title(f"step {moment + 1}", fontsize=9)
    figure.savefig(path, dpi=100)


def save_movie(path: Path, states: EnvState, every: int = 2) -> None:
    """The walk as a moving picture (see movie.py); `every`: steps from frame to frame."""
    require(every >= 1, "every", "at least 1", every)

    def frame(moment: int) -> np.ndarray:
        figure = Figure(figsize=(5, 2.75), dpi=80)
        canvas = FigureCanvasAgg(figure)
        _draw_state(figure.add_axes((0.0, 0.0, 1.0, 1.0)), states, moment)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3]

    movie.save_movie(path, map(frame, range(0, states.heights.shape[0], every)), _FRAME_MILLISECONDS)


def _draw_state(axes: Axes, states: EnvState, moment: int) -> None:
    position, heights, observation = states.world.position, states.heights, states.observation
    draw(axes, *(np.asarray(values[moment]) for values in (position, heights, observation)))


def _corners(body: int, position: np.ndarray) -> np.ndarray:
    """[corners, 2], m."""
    return _placed(POLYGONS[body], body, position)


def _placed(points: np.ndarray, body: int, position: np.ndarray) -> np.ndarray:
    """Points of a body's frame, seen from the world."""
    x, y, angle = np.asarray(position, float)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points - mass_properties(POLYGONS[body], 1.0)[1]) @ turn.T + (x, y)
