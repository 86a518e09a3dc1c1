"""`wann check` and `wann lift`.

In: arguments. Out: whether a network depends on its shared weight, as an exit status too; or a network file.
"""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from wann_jax.analysis.protocol import best_shared_weight
from wann_jax.cli.parsing import parse
from wann_jax.errors import CheckpointError, require
from wann_jax.evolution.progress import waiting
from wann_jax.files import strict_json
from wann_jax.genomes.grading import Grading, grading_of, lifted
from wann_jax.genomes.graph import num_live_connections
from wann_jax.networks.files import load_genome, load_network, save_network
from wann_jax.report.tables import connections_in_words
from wann_jax.runs.origin import info_for_another, task_of
from wann_jax.tasks.registry import make_task
from wann_jax.tasks.tunable import tunable


@dataclasses.dataclass(frozen=True)
class CheckCommand:
    """Tell whether a network is exactly weight agnostic, or the first node that says no; exit status 0 or 1."""

    network: tyro.conf.Positional[Path]
    """A run directory, a network file, or a name of the zoo."""
    json: bool = False
    """Print JSON instead of a sentence."""


@dataclasses.dataclass(frozen=True)
class LiftCommand:
    """Make a network that works at shared weights of one sign work at both: w becomes w^2, or -w^2, by relays."""

    network: tyro.conf.Positional[Path]
    """A run directory, a network file, or a name of the zoo; weights of its own are left behind."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """File to write."""
    sign: Literal["auto", "positive", "negative"] = "auto"
    """Sign of the shared weights at which the network works; auto: that of its best one on its task."""
    task: str | None = None
    """A name from `wann tasks`, for auto; default: the one that the network's file names."""


def run_check(args: list[str]) -> int:
    """`wann check`; the exit status: 0 if the network is exactly weight agnostic, else 1."""
    command = parse(CheckCommand, "check", args)
    grading = grading_of(load_genome(command.network))
    print(strict_json(_document(command.network, grading)) if command.json else _in_words(grading))
    return 1 if grading.fault else 0


def _document(path: Path, grading: Grading) -> dict[str, Any]:
    depth = None if grading.output is None else grading.output.depth
    return {"network": str(path), "is_graded": not grading.fault, "fault": grading.fault or None, "depth": depth}


def _in_words(grading: Grading) -> str:
    if grading.fault:
        return f"depends on the shared weight: {grading.fault}"
    factor = f"{grading.output} times what they are at 1" if grading.output else "always 0"
    return f"exactly weight agnostic: at every shared weight w but 0, outputs are {factor}"


def run_lift(args: list[str]) -> int:
    """`wann lift`; the exit status."""
    command = parse(LiftCommand, "lift", args)
    require(not command.out.exists(), "out", "a new file, nothing is overwritten", str(command.out), CheckpointError)
    auto = command.sign == "auto"
    require(auto or command.task is None, "task", "left out with --sign: only auto needs it", command.task)
    genome = load_genome(command.network)
    works_at_negative = _best_weight(command) < 0 if auto else command.sign == "negative"
    lift = lifted(genome, works_at_negative)
    sign = "negative" if works_at_negative else "positive"
    how = {"from": str(command.network), "sign": sign}
    save_network(command.out, lift, info_for_another(command.network) | {"lifted": how})
    added = int(lift.num_enabled) - int(genome.num_enabled)
    counts = connections_in_words(int(lift.num_enabled), int(num_live_connections(lift)))
    print(f"{counts}, {added} of them added: it works at both signs of the shared weight as it did at {sign} ones")
    print(f"written: {command.out}")
    return 0


def _best_weight(command: LiftCommand) -> float:
    name, options = task_of(command.network, command.task)
    task = tunable(make_task(name, **options))
    with waiting("trying shared weights on a grid"):
        return best_shared_weight(task, load_network(command.network, task.num_inputs, task.num_outputs))
