"""`wann ternary` and `wann imitate`: networks by gradient descent that do not depend on the shared weight.

In: arguments. Out: a network file, its page, and what it scores.
"""

import dataclasses
from pathlib import Path
from typing import Any

import tyro

from wann_jax.cli.parsing import given, parse, with_task_options
from wann_jax.errors import CheckpointError, require
from wann_jax.evolution.config import PUBLISHED_WEIGHTS
from wann_jax.genomes.grading import grading_of
from wann_jax.networks.files import save_network
from wann_jax.pages.report import write_report
from wann_jax.tasks.registry import make_task
from wann_jax.ternary.api import TernaryResult, search_ternary
from wann_jax.ternary.config import TernaryConfig
from wann_jax.ternary.imitating import LARGEST_WEIGHT, ImitationConfig, search_imitation


@dataclasses.dataclass(frozen=True)
class TernaryCommand:
    """Find an exactly weight agnostic classifier by gradient descent on weights of -1, 0 and 1."""

    task: tyro.conf.Positional[str]
    """A task of classification, from `wann tasks`."""
    search: tyro.conf.OmitArgPrefixes[TernaryConfig]
    seed: int = 0
    """Same seed, same result."""
    out: Path | None = None
    """File to write, with a page beside it; default: TASK-ternary-SEED.json."""


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


def run_ternary(args: list[str]) -> int:
    """`wann ternary`; the exit status."""
    default = TernaryCommand(task=tyro.MISSING, search=TernaryConfig())
    command = parse(with_task_options(TernaryCommand), "ternary", args, default=default)
    result, files = _found(command, "ternary", search_ternary)
    factor = grading_of(result.genome).output
    images = "validation images" if command.search.chosen_on == "validation" else "training and validation images"
    print(
        f"accuracy {result.score:.4f} on {images} at every shared weight: outputs are {factor} f(x)", *files, sep="\n"
    )
    return 0


def run_imitate(args: list[str]) -> int:
    """`wann imitate`; the exit status."""
    default = ImitateCommand(task=tyro.MISSING, search=ImitationConfig())
    command = parse(with_task_options(ImitateCommand), "imitate", args, default=default)
    result, files = _found(command, "imitation", search_imitation)
    where = f"at weights all over [-{LARGEST_WEIGHT:g}, {LARGEST_WEIGHT:g}]"
    print(f"mean return {result.score:.4g} {where}", *files, sep="\n")
    return 0


def _found(command: Any, kind: str, search: Any) -> tuple[TernaryResult, list[str]]:
    """Searches, writes the network and its page, and says so. Raises CheckpointError if there is such a file."""
    label = "".join(letter if letter.isalnum() else "-" for letter in command.task).strip("-")
    out = command.out or Path(f"{label}-{kind}-{command.seed}.json")
    page = out.with_suffix(".html")
    for file in (out, page):
        require(not file.exists(), "out", "a new file, nothing is overwritten", str(file), CheckpointError)
    options = given(command.task_options)
    result = search(make_task(command.task, **options), command.search, command.seed, progress=True)
    info = {"task": command.task, "seed": command.seed, "score": result.score}
    info |= {"shared_weights": list(PUBLISHED_WEIGHTS), kind: dataclasses.asdict(command.search), "curve": result.curve}
    save_network(out, result.genome, info)
    write_report(out, page, command.task, options=options)
    counts = f"{int(result.genome.num_enabled)} connections, {int(result.genome.num_hidden)} hidden nodes"
    return result, [counts, f"written: {out}", f"look at it: {page}"]
