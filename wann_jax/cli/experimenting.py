"""`wann experiment`.

In: arguments. Out: a JSON file, a picture, an answer.
"""

import dataclasses
from pathlib import Path

import tyro

from wann_jax.analysis.experiments import EXPERIMENTS
from wann_jax.analysis.experiments.base import Setting, find, run_experiment
from wann_jax.cli.parsing import parse
from wann_jax.errors import require
from wann_jax.evolution.progress import waiting


@dataclasses.dataclass(frozen=True)
class ExperimentCommand:
    """Answer a question about weight agnostic networks by an experiment; an interrupted one goes on."""

    name: tyro.conf.Positional[str] = ""
    """Which one; --list tells them."""
    list: bool = False
    """List the experiments and their questions."""
    task: str = "digits"
    """A task of classification, where the experiment leaves a choice."""
    seeds: int = 5
    """How many of what is random in each arm."""
    quick: bool = False
    """A minute, to see that all works: its figures mean nothing."""
    out: Path = Path("experiments")
    """Folder for NAME.json and NAME.png."""


def run_experiment_command(args: list[str]) -> int:
    """`wann experiment`; the exit status."""
    command = parse(ExperimentCommand, "experiment", args)
    if command.list:
        for name in EXPERIMENTS:
            print(f"{name:16}  {find(name).question}")
        return 0
    require(bool(command.name), "experiment", f"one of {', '.join(EXPERIMENTS)} (or --list)", command.name)
    with waiting(command.name):
        answer = run_experiment(command.name, command.out, Setting(command.task, command.seeds, command.quick))
    print(answer, f"written: {command.out / command.name}.json, .png", sep="\n")
    return 0
