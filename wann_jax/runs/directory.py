"""A run directory: everything a search leaves behind, and all it takes to go on.

    config.json     what was asked for: task, options, seed, settings
    metrics.jsonl   one row per generation
    metrics.csv     the same as a table
    champion.json   the best network so far (see networks/files.py)
    champions/      each network that was the best one for a while, by the generation that found it
    initial.json    what the first generation had copies of, if it was not random
    checkpoints/    the search's state (orbax)
    traceback.txt   what the task's own code raised, if that has ended the run
    tensorboard/    the metrics for TensorBoard, if it was asked for (logs.py)

In: a search's dispatches. Out: files; and back.
"""

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

import wann_jax.version
from wann_jax.errors import CheckpointError, WannError, require
from wann_jax.evolution.generation import SearchState
from wann_jax.evolution.loop import Dispatch
from wann_jax.files import as_csv, strict_json, write_atomically
from wann_jax.genomes.genome import Genome
from wann_jax.native import tell
from wann_jax.networks.files import CHAMPION_FILE, load_genome, save_network
from wann_jax.runs.checkpoints import MAX_CAUSE_LENGTH, Checkpoints
from wann_jax.runs.holding import LOCK_FILE
from wann_jax.runs.rows import in_words, read_rows
from wann_jax.runs.settings import FORMAT, KEPT_CHECKPOINTS, VERSION, RunSettings, kernels_here, read_settings
from wann_jax.tasks.base import Task
from wann_jax.tasks.registry import find_spec

CONFIG_FILE, METRICS_FILE, INITIAL_FILE = "config.json", "metrics.jsonl", "initial.json"
TABLE_FILE, TRACEBACK_FILE = "metrics.csv", "traceback.txt"
CHECKPOINTS, CHAMPIONS = "checkpoints", "champions"
ADVICE = "wann resume goes on with a run"
# What a start leaves that failed, or was killed before there was a config.json, and what is there while one begins.
LEFTOVERS = {INITIAL_FILE, f"{INITIAL_FILE}.partial", f"{CONFIG_FILE}.partial", TRACEBACK_FILE, LOCK_FILE}


def make_directory(path: Path, advice: str, leftovers: Collection[str] = ()) -> None:
    """Makes a directory to write in. Raises CheckpointError if it holds anything but leftovers, or cannot be made."""
    rule = f"a directory that is new or empty, nothing is overwritten ({advice})"
    try:
        free = not path.exists() or (path.is_dir() and {file.name for file in path.iterdir()} <= {*leftovers})
        require(free, "out", rule, str(path), CheckpointError)
        path.mkdir(parents=True, exist_ok=True)
        found = os.access(path, os.W_OK)
    except OSError as error:
        raise CheckpointError(f"out must be a directory that can be written; got {str(path)!r}: {error}") from None
    require(found, "out", "a directory that can be written", str(path), CheckpointError)


