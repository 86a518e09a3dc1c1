"""A run's checkpoints: the search's state at some generations, the newest few, in orbax's format; nothing is pickled.

In: a state. Out: a folder for each checkpoint, named by its generation; and back, from the newest one that is whole.
"""

import contextlib
import dataclasses
import hashlib
import logging
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wann_jax.errors import CheckpointError, require
from wann_jax.evolution.config import SearchConfig
from wann_jax.evolution.generation import SearchState, init
from wann_jax.evolution.loop import spec_of
from wann_jax.files import strict_json
from wann_jax.genomes.genome import GenomeSpec
from wann_jax.native import tell
from wann_jax.runs import notes
from wann_jax.tasks.base import Task

MAX_CAUSE_LENGTH = 200  # of what orbax has to say about a damaged file
WRITTEN = ".written"  # after the name of a checkpoint that has no note yet
ROOM_BESIDES = 2**20  # bytes, for a checkpoint's many small files
_SYSTEMS_ERROR = re.compile(r"os_error_code='(\d+)'")  # in what tensorstore, below orbax, says


class DamageError(Exception):
    """Why a checkpoint is not whole."""


class Checkpoints:
    """The checkpoints in a folder, which need not exist yet."""

    def __init__(self, path: Path):
        self.path = path.absolute()

    def steps(self) -> list[int]:
        """Generations of which there is a checkpoint, the oldest first; one in the making is called otherwise."""
        names = [file.name for file in self.path.iterdir()] if self.path.is_dir() else []
        return sorted(int(name) for name in names if name.isdecimal())

    def save(self, state: SearchState, keep: int) -> None:
        """Writes the checkpoint of a state and keeps that many; those of later generations go, a run writes them again.

        Raises OSError where it can be told that it is one, and whatever orbax makes of it.
        """
        from orbax import checkpoint as ocp  # here: importing it takes longer than starting a search

        step = int(state.generation)
        for later in self.steps():
            if later >= step:
                self._remove(later)
        for leftover in self.path.glob(f"*{WRITTEN}*"):  # of a run that was killed
            shutil.rmtree(leftover)
        written = self.path / f"{step}{WRITTEN}"
        sizes: dict[str, Any] = {**dataclasses.asdict(state.genomes.spec)}
        sizes |= {"population_size": state.genomes.num_nodes.shape[0], "prng": str(jax.random.key_impl(state.key))}
        plain = jax.tree.map(np.asarray, {**vars(state), "key": jax.random.key_data(state.key)})
        sizes["state_sha256"] = _sha256_of_arrays(plain)
        sizes["sha256"] = _sha256_of(sizes)
        self._check_room(sum(leaf.nbytes for leaf in jax.tree.leaves(plain)))
        try:
            with self._checkpointer() as checkpointer:
                args = ocp.args.Composite(state=ocp.args.StandardSave(plain), sizes=ocp.args.JsonSave(sizes))
                checkpointer.save(written, args=args)
        except ValueError as error:
            found = _SYSTEMS_ERROR.search(str(error))
            if not found:
                raise
            raise OSError(int(found[1]), os.strerror(int(found[1]))) from None
        notes.write(written)
        written.rename(self.path / str(step))
        for old in self.steps()[:-keep]:
            self._remove(old)

    def load(self, task: Task, config: SearchConfig) -> SearchState:
        """The newest whole checkpoint; damaged ones are told of. Raises CheckpointError if none is whole or fits."""
        steps, damaged = self.steps(), []
        require(bool(steps), "run", "a directory that holds a checkpoint", str(self.path.parent), CheckpointError)
        for step in reversed(steps):
            try:
                state = self._load(step, task, config)
            except DamageError as error:
                damaged.append(f"checkpoint {self.path / str(step)} cannot be read ({error})")
            else:
                for words in damaged:
                    tell(f"{words}: going on from generation {step}")
                return state
        advice = f"none is whole; without {self.path} the run starts again from its beginning"
        raise CheckpointError(f"{damaged[0]}: {advice}")

    def _load(self, step: int, task: Task, config: SearchConfig) -> SearchState:
        from orbax import checkpoint as ocp

        wrong = notes.fault(self.path / str(step))
        _whole(wrong is None, f"its {wrong} is not what was written")
        with self._checkpointer() as checkpointer:

            def restore(**items):
                try:
                    return checkpointer.restore(self.path / str(step), args=ocp.args.Composite(**items))
                except Exception as error:  # orbax and what lies below it raise anything
                    raise DamageError(" ".join(str(error).split())[:MAX_CAUSE_LENGTH]) from None

            sizes = restore(sizes=ocp.args.JsonRestore())["sizes"]
            # Before 0.3 there was none.
            same = isinstance(sizes, dict) and sizes.pop("sha256", None) in (None, _sha256_of(sizes))
            _whole(same, "its sizes are not those that were written")
            wanted = sizes.pop("state_sha256", None)
            spec = _fitting_spec(sizes, task, config)
            # The user's implementation of random numbers may be another one now; the run keeps its own.
            key = jax.random.key(0, impl=sizes["prng"])
            fresh = jax.eval_shape(lambda: init(key, config, spec))
            shapes = jax.tree.map(_on_first_device, {**vars(fresh), "key": jax.random.key_data(key)})
            plain = restore(state=ocp.args.StandardRestore(shapes))["state"]
        _whole(wanted in (None, _sha256_of_arrays(plain)), "its arrays are not those that were written")
        plain = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), plain)  # on no device in particular
        return SearchState(**{**plain, "key": jax.random.wrap_key_data(plain["key"], impl=sizes["prng"])})

    def _check_room(self, size: int) -> None:
        """Raises OSError if the disk is too full: of that orbax tells on hundreds of lines, from other threads too."""
        self.path.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=self.path) as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size + ROOM_BESIDES)

    def _remove(self, step: int) -> None:
        shutil.rmtree(self.path / str(step))

    @contextlib.contextmanager
    def _checkpointer(self):
        logger = logging.getLogger("absl")
        before, logger.disabled = logger.disabled, True  # of an error orbax logs some hundred lines
        try:
            # No CheckpointManager: it reads all checkpoints there are, and fails where another one is damaged.
            with _for_this_process() as checkpointer:
                yield checkpointer
        finally:
            logger.disabled = before


def _for_this_process() -> Any:
    """Where there are more processes, each is for itself: the first one writes, and all may read."""
    from orbax import checkpoint as ocp

    if jax.process_count() == 1:
        return ocp.Checkpointer(ocp.CompositeCheckpointHandler())
    here = jax.process_index()
    options = ocp.options.MultiprocessingOptions(here, {here}, f"process {here}")
    handler = ocp.CompositeCheckpointHandler(composite_options=ocp.CompositeOptions(multiprocessing_options=options))
    return ocp.Checkpointer(handler, multiprocessing_options=options)


def _whole(is_whole: bool, otherwise: str) -> None:
    if not is_whole:
        raise DamageError(otherwise)


def _sha256_of(sizes: dict[str, Any]) -> str:
    return hashlib.sha256(strict_json(dict(sorted(sizes.items()))).encode()).hexdigest()


def _sha256_of_arrays(tree: Any) -> str:
    found = hashlib.sha256()
    for leaf in jax.tree.leaves(tree):
        found.update(np.asarray(leaf).tobytes())
    return found.hexdigest()


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
    return jax.ShapeDtypeStruct(
        leaf.shape, leaf.dtype, sharding=jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    )
