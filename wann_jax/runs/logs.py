"""Logs of a search for the programs that people watch them with: TensorBoard and Weights & Biases.

In: dispatches, one after another. Out: their metrics, a step for each generation. A log is what `search` takes as
`on_dispatch`; a run directory opens its own (`open_logs`).
"""

import contextlib
import dataclasses
import importlib
import math
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from wann_jax.errors import ConfigError, require_known
from wann_jax.evolution.loop import Dispatch
from wann_jax.files import StrPath
from wann_jax.runs.directory import RunDirectory
from wann_jax.runs.settings import RunSettings

_MODULES = {"tensorboard": "tensorboardX", "wandb": "wandb"}  # by log, which its extra is called like
TENSORBOARD_FOLDER, WANDB_ID_FILE = "tensorboard", "wandb-id"


class TensorBoardLog:
    """Writes metrics where TensorBoard finds them (extra `tensorboard`).

    Args:
        directory: where to write; it is made.
        first: the generation that is written first: what an earlier log has from there on is hidden.

    Raises:
        ConfigError: without the extra.
    """

    def __init__(self, directory: StrPath, first: int = 0):
        writer = _module_of("tensorboard").SummaryWriter
        # Files are named by the second; two that begin within one must not take each other's place.
        self._writer = writer(str(directory), purge_step=first, filename_suffix=f".{time.time_ns()}")

    def __call__(self, dispatch: Dispatch) -> None:
        """Writes the generations of a dispatch."""
        for row in dispatch.rows():
            for name, value in _finite(row).items():
                self._writer.add_scalar(name, value, row["generation"])
        self._writer.flush()

    def close(self) -> None:
        """Ends the log."""
        self._writer.close()


class WandbLog:
    """Sends metrics to a run of Weights & Biases (extra `wandb`).

    Args:
        **init: what `wandb.init` takes: project, name, mode and so on.

    Raises:
        ConfigError: without the extra.
    """

    def __init__(self, **init: Any):
        self._run = _module_of("wandb").init(**init)

    def __call__(self, dispatch: Dispatch) -> None:
        """Sends the generations of a dispatch."""
        for row in dispatch.rows():
            self._run.log(_finite(row), step=row["generation"])

    def close(self) -> None:
        """Ends the run."""
        self._run.finish()


def check_logs(kinds: Sequence[str]) -> None:
    """Raises ConfigError for a log that nobody knows, or whose extra is not installed."""
    for kind in kinds:
        require_known("log", kind, _MODULES)
        _module_of(kind)


@contextlib.contextmanager
def open_logs(run: RunDirectory, settings: RunSettings, first: int) -> Iterator[Callable[[Dispatch], None]]:
    """The logs of a run, as one; `first`: the generation that it goes on with.

    They are opened with the first dispatch, so that a run which never gets that far leaves nothing behind.
    """
    opened: list[TensorBoardLog | WandbLog] = []

    def log(dispatch: Dispatch) -> None:
        if not opened:
            opened.extend(_opened(kind, run.path, settings, first) for kind in settings.logs)
        for each in opened:
            each(dispatch)

    try:
        yield log
    finally:
        for each in opened:
            each.close()


def _opened(kind: str, path: Path, settings: RunSettings, first: int) -> TensorBoardLog | WandbLog:
    if kind == "tensorboard":
        return TensorBoardLog(path / TENSORBOARD_FOLDER, first)
    identity = path / WANDB_ID_FILE  # so that a resumed run goes on there too
    if not identity.exists():
        identity.write_text(uuid.uuid4().hex[:8])
    return WandbLog(
        dir=str(path),
        name=path.name,
        id=identity.read_text(),
        resume="allow",
        config=dataclasses.asdict(settings),
    )


def _module_of(kind: str) -> ModuleType:
    """What a log is written with. Raises ConfigError if it is not installed."""
    try:
        return importlib.import_module(_MODULES[kind])
    except ImportError:
        raise ConfigError(f"log {kind!r} needs the extra {kind} (pip install '.[{kind}]')") from None


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """What can be drawn."""
    return {name: value for name, value in row.items() if math.isfinite(value)}
