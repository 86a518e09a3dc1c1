"""Progress of what takes long: never silent for more than ten seconds, whoever looks.

In: dispatches of a search, or steps. Out: on a terminal two lines that keep changing, for which 80 columns are enough;
in a notebook one such line, which keeps changing; elsewhere (a file) a line every ten seconds, also while a program is
being compiled.
"""

import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from wann_jax.evolution.loop import Dispatch

HEARTBEAT = 8.0  # seconds of silence after which a line is written
COMPILING = "compiling (once for each size of networks; usually 5 to 60 s)"


class _TwoLines(Progress):
    """A bar, and a summary below it."""

    summary = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Both, each on a line of its own."""
        yield self.make_tasks_table(self.tasks)
        yield Text(f"  {self.summary}", no_wrap=True, overflow="ellipsis")


class StepProgress:
    """Progress over known steps; a context manager. With `is_on` False nothing is shown."""

    def __init__(
        self, name: str, steps: int, done: int = 0, console: Console | None = None, is_on: bool = True, first: str = ""
    ):
        self._console = console or Console(stderr=True)
        self._is_on, self._name, self._steps, self._done = is_on, name, steps, done
        self._bar = _TwoLines(
            TextColumn("{task.description}"),
            MofNCompleteColumn(),
            BarColumn(bar_width=20),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(compact=True),
            console=self._console,
            disable=not (is_on and self._console.is_terminal),
        )
        self._task = self._bar.add_task(name, total=steps, completed=done)
        self._bar.summary = self._summary = first or COMPILING
        self._began = self._last_word = time.monotonic()
        self._shown: Any = None  # a notebook's line
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> "StepProgress":
        self._bar.start()
        if self._is_on and not self._console.is_terminal:
            self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._heart.is_alive():
            self._heart.join()
        if self._is_on and self._console.is_jupyter:
            self._show_in_notebook()
        self._bar.stop()

    def advance(self, summary: str) -> None:
        """One step done."""
        self.show(self._done + 1, summary)

    def show(self, done: int, summary: str) -> None:
        """So many steps are done by now."""
        self._done, self._summary = done, summary
        self._bar.summary = summary
        self._bar.update(self._task, completed=done)

    def _beat(self) -> None:
        """Off a terminal: the newest state, whenever there has been silence for a while."""
        while not self._ended.wait(min(HEARTBEAT, 1.0)):
            now = time.monotonic()
            if self._console.is_jupyter:
                self._show_in_notebook()
            elif now - self._last_word >= HEARTBEAT:
                self._last_word = now
                self._console.print(self._line, markup=False, highlight=False, soft_wrap=True)

    @property
    def _line(self) -> str:
        return f"{self._name} {self._done}/{self._steps}, {time.monotonic() - self._began:.0f} s: {self._summary}"

    def _show_in_notebook(self) -> None:
        """Writes the line below the cell, over the one before."""
        from IPython.display import display  # here: only a notebook has it

        words = {"text/plain": self._line}
        if self._shown is None:
            self._shown = display(words, raw=True, display_id=True)
        else:
            self._shown.update(words, raw=True)


def waiting(name: str) -> StepProgress:
    """Progress of one long step, of which nothing is known but that it goes on."""
    return StepProgress(name, 1, first="compiling and evaluating")


class SearchProgress(StepProgress):
    """Progress of a search; call `update` with every dispatch."""

    def __init__(
        self, generations: int, work_unit: str, done: int = 0, console: Console | None = None, is_on: bool = True
    ):
        super().__init__("generation", generations, done, console, is_on)
        self._unit = work_unit

    def __enter__(self) -> "SearchProgress":
        super().__enter__()
        return self

    def update(self, dispatch: Dispatch) -> None:
        """Shows the newest generation."""
        metrics = dispatch.metrics
        speed = f"{_short(float(metrics.work.sum()) / dispatch.seconds)} {self._unit}/s"
        summary = (
            f"best {metrics.return_max[-1]:.4g}  median {metrics.return_median[-1]:.4g}  "
            f"champion {metrics.champion_score[-1]:.4g}  connections {metrics.best_connections[-1]}  "
        )
        self.show(int(metrics.generation[-1]) + 1, summary + ("compiled" if dispatch.compiled else speed))


def _short(value: float) -> str:
    """Three digits and a prefix: 12.3M."""
    for prefix in ("", "k", "M"):
        if value < 1000:
            return f"{value:.3g}{prefix}"
        value /= 1000
    return f"{value:.3g}G"
