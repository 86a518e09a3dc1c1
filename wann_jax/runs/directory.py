"""A run directory: everything a search leaves behind, and all it takes to go on.

    config.json     what was asked for: task, options, seed, settings
    metrics.jsonl   one row per generation
    metrics.csv     the same as a table
    champion.json   the best network so far (see networks/files.py)
    champions/      each network that was the best one for a while, by the generation that found it
    initial.json    what the first generation had copies of, if it was not random
    checkpoints/    the search's state (orbax)
    tensorboard/    the metrics for TensorBoard, if it was asked for (logs.py)

In: a search's dispatches. Out: files; and back.
"""

import contextlib
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import wann_jax.version
from wann_jax.errors import CheckpointError, require
from wann_jax.evolution.config import SearchConfig
from wann_jax.evolution.generation import SearchState, init
from wann_jax.evolution.loop import Dispatch, spec_of
from wann_jax.files import as_csv, strict_json, write_atomically
from wann_jax.genomes.genome import Genome, GenomeSpec
from wann_jax.kernels.choosing import backend_of
from wann_jax.networks.files import CHAMPION_FILE, load_genome, save_network
from wann_jax.tasks.base import Task
from wann_jax.tasks.registry import check_options, find_spec, load_plugin, make_task, plugins

CONFIG_FILE, METRICS_FILE, INITIAL_FILE = "config.json", "metrics.jsonl", "initial.json"
TABLE_FILE = "metrics.csv"
CHECKPOINTS, CHAMPIONS = "checkpoints", "champions"
FORMAT, VERSION = "wann_jax.run", 1
MAX_CAUSE_LENGTH = 200  # of what orbax has to say about a damaged file


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """What a run was asked to do, as config.json keeps it."""

    task: str
    task_options: dict[str, Any]  # keyword arguments of make_task
    seed: int
    config: SearchConfig
    checkpoint_interval: int = 50  # generations
    initial: str | None = None  # the network that the first generation had copies of, as it was called
    plugins: list[str] = dataclasses.field(default_factory=lambda: list(plugins))  # modules that register tasks
    logs: list[str] = dataclasses.field(default_factory=list)  # besides the metrics' files (logs.py)
    changes: list[dict[str, Any]] = dataclasses.field(default_factory=list)  # generation, and what was set before it

    @property
    def scoring(self) -> tuple[Any, ...]:
        """What a champion's score depends on, its network apart."""
        return self.task, self.task_options, self.config.shared_weights, self.config.champion_episodes

    def with_change(self, generation: int, old: "RunSettings") -> "RunSettings":
        """These settings, which hold from a generation on, with a note of the old ones; a longer run is no change."""
        before = {**vars(old.config), **old.task_options}
        now = {**vars(self.config), **self.task_options}
        differ = {name: before.get(name) for name in sorted({*before, *now}) if before.get(name) != now.get(name)}
        differ.pop("generations", None)
        return dataclasses.replace(
            self, changes=[*old.changes, {"generation": generation} | differ] if differ else old.changes
        )

    def check(self) -> None:
        """Raises ConfigError on the first setting that breaks a rule."""
        require(self.checkpoint_interval >= 1, "checkpoint_interval", "at least 1", self.checkpoint_interval)
        require(0 <= self.seed < 2**63, "seed", "between 0 and 2**63 - 1", self.seed)
        require(isinstance(self.logs, list), "logs", "a list of names", self.logs)
        require(isinstance(self.task_options, dict), "task_options", "options by name", self.task_options)
        check_options(self.task, self.task_options)
        self.config.check()

    def make_task(self) -> Task:
        """The run's task. Raises ConfigError or DataError."""
        return make_task(self.task, **self.task_options)


def make_directory(path: Path, advice: str) -> None:
    """Makes a directory to write in. Raises CheckpointError if it holds anything already, or cannot be made."""
    rule = f"a directory that is new or empty, nothing is overwritten ({advice})"
    try:
        free = not path.exists() or (path.is_dir() and not any(path.iterdir()))
        require(free, "out", rule, str(path), CheckpointError)
        path.mkdir(parents=True, exist_ok=True)
        found = os.access(path, os.W_OK)
    except OSError as error:
        raise CheckpointError(f"out must be a directory that can be written; got {str(path)!r}: {error}") from None
    require(found, "out", "a directory that can be written", str(path), CheckpointError)


