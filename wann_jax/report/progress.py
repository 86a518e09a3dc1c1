"""Live progress of a search on a terminal; silent elsewhere.

In: dispatches. Out: one line that keeps changing: generation, best and median, connections, speed, time left.
"""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wann_jax.evolution.loop import Dispatch


class SearchProgress:
    """A context manager; call `update` with every dispatch."""

    def __init__(self, generations: int, work_unit: str, done: int = 0, console: Console | None = None):
        console = console or Console(stderr=True)
        self._unit = work_unit
        self._progress = Progress(
            TextColumn("generation"),
            MofNCompleteColumn(),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[summary]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=generations, completed=done, summary="compiling ...")

    def __enter__(self) -> "SearchProgress":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def update(self, dispatch: Dispatch) -> None:
        """Shows the newest generation."""
        metrics = dispatch.metrics
        speed = (
            "compiling"
            if dispatch.compiled
            else f"{_short(float(metrics.work.sum()) / dispatch.seconds)} {self._unit}/s"
        )
        summary = (
            f"best {metrics.return_max[-1]:.4g}  median {metrics.return_median[-1]:.4g}  "
            f"champion {metrics.champion_score[-1]:.4g}  connections {metrics.best_connections[-1]}  {speed}"
        )
        self._progress.update(self._task, completed=int(metrics.generation[-1]) + 1, summary=summary)


class StepProgress:
    """A bar over known steps; a context manager. Silent where there is no terminal."""

    def __init__(self, name: str, steps: int, console: Console | None = None):
        console = console or Console(stderr=True)
        self._progress = Progress(
            TextColumn(name),
            MofNCompleteColumn(),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[summary]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=steps, summary="compiling ...")

    def __enter__(self) -> "StepProgress":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def advance(self, summary: str) -> None:
        """One step done."""
        self._progress.update(self._task, advance=1, summary=summary)


def _short(value: float) -> str:
    """Three digits and a prefix: 12.3M."""
    for prefix in ("", "k", "M"):
        if value < 1000:
            return f"{value:.3g}{prefix}"
        value /= 1000
    return f"{value:.3g}G"
