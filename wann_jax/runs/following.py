"""A run that another process writes: where several search as one, the first one's files are all there is.

In and out: as directory.py, but nothing is written.
"""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import jax

from wann_jax.evolution.generation import SearchState
from wann_jax.evolution.loop import Dispatch
from wann_jax.genomes.genome import Genome
from wann_jax.runs.directory import TRACEBACK_FILE, RunDirectory
from wann_jax.runs.holding import held
from wann_jax.runs.settings import KEPT_CHECKPOINTS, RunSettings


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return jax.process_index() == 0


def held_by_first(path: Path) -> Any:
    """Holds the directory, in the process that writes into it. Raises CheckpointError."""
    return held(path) if is_first() else nullcontext()


class FollowedRun(RunDirectory):
    """Reads what the first process has written."""

    def __init__(self, path: Path):
        self.path = path  # it may not exist yet

    @classmethod
    def create(cls, path: Path, settings: RunSettings, initial: Genome | None = None) -> "FollowedRun":
        """Nothing is made."""
        return cls(path)

    def write_settings(self, settings: RunSettings) -> None:
        """Nothing is written."""

    def append_metrics(self, dispatch: Dispatch) -> None:
        """Nothing is written."""

    def log_champion(self, dispatch: Dispatch, settings: RunSettings, score: float) -> None:
        """Nothing is written."""

    def write_champion(self, state: SearchState, settings: RunSettings) -> None:
        """Nothing is written."""

    def save(self, state: SearchState, keep: int = KEPT_CHECKPOINTS) -> None:
        """Nothing is written."""

    def keep_traceback(self, text: str) -> Path:
        """Nothing is written: the first process meets the same."""
        return self.path / TRACEBACK_FILE

    def cut_back(self, generation: int) -> None:
        """Nothing is written."""

    def discard_unbegun(self) -> None:
        """Nothing is taken away."""
