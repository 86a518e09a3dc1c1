"""Real Gymnasium environments in other processes.

In: an environment's name, seeds, actions (NumPy). Out: observations, rewards, which episodes go on. A session is one
set of lanes from reset to end; each process keeps its share of the lanes, and used environments for the next session.
The processes run gymnasium_worker.py.
"""

import atexit
import itertools
import logging
import multiprocessing
import multiprocessing.connection
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from wann_jax.errors import require
from wann_jax.tasks import interrupts

TIMEOUT_VARIABLE = "WANN_WORKER_TIMEOUT"
TIMEOUT = 60.0  # seconds for an answer
SECONDS_PER_RESET = 1.0  # more, for each environment of a process: some draw a world
_PROGRAM = Path(__file__).with_name("gymnasium_worker.py")


class WorkerError(RuntimeError):
    """What went wrong in a process or its environment, in one line; of an environment's error, file and line of each
    frame too, and the whole traceback."""

    def __init__(self, text: str, frames: Sequence[tuple[str, int]] = (), trace: str = ""):
        super().__init__(text)
        self.frames, self.trace = [*frames], trace


class Workers:
    """Processes that step environments of one name, one process for each core."""

    def __init__(self, env_id: str):
        self._name = f"gymnasium:{env_id}"
        self._timeout = _timeout()
        self._lock = threading.Lock()
        self._sessions = itertools.count(1)
        self._pipes: list[Any] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        # They import what this process could: an environment may be registered by a module beside the user's program.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
        for _ in range(os.cpu_count() or 1):
            ours, theirs = multiprocessing.Pipe()
            command = [sys.executable, "-P", str(_PROGRAM), env_id, str(theirs.fileno())]
            # A session of their own: Ctrl-C in a terminal is for us alone. They end when the pipe closes.
            process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], start_new_session=True, stdin=subprocess.DEVNULL, env=environment
            )
            self._processes.append(process)
            theirs.close()
            self._pipes.append(ours)
        atexit.register(self.close)

    def close(self, patience: float = 10.0) -> None:
        """Ends the processes."""
        atexit.unregister(self.close)
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def reset(self, seeds: np.ndarray, num_copies: int) -> tuple[np.int32, np.ndarray]:
        """Starts lanes [copies * seeds]: a session's number and first observations [lanes, ...]."""
        session = next(self._sessions)
        answers = self._ask("reset", session, np.array_split(np.tile(seeds, num_copies), len(self._pipes)))
        return np.int32(session), np.concatenate([answer for answer in answers if len(answer)])

    def step(self, session: Any, actions: np.ndarray) -> tuple[np.ndarray, ...]:
        """Observations, rewards (0 after the end) and whether each lane goes on."""
        answers = self._ask("step", int(session), np.array_split(actions, len(self._pipes)))
        parts = zip(*(answer for answer in answers if len(answer[0])), strict=True)
        return tuple(map(np.concatenate, parts))

    def finish(self, session: Any) -> None:
        """Lets a session's environments go."""
        self._ask("finish", int(session), [None] * len(self._pipes))

    def _ask(self, what: str, session: int, shares: list[Any]) -> list[Any]:
        """The answers of all processes. Raises WorkerError if one is not as it should be; none is usable then."""
        wait = self._timeout + (SECONDS_PER_RESET * max(map(len, shares)) if what == "reset" else 0.0)
        with self._lock:
            try:
                for index, share in enumerate(shares):
                    with self._watched(index):
                        self._pipes[index].send((what, session, share))
                return [self._answer(index, wait) for index in range(len(shares))]
            except (WorkerError, KeyboardInterrupt) as error:
                self._give_up(error)

    def _answer(self, index: int, wait: float) -> Any:
        with self._watched(index):
            if not interrupts.ready(self._pipes[index], wait):
                hint = f"set ${TIMEOUT_VARIABLE} if its environments take longer"
                raise WorkerError(f"{self._name}: a worker process has not answered for {wait:g} s ({hint})")
            is_good, answer = self._pipes[index].recv()
        if not is_good:
            text, frames, trace = answer
            raise WorkerError(f"{self._name}: {text}", frames, trace)
        return answer

    @contextmanager
    def _watched(self, index: int) -> Iterator[None]:
        """Raises WorkerError if the process at the other end has gone."""
        try:
            yield
        except (EOFError, OSError):
            process = self._processes[index]
            with suppress(subprocess.TimeoutExpired):  # its pipe is closed a little earlier
                process.wait(1.0)
            text = f"{self._name}: a worker process has ended (exit status {process.returncode})"
            raise WorkerError(text) from None

    def _give_up(self, error: WorkerError | KeyboardInterrupt) -> NoReturn:
        """What still lies in the pipes answers no question any more: new processes for whoever goes on."""
        _failures.append(error)
        for name in [name for name, workers in _started.items() if workers is self]:
            del _started[name]
        self.close(patience=0.0)
        raise error


def _timeout() -> float:
    text = os.environ.get(TIMEOUT_VARIABLE, str(TIMEOUT))
    fits = text.replace(".", "", 1).isdecimal() and float(text) > 0
    require(fits, f"${TIMEOUT_VARIABLE}", "a number of seconds above 0", text)
    return float(text)


_started: dict[str, Workers] = {}
_failures: list[WorkerError | KeyboardInterrupt] = []


def workers_of(env_id: str) -> Workers:
    """The processes for environments of this name, started at the first call."""
    logging.getLogger("jax._src.callback").addFilter(_is_news)  # once, however often
    if env_id not in _started:
        _started[env_id] = Workers(env_id)
    return _started[env_id]


def take_failure() -> WorkerError | KeyboardInterrupt | None:
    """What went wrong in or with the processes since the last call, the first of it.

    JAX wraps what a callback raises into an error of its own, which tells of everything between.
    """
    failure = _failures[0] if _failures else None
    _failures.clear()
    return failure


def _is_news(record: logging.LogRecord) -> bool:
    """False of failures that `take_failure` tells of: JAX would log them with a traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], WorkerError | KeyboardInterrupt))
