"""`wann tune` and `wann baseline`.

In: arguments. Out: a network file with weights, or a result file; tables.
"""

import dataclasses
from pathlib import Path

import tyro

from wann_jax.analysis.baselines import BASELINES, run_baseline
from wann_jax.analysis.evaluation import SPLITS
from wann_jax.analysis.protocol import EPISODES_PER_WEIGHT, best_shared_weight, protocol, size_of
from wann_jax.cli.parsing import given, parse, value_of, with_task_options
from wann_jax.errors import CheckpointError, require
from wann_jax.evolution.config import PUBLISHED_WEIGHTS
from wann_jax.evolution.progress import waiting
from wann_jax.files import strict_json, write_atomically
from wann_jax.genomes.building import pruned
from wann_jax.networks.compiling import express
from wann_jax.networks.files import (
    load_genome,
    load_info,
    load_network,
    load_weights,
    save_network,
)
from wann_jax.report.tables import print_facts, print_rows
from wann_jax.runs.origin import info_for_another, task_of
from wann_jax.tasks.interrupts import until_interrupted
from wann_jax.tasks.registry import find_spec, make_task
from wann_jax.tasks.tunable import tunable
from wann_jax.tuning.api import TuneConfig, ready_for, tune


@dataclasses.dataclass(frozen=True)
class TuneCommand:
    """Tune a weight for every connection, from the best shared weight on."""

    network: tyro.conf.Positional[Path]
    """A run directory, a network file, or a name of the zoo."""
    tuning: tyro.conf.OmitArgPrefixes[TuneConfig]
    task: str | None = None
    """A name from `wann tasks`; default: the task of the run, or the one that the file names."""
    method: str = "adam"
    """adam (gradient descent by any optimiser of optax), es, cma, or imitation (of an expert: car racing)."""
    start: float | None = None
    """A shared weight to start from instead of the best one."""
    again: bool = False
    """Start from the weights in the file instead of the best shared weight."""
    trials: int = 1000
    """Episodes of each row of the protocol, before and after; 0: no rows."""
    split: str = "validation"
    """Classification: the images that the rows are measured on, validation or test; look at test once, at the end."""
    seed: int = 0
    """Same seed, same result."""
    out: Path | None = None
    """File to write; default: NETWORK-METHOD.json, beside the network."""
    json: bool = False
    """Print JSON instead of a table."""


def run_tune(args: list[str]) -> int:
    """`wann tune`; the exit status."""
    method, command_type = value_of(args, "--method", TuneCommand.method), with_task_options(TuneCommand)
    # The defaults of the options depend on the kind of task, so it must be known before they are parsed.
    defaults = TuneConfig.for_task(_classifies(args), method)
    command = parse(command_type, "tune", args, default=command_type(network=tyro.MISSING, tuning=defaults))
    out = command.out or _beside(command.network, method)
    _check(command, out)
    name, options = task_of(command.network, command.task, given(command.task_options))
    task = tunable(make_task(name, **options))
    command.tuning.check_used(task.score_name == "accuracy", method)
    ready_for(task, method)  # before anything that takes long
    network = load_network(command.network, task.num_inputs, task.num_outputs)
    genome = load_genome(command.network, task.num_inputs, task.num_outputs)
    weights = load_weights(command.network, task.num_inputs, task.num_outputs)
    require(weights is not None or not command.again, "network", "one with weights, for --again", str(command.network))
    with waiting("best shared weight"):
        best = None if command.again or command.start is not None else best_shared_weight(task, network)
    start = weights if command.again else best if command.start is None else command.start
    assert start is not None
    with until_interrupted() as came:
        settings = (method, command.tuning, command.seed)
        result = tune(task, network, start, *settings, progress=True, is_over=lambda: came() > 0)
        ended_by = came()
    tuned = result.weights
    if command.tuning.connections:
        genome, tuned = pruned(genome, tuned)
        network, best = express(genome), None
    info = info_for_another(command.network) if command.tuning.connections else load_info(command.network)
    info.pop("worlds", None)  # of the weights before
    rows = []
    trained_on = command.tuning.refit and command.split == "validation"  # rows would flatter
    if command.trials and not trained_on and not ended_by:
        members = info.get("shared_weights", PUBLISHED_WEIGHTS)
        with waiting("protocol"):
            rows = protocol(task, network, tuned, command.trials, members, command.seed, command.split, best)
    how = {"method": method, "seed": command.seed, "start": None if command.again else start}
    info |= {"task": name, "tuning": how | dataclasses.asdict(command.tuning), "curve": result.curve}
    save_network(out, genome, info | {"split": command.split, "protocol": rows}, tuned)
    if command.json:
        document = {"network": str(out), "task": name, **size_of(network), "rows": rows}
        print(strict_json(document | {"start_score": result.start_score, "score": result.score}))
        return 128 + ended_by if ended_by else 0
    if rows:
        print_rows({"network": str(out), "task": name, **size_of(network), "rows": rows})
    if trained_on:
        print("no rows: the refit has seen the validation images; --split test measures the test images, once")
    print(f"held-out score: {result.start_score:.4g} before, {result.score:.4g} after")
    print(*([f"stopped: {result.stopped}"] if result.stopped else []), f"written: {out}", sep="\n")
    return 128 + ended_by if ended_by else 0


