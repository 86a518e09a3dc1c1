"""Pictures of a drive: the track from above with the way of the car, and what the driver sees.

In: a policy. Out: its drive, and that as a scene (scenes.py), which shows the reward so far and the driver's picture.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jaxtyping import Key
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import FigureBase

from wann_jax.envs.car_racing.environment import CarRacing
from wann_jax.envs.car_racing.parts import HULL_POLYGONS
from wann_jax.envs.car_racing.picture import camera_of
from wann_jax.errors import require
from wann_jax.report.movies.scenes import Scene

_CLOSE_VIEW = 45.0  # m to each side
_GRASS, _ROAD, _CAR, _WAY = "#66cc66", "#666666", "#cc0000", "#1f3d7a"


class Journey(struct.PyTreeNode):
    """One drive, step after step (T), and its track."""

    pictures: np.ndarray  # [T, 64, 64, 3] bytes, as the driver saw them
    poses: np.ndarray  # [T, 3] m, m, rad: hull's origin and angle
    rewards: np.ndarray  # [T]
    corners: np.ndarray  # [tiles, 4, 2] m


def travel(policy: Callable, memory: object, key: Key[Array, ""], steps: int, env: CarRacing | None = None) -> Journey:
    """One drive, cut off where it ends. `steps`: at most so many. Consumes `key`, which the track comes from.

    policy(memory, picture [64, 64, 3]) -> (memory, action [3]); it is compiled.
    """
    require(steps >= 1, "steps", "at least 1", steps)
    env = env or CarRacing(paper_actions=True)
    require(env.with_picture, "env", "an environment with pictures", "one without")
    params = env.default_params

    @jax.jit
    def run(key, memory):
        picture, state = env.reset_env(key, params)

        def advance(carry, _):
            drive, picture, memory = carry
            memory, action = policy(memory, picture)
            picture, new, reward, ended, _ = env.step_env(key, state.replace(drive=drive), action, params)
            camera = camera_of(new.drive)
            pose = jnp.stack([camera.x, camera.y, camera.angle])
            return (new.drive, picture, memory), (picture, pose, reward, ended)

        tracks = state.tracks
        seen = jax.lax.scan(advance, (state.drive, picture, memory), None, steps)[1]
        return seen, tracks.corners[0], tracks.num_tiles[0]

    (pictures, poses, rewards, ended), corners, num_tiles = jax.device_get(run(key, memory))
    length = int(ended.argmax()) + 1 if ended.any() else steps
    return Journey(
        pictures=pictures[:length], poses=poses[:length], rewards=rewards[:length], corners=corners[:num_tiles]
    )


def draw_map(axes: Axes, journey: Journey, moment: int, view: float | None = None) -> None:
    """The track from above, the way so far, and the car; `view`: m to each side of the car instead of all."""
    axes.set(facecolor=_GRASS, aspect="equal", xticks=[], yticks=[])
    axes.add_collection(PolyCollection(list(journey.corners), facecolors=_ROAD, edgecolors=_ROAD, linewidths=0.3))
    axes.plot(*journey.poses[: moment + 1, :2].T, color=_WAY, linewidth=1.0)
    x, y, angle = journey.poses[moment].tolist()
    if view is None:
        low, high = journey.corners.min((0, 1)) - 15.0, journey.corners.max((0, 1)) + 15.0
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        axes.plot(x, y, "o", color=_CAR, markersize=4)
        return
    axes.set(xlim=(x - view, x + view), ylim=(y - view, y + view))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for polygon in HULL_POLYGONS:
        axes.fill(*(polygon @ turn.T + (x, y)).T, color=_CAR)


def scene(journey: Journey) -> Scene:
    """The drive, to be saved."""
    return Scene(len(journey.rewards), (9.0, 3.2), lambda figure, moment: _draw(figure, journey, moment))


def _draw(figure: FigureBase, journey: Journey, moment: int) -> None:
    """One moment in three parts."""
    axes = figure.subplots(1, 3)
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.9, wspace=0.04)
    draw_map(axes[0], journey, moment)
    draw_map(axes[1], journey, moment, _CLOSE_VIEW)
    axes[2].imshow(journey.pictures[moment], interpolation="nearest")
    axes[2].set(xticks=[], yticks=[])
    axes[0].set_title(f"step {moment + 1}", fontsize=9)
    axes[1].set_title(f"return {journey.rewards[: moment + 1].sum():.1f}", fontsize=9)
    axes[2].set_title("what the driver sees", fontsize=9)
