"""Tasks by name: what is known of each, and how a module of a user's adds another.

In: a name (`wann tasks` lists them) and options. Out: a task. A task is one object, `TaskSpec`, in a file of its own:
those of the package lie in tasks/known, a user's are registered by a module that `--plugin` names, or one of the entry
point group `wann_jax.tasks`. The command line, presets, run directories and help read what is registered; this module
and those files import nothing heavy before a task is made.
"""

import dataclasses
import importlib
import pkgutil
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from wann_jax.errors import ConfigError, brief, did_you_mean, require, require_known, unknown
from wann_jax.tasks.labels import Labels

if TYPE_CHECKING:
    from wann_jax.tasks.base import Task

ENTRY_POINTS = "wann_jax.tasks"
KNOWN = "wann_jax.tasks.known"


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """A task without options."""


def unnamed(argument: str) -> Labels:
    """No names for inputs and outputs."""
    return Labels()


@dataclasses.dataclass(frozen=True)
class Preset:
    """Settings that suit a task."""

    search: Mapping[str, Any]  # fields of SearchConfig
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # of the task


@dataclasses.dataclass(frozen=True)
class TaskSpec:
    """All that is known of a task, or of a family of them."""

    name: str  # as the command line knows it; of a family, "kind:WORD"
    summary: str
    factory: "Callable[[str, Any], Task]"  # from what stands after the colon, and options
    options: type = NoOptions  # a frozen dataclass of `option`s
    presets: Mapping[str, Preset] = dataclasses.field(default_factory=dict)
    labels: Callable[[str], Labels] = unnamed  # from what stands after the colon
    published: Mapping[str, str] = dataclasses.field(default_factory=dict)  # the paper's rows of the protocol, in words
    family: str = "control"  # or "classification": what tuning and baselines suit it
    # Those that a network depends on, and the values that its file may name.
    network_options: Mapping[str, Callable[[], Sequence[str]]] = dataclasses.field(default_factory=dict)
    place_options: tuple[str, ...] = ()  # those that tell where things are on this machine
    is_listed: bool = True  # by `wann tasks`; False for what a family already stands for

    @property
    def option_fields(self) -> dict[str, dataclasses.Field[Any]]:
        """Options by name."""
        return {field.name: field for field in dataclasses.fields(self.options)}

    def preset(self, task: str, name: str) -> Preset:
        """The preset of that name. Raises ConfigError for an unknown one."""
        require(bool(self.presets), "preset", f"left out: task {task!r} has none", name)
        require_known("preset", name, self.presets)
        return self.presets[name]


def option(default: Any, text: str) -> Any:
    """A field of a task's options.

    Args:
        default: its value unless another is given.
        text: what the command line says of it.

    Returns:
        A field for a frozen dataclass.
    """
    return dataclasses.field(default=default, metadata={"help": text})


_registered: dict[str, TaskSpec] = {}
plugins: list[str] = []  # modules that were loaded by name


def register(*specs: TaskSpec) -> None:
    """Makes tasks known by name, to `make_task`, presets and the command line.

    Args:
        *specs: whole specs.

    Raises:
        ConfigError: where a spec is not whole, or a name is taken.
    """
    for spec in specs:
        require(_registered.get(spec.name, spec) == spec, "task name", "one that is not taken", spec.name)
        whole = dataclasses.is_dataclass(spec.options) and callable(spec.factory)
        require(whole, f"task {spec.name!r}", "a spec with a factory and a dataclass of options", spec)
        for name, preset in spec.presets.items():
            for each in preset.options:
                require_known(f"task {spec.name!r}, preset {name}: option", each, spec.option_fields)
        _registered[spec.name] = spec


def registered() -> list[TaskSpec]:
    """All specs: single tasks, then families; among these the package's first."""
    _load()
    return sorted(_registered.values(), key=lambda spec: ":" in spec.name)


def find_spec(task: str) -> TaskSpec:
    """The spec of the task called so: its own, or its family's. Raises ConfigError for an unknown name."""
    _load()
    if not isinstance(task, str):
        raise ConfigError(f"task must be a name; got {brief(task)}")
    if task in _registered and not is_family(task):
        return _registered[task]
    kind, _, argument = task.partition(":")
    for name, spec in _registered.items():
        if argument and is_family(name) and name.partition(":")[0] == kind:
            return spec
    raise ConfigError(unknown("task", task, [spec.name for spec in registered() if spec.is_listed]))


def known_task(name: Any) -> str | None:
    """The name, if a task is called so here; a stranger's file, or a task made by hand, may have anything else."""
    if not isinstance(name, str):
        return None
    try:
        find_spec(name)
    except ConfigError:
        return None
    return name


def is_family(name: str) -> bool:
    """Whether a registered name stands for many: after its colon comes a word in capitals."""
    return name.partition(":")[2].isupper()


def make_task(name: str, **options: Any) -> "Task":
    """The task called `name`.

    Args:
        name: one that `wann tasks` lists; after a colon, the name or path that it asks for.
        **options: the task's options (`wann search TASK --help` tells them); None stands for the default.

    Returns:
        The task, ready for `search`, `evaluate`, `protocol` and `tune`.

    Raises:
        ConfigError: for an unknown name, an option that the task does not have or that is out of range, or an
            environment that is not supported.
        DataError: for missing or damaged data.
    """
    spec = find_spec(name)
    given = {option: value for option, value in options.items() if value is not None}
    check_options(name, given)
    from wann_jax.strictness import in_32_bits  # here: it needs JAX, which not every reader of the registry does

    return in_32_bits(spec.factory)(name.partition(":")[2], spec.options(**given))


def labels_of(task: str | None, num_inputs: int, num_outputs: int) -> Labels:
    """What the task called so, if there is one, calls inputs and outputs. Raises ConfigError for an unknown name."""
    labels = Labels() if task is None else find_spec(task).labels(task.partition(":")[2])
    return labels.fitting(num_inputs, num_outputs)


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Raises ConfigError for an option that the task called `name` does not have, or one of the wrong type."""
    spec = find_spec(name)
    hints = typing.get_type_hints(spec.options)
    for each, value in options.items():
        rule = f"left out: task {name!r} has no such option{did_you_mean(each, spec.option_fields)}"
        require(each in spec.option_fields, f"task.{each}", rule, value)
        kinds = tuple(kind for kind in typing.get_args(hints[each]) or (hints[each],) if kind is not type(None))
        fits = isinstance(value, (*kinds, int) if float in kinds else kinds) and not isinstance(value, bool)
        require(fits, f"task.{each}", " or ".join(f"of type {kind.__name__}" for kind in kinds), value)


@cache
def _load() -> None:
    """Imports what registers tasks: the files of tasks/known, and other packages' entry points."""
    for module in pkgutil.iter_modules(importlib.import_module(KNOWN).__path__):
        importlib.import_module(f"{KNOWN}.{module.name}")
    for point in entry_points(group=ENTRY_POINTS):
        point.load()


def load_plugin(module: str) -> None:
    """Imports a user's module, which registers tasks. Raises ConfigError if it cannot be imported."""
    _load()
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"plugin must be a module that can be imported; got {module!r}: {error}") from None
    if module not in plugins:
        plugins.append(module)
