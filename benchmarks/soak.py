"""A small search for very long: whether memory, file descriptors and compilations stay where they were.

    python -m benchmarks.soak [--generations 20000] [--task xor]

In: the search's command, with its files and checkpoints. Out: results/soak.json, and status 1 if something grew.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import jax

import wann_jax as wann
from benchmarks.common import write_result
from wann_jax.evolution.loop import start
from wann_jax.runs.directory import METRICS_FILE, RunDirectory, RunSettings
from wann_jax.runs.runner import run_to_end

PAGE = os.sysconf("SC_PAGE_SIZE")
SECONDS = 2.0  # between looks
WARM_SHARE = 0.25  # of the generations, in which tables and caches may still grow
MOST_GROWTH = {"megabytes": 1.15, "descriptors": 1.05, "compilations": 1.0}


class Watch:
    """Looks at this process while it works."""

    def __init__(self, metrics: Path):
        self.rows: list[dict[str, float]] = []
        self._metrics, self._compilations = metrics, 0
        self._done = threading.Event()
        jax.monitoring.register_event_duration_secs_listener(self._note)

    def _note(self, event: str, *_: Any, **__: Any) -> None:
        self._compilations += event == "/jax/core/compile/backend_compile_duration"

    def look(self) -> dict[str, float]:
        """How it is now."""
        resident = int(Path("/proc/self/statm").read_text().split()[1])
        generation = self._metrics.read_bytes().count(b"\n") if self._metrics.exists() else 0
        return {
            "generation": generation,
            "megabytes": resident * PAGE / 1e6,
            "descriptors": len(os.listdir("/proc/self/fd")),
            "compilations": self._compilations,
        }

    def run(self) -> None:
        """Looks again and again, in a thread."""
        while not self._done.wait(SECONDS):
            self.rows.append(self.look())

    def end(self) -> None:
        """Looks for the last time."""
        self._done.set()
        self.rows.append(self.look())


def growth(rows: list[dict[str, float]], generations: int) -> dict[str, float]:
    """By what each has grown since it was warm: the least at the end over the least then, each of as many generations.

    While a checkpoint is written, there is more of all.
    """
    share = WARM_SHARE * generations
    early = [row for row in rows if share <= row["generation"] < 2 * share] or rows
    late = [row for row in rows if row["generation"] >= generations - share]
    return {name: min(row[name] for row in late) / max(min(row[name] for row in early), 1.0) for name in MOST_GROWTH}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generations", type=int, default=20_000)
    parser.add_argument("--task", default="xor")
    args = parser.parse_args()
    # A limit, so that networks and tables come to rest; small, so that all is in what surrounds the search.
    config = wann.SearchConfig.preset(args.task, "quick", generations=args.generations, connection_limit=24)
    settings = RunSettings(task=args.task, task_options={}, seed=0, config=config, checkpoint_interval=200)
    task, began = settings.make_task(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory.create(Path(folder) / "run", settings)
        watch = Watch(run.path / METRICS_FILE)
        thread = threading.Thread(target=watch.run)
        thread.start()
        try:
            run_to_end(run, settings, task, start(task, config, 0))
        finally:
            watch.end()
            thread.join()
    found = growth(watch.rows, args.generations)
    every = watch.rows[:: max(len(watch.rows) // 40, 1)]
    seconds = time.perf_counter() - began
    document = {"generations": args.generations, "seconds": seconds, "growth": found, "rows": every}
    print(
        f"{args.generations} generations in {seconds:.0f} s; since a quarter of them: {found}; last: {watch.rows[-1]}"
    )
    print(f"written: {write_result('soak', document)}")
    sys.exit(any(found[name] > most for name, most in MOST_GROWTH.items()))


if __name__ == "__main__":
    main()
