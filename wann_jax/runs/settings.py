"""What a run was asked to do, as its config.json keeps it.

In: a file, or what a user says. Out: checked `RunSettings`.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax

from wann_jax.errors import CheckpointError, require
from wann_jax.evolution.config import SearchConfig
from wann_jax.files import MOST_TEXT_BYTES, read_bytes
from wann_jax.kernels.choosing import backend_of
from wann_jax.tasks.base import Task
from wann_jax.tasks.registry import check_options, load_plugin, make_task, plugins

FORMAT, VERSION = "wann_jax.run", 1
KEPT_CHECKPOINTS = 2
MOST_LETTERS = 500  # of a complaint: a damaged value may be long


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """What a run was asked to do, as config.json keeps it."""

    task: str
    task_options: dict[str, Any]  # keyword arguments of make_task
    seed: int
    config: SearchConfig
    checkpoint_interval: int = 50  # generations
    checkpoint_minutes: float = 10.0  # and at least one every so often
    keep_checkpoints: int = KEPT_CHECKPOINTS  # the last ones
    initial: str | None = None  # the network that the first generation had copies of, as it was called
    plugins: list[str] = dataclasses.field(default_factory=lambda: list(plugins))  # modules that register tasks
    logs: list[str] = dataclasses.field(default_factory=list)  # besides the metrics' files (logs.py)
    changes: list[dict[str, Any]] = dataclasses.field(default_factory=list)  # generation, and what was set before it
    kernels: str = dataclasses.field(default="", compare=False)  # that evaluate networks; "" before the run begins

    def is_rescored(self, generation: int) -> bool:
        """Whether the champion of a state of this generation was judged under other settings than these."""
        others = {field.name for field in dataclasses.fields(SearchConfig)} - {"shared_weights", "champion_episodes"}
        names = {*others, "generation", "kernels"}
        return any(change["generation"] >= generation and not {*change} <= names for change in self.changes)

    def with_change(self, generation: int, old: "RunSettings") -> "RunSettings":
        """These settings, which hold from a generation on, with a note of the old ones; a longer run is no change."""
        before = {**vars(old.config), **old.task_options, "kernels": old.kernels}
        now = {**vars(self.config), **self.task_options, "kernels": self.kernels}
        differ = {name: before.get(name) for name in sorted({*before, *now}) if before.get(name) != now.get(name)}
        differ.pop("generations", None)
        return dataclasses.replace(
            self, changes=[*old.changes, {"generation": generation} | differ] if differ else old.changes
        )

    def check(self) -> None:
        """Raises ConfigError on the first setting that breaks a rule."""
        self.check_checkpoints()
        require(_is_whole(self.seed) and 0 <= self.seed < 2**63, "seed", "between 0 and 2**63 - 1", self.seed)
        require(isinstance(self.task, str), "task", "a name", self.task)
        for name in ("plugins", "logs"):
            value = getattr(self, name)
            fits = isinstance(value, list) and all(isinstance(each, str) for each in value)
            require(fits, name, "a list of names", value)
        require(isinstance(self.kernels, str), "kernels", "a name", self.kernels)
        require(isinstance(self.initial, str | None), "initial", "a name or a path, or null", self.initial)
        is_kept = isinstance(self.changes, list) and all(
            isinstance(change, dict) and _is_whole(change.get("generation")) for change in self.changes
        )
        require(is_kept, "changes", "a list of generations, each with the settings before it", self.changes)
        require(isinstance(self.task_options, dict), "task_options", "options by name", self.task_options)
        for module in self.plugins:
            load_plugin(module)
        check_options(self.task, self.task_options)
        self.config.check()

    def check_checkpoints(self) -> None:
        """Raises ConfigError unless checkpoints can be made as they are asked for."""
        for name in ("checkpoint_interval", "keep_checkpoints"):
            value = getattr(self, name)
            require(_is_whole(value) and value >= 1, name, "at least 1", value)
        minutes = self.checkpoint_minutes
        fits = isinstance(minutes, int | float) and not isinstance(minutes, bool) and minutes > 0
        require(fits, "checkpoint_minutes", "above 0", minutes)

    def make_task(self) -> Task:
        """The run's task. Raises ConfigError or DataError."""
        return make_task(self.task, **self.task_options)


def read_settings(path: Path) -> RunSettings:
    """What a run's config.json says. Raises CheckpointError if it is damaged or from another version."""
    try:
        document = json.loads(read_bytes(path, MOST_TEXT_BYTES))
        found = (document.pop("format"), document.pop("version"))
        require(found == (FORMAT, VERSION), "run format", str((FORMAT, VERSION)), found, CheckpointError)
        config = document["config"]
        config |= {name: tuple(value) for name, value in config.items() if isinstance(value, list)}
        names = {field.name for field in dataclasses.fields(RunSettings)}
        kept = {name: value for name, value in document.items() if name in names}
        settings = RunSettings(**{**kept, "config": SearchConfig(**config)})
        settings.check()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise CheckpointError(f"{path} must be a run's settings; got {error!r}"[:MOST_LETTERS]) from None
    return settings


def kernels_here() -> str:
    """The kernels that evaluate networks on this machine, by name; makes them ready."""
    return backend_of(jax.default_backend()).name


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
