"""The command line `wann`: search, resume, evaluate, tasks.

In: arguments. Out: files, a table on the terminal, an exit status: 0; 2 for a user's mistake, told in one line; 130
after Ctrl-C, with everything written.
"""

import contextlib
import dataclasses
import io
import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any

import tyro

from wann_jax.config import PRESET_NAMES, PUBLISHED_WEIGHTS, SearchConfig, check_weights
from wann_jax.errors import ConfigError, WannError, require
from wann_jax.evaluation import evaluate
from wann_jax.genome import GenomeSpec
from wann_jax.network_file import CHAMPION_FILE, load_genome, load_network
from wann_jax.report.tables import print_scores, score_document
from wann_jax.run_dir import RunDirectory, RunSettings
from wann_jax.runner import run_to_end
from wann_jax.search import SearchState, start
from wann_jax.tasks import TASKS, Task, make_task
from wann_jax.version import __version__

FRESH_SEED = 2**31 - 1  # of the episodes in the closing table: no search draws from it

USAGE = f"""usage: wann COMMAND ...

  wann search TASK [--preset {"|".join(PRESET_NAMES)}] [--seed N] [--out DIR]   evolve networks for a task
  wann resume RUN [--generations N]                          go on with an interrupted search, exactly
  wann evaluate NETWORK --task TASK [--weights=-2,-1,...]    returns of a run's champion or of a network file
  wann tasks                                                 list the tasks
  wann --version

wann COMMAND --help tells the options of a command."""


@dataclasses.dataclass(frozen=True)
class TaskOptions:
    """Options of tasks; those that a task does not have must be left out."""

    data_dir: str | None = None
    """Directory with MNIST's four IDX files."""
    batch_size: int | None = None
    """Classification: images per generation."""
    max_steps: int | None = None
    """Control: length limit of an episode."""

    def given(self) -> dict[str, Any]:
        """The options that were set."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


OPTION_TYPES = tyro.constructors.ConstructorRegistry()


@OPTION_TYPES.primitive_rule
def _comma_separated(info: tyro.constructors.PrimitiveTypeInfo) -> tyro.constructors.PrimitiveConstructorSpec | None:
    """Lists of numbers are written -2,-1,1 everywhere."""
    if info.type != tuple[float, ...]:
        return None
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="W,W,...",
        instance_from_str=lambda args: check_weights("weights", [part.strip() for part in args[0].split(",")]),
        is_instance=lambda value: isinstance(value, tuple),
        str_from_instance=lambda value: [",".join(f"{weight:g}" for weight in value)],
    )


@dataclasses.dataclass(frozen=True)
class SearchCommand:
    """Evolve weight agnostic networks for a task."""

    task: tyro.conf.Positional[str]
    """A name from `wann tasks`."""
    search: tyro.conf.OmitArgPrefixes[SearchConfig]
    task_options: tyro.conf.OmitArgPrefixes[TaskOptions] = dataclasses.field(default_factory=TaskOptions)
    preset: str = "laptop"
    """quick, laptop or paper: sets the defaults of the settings below."""
    seed: int = 0
    """Same seed, same result."""
    out: Path | None = None
    """Run directory; default: runs/TASK-PRESET-SEED."""
    checkpoint_interval: int = 50
    """Generations between checkpoints."""


@dataclasses.dataclass(frozen=True)
class ResumeCommand:
    """Go on with an interrupted search, exactly where it was."""

    run: tyro.conf.Positional[Path]
    """Run directory."""
    generations: int | None = None
    """A new total number of generations."""


@dataclasses.dataclass(frozen=True)
class EvaluateCommand:
    """Scores of a network at given shared weights, on fresh episodes or held-out images."""

    network: tyro.conf.Positional[Path]
    """A run directory, a network file of ours (.json), or a matrix file in the original's format."""
    task: str
    """A name from `wann tasks`."""
    task_options: tyro.conf.OmitArgPrefixes[TaskOptions] = dataclasses.field(default_factory=TaskOptions)
    weights: tuple[float, ...] = PUBLISHED_WEIGHTS
    """Shared weights, separated by commas."""
    episodes: int = 100
    """Episodes for each weight (control)."""
    split: str = "validation"
    """validation or test (classification)."""
    seed: int = 0
    """Seed of the episodes."""
    json: bool = False
    """Print JSON instead of a table."""


