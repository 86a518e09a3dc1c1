"""The command line `wann`.

In: arguments. Out: files, a table on the terminal, an exit status: 0; 2 for a user's mistake, told in one line; 130
after Ctrl-C, with everything written.
"""

import importlib
import os
import sys

from wann_jax.errors import WannError, require
from wann_jax.version import __version__

# Imported when they are asked for, after the number of devices is settled: their imports start JAX.
_COMMANDS = {
    "search": ("searching", "run_search"),
    "resume": ("searching", "run_resume"),
    "unite": ("searching", "run_unite"),
    "evaluate": ("measuring", "run_evaluate"),
    "protocol": ("measuring", "run_protocol"),
    "tune": ("tuning", "run_tune"),
    "baseline": ("tuning", "run_baseline_command"),
    "train-vae": ("vae", "run_train_vae"),
    "zoo": ("measuring", "run_zoo"),
    "tasks": ("measuring", "run_tasks"),
}

USAGE = """usage: wann COMMAND ...

  wann search TASK [--preset quick|laptop|best|paper] [--seed N] [--out DIR]   evolve networks for a task
  wann resume RUN [--generations N]                          go on with an interrupted search, exactly
  wann unite NETWORK NETWORK ... --out FILE                  several networks side by side, as one
  wann evaluate NETWORK --task TASK [--weights=-2,-1,...]    returns of a run's champion or of a network file
  wann protocol NETWORK --task TASK [--trials 1000]          the paper's rows: random, shared, tuned weights
  wann tune NETWORK --task TASK --method adam|es|cma         a weight of its own for every connection
  wann baseline NAME --task TASK                             what other models give on the task
  wann train-vae [--out DIR]                                 the encoder through which networks see the car's pictures
  wann zoo                                                   list the networks that come with the package
  wann tasks                                                 list the tasks
  wann --version

wann COMMAND --help tells the options of a command."""


def run() -> None:
    """The entry point of the installed command."""
    sys.exit(main())


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    args = sys.argv[1:] if arguments is None else arguments
    try:
        if args[:1] == ["--version"]:
            print(f"wann_jax {__version__}")
        elif not args or args[0] in ("-h", "--help"):
            print(USAGE)
        else:
            require(args[0] in _COMMANDS, "command", f"one of {', '.join(_COMMANDS)}", args[0])
            return _run_command(args[0], args[1:])
    except WannError as error:
        print(f"wann: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("wann: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _run_command(name: str, args: list[str]) -> int:
    from wann_jax.devices import settle_cpu_devices  # it imports JAX, which takes a while: not for `--version`

    settle_cpu_devices()
    module, function = _COMMANDS[name]
    return getattr(importlib.import_module(f"wann_jax.cli.{module}"), function)(args)
