"""`wann search`, `wann resume` and `wann unite`.

In: arguments. Out: a run directory and a closing table, or a network file to go on from.
"""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import tyro

from wann_jax.analysis.evaluation import evaluate
from wann_jax.cli.devices import unused_accelerator
from wann_jax.cli.failing import task_watched
from wann_jax.cli.joining import Processes, ending_together, join
from wann_jax.cli.parsing import given, parse, value_of, with_task_options
from wann_jax.errors import CheckpointError, require
from wann_jax.evolution.config import SearchConfig, graded_settings
from wann_jax.evolution.generation import SearchState
from wann_jax.evolution.loop import start
from wann_jax.evolution.progress import waiting
from wann_jax.genomes.building import unite
from wann_jax.genomes.graph import num_live_connections
from wann_jax.native import tell
from wann_jax.networks.files import CHAMPION_FILE, load_genome, load_network, save_network
from wann_jax.report.tables import connections_in_words, print_scores, score_document
from wann_jax.runs.directory import ADVICE, LEFTOVERS, RunDirectory, make_directory
from wann_jax.runs.following import FollowedRun, held_by_first, is_first
from wann_jax.runs.logs import check_logs
from wann_jax.runs.runner import run_to_end
from wann_jax.runs.settings import RunSettings, kernels_here, read_settings
from wann_jax.tasks.base import Task
from wann_jax.tasks.registry import find_spec

GRADED_DEPTH = 4  # by default: input, relay, hidden node, relay, output
FRESH_SEED = 2**31 - 1  # of the episodes in the closing table: no search draws from it


@dataclasses.dataclass(frozen=True)
class CheckpointOptions:
    """When the whole state is saved; as `RunSettings` calls it."""

    checkpoint_interval: int = RunSettings.checkpoint_interval
    """Generations between checkpoints."""
    checkpoint_minutes: float = RunSettings.checkpoint_minutes
    """Minutes after which there is one in any case."""
    keep_checkpoints: int = RunSettings.keep_checkpoints
    """How many of the last checkpoints to keep."""

    @classmethod
    def of(cls, settings: RunSettings) -> "CheckpointOptions":
        """Those of a run."""
        return cls(**{field.name: getattr(settings, field.name) for field in dataclasses.fields(cls)})


@dataclasses.dataclass(frozen=True)
class SearchCommand:
    """Evolve weight agnostic networks for a task."""

    task: tyro.conf.Positional[str]
    """A name from `wann tasks`."""
    search: tyro.conf.OmitArgPrefixes[SearchConfig]
    config: Path | None = None
    """Settings, task and seed of another run: its config.json; what else is given here wins."""
    preset: str = "laptop"
    """quick, laptop, best or paper: sets the defaults of the settings below."""
    seed: int = 0
    """Same seed, same result."""
    graded: tyro.conf.FlagCreatePairsOff[bool] = False
    """Search among graded networks, whose classes do not depend on the weight at all: like --graded-depth 4."""
    initial: str | None = None
    """Start from copies of this network (run directory, file or name of the zoo) instead of random ones."""
    out: Path | None = None
    """Run directory; default: runs/TASK-PRESET-SEED."""
    checkpoints: tyro.conf.OmitArgPrefixes[CheckpointOptions] = dataclasses.field(default_factory=CheckpointOptions)
    log: tuple[str, ...] = ()
    """Logs to write besides the run's metrics.csv, separated by commas: tensorboard, wandb (extras of these names)."""
    processes: tyro.conf.OmitArgPrefixes[Processes] = dataclasses.field(default_factory=Processes)


