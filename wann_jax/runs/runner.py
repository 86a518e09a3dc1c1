"""Runs a search in a run directory: files, checkpoints, progress, Ctrl-C.

In: a run directory and a state. Out: the run directory, complete, and whether the search reached its end.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from wann_jax.evolution.generation import SearchState
from wann_jax.evolution.loop import dispatches
from wann_jax.report.progress import SearchProgress
from wann_jax.runs.directory import RunDirectory, RunSettings
from wann_jax.tasks.base import Task


def run_to_end(run: RunDirectory, settings: RunSettings, task: Task, state: SearchState) -> tuple[SearchState, bool]:
    """Searches until the last generation, or until Ctrl-C; True if the end was reached.

    Metrics are written with every dispatch, a checkpoint and the champion every `checkpoint_interval` generations
    and at the end. Ctrl-C ends the run after the dispatch in flight; a second Ctrl-C ends it at once.
    """
    interval, total = settings.checkpoint_interval, settings.config.generations
    saved = int(state.generation)
    progress = SearchProgress(total, task.work_unit, saved)
    with until_interrupted() as interrupted, progress:
        for dispatch in dispatches(task, settings.config, state, interval):
            state = dispatch.state
            run.append_metrics(dispatch)
            progress.update(dispatch)
            generation = int(state.generation)
            if generation % interval == 0 or generation == total or interrupted():
                run.save(state)
                run.write_champion(state, settings)
            if interrupted():
                break
    return state, int(state.generation) >= total


@contextmanager
def until_interrupted() -> Iterator:
    """Gives a function that tells whether Ctrl-C was pressed; the second press raises KeyboardInterrupt."""
    pressed = False

    def note(signum, frame):
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    previous = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, previous)
