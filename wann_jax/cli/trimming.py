"""`wann trim`.

In: arguments. Out: a network file with fewer connections.
"""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from wann_jax.analysis.trimming import trim
from wann_jax.cli.parsing import parse
from wann_jax.errors import CheckpointError, require
from wann_jax.evolution.config import PUBLISHED_WEIGHTS
from wann_jax.evolution.progress import StepProgress
from wann_jax.genomes.graph import num_live_connections
from wann_jax.networks.files import load_genome, save_network
from wann_jax.report.tables import connections_in_words
from wann_jax.runs.origin import info_for_another, task_of
from wann_jax.tasks.registry import make_task


@dataclasses.dataclass(frozen=True)
class TrimCommand:
    """Take connections away, one after another, each time the one whose loss costs least at shared weights."""

    network: tyro.conf.Positional[Path]
    """A run directory, a network file, or a name of the zoo; weights of its own are left behind."""
    connections: int
    """How many to leave at most."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """File to write."""
    weights: tuple[float, ...] = ()
    """Shared weights whose mean score decides; default: those that the network was searched with."""
    episodes: int = 16
    """Episodes for each weight (control)."""
    seed: int = 0
    """Of the episodes: same seed, same result."""
    task: str | None = None
    """A name from `wann tasks`; default: the one that the network's file names."""


def run_trim(args: list[str]) -> int:
    """`wann trim`; the exit status."""
    command = parse(TrimCommand, "trim", args)
    require(not command.out.exists(), "out", "a new file, nothing is overwritten", str(command.out), CheckpointError)
    name, options = task_of(command.network, command.task)
    task = make_task(name, **options)
    genome = load_genome(command.network, task.num_inputs, task.num_outputs)
    info = info_for_another(command.network)
    weights = command.weights or info.get("shared_weights", PUBLISHED_WEIGHTS)
    rounds = max(int(num_live_connections(genome)) - command.connections, 0)
    with StepProgress("round", rounds) as shown:

        def tell(left: int, score: float) -> None:
            shown.advance(f"{left} connections  {task.score_name} {score:.4g}")

        small = trim(task, genome, command.connections, weights, command.episodes, command.seed, tell)
    how = {"from": str(command.network), "weights": [*weights], "episodes": command.episodes, "seed": command.seed}
    save_network(command.out, small, info | {"trimmed": how})
    counts = connections_in_words(int(small.num_enabled), int(num_live_connections(small)))
    print(f"{counts}; there were {int(genome.num_enabled)}", f"written: {command.out}", sep="\n")
    return 0
