"""What one process of gymnasium_workers.py does: steps its share of the environments.

In: questions (what, session, share) from a pipe. Out: answers (True, answer) or (False, (text, frames, traceback)).
Runs as it is: it needs Gymnasium, but neither JAX nor anything of ours.
"""

import contextlib
import multiprocessing.connection
import sys
import traceback
from typing import Any

import numpy as np

MAX_TEXT = 300  # of what an environment says


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
    """What a process does until its pipe closes: answers (True, answer) or (False, (text, frames, traceback))."""
    spare: list[Any] = []
    sessions: dict[int, _Lanes] = {}
    while True:
        try:
            what, session, share = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            import gymnasium  # here: what its import says is an answer too

            if what == "reset":
                envs = [spare.pop() if spare else gymnasium.make(env_id) for _ in share]
                sessions[session] = _Lanes(envs, share)
                answer: Any = sessions[session].observations()
            elif what == "step":
                answer = sessions[session].step(share)
            else:
                spare += sessions.pop(session).envs
                answer = None
        except Exception as error:
            text = " ".join(str(error).split())[:MAX_TEXT]
            answer = f"{what} raised {type(error).__name__}" + (f": {text}" if text else "")
            frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
            pipe.send((False, (answer, frames, traceback.format_exc())))
        else:
            pipe.send((True, answer))


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # nobody listens any more
        _serve(sys.argv[1], multiprocessing.connection.Connection(int(sys.argv[2])))