def _beside(network: Path, method: str) -> Path:
    """NETWORK-METHOD.json; of a file's name its ending goes, of a directory's nothing."""
    path = network.resolve() if network.name in ("", "..") else network  # Path(".") has no name
    return path.with_name(f"{path.stem if path.is_file() else path.name}-{method}.json")


def _classifies(args: list[str]) -> bool:
    """Whether the task is one of classification, as far as it can be told before the arguments are parsed."""
    name = value_of(args, "--task", "")
    if not name and args and not args[0].startswith("-"):
        name = task_of(args[0])[0]
    return bool(name) and find_spec(name).family == "classification"


def _check(command: TuneCommand, out: Path) -> None:
    """Raises ConfigError or CheckpointError for what is wrong whatever the task and the network."""
    command.tuning.check()
    require(command.split in SPLITS, "split", f"one of {', '.join(SPLITS)}", command.split)
    require(command.start is None or not command.again, "start", "left out with --again", command.start)
    measures = command.trials == 0 or command.trials >= EPISODES_PER_WEIGHT
    require(measures, "trials", f"0, or at least {EPISODES_PER_WEIGHT}", command.trials)
    require(not out.exists(), "out", "a new file, nothing is overwritten", str(out), CheckpointError)


@dataclasses.dataclass(frozen=True)
class BaselineCommand:
    """Train a baseline on a task."""

    name: tyro.conf.Positional[str]
    """softmax, mlp, mlp28, pruned or pruned-stepwise (classification); mlp-policy (control)."""
    task: str
    """A name from `wann tasks`."""
    connections: int = 1849
    """Connections that are left (pruned, pruned-stepwise)."""
    epochs: int = 20
    """Passes over the training images (classification)."""
    steps: int = 400
    """Updates of CMA-ES in each of three stages (control)."""
    seed: int = 0
    """Same seed, same result."""
    out: Path | None = None
    """Result file to write (JSON)."""
    json: bool = False
    """Print JSON instead of a table."""


def run_baseline_command(args: list[str]) -> int:
    """`wann baseline`; the exit status."""
    command = parse(with_task_options(BaselineCommand), "baseline", args)
    require(command.name in BASELINES, "baseline", f"one of {', '.join(BASELINES)}", command.name)
    for field in ("connections", "epochs", "steps"):
        require(getattr(command, field) >= 1, f"baseline.{field}", "at least 1", getattr(command, field))
    taken = command.out is not None and command.out.exists()
    require(not taken, "out", "a new file, nothing is overwritten", str(command.out), CheckpointError)
    options = given(command.task_options)
    settings = {name: getattr(command, name) for name in ("connections", "epochs", "steps", "seed")}
    with waiting(command.name):
        document = run_baseline(command.name, command.task, options, **settings)
    if command.out is not None:
        write_atomically(command.out, strict_json(document, indent=1) + "\n")
    if command.json:
        print(strict_json(document))
    else:
        print_facts(document)
    return 0