@dataclasses.dataclass(frozen=True)
class ResumeCommand:
    """Go on with an interrupted search, exactly where it was, or with other settings from there on."""

    run: tyro.conf.Positional[Path]
    """Run directory."""
    search: tyro.conf.OmitArgPrefixes[SearchConfig] = dataclasses.field(default_factory=SearchConfig)
    checkpoints: tyro.conf.OmitArgPrefixes[CheckpointOptions] = dataclasses.field(default_factory=CheckpointOptions)
    log: tuple[str, ...] = ()
    """Logs to write, as for wann search; default: those that the run has."""
    processes: tyro.conf.OmitArgPrefixes[Processes] = dataclasses.field(default_factory=Processes)


@dataclasses.dataclass(frozen=True)
class UniteCommand:
    """Put several networks side by side, as one: an output adds up what it gets from each."""

    networks: tyro.conf.Positional[tuple[Path, ...]]
    """Run directories, network files of ours, or names of the zoo; weights of their own are left behind."""
    out: Path
    """File to write."""


def run_search(args: list[str]) -> int:
    """`wann search`; the exit status."""
    command_type = with_task_options(SearchCommand)
    # The defaults of the options depend on the task or the file, so these must be known before they are parsed.
    file, name = value_of(args, "--config", ""), args[0] if args and not args[0].startswith("-") else ""
    if not (name or file):
        require(bool({"-h", "--help"} & {*args}), "task", "the first argument of wann search, or --config", args)
        parse(command_type, "search", args, default=command_type(task="TASK", search=SearchConfig()))
    graded_depth = GRADED_DEPTH if "--graded" in args or value_of(args, "--graded-depth", "0") != "0" else 0
    if file:
        old = read_settings(Path(file))
        args = args if name else [old.task, *args]
        require(args[0] == old.task, "task", f"that of {file}, {old.task!r}, or left out", args[0])
        chosen, options, seed = old.config, old.task_options, old.seed
        chosen = dataclasses.replace(chosen, **graded_settings(old.task, graded_depth))
        kept: dict[str, Any] = dict(checkpoints=CheckpointOptions.of(old), log=tuple(old.logs))
    else:
        preset = value_of(args, "--preset", SearchCommand.preset)
        chosen = SearchConfig.preset(name, preset, graded_depth=graded_depth)
        kept, seed = {}, SearchCommand.seed
        options = dict(find_spec(name).preset(name, preset).options)
    default = command_type(task=args[0], search=chosen, seed=seed, **kept)
    command = parse(command_type, "search", args, default=default)
    join(command.processes)
    settings = RunSettings(
        task=command.task,
        task_options=options | given(command.task_options),
        seed=command.seed,
        config=command.search,
        **vars(command.checkpoints),
        initial=command.initial,
        logs=list(command.log),
    )
    check_logs(settings.logs)
    settings.check_checkpoints()
    settings.config.check()
    is_graded = command.search.graded_depth > 0
    require(is_graded or not command.graded, "search.graded_depth", "above 0 with --graded", 0)
    task = settings.make_task()
    initial = None if command.initial is None else load_genome(command.initial, task.num_inputs, task.num_outputs)
    state = start(task, settings.config, settings.seed, initial)
    label = "".join(letter if letter.isalnum() else "-" for letter in command.task).strip("-")
    out = command.out or Path("runs") / f"{label}-{command.preset}-{command.seed}"
    if is_first():
        make_directory(out, ADVICE, LEFTOVERS)
    with held_by_first(out):
        run = _kind_of_run().create(out, settings, initial)
        try:
            return _run_and_report(run, settings, task, state)
        except BaseException:
            run.discard_unbegun()
            raise


def run_resume(args: list[str]) -> int:
    """`wann resume`; the exit status."""
    command_type = with_task_options(ResumeCommand)
    # The defaults of the options are the run's settings, so it must be read before they are parsed.
    if {"-h", "--help"} & {*args}:
        parse(command_type, "resume", args)
    name = args[0] if args else "nothing"
    require(not name.startswith("-") and bool(args), "run", "the first argument of wann resume", name)
    old = RunDirectory.open(Path(name)).read_settings()
    default = command_type(Path(name), old.config, CheckpointOptions.of(old), tuple(old.logs))
    command = parse(command_type, "resume", args, default=default)
    join(command.processes)
    run = _kind_of_run()(Path(name))
    with held_by_first(run.path):
        return _resume(run, run.read_settings(), command)


