"""Real Gymnasium environments in other processes.

In: an environment's name, seeds, actions (NumPy). Out: observations, rewards, which episodes go on. A session is one
set of lanes from reset to end; each process keeps its share of the lanes, and used environments for the next session.
The processes run this file as it is: they need Gymnasium, but neither JAX nor anything of ours.
"""

import atexit
import itertools
import multiprocessing
import multiprocessing.connection
import os
import subprocess
import sys
import threading
from functools import cache
from typing import Any

import numpy as np


class Workers:
    """Processes that step environments of one name, one process for each core."""

    def __init__(self, env_id: str):
        self._lock = threading.Lock()
        self._sessions = itertools.count(1)
        self._pipes: list[Any] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        for _ in range(os.cpu_count() or 1):
            ours, theirs = multiprocessing.Pipe()
            command = [sys.executable, "-P", __file__, env_id, str(theirs.fileno())]
            self._processes.append(subprocess.Popen(command, pass_fds=[theirs.fileno()]))
            theirs.close()
            self._pipes.append(ours)
        atexit.register(self.close)

    def close(self) -> None:
        """Ends the processes."""
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            pipe.close()
            process.wait(10)

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
        with self._lock:
            for pipe, share in zip(self._pipes, shares, strict=True):
                pipe.send((what, session, share))
            answers = [pipe.recv() for pipe in self._pipes]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers


@cache
def workers_of(env_id: str) -> Workers:
    """The processes for environments of this name, started at the first call."""
    return Workers(env_id)


class _Lanes:
    """One process's share of a session."""

    def __init__(self, envs: list[Any], seeds: np.ndarray):
        self.envs = envs
        self.obs = [env.reset(seed=int(seed))[0] for env, seed in zip(envs, seeds, strict=True)]
        self.alive = np.ones(len(envs), bool)

    def observations(self) -> np.ndarray:
        """[lanes, inputs], float32."""
        return np.array([np.asarray(obs, np.float32).ravel() for obs in self.obs], np.float32)

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, ...]:
        """As Workers.step."""
        rewards = np.zeros(len(self.envs), np.float32)
        for lane in np.flatnonzero(self.alive):
            action = actions[lane].item() if actions[lane].ndim == 0 else actions[lane]
            self.obs[lane], rewards[lane], terminated, truncated, _ = self.envs[lane].step(action)
            self.alive[lane] = not (terminated or truncated)
        return self.observations(), rewards, self.alive.copy()


def _serve(env_id: str, pipe: Any) -> None:
    """What a process does until its pipe closes."""
    import gymnasium

    spare: list[Any] = []
    sessions: dict[int, _Lanes] = {}
    while True:
        try:
            what, session, share = pipe.recv()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        try:
            if what == "reset":
                envs = [spare.pop() if spare else gymnasium.make(env_id) for _ in share]
                sessions[session] = _Lanes(envs, share)
                pipe.send(sessions[session].observations())
            elif what == "step":
                pipe.send(sessions[session].step(share))
            else:
                spare += sessions.pop(session).envs
                pipe.send(True)
        except Exception as error:  # answered in the parent process
            pipe.send(RuntimeError(f"{env_id}: {error}"))


if __name__ == "__main__":
    _serve(sys.argv[1], multiprocessing.connection.Connection(int(sys.argv[2])))
