"""Which task a network is for, and with which options, as its run or its file says.

In: a run directory, a network file or a name of the zoo, and what the user says. Out: a task's name and options.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from wann_jax.errors import ConfigError, DataError, require
from wann_jax.files import StrPath
from wann_jax.networks.files import load_info
from wann_jax.runs.directory import CONFIG_FILE, RunDirectory
from wann_jax.tasks.registry import find_spec

# What a file's `info` says of the very network in it, beside where that came from.
_SIZES = {"num_connections", "num_hidden", "num_live_connections"}
_FIGURES = {"protocol", "score", "split", "worlds"}
_TUNING = {"curve", "tuning"}
_WORDS = {"command", "summary"}


def info_for_another(path: StrPath) -> dict[str, Any]:
    """What the `info` of a network's file says that holds, too, of a network that is made of it.

    Raises DataError for a bad file.
    """
    of_this_one = _SIZES | _FIGURES | _TUNING | _WORDS
    return {field: value for field, value in load_info(path).items() if field not in of_this_one}


def task_of(
    path: StrPath, task: str | None = None, given: Mapping[str, Any] = MappingProxyType({})
) -> tuple[str, dict[str, Any]]:
    """The task of a network (`task`, if that is given) and its options: the `given` ones, and those that follow.

    A run knows where its data are and what its networks look through; a file names the latter, and only what comes with
    the package, for what it says of paths is a stranger's. Episodes have their full length, whatever a search had.
    Raises ConfigError for an unknown task or if none is named, DataError or CheckpointError for a bad file.
    """
    info, known = load_info(path), {}
    if (Path(path) / CONFIG_FILE).is_file():
        settings = RunDirectory.open(Path(path)).read_settings()
        task = task or settings.task
        spec = find_spec(task)
        names = {*spec.network_options, *(spec.place_options if task == settings.task else ())}
        known = {name: value for name, value in settings.task_options.items() if name in names}
    else:
        task = task or _named(path, info.get("task"))
        for name, allowed in find_spec(task).network_options.items():
            if info.get(name) and name not in given:
                rule = f"one of {', '.join(allowed())}, which come with the package (for another, give --{name})"
                require(info[name] in allowed(), f"{path}: info.{name}", rule, info[name], DataError)
                known[name] = info[name]
    return task, {**known, **given}


def _named(path: StrPath, task: str | None) -> str:
    """The task that a file names, unless that is a place to read from or a module to import: a stranger chose it."""
    if task is None:
        raise ConfigError(f"task must be given with --task: {str(path)!r} names none")
    opens = find_spec(task).name.endswith(":PATH") or task.count(":") > 1
    require(not opens, f"{path}: info.task", "given with --task: it is a path or a module", task, DataError)
    return task
