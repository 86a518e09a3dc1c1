"""`wann evaluate` and `wann protocol`.

In: arguments. Out: tables, or JSON.
"""

import dataclasses
from pathlib import Path
from typing import Any

import tyro

from wann_jax.analysis.evaluation import evaluate
from wann_jax.analysis.protocol import protocol, size_of
from wann_jax.cli.parsing import given, parse, with_task_options
from wann_jax.errors import require
from wann_jax.evolution.config import PUBLISHED_WEIGHTS
from wann_jax.evolution.progress import StepProgress, waiting
from wann_jax.files import strict_json
from wann_jax.networks.files import load_genome, load_info, load_network, load_weights
from wann_jax.report.tables import print_rows, print_scores, score_document
from wann_jax.runs.origin import task_of
from wann_jax.tasks.base import Task
from wann_jax.tasks.registry import make_task
from wann_jax.tasks.tunable import tunable


@dataclasses.dataclass(frozen=True)
class EvaluateCommand:
    """Scores of a network at given shared weights, on fresh episodes or held-out images."""

    network: tyro.conf.Positional[Path]
    """A run directory, a network file of ours (.json), a matrix file in the original's format, or a name of the zoo."""
    task: str | None = None
    """A name from `wann tasks`; default: the task of the run, or the one that the file names."""
    weights: tuple[float, ...] = PUBLISHED_WEIGHTS
    """Shared weights, separated by commas."""
    episodes: int | None = None
    """Episodes for each weight (control); default: 100."""
    split: str | None = None
    """validation or test (classification); default: validation."""
    seed: int = 0
    """Seed of the episodes."""
    json: bool = False
    """Print JSON instead of a table."""


@dataclasses.dataclass(frozen=True)
class ProtocolCommand:
    """A network under random weights, random shared weights, the best shared weight and its tuned weights."""

    network: tyro.conf.Positional[Path]
    """A run directory, a network file, or a name of the zoo."""
    task: str | None = None
    """A name from `wann tasks`; default: the task of the run, or the one that the file names."""
    trials: int = 1000
    """Episodes of each row (control); random weights, at most 200 (classification)."""
    weights: tuple[float, ...] = ()
    """Shared weights of the ensemble's members (classification); default: those of the search that made the network."""
    seed: int = 0
    """Seed of episodes and random weights."""
    json: bool = False
    """Print JSON instead of a table."""


def run_protocol(args: list[str]) -> int:
    """`wann protocol`; the exit status."""
    command = parse(with_task_options(ProtocolCommand), "protocol", args)
    name, options = task_of(command.network, command.task, given(command.task_options))
    task = tunable(make_task(name, **options))
    _check_used(task, "return", "weights", command.weights)
    network = load_network(command.network, task.num_inputs, task.num_outputs)
    members = command.weights or load_info(command.network).get("shared_weights", PUBLISHED_WEIGHTS)
    arguments = (
        task,
        network,
        load_weights(command.network, task.num_inputs, task.num_outputs),
        command.trials,
        members,
        command.seed,
    )
    with StepProgress("protocol", 5, first="compiling, then trying shared weights on a grid") as progress:
        rows = protocol(*arguments, on_row=lambda row: progress.advance(row["row"]))
    document = {"network": str(command.network), "task": name, **size_of(network), "rows": rows}
    if command.json:
        print(strict_json(document))
    else:
        print_rows(document)
    return 0


def run_evaluate(args: list[str]) -> int:
    """`wann evaluate`; the exit status."""
    command = parse(with_task_options(EvaluateCommand), "evaluate", args)
    name, options = task_of(command.network, command.task, given(command.task_options))
    task = make_task(name, **options)
    _check_used(task, "accuracy", "episodes", command.episodes)
    _check_used(task, "return", "split", command.split)
    genome = load_genome(command.network, task.num_inputs, task.num_outputs)
    network = load_network(command.network, task.num_inputs, task.num_outputs)
    episodes = 100 if command.episodes is None else command.episodes
    split = "validation" if command.split is None else command.split
    with waiting("evaluate"):
        scores = evaluate(task, [network], command.weights, episodes, command.seed, split)[0]
    document = score_document(
        command.weights, scores, genome, network=str(command.network), task=name, score=task.score_name
    )
    if command.json:
        print(strict_json(document))
    else:
        print_scores(document, task.score_name)
    return 0


def _check_used(task: Task, score: str, option: str, value: Any) -> None:
    """Raises ConfigError for an option that is given and makes no difference where `score` is what tasks give."""
    rule = f"left out: scores of task {task.name!r} do not depend on it"
    require(value in (None, ()) or task.score_name != score, option, rule, value)
