"""`wann imitate`.

In: arguments. Out: a network file, its page, and what it scores.
"""

import dataclasses
from pathlib import Path

import tyro

from wann_jax.cli.parsing import given, parse, with_task_options
from wann_jax.errors import CheckpointError, require
from wann_jax.evolution.config import PUBLISHED_WEIGHTS
from wann_jax.networks.files import save_network
from wann_jax.pages.report import write_report
from wann_jax.tasks.registry import make_task
from wann_jax.ternary.imitating import LARGEST_WEIGHT, ImitationConfig, search_imitation


@dataclasses.dataclass(frozen=True)
class ImitateCommand:
    """Find a network with one shared weight that imitates a task's expert at any weight, by gradient descent."""

    task: tyro.conf.Positional[str]
    """A task with an expert: carracing."""
    search: tyro.conf.OmitArgPrefixes[ImitationConfig]
    seed: int = 0
    """Same seed, same result."""
    out: Path | None = None
    """File to write, with a page beside it; default: TASK-imitation-SEED.json."""


def run_imitate(args: list[str]) -> int:
    """`wann imitate`; the exit status."""
    default = ImitateCommand(task=tyro.MISSING, search=ImitationConfig())
    command = parse(with_task_options(ImitateCommand), "imitate", args, default=default)
    label = "".join(letter if letter.isalnum() else "-" for letter in command.task).strip("-")
    out = command.out or Path(f"{label}-imitation-{command.seed}.json")
    page = out.with_suffix(".html")
    for file in (out, page):
        require(not file.exists(), "out", "a new file, nothing is overwritten", str(file), CheckpointError)
    command.search.check()
    options = given(command.task_options)
    result = search_imitation(make_task(command.task, **options), command.search, command.seed, progress=True)
    info = {
        "task": command.task,
        "seed": command.seed,
        "score": result.score,
        "shared_weights": list(PUBLISHED_WEIGHTS),
    }
    info |= {"imitation": dataclasses.asdict(command.search), "curve": result.curve}
    save_network(out, result.genome, info)
    write_report(out, page, command.task, options=options)
    print(f"mean return {result.score:.4g} at weights all over [-{LARGEST_WEIGHT:g}, {LARGEST_WEIGHT:g}]")
    counts = f"{int(result.genome.num_enabled)} connections, {int(result.genome.num_hidden)} hidden nodes"
    print(counts, f"written: {out}", f"look at it: {page}", sep="\n")
    return 0