def read_settings(path: Path) -> RunSettings:
    """What a run's config.json says. Raises CheckpointError if it is damaged or from another version."""
    try:
        document = json.loads(path.read_text())
        found = (document.pop("format"), document.pop("version"))
        require(found == (FORMAT, VERSION), "run format", str((FORMAT, VERSION)), found, CheckpointError)
        config = document["config"]
        config |= {name: tuple(value) for name, value in config.items() if isinstance(value, list)}
        names = {field.name for field in dataclasses.fields(RunSettings)}
        kept = {name: value for name, value in document.items() if name in names}
        settings = RunSettings(**{**kept, "config": SearchConfig(**config)})
        for module in settings.plugins:
            load_plugin(module)
        settings.check()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} must be a run's settings; got {error!r}") from None
    return settings


class RunDirectory:
    """One run's files."""

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    def create(cls, path: Path, settings: RunSettings, initial: Genome | None = None) -> "RunDirectory":
        """A new run directory. Raises CheckpointError if it holds anything already, or cannot be made."""
        make_directory(path, "wann resume goes on with a run")
        run = cls(path)
        if initial is not None:
            save_network(path / INITIAL_FILE, initial, {"from": settings.initial})
        run.write_settings(settings)
        return run

    def discard_unbegun(self) -> None:
        """Takes a run away that has not done a generation, so that its directory is free for the next try."""
        if (self.path / METRICS_FILE).exists() or self.has_checkpoint():
            return
        for name in (CONFIG_FILE, INITIAL_FILE):
            (self.path / name).unlink(missing_ok=True)
        for folder in (self.path / CHECKPOINTS, self.path):
            with contextlib.suppress(OSError):  # something else is in it
                folder.rmdir()

    @classmethod
    def open(cls, path: Path) -> "RunDirectory":
        """An existing run directory. Raises CheckpointError if it is none."""
        found = (path / CONFIG_FILE).is_file()
        require(found, "run", f"a directory that holds a run ({CONFIG_FILE})", str(path), CheckpointError)
        return cls(path)

    def write_settings(self, settings: RunSettings) -> None:
        """Writes config.json."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "wann_jax": wann_jax.version.__version__,
            "jax": jax.__version__,
            "device": jax.devices()[0].device_kind,
            "kernels": backend_of(jax.default_backend()).name,
            **dataclasses.asdict(settings),
        }
        write_atomically(self.path / CONFIG_FILE, strict_json(document, indent=2) + "\n")

    def read_settings(self) -> RunSettings:
        """What config.json says. Raises CheckpointError if it is damaged or from another version."""
        return read_settings(self.path / CONFIG_FILE)

    def read_initial(self) -> Genome | None:
        """What the first generation had copies of; None if it was random. Raises DataError."""
        path = self.path / INITIAL_FILE
        return load_genome(path) if path.exists() else None

    def append_metrics(self, dispatch: Dispatch) -> None:
        """One row for each generation of a dispatch."""
        rows, table = dispatch.rows(), self.path / TABLE_FILE
        with (self.path / METRICS_FILE).open("a") as file:
            file.writelines(strict_json(row) + "\n" for row in rows)
        text = as_csv(rows, with_names=not table.exists() or table.stat().st_size == 0)
        with table.open("a") as file:
            file.write(text)

    def read_metrics(self) -> list[dict[str, Any]]:
        """All rows so far; a last one that was only half written is left out."""
        path = self.path / METRICS_FILE
        whole, _, _ = path.read_text().rpartition("\n") if path.exists() else ("", "", "")
        return [json.loads(line) for line in whole.splitlines()]

    def cut_back(self, generation: int) -> None:
        """Drops metrics and champions from `generation` on: those that a resumed run will write again."""
        rows = [row for row in self.read_metrics() if row["generation"] < generation]
        write_atomically(self.path / METRICS_FILE, "".join(strict_json(row) + "\n" for row in rows))
        write_atomically(self.path / TABLE_FILE, as_csv(rows))
        for file in self.champions():
            if int(file.stem) >= generation:
                file.unlink()

    def champions(self) -> list[Path]:
        """Files of the networks that were the best one for a while, the oldest first."""
        return sorted((self.path / CHAMPIONS).glob("[0-9]*.json"))

    def log_champion(self, dispatch: Dispatch, settings: RunSettings, score: float) -> None:
        """Keeps the champion if a dispatch found one that is better than `score`, the last one's."""
        scores = dispatch.metrics.champion_score
        is_new = scores > np.concatenate([[score], scores[:-1]])
        if is_new.any():
            (self.path / CHAMPIONS).mkdir(exist_ok=True)
            generation = int(dispatch.metrics.generation[is_new][-1])
            self._write_network(Path(CHAMPIONS) / f"{generation:06}.json", dispatch.state, settings, generation)

    def write_champion(self, state: SearchState, settings: RunSettings) -> None:
        """Writes champion.json."""
        self._write_network(Path(CHAMPION_FILE), state, settings, int(state.generation))

    def _write_network(self, name: Path, state: SearchState, settings: RunSettings, generation: int) -> None:
        info = {"task": settings.task, "seed": settings.seed, "generation": generation}
        info |= {"score": float(state.champion_score), "shared_weights": list(settings.config.shared_weights)}
        kept = find_spec(settings.task).network_options
        info |= {name: value for name, value in settings.task_options.items() if name in kept}
        save_network(self.path / name, state.champion, info)

    def save(self, state: SearchState) -> None:
        """Writes a checkpoint of the state; the last two are kept."""
        from orbax import checkpoint as ocp  # here: importing it takes longer than starting a search

        sizes = {**dataclasses.asdict(state.genomes.spec), "population_size": state.genomes.num_nodes.shape[0]}
        sizes["prng"] = str(jax.random.key_impl(state.key))
        plain = {**vars(state), "key": jax.random.key_data(state.key)}
        with self._checkpoints() as manager:
            manager.save(
                int(state.generation),
                args=ocp.args.Composite(state=ocp.args.StandardSave(plain), sizes=ocp.args.JsonSave(sizes)),
            )

    def load(self, task: Task, settings: RunSettings) -> SearchState:
        """The newest checkpoint. Raises CheckpointError if there is none, or it cannot be read or does not fit."""
        from orbax import checkpoint as ocp

        with self._checkpoints() as manager:
            step = manager.latest_step()
            require(step is not None, "run", "a directory that holds a checkpoint", str(self.path), CheckpointError)

            def restore(**items):
                try:
                    return manager.restore(step, args=ocp.args.Composite(**items))
                except (OSError, ValueError, KeyError, TypeError) as error:
                    damage, path = str(error)[:MAX_CAUSE_LENGTH], self.path / CHECKPOINTS / str(step)
                    advice = "delete it to go on from the one before, if there is one"
                    raise CheckpointError(f"checkpoint {path} cannot be read ({advice}): {damage}") from None

            sizes = restore(sizes=ocp.args.JsonRestore())["sizes"]
            spec = _fitting_spec(sizes, task, settings.config)
            # The user's implementation of random numbers may be another one now; the run keeps its own.
            key = jax.random.key(0, impl=sizes["prng"])
            fresh = jax.eval_shape(lambda: init(key, settings.config, spec))
            shapes = jax.tree.map(_on_first_device, {**vars(fresh), "key": jax.random.key_data(key)})
            plain = restore(state=ocp.args.StandardRestore(shapes))["state"]
        plain = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), plain)  # on no device in particular
        return SearchState(**{**plain, "key": jax.random.wrap_key_data(plain["key"], impl=sizes["prng"])})

    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        with self._checkpoints() as manager:
            return manager.latest_step() is not None

    def _checkpoints(self):
        from orbax import checkpoint as ocp

        options = ocp.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False)
        return ocp.CheckpointManager((self.path / CHECKPOINTS).resolve(), options=options)


