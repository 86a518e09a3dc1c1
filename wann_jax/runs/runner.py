"""Runs a search in a run directory: files, checkpoints, progress, signals.

In: a run directory and a state. Out: the run directory, complete, and what ended the search.
"""

import signal
import time

import jax
import jax.numpy as jnp

from wann_jax.devices import anywhere, is_whole_here, taken_home
from wann_jax.errors import CheckpointError
from wann_jax.evolution.generation import SearchState
from wann_jax.evolution.loop import dispatches
from wann_jax.evolution.progress import SearchProgress
from wann_jax.native import tell
from wann_jax.runs.directory import RunDirectory
from wann_jax.runs.following import is_first
from wann_jax.runs.logs import open_logs
from wann_jax.runs.settings import RunSettings
from wann_jax.tasks.base import Task
from wann_jax.tasks.interrupts import until_interrupted


def run_to_end(run: RunDirectory, settings: RunSettings, task: Task, state: SearchState) -> tuple[SearchState, int]:
    """Searches until the last generation, or until a signal; the last state, and that signal's number, 0 for the end.

    Metrics are written with every dispatch, after the champion that they tell of; a checkpoint every
    `checkpoint_interval` generations and every `checkpoint_minutes`, and at the end. Ctrl-C, SIGTERM and SIGHUP end the
    run after the dispatch in flight; a second one ends it at once. Whatever ends it, an error in a dispatch too, the
    last generations before are saved; but for a second signal in a program that goes on for ever, or an error where
    the population is divided among processes: then the last checkpoint is what there is. Of several processes that
    search as one, the first one writes, and all stop where one does.
    """

    def at_once() -> None:
        progress.__exit__(None, None, None)  # a terminal is as it was
        tell(f"stopped in the middle of a generation; go on with: wann resume {run.path}")

    interval, total = settings.checkpoint_interval, settings.config.generations
    progress = SearchProgress(total, task.work_unit, int(state.generation), is_on=is_first())
    unsaved: SearchState | None = None
    score = float(state.champion_score)
    logs = open_logs(run, settings, int(state.generation))
    if int(state.generation) > 0:  # a run may have been killed between a checkpoint and this
        run.write_champion(state, settings)
    saved = time.monotonic()  # which no change of the clock moves
    with until_interrupted(at_once) as came, progress, logs as log:
        try:
            for dispatch in came.steps(dispatches(task, settings.config, state, interval)):
                state = dispatch.state
                run.log_champion(dispatch, settings, score)
                run.append_metrics(dispatch)
                log(dispatch)
                score = float(dispatch.metrics.champion_score[-1])
                progress.update(dispatch)
                generation = int(state.generation)
                is_time = time.monotonic() - saved >= 60 * settings.checkpoint_minutes
                stops = anywhere(came() > 0)
                if generation % interval == 0 or generation == total or is_time or stops:
                    _save(run, state, settings)
                    unsaved, saved = None, time.monotonic()
                else:
                    unsaved = jax.tree.map(jnp.copy, state)  # the next dispatch takes the memory of the state itself
                if stops:
                    break
        except CheckpointError:  # of the run directory: nothing more can be written
            raise
        except BaseException as error:
            if unsaved is not None and is_whole_here(unsaved):
                _save(run, unsaved, settings)
            if isinstance(error, KeyboardInterrupt) and run.is_begun():
                tell(f"go on with: wann resume {run.path}")
            raise
    return state, 0 if int(state.generation) >= total else came() or signal.SIGTERM  # that of another process


def _save(run: RunDirectory, state: SearchState, settings: RunSettings) -> None:
    state = taken_home(state)
    run.write_champion(state, settings)  # first: a checkpoint of the end is a run's end
    run.save(state, settings.keep_checkpoints)