class RunDirectory:
    """One run's files."""

    def __init__(self, path: Path):
        self.path, self._checkpoints = path, Checkpoints(path / CHECKPOINTS)
        self._found = path.stat()

    @classmethod
    def create(cls, path: Path, settings: RunSettings, initial: Genome | None = None) -> "RunDirectory":
        """A new run directory. Raises CheckpointError if it holds anything already, or cannot be made."""
        make_directory(path, ADVICE, LEFTOVERS)
        run = cls(path)
        with run._writing():
            for name in LEFTOVERS - {LOCK_FILE}:
                (path / name).unlink(missing_ok=True)
            if initial is not None:
                save_network(path / INITIAL_FILE, initial, {"from": settings.initial})
        run.write_settings(dataclasses.replace(settings, kernels=kernels_here()))
        return run

    def discard_unbegun(self) -> None:
        """Takes a run away that has not done a generation, so that its directory is free for the next try."""
        if self.is_begun():
            return
        with contextlib.suppress(OSError):  # something else is in it, or nothing can be written
            for name in (CONFIG_FILE, INITIAL_FILE, LOCK_FILE):
                (self.path / name).unlink(missing_ok=True)
            for folder in (self.path / CHECKPOINTS, self.path):
                if folder.exists():
                    folder.rmdir()

    def is_begun(self) -> bool:
        """Whether there is anything to go on from."""
        begun = (METRICS_FILE, CHAMPIONS, CHAMPION_FILE)
        return any((self.path / name).exists() for name in begun) or self.has_checkpoint()

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
            **dataclasses.asdict(settings),
        }
        with self._writing():
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
        with self._writing():
            with (self.path / METRICS_FILE).open("a") as file:
                file.writelines(strict_json(row) + "\n" for row in rows)
                file.flush()
                os.fsync(file.fileno())  # no checkpoint without the rows before it, whatever ends the machine
            text = as_csv(rows, with_names=not table.exists() or table.stat().st_size == 0)
            with table.open("a") as file:
                file.write(text)

    def keep_traceback(self, text: str) -> Path:
        """Writes what has ended the run; until it goes on."""
        with self._writing():
            write_atomically(self.path / TRACEBACK_FILE, text)
        return self.path / TRACEBACK_FILE

    def read_metrics(self) -> list[dict[str, Any]]:
        """All rows so far but a last one that was only half written. Raises CheckpointError on damaged ones."""
        path = self.path / METRICS_FILE
        rows = read_rows(path)
        rule = "lines that are rows of metrics (wann resume goes on without those that are damaged)"
        require(not rows.damaged, str(path), rule, f"line {in_words(rows.damaged)}", CheckpointError)
        return rows.whole

    def cut_back(self, generation: int) -> None:
        """Drops metrics and champions from `generation` on, which a resumed run will write again, and what ended it.

        Says so where earlier rows are lost, and keeps the damaged file.
        """
        path = self.path / METRICS_FILE
        found = read_rows(path)
        rows = found.before(generation)
        lost = sorted({*range(generation)} - {row["generation"] for row in rows})
        with self._writing():
            if lost and found.damaged:
                shutil.copyfile(path, kept := path.with_name(f"{METRICS_FILE}.damaged"))
                tell(f"{path} has no whole row of generation {in_words(lost)}; as it was, it is kept as {kept}")
            elif lost:
                tell(f"{path} has no row of generation {in_words(lost)}")
            write_atomically(path, "".join(strict_json(row) + "\n" for row in rows))
            write_atomically(self.path / TABLE_FILE, as_csv(rows))
            for file in self.champions():
                if int(file.stem) >= generation:
                    file.unlink()
            (self.path / TRACEBACK_FILE).unlink(missing_ok=True)

    def champions(self) -> list[Path]:
        """Files of the networks that were the best one for a while, the oldest first."""
        return sorted(file for file in (self.path / CHAMPIONS).glob("*.json") if file.stem.isdecimal())

    def log_champion(self, dispatch: Dispatch, settings: RunSettings, score: float) -> None:
        """Keeps the champion, also as champion.json, if a dispatch found one that is better than `score`, the last
        one's; before the rows of metrics that tell of it."""
        scores = dispatch.metrics.champion_score
        is_new = scores > np.concatenate([[score], scores[:-1]])
        if is_new.any():
            with self._writing():
                (self.path / CHAMPIONS).mkdir(exist_ok=True)
            generation = int(dispatch.metrics.generation[is_new][-1])
            self._write_network(Path(CHAMPIONS) / f"{generation:06}.json", dispatch.state, settings, generation)
            self.write_champion(dispatch.state, settings)

    def write_champion(self, state: SearchState, settings: RunSettings) -> None:
        """Writes champion.json."""
        self._write_network(Path(CHAMPION_FILE), state, settings, int(state.generation))

    def _write_network(self, name: Path, state: SearchState, settings: RunSettings, generation: int) -> None:
        info = {"task": settings.task, "seed": settings.seed, "generation": generation}
        info |= {"score": float(state.champion_score), "shared_weights": list(settings.config.shared_weights)}
        kept = find_spec(settings.task).network_options
        info |= {name: value for name, value in settings.task_options.items() if name in kept}
        with self._writing():
            save_network(self.path / name, state.champion, info)

    def save(self, state: SearchState, keep: int = KEPT_CHECKPOINTS) -> None:
        """Writes a checkpoint of the state; the last few are kept."""
        with self._writing():
            self._checkpoints.save(state, keep)

    def load(self, task: Task, settings: RunSettings) -> SearchState:
        """The newest checkpoint that is whole. Raises CheckpointError if there is none, or it does not fit."""
        return self._checkpoints.load(task, settings.config)

    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return bool(self._checkpoints.steps())

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Raises CheckpointError, in one line, if the directory is not there any more or what is inside fails."""
        try:
            is_same = os.path.samestat(self.path.stat(), self._found)
        except OSError:
            is_same = False
        rule = "left where it is while it runs (wann resume goes on with it, from its last checkpoint)"
        require(is_same, f"run {str(self.path)!r}", rule, "moved or deleted", CheckpointError)
        try:
            yield
        except WannError:
            raise
        except Exception as error:  # orbax makes anything of a full disk
            cause = getattr(error, "strerror", None) or " ".join(str(error).split())[:MAX_CAUSE_LENGTH]
            rest = f"what was saved before is whole, go on with: wann resume {self.path}"
            raise CheckpointError(f"run {str(self.path)!r} cannot be written: {cause}; {rest}") from None
