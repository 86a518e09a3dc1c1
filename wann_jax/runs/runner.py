"""Runs a search in a run directory: files, checkpoints, progress, Ctrl-C.

In: a run directory and a state. Out: the run directory, complete, and whether the search reached its end.
"""

import jax
import jax.numpy as jnp

from wann_jax.evolution.generation import SearchState
from wann_jax.evolution.loop import dispatches
from wann_jax.evolution.progress import SearchProgress
from wann_jax.runs.directory import RunDirectory, RunSettings
from wann_jax.runs.logs import open_logs
from wann_jax.tasks.base import Task
from wann_jax.tasks.interrupts import until_interrupted


def run_to_end(run: RunDirectory, settings: RunSettings, task: Task, state: SearchState) -> tuple[SearchState, bool]:
    """Searches until the last generation, or until Ctrl-C; True if the end was reached.

    Metrics are written with every dispatch, a checkpoint and the champion every `checkpoint_interval` generations
    and at the end. Ctrl-C ends the run after the dispatch in flight; a second Ctrl-C ends it at once. Whatever ends it,
    an error in a dispatch too, the last generations before are saved.
    """
    interval, total = settings.checkpoint_interval, settings.config.generations
    progress = SearchProgress(total, task.work_unit, int(state.generation))
    unsaved: SearchState | None = None
    score = float(state.champion_score)
    logs = open_logs(run, settings, int(state.generation))
    with until_interrupted() as interrupted, progress, logs as log:
        try:
            for dispatch in dispatches(task, settings.config, state, interval):
                state = dispatch.state
                run.append_metrics(dispatch)
                run.log_champion(dispatch, settings, score)
                log(dispatch)
                score = float(dispatch.metrics.champion_score[-1])
                progress.update(dispatch)
                generation = int(state.generation)
                if generation % interval == 0 or generation == total or interrupted():
                    _save(run, state, settings)
                    unsaved = None
                else:
                    unsaved = jax.tree.map(jnp.copy, state)  # the next dispatch takes the memory of the state itself
                if interrupted():
                    break
        except BaseException:
            if unsaved is not None:
                _save(run, unsaved, settings)
            raise
    return state, int(state.generation) >= total


def _save(run: RunDirectory, state: SearchState, settings: RunSettings) -> None:
    run.save(state)
    run.write_champion(state, settings)
