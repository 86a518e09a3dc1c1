"""What experiments share: a record of what has been measured, which an interruption leaves whole.

In: a name. Out: one JSON file, one picture, one paragraph that quotes its own numbers.
"""

import dataclasses
import importlib
import json
import multiprocessing
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from wann_jax.analysis.experiments import EXPERIMENTS
from wann_jax.errors import CheckpointError, require, require_known
from wann_jax.files import strict_json, write_atomically

Results = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A question and how it is answered."""

    question: str
    expected: str  # by the literature, or by our reasoning, before it was run
    not_shown: str  # what the answer does not say
    run: "Callable[[Record, Setting], Results]"
    draw: Callable[[Results], Figure]
    answer: Callable[[Results], str]
    least_seeds: int = 1


@dataclasses.dataclass(frozen=True)
class Setting:
    """How much is measured."""

    task: str
    seeds: int
    is_quick: bool


class Record:
    """Measurements by name, kept in a file: what is known is not measured again."""

    def __init__(self, path: Path, setting: Setting):
        self.path = path
        self._known: dict[str, Any] = {}
        if path.exists():
            document = json.loads(path.read_text())
            found, wanted = document["setting"], dataclasses.asdict(setting)
            rule = f"that of {path}, {found} (or another --out)"
            require(found == wanted, "setting", rule, wanted, CheckpointError)
            self._known = document["measured"]
        self._setting = setting

    def measured(self, name: str, measure: Callable[[], Any]) -> Any:
        """What was measured under this name, now or before."""
        if name not in self._known:
            self._known[name] = measure()
            self.write({})
        return self._known[name]

    def measured_all(
        self, jobs: Mapping[str, Callable[[], Any]], is_quick: bool = False, processes: int | None = None
    ) -> dict[str, Any]:
        """What each job gives, now or before. Side by side, in processes of one core each, so many at a time (by
        default one for each core); one after another in this process if quick.

        Jobs are functions that can be pickled: partials of a module's functions. Each result is kept at once.
        """
        left = {name: job for name, job in jobs.items() if name not in self._known}
        workers = min(len(left), processes or os.cpu_count() or 1)
        if is_quick or workers < 2:
            return {name: self.measured(name, job) for name, job in jobs.items()}
        context = multiprocessing.get_context("spawn")  # JAX has threads, which a fork would not take along
        with ProcessPoolExecutor(workers, context, initializer=_take_one_core) as pool:
            futures = {pool.submit(job): name for name, job in left.items()}
            for future in as_completed(futures):
                self.measured(futures[future], future.result)
        return {name: self._known[name] for name in jobs}

    def write(self, more: dict[str, Any]) -> None:
        """Writes the file, with more facts in it."""
        document = {"setting": dataclasses.asdict(self._setting), **more, "measured": self._known}
        write_atomically(self.path, strict_json(document, indent=1) + "\n")


def _take_one_core() -> None:
    """In a new process, before JAX begins there."""
    os.environ["NPROC"] = "1"  # of the threads of XLA's CPU device


def run_experiment(name: str, folder: Path, setting: Setting) -> str:
    """Runs, or goes on with, an experiment; writes NAME.json and NAME.png into the folder; the answer.

    Raises ConfigError for an unknown name or too few seeds, CheckpointError if the folder has it with other settings.
    """
    experiment = find(name)
    rule = f"at least {experiment.least_seeds}, which its statistics need"
    require(setting.seeds >= experiment.least_seeds, "seeds", rule, setting.seeds)
    folder.mkdir(parents=True, exist_ok=True)
    record = Record(folder / f"{name}.json", setting)
    results = experiment.run(record, setting)
    answer = experiment.answer(results)
    record.write({"question": experiment.question, "answer": answer, "not_shown": experiment.not_shown})
    experiment.draw(results).savefig(folder / f"{name}.png", dpi=110)
    return answer


def find(name: str) -> Experiment:
    """The experiment called so. Raises ConfigError for an unknown name."""
    require_known("experiment", name, EXPERIMENTS)
    experiment: Experiment = importlib.import_module(EXPERIMENTS[name]).EXPERIMENT
    return experiment