def run() -> None:
    """The entry point of the installed command."""
    sys.exit(main())


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    args = sys.argv[1:] if arguments is None else arguments
    commands = {"search": _search, "resume": _resume, "evaluate": _evaluate, "tasks": _tasks}
    try:
        if args[:1] == ["--version"]:
            print(f"wann_jax {__version__}")
        elif not args or args[0] in ("-h", "--help"):
            print(USAGE)
        else:
            require(args[0] in commands, "command", f"one of {', '.join(commands)}", args[0])
            return commands[args[0]](args[1:])
    except WannError as error:
        print(f"wann: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("wann: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parse(command: Any, name: str, args: list[str], **defaults: Any) -> Any:
    """tyro's parser; whatever it has to complain of becomes one ConfigError."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(command, registry=OPTION_TYPES, prog=f"wann {name}", args=args, **defaults)
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise ConfigError(f"{_first_words(complaint.getvalue())}; wann {name} --help tells the options") from None


def _first_words(box: str) -> str:
    """What stands in a box of tyro's between title and next rule, whether drawn in Unicode or in ASCII."""
    lines = [line.strip("\u2502 ") for line in box.splitlines()[1:]]
    body = itertools.dropwhile(_is_rule, lines)
    return " ".join(" ".join(itertools.takewhile(lambda line: not _is_rule(line), body)).split())


def _is_rule(line: str) -> bool:
    return not line.strip("-\u2500")


def _value_of(args: list[str], option: str, default: str) -> str:
    """Value of an option on which the defaults of others depend, before they are parsed."""
    for index, arg in enumerate(args):
        if arg == option and index + 1 < len(args):
            return args[index + 1]
        if arg.startswith(option + "="):
            return arg.partition("=")[2]
    return default


def _search(args: list[str]) -> int:
    # The defaults of the options depend on the task, so it must be known before they are parsed.
    name = args[0] if args else "nothing"
    given = bool(args) and not name.startswith("-")
    require(given or bool({"-h", "--help"} & {*args}), "task", "the first argument of wann search", name)
    defaults = SearchConfig.preset(name, _value_of(args, "--preset", SearchCommand.preset))
    command = _parse(SearchCommand, "search", args, default=SearchCommand(task=name, search=defaults))
    settings = RunSettings(
        task=command.task,
        task_options=command.task_options.given(),
        seed=command.seed,
        config=command.search,
        checkpoint_interval=command.checkpoint_interval,
    )
    require(settings.checkpoint_interval >= 1, "checkpoint_interval", "at least 1", settings.checkpoint_interval)
    settings.config.check()
    task = settings.make_task()
    state, spec = start(task, settings.config, settings.seed)
    label = "".join(letter if letter.isalnum() else "-" for letter in command.task).strip("-")
    run = RunDirectory.create(command.out or Path("runs") / f"{label}-{command.preset}-{command.seed}", settings)
    return _run_and_report(run, settings, task, state, spec)


def _resume(args: list[str]) -> int:
    command = _parse(ResumeCommand, "resume", args)
    run = RunDirectory.open(command.run)
    settings = run.read_settings()
    task = settings.make_task()
    state, spec = run.load(task, settings)
    if command.generations is not None:
        done = int(state.generation)
        require(command.generations >= done, "generations", f"at least the {done} already done", command.generations)
        settings = dataclasses.replace(
            settings, config=dataclasses.replace(settings.config, generations=command.generations)
        )
        run.write_settings(settings)
    run.cut_metrics(int(state.generation))
    return _run_and_report(run, settings, task, state, spec)


def _run_and_report(run: RunDirectory, settings: RunSettings, task: Task, state: SearchState, spec: GenomeSpec) -> int:
    state, spec, finished = run_to_end(run, settings, task, state, spec)
    if not finished:
        print(f"stopped after generation {int(state.generation)}; go on with: wann resume {run.path}", file=sys.stderr)
        return 130
    network = load_network(run.path / CHAMPION_FILE)
    weights = settings.config.shared_weights
    scores = evaluate(task, [network], weights, seed=FRESH_SEED)[0]
    genome, champion_spec = load_genome(run.path / CHAMPION_FILE)
    document = score_document(weights, scores, genome, champion_spec, title=f"{settings.task}: champion")
    print_scores(document, task.score_name)
    print(f"written: {run.path}")
    return 0


def _evaluate(args: list[str]) -> int:
    command = _parse(EvaluateCommand, "evaluate", args)
    task = make_task(command.task, **command.task_options.given())
    genome, spec = load_genome(command.network, task.num_inputs, task.num_outputs)
    network = load_network(command.network, task.num_inputs, task.num_outputs)
    scores = evaluate(task, [network], command.weights, command.episodes, command.seed, command.split)[0]
    document = score_document(
        command.weights, scores, genome, spec, network=str(command.network), task=command.task, score=task.score_name
    )
    if command.json:
        print(json.dumps(document))
    else:
        print_scores(document, task.score_name)
    return 0


def _tasks(args: list[str]) -> int:
    require(not args, "arguments", "left out after wann tasks", args)
    width = max(len(info.name) for info in TASKS)
    for info in TASKS:
        print(f"{info.name:{width}}  {info.description}")
    return 0
