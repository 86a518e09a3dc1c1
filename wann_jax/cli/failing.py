"""What code of a user's raises, a task's above all: one line that tells where, and the whole traceback beside it.

In: what a command has raised. Out: its cause and a line; in a run, one TaskError and a file.
"""

import contextlib
import logging
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING

from wann_jax.errors import MAX_LETTERS, WannError
from wann_jax.tasks.gymnasium_workers import WorkerError, take_failure

if TYPE_CHECKING:
    from wann_jax.runs.directory import RunDirectory

OURS = ("wann_jax", "jax", "jaxlib")  # packages that may stand outside site-packages
_raised: list[BaseException] = []  # by callbacks


class TaskError(WannError, RuntimeError):
    """A user's task has raised something in the middle of a run."""


@contextlib.contextmanager
def callbacks_heard() -> Iterator[None]:
    """Keeps for `cause_of` what callbacks of compiled programs raise, which JAX would log."""
    log = logging.getLogger("jax._src.callback")
    _raised.clear()
    log.addFilter(_keep)
    try:
        yield
    finally:
        log.removeFilter(_keep)


def _keep(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        _raised.append(error)
    return error is None


def cause_of(error: Exception) -> BaseException:
    """What a callback or a worker process raised, if that is what ended the program; else the error itself.

    JAX tells of a callback's error in one of its own, as text and without its frames.
    """
    failure = take_failure()
    return failure or (_raised[0] if _raised else error)


def line_of(error: BaseException, whose: str) -> str | None:
    """One line with the exception and the place in the user's code; None if no such code is in it."""
    place = _place(error)
    if isinstance(error, WorkerError):
        return str(error) + (f" ({place})" if place else "")
    text = next(iter(str(error).strip().splitlines()), "")[:MAX_LETTERS]
    return place and f"{whose} raised {type(error).__name__}{': ' * bool(text)}{text} ({place})"


@contextlib.contextmanager
def task_watched(run: "RunDirectory", task: str) -> Iterator[None]:
    """Raises TaskError, with the traceback in the run's directory, where a user's task raises anything."""
    try:
        yield
    except WannError:
        raise
    except Exception as error:
        cause = cause_of(error)
        line = line_of(cause, f"task {task!r}")
        if not isinstance(cause, Exception) or line is None:
            raise cause from None
        trace = trace_of(cause)
        words = [line, *([f"the whole traceback: {run.keep_traceback(trace)}"] if trace else [])]
        words += [f"go on with: wann resume {run.path}"] if run.is_begun() else []
        raise TaskError("; ".join(words)) from cause


def trace_of(error: BaseException) -> str:
    """The whole traceback, where there is one to see: that of another process, if the error happened there."""
    return error.trace if isinstance(error, WorkerError) else "".join(traceback.format_exception(error))


def _place(error: BaseException) -> str | None:
    """FILE:LINE of the deepest frame in code that is neither ours nor installed."""
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    frames += error.frames if isinstance(error, WorkerError) else []
    modules = [getattr(sys.modules.get(name), "__file__", None) for name in OURS]
    folders = [os.path.dirname(file) for file in modules if file]
    folders += [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    others = tuple(os.path.realpath(folder) + os.sep for folder in folders)
    theirs = [f"{file}:{line}" for file, line in frames if not _is_in(file, others)]
    return theirs[-1] if theirs else None


def _is_in(file: str, folders: tuple[str, ...]) -> bool:
    return file.startswith("<") or os.path.realpath(file).startswith(folders)