def _kind_of_run() -> type[RunDirectory]:
    return RunDirectory if is_first() else FollowedRun


def _resume(run: RunDirectory, old: RunSettings, command: Any) -> int:
    options = old.task_options | given(command.task_options)
    changed = dict(config=command.search, task_options=options, logs=list(command.log), **vars(command.checkpoints))
    settings = dataclasses.replace(old, **changed)
    check_logs(settings.logs)
    settings.check()
    crosses = old.config.crossover_probability > 0
    rule = "above 0, as before" if crosses else "0, as before: genomes have no common order"
    now = settings.config.crossover_probability
    require((now > 0) == crosses, "search.crossover_probability", rule, now)
    for field in ("graded_depth", "activations"):  # of all genomes
        before, now = (getattr(config, field) for config in (old.config, settings.config))
        require(now == before, f"search.{field}", f"{before}, as before", now)
    task = settings.make_task()
    if run.has_checkpoint():
        state = run.load(task, settings)
    else:  # stopped before the first one: from the beginning
        state = start(task, settings.config, settings.seed, run.read_initial())
    done, wanted = int(state.generation), settings.config.generations
    require(wanted >= done, "generations", f"at least the {done} already done", wanted)
    settings = dataclasses.replace(settings, kernels=kernels_here())
    if old.kernels not in ("", settings.kernels):
        words = "what follows equals an uninterrupted run to rounding only"
        tell(f"the run was made with the kernels {old.kernels!r} and goes on with {settings.kernels!r}: {words}")
    if (settings, settings.kernels) != (old, old.kernels):
        settings = settings.with_change(done, old)
        run.write_settings(settings)
    if settings.is_rescored(done):
        state = state.replace(champion_score=jnp.full_like(state.champion_score, -jnp.inf))
    run.cut_back(done)
    return _run_and_report(run, settings, task, state)


def _run_and_report(run: RunDirectory, settings: RunSettings, task: Task, state: SearchState) -> int:
    advice = unused_accelerator()
    if advice:
        print(advice, file=sys.stderr)
    with ending_together(f"go on with: wann resume {run.path}"), task_watched(run, settings.task):
        state, came = run_to_end(run, settings, task, state)
    if not is_first():
        return 0 if not came else 128 + came
    if came:
        print(f"stopped after generation {int(state.generation)}; go on with: wann resume {run.path}", file=sys.stderr)
        return 128 + came
    network = load_network(run.path / CHAMPION_FILE)
    weights = settings.config.shared_weights
    with waiting("fresh episodes"), task_watched(run, settings.task):
        scores = evaluate(task, [network], weights, seed=FRESH_SEED)[0]
    genome = load_genome(run.path / CHAMPION_FILE)
    document = score_document(weights, scores, genome, title=f"{settings.task}: champion")
    print_scores(document, task.score_name)
    print(f"written: {run.path}", f"look at it: wann report {run.path}", sep="\n")
    return 0


def run_unite(args: list[str]) -> int:
    """`wann unite`; the exit status."""
    command = parse(UniteCommand, "unite", args)
    require(not command.out.exists(), "out", "a new file, nothing is overwritten", str(command.out), CheckpointError)
    for path in command.networks:
        rule = "run directories, network files of ours or names of the zoo: a matrix does not tell its sizes"
        require(path.is_dir() or path.suffix in ("", ".json"), "networks", rule, str(path))
    genome = unite([load_genome(path) for path in command.networks])
    save_network(command.out, genome, {"united": [str(path) for path in command.networks]})
    counts = connections_in_words(int(genome.num_enabled), int(num_live_connections(genome)))
    print(f"{counts}, {int(genome.num_hidden)} hidden nodes")
    print(f"written: {command.out}")
    return 0
