"""`wann completion`: what a shell needs to complete commands and options.

In: the name of a shell. Out: its script, on standard output; `source <(wann completion bash)` uses it.
"""

import contextlib
import dataclasses
import functools
import io
import operator
from typing import Annotated, Any

import tyro

from wann_jax.cli import COMMANDS
from wann_jax.cli.drawing import DrawCommand
from wann_jax.cli.experimenting import ExperimentCommand
from wann_jax.cli.exporting import ExportCommand
from wann_jax.cli.grading import CheckCommand, LiftCommand
from wann_jax.cli.measuring import EvaluateCommand, ProtocolCommand
from wann_jax.cli.movies import MovieCommand
from wann_jax.cli.parsing import OPTION_TYPES, with_task_options
from wann_jax.cli.reporting import ReportCommand
from wann_jax.cli.searching import ResumeCommand, SearchCommand, UniteCommand
from wann_jax.cli.ternary import ImitateCommand, TernaryCommand
from wann_jax.cli.tuning import BaselineCommand, TuneCommand
from wann_jax.cli.vae import TrainVaeCommand
from wann_jax.errors import require_known

SHELLS = ("bash", "zsh", "fish")
HELP = """usage: wann completion SHELL

Print what a shell needs to complete commands and options; SHELL is one of bash, zsh, fish.
bash: source <(wann completion bash)      zsh: wann completion zsh > a file _wann in a folder of $fpath"""
_WITH_TASK_OPTIONS = {
    "search": SearchCommand,
    "resume": ResumeCommand,
    "evaluate": EvaluateCommand,
    "protocol": ProtocolCommand,
    "tune": TuneCommand,
    "baseline": BaselineCommand,
    "ternary": TernaryCommand,
    "imitate": ImitateCommand,
    "movie": MovieCommand,
    "report": ReportCommand,
}


def run_completion(args: list[str]) -> int:
    """`wann completion`; the exit status."""
    if args in (["-h"], ["--help"]):
        print(HELP)
        return 0
    require_known("shell", " ".join(args), SHELLS)
    types: dict[str, Any] = {name: with_task_options(command) for name, command in _WITH_TASK_OPTIONS.items()}
    types |= {"unite": UniteCommand, "check": CheckCommand, "lift": LiftCommand, "draw": DrawCommand}
    types |= {"export": ExportCommand, "experiment": ExperimentCommand, "train-vae": TrainVaeCommand}
    # The rest has no options.
    types |= {name: dataclasses.make_dataclass(name, []) for name in sorted(COMMANDS.keys() - types)}
    commands = [Annotated[command, tyro.conf.subcommand(name)] for name, command in types.items()]
    script = io.StringIO()
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(script):
        whole: Any = functools.reduce(operator.or_, commands)
        tyro.cli(whole, prog="wann", registry=OPTION_TYPES, args=["--tyro-print-completion", args[0]])
    print(script.getvalue())
    return 0