def _fitting_spec(sizes: dict[str, Any], task: Task, config: SearchConfig) -> GenomeSpec:
    """The spec of a checkpoint. Raises CheckpointError unless it fits the task and the settings."""
    spec = spec_of(task, config)
    of_task = {
        "num_inputs": task.num_inputs,
        "num_outputs": task.num_outputs,
        "hidden_activations": list(spec.hidden_activations),
    }
    of_config = {"population_size": config.population_size, "is_ordered": spec.is_ordered}
    of_config |= {"graded_depth": spec.graded_depth}
    sizes = {"graded_depth": 0, **sizes}  # before 0.3 none was
    wanted = of_task | of_config
    rule = "one of version 0.2 or newer, which says what its task was like"
    require(wanted.keys() <= sizes.keys(), "checkpoint", rule, f"sizes {', '.join(sizes)}", CheckpointError)
    for name, value in wanted.items():
        owner = "task" if name in of_task else "config"
        require(sizes[name] == value, f"{owner}.{name}", f"the checkpoint's, {sizes[name]}", value, CheckpointError)
    names = {field.name for field in dataclasses.fields(GenomeSpec)}
    kept = {name: value for name, value in sizes.items() if name in names}
    return GenomeSpec(**kept | {"hidden_activations": tuple(sizes["hidden_activations"])})


def _on_first_device(leaf: jax.ShapeDtypeStruct | jax.Array) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=jax.sharding.SingleDeviceSharding(jax.devices()[0]))
