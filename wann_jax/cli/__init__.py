"""The command line `wann`.

In: arguments. Out: files, a table on the terminal, an exit status: 0; 2 for a user's mistake, told in one line; 130
after Ctrl-C, 143 after SIGTERM and 129 after SIGHUP, with everything written.
"""

import contextlib
import importlib
import os
import signal
import sys

from wann_jax.errors import WannError, require, require_known
from wann_jax.tasks import interrupts
from wann_jax.tasks.registry import load_plugin
from wann_jax.version import __version__, kernels_in_words

LISTING = "wann_jax.cli.listing"  # commands that do without JAX
# By command: where the function that runs it is. Imported when it is called: most need JAX, which takes a while.
COMMANDS = {
    "search": "wann_jax.cli.searching:run_search",
    "resume": "wann_jax.cli.searching:run_resume",
    "unite": "wann_jax.cli.searching:run_unite",
    "evaluate": "wann_jax.cli.measuring:run_evaluate",
    "protocol": "wann_jax.cli.measuring:run_protocol",
    "tune": "wann_jax.cli.tuning:run_tune",
    "baseline": "wann_jax.cli.tuning:run_baseline_command",
    "check": "wann_jax.cli.grading:run_check",
    "lift": "wann_jax.cli.grading:run_lift",
    "trim": "wann_jax.cli.trimming:run_trim",
    "report": "wann_jax.cli.reporting:run_report",
    "compare": "wann_jax.cli.reporting:run_compare",
    "experiment": "wann_jax.cli.experimenting:run_experiment_command",
    "ternary": "wann_jax.cli.ternary:run_ternary",
    "imitate": "wann_jax.cli.ternary:run_imitate",
    "draw": "wann_jax.cli.drawing:run_draw",
    "export": "wann_jax.cli.exporting:run_export",
    "movie": "wann_jax.cli.movies:run_movie",
    "train-vae": "wann_jax.cli.vae:run_train_vae",
    "devices": "wann_jax.cli.devices:run_devices",
    "completion": "wann_jax.cli.completion:run_completion",
    "zoo": f"{LISTING}:run_zoo",
    "tasks": f"{LISTING}:run_tasks",
}
USAGE = """usage: wann COMMAND ...

  wann search TASK [--preset quick|laptop|best|paper] [--seed N] [--out DIR]   evolve networks for a task
  wann resume RUN [--generations N]                          go on with an interrupted search, exactly
  wann unite NETWORK NETWORK ... --out FILE                  several networks side by side, as one
  wann evaluate NETWORK --task TASK [--weights=-2,-1,...]    returns of a run's champion or of a network file
  wann protocol NETWORK --task TASK [--trials 1000]          the paper's rows: random, shared, tuned weights
  wann tune NETWORK --task TASK [--method cma]               a weight of its own for every connection
  wann experiment NAME [--quick], --list                     a question about such networks, answered by measurements
  wann ternary TASK [--connections 1849] [--out FILE]        an exactly weight agnostic classifier, by gradient descent
  wann imitate TASK [--connections 245] [--out FILE]         a network that drives as an expert does, at any weight
  wann baseline NAME --task TASK                             what other models give on the task
  wann check NETWORK                                         whether its classes depend on the shared weight at all
  wann lift NETWORK -o FILE [--sign auto]                    works at one sign of the weight: now at both
  wann trim NETWORK --connections N -o FILE                  smaller, without the connections that count least
  wann report NETWORK [--out FILE]                           a page that shows a run or a network, and runs it
  wann compare RUN RUN ... [--out FILE]                      a page with the curves of several runs
  wann draw NETWORK -o FILE [--highlight OUTPUT]             a picture (.svg .png .pdf) or a graph (.dot .graphml)
  wann export NETWORK -o FILE                                as NumPy, PyTorch, C, ONNX, LaTeX: by the ending of FILE
  wann movie NETWORK -o FILE [--weight W|tuned] [--seed N]   an episode, filmed (.gif .mp4), or moments of it (.png)
  wann train-vae [--out DIR]                                 the encoder through which networks see the car's pictures
  wann devices                                               what evaluates networks on this machine
  wann completion bash|zsh|fish                              complete commands and options in a shell
  wann zoo                                                   list the networks that come with the package
  wann tasks                                                 list the tasks
  wann --version [--verbose]

Every command takes --plugin MODULE: a Python module that registers tasks of its own.
wann COMMAND --help tells the options of a command."""


def run() -> None:
    """The entry point of the installed command."""
    interrupts.listen()
    try:
        sys.exit(_answer(sys.argv[1:]))
    except KeyboardInterrupt as stop:
        status = _stopped(stop)
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(status)  # JAX would wait for the programs under way, which may go on for ever


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    try:
        return _answer(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt as stop:
        return _stopped(stop)


def _stopped(stop: KeyboardInterrupt) -> int:
    print("wann: stopped", file=sys.stderr, flush=True)
    return 128 + (stop.args[0] if isinstance(stop, interrupts.Stopped) else signal.SIGINT)


def _answer(args: list[str]) -> int:
    """The exit status. Raises KeyboardInterrupt, and what is nobody's mistake but ours."""
    try:
        if args[:2] == ["--version", "--verbose"]:
            return _run_command("devices", [])
        if args[:1] == ["--version"]:
            print(f"wann_jax {__version__}\nkernels: {kernels_in_words()}")
        elif not args or args[0] in ("-h", "--help"):
            print(USAGE)
        else:
            require_known("command", args[0], COMMANDS)
            args = _without_plugins(args)
            return _run_command(args[0], args[1:])
    except WannError as error:
        print(f"wann: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        return _told(error)
    return 0


def _told(error: Exception) -> int:
    """The exit status after a line on what a user's own code, or a process, has raised. Raises what is none of it."""
    from wann_jax.cli.failing import cause_of, line_of, trace_of  # here: needs NumPy

    cause = cause_of(error)
    line = line_of(cause, "code outside the package")
    if not isinstance(cause, Exception):  # Ctrl-C
        raise cause
    if line is None:
        raise error
    print(f"{trace_of(cause)}wann: {line}", file=sys.stderr)
    return 2


def _without_plugins(args: list[str]) -> list[str]:
    """Imports the modules that `--plugin MODULE` names, also from the working directory; the other arguments."""
    args = [part for arg in args for part in (arg.split("=", 1) if arg.startswith("--plugin=") else [arg])]
    while "--plugin" in args:
        at = args.index("--plugin")
        require(at + 1 < len(args), "--plugin", "followed by a module's name", "nothing")
        if "" not in sys.path:
            sys.path.insert(0, "")
        load_plugin(args[at + 1])
        args = args[:at] + args[at + 2 :]
    return args


def _run_command(name: str, args: list[str]) -> int:
    module, _, function = COMMANDS[name].partition(":")
    listening: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    if module != LISTING:
        import jax

        from wann_jax.cli.failing import callbacks_heard
        from wann_jax.devices import settle_cpu_devices

        settle_cpu_devices()
        jax.config.update("jax_enable_x64", False)  # all is computed in 32 bits
        listening = callbacks_heard()
    with listening:
        status: int = getattr(importlib.import_module(module), function)(args)
    return status
