"""Movies of control tasks: an episode of a network as a file that shows itself in a notebook.

In: a task, a network, its weight or weights. Out: a GIF, an MP4 or a PNG. The walker, the car and the classics are
drawn; of any other gymnax environment the observations are, as curves.
"""

import base64
import dataclasses
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from wann_jax.envs.bipedal_walker import BipedalWalker
from wann_jax.envs.car_racing.environment import CarRacing
from wann_jax.errors import ConfigError, require
from wann_jax.files import StrPath
from wann_jax.networks.network import Network
from wann_jax.report.movies import car, classics, traces, walker
from wann_jax.report.movies.episodes import Episode, Policy, play, policy_of
from wann_jax.report.movies.scenes import Scene, check_ending, save
from wann_jax.strictness import in_32_bits
from wann_jax.tasks.base import Task, check_fits
from wann_jax.tasks.car_racing import CarRacingTask
from wann_jax.tasks.control import ControlTask
from wann_jax.tasks.registry import known_task, labels_of
from wann_jax.vae.model import encode

_PAINTERS = {**classics.PAINTERS, BipedalWalker: walker.paint}
_SIZE = (5.0, 2.75)  # inches
_WIDE = (6.0, 3.5)


@dataclasses.dataclass(frozen=True)
class Movie:
    """A file with a picture in it, which a notebook shows; it can stand where a path is wanted."""

    path: Path

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def _repr_html_(self) -> str:
        """The file itself, as part of the page."""
        kind = self.path.suffix[1:]
        content = base64.b64encode(self.path.read_bytes()).decode()
        if kind == "mp4":
            return f'<video controls loop src="data:video/mp4;base64,{content}"></video>'
        return f'<img src="data:image/{kind};base64,{content}">'


@in_32_bits
def movie(
    task: Task,
    network: Network,
    weight: float | np.ndarray,
    path: StrPath,
    seed: int = 0,
    steps: int | None = None,
) -> Movie:
    """Films one episode of a network.

    Args:
        task: a gymnax environment as a task, or the car. The walker, the car, cart-poles, the pendulum, mountain cars
            and the acrobot are drawn; of other environments the observations are, as curves over time.
        network: one compiled network.
        weight: a shared weight, or weights [C], one for each enabled connection.
        path: a file to write, or to replace: .gif, .mp4 (extra `video`), or .png, which shows six moments.
        seed: of the episode, which is the one that `evaluate(..., episodes=1, seed=seed)` counts.
        steps: at most so many; by default until the episode ends.

    Returns:
        The file; a notebook shows it.

    Raises:
        ConfigError: if an argument does not fit, or the task is no environment that can be filmed.
    """
    target = Path(os.path.expanduser(path))
    check_ending("path", target)
    check_fits(task, network)
    require(0 <= seed < 2**63, "seed", "between 0 and 2**63 - 1", seed)
    require(steps is None or steps >= 1, "steps", "at least 1", steps)
    shape, count = np.shape(weight), int(network.num_connections)
    require(shape in ((), (count,)), "weight", f"one number, or {count}, one for each connection", shape)
    require(bool(np.isfinite(weight).all()), "weight", "finite", weight)
    save(target, scene_of(task, policy_of(network, weight), seed, steps))
    return Movie(target)


def scene_of(task: Task, policy: Policy, seed: int, steps: int | None) -> Scene:
    """An episode, to be saved. Raises ConfigError for a task that cannot be filmed."""
    key = jax.random.key(seed)
    if isinstance(task, CarRacingTask):
        (track_key,) = jax.random.split(key, 1)  # as the task does for one episode
        return car.scene(car.travel(*_driver(task, policy), track_key, min(steps or task.max_steps, task.max_steps)))
    if not isinstance(task, ControlTask):
        raise ConfigError(f"task must be an environment of gymnax, or the car; got {task.name!r}")
    limit = int(task.env_params.max_steps_in_episode)
    steps = min(steps or limit, limit)
    if isinstance(task.env, CarRacing):
        (track_key,) = jax.random.split(jax.random.split(key)[0], 1)
        return car.scene(car.travel(_steering(task, policy), None, track_key, steps, task.env))
    episode = play(task, policy, key, steps)
    if type(task.env) in _PAINTERS:
        return _drawn(task, episode)
    names = labels_of(known_task(task.name), task.num_inputs, task.num_outputs).inputs

    def draw(figure: FigureBase, step: int) -> None:
        traces.draw(figure, np.asarray(episode.observations), names, step)
        figure.text(0.1, 0.92, _words(episode, step), fontsize=9)

    return Scene(len(episode.rewards), _WIDE, draw)


def _drawn(task: ControlTask, episode: Episode) -> Scene:
    """What the environment looks like."""
    paint = _PAINTERS[type(task.env)]
    params = jax.device_get(task.env_params)

    def draw(figure: FigureBase, step: int) -> None:
        axes: Axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.spines[:].set_visible(False)
        paint(axes, jax.tree.map(lambda leaf: leaf[step], episode.states), params)
        figure.text(0.02, 0.93, _words(episode, step), fontsize=9)

    return Scene(len(episode.rewards), _SIZE, draw)


def _words(episode: Episode, step: int) -> str:
    return f"step {step + 1}   return {episode.rewards[: step + 1].sum():z.1f}"


def _driver(task: CarRacingTask, policy: Policy) -> tuple[Any, Any]:
    """A policy that sees through the task's encoder, as often as the task looks, and its memory."""

    def drive(memory: Any, picture: Any) -> Any:
        count, held = memory
        look = count % task.encode_interval == 0
        outputs = jax.lax.cond(look, lambda: policy(encode(task.encoder, picture[None])[0]), lambda: held)
        return (count + 1, outputs), outputs

    return drive, (jnp.int32(0), jnp.zeros(task.num_outputs))


def _steering(task: ControlTask, policy: Policy) -> Any:
    """A policy that sees the picture's pixels themselves."""

    def drive(memory: None, picture: Any) -> Any:
        return memory, task.actions.from_outputs(policy(picture.reshape(-1).astype(jnp.float32)))

    return drive
