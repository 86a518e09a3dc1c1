"""`wann movie`.

In: arguments. Out: an episode as a picture in a file.
"""

import dataclasses
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from wann_jax.analysis.evaluation import evaluate
from wann_jax.cli.parsing import given, parse, with_task_options
from wann_jax.errors import CheckpointError, ConfigError, require
from wann_jax.evolution.config import PUBLISHED_WEIGHTS
from wann_jax.evolution.progress import waiting
from wann_jax.networks.files import load_info, load_network, load_weights
from wann_jax.networks.network import Network
from wann_jax.report.movies.api import movie
from wann_jax.report.movies.scenes import check_ending
from wann_jax.runs.origin import task_of
from wann_jax.tasks.base import Task
from wann_jax.tasks.registry import make_task

TUNED = "tuned"
EPISODES = 3  # for each weight that one is chosen among


@dataclasses.dataclass(frozen=True)
class MovieCommand:
    """Film one episode of a network: a GIF, an MP4 (extra video) or a PNG with some moments."""

    network: tyro.conf.Positional[Path]
    """A run directory, a network file, or a name of the zoo."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """File to write; it ends in .gif, .mp4 or .png."""
    task: str | None = None
    """A name from `wann tasks`; default: the task of the run, or the one that the file names."""
    weight: str | None = None
    """A shared weight, or "tuned"; default: tuned, if the file has such weights, else the best one of its search."""
    seed: int = 0
    """Seed of the episode."""
    steps: int | None = None
    """At most so many steps; default: until the episode ends."""


def run_movie(args: list[str]) -> int:
    """`wann movie`; the exit status."""
    command = parse(with_task_options(MovieCommand), "movie", args)
    out = command.out.expanduser()
    check_ending("out", out)
    require(not out.exists(), "out", "a new file, nothing is overwritten", str(out), CheckpointError)
    name, options = task_of(command.network, command.task, given(command.task_options))
    task = make_task(name, **options)
    network = load_network(command.network, task.num_inputs, task.num_outputs)
    tuned = load_weights(command.network, task.num_inputs, task.num_outputs)
    with waiting("movie"):
        weight = _weight(command, task, network, tuned)
        try:
            movie(task, network, weight, out, command.seed, command.steps)
        except OSError as error:
            rule = f"out must be a file that can be written; got {str(out)!r}: {error.strerror}"
            raise CheckpointError(rule) from None
    print(f"written: {out}")
    return 0


def _weight(command: MovieCommand, task: Task, network: Network, tuned: np.ndarray | None) -> float | np.ndarray:
    """What is asked for, or what is likely to be worth seeing."""
    if command.weight == TUNED or (command.weight is None and tuned is not None):
        if tuned is None:
            raise ConfigError(
                f"weight must be a number: {str(command.network)!r} has no weights of its own; got 'tuned'"
            )
        return tuned
    if command.weight is not None:
        try:
            return float(command.weight)
        except ValueError:
            raise ConfigError(f"weight must be a number or {TUNED!r}; got {command.weight!r}") from None
    shared = load_info(command.network).get("shared_weights", PUBLISHED_WEIGHTS)
    returns = evaluate(task, [network], shared, EPISODES)[0].mean(-1)
    return float(shared[int(np.nanargmax(returns))])
