"""kill -9 at random moments: how many runs are lost, and how many do not end like one that was never killed.

    python -m benchmarks.kills [--times 50] [--seed 0]

Each run is killed at a moment drawn from all its time, or from the time after its first file, and resumed; so one to
five times, then resumed to its end. What is compared: metrics (but for their times), champion.json, and the
whole state in the last checkpoint. Writes results/kills.json.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks.common import RESULTS, machine
from wann_jax.files import strict_json, write_atomically
from wann_jax.runs.directory import CONFIG_FILE, METRICS_FILE, RunDirectory

SEARCH = ["search", "xor", "--preset", "quick", "--population-size", "24", "--seed", "3", "--generations", "100"]
SEARCH += ["--champion-interval", "5", "--checkpoint-interval", "5", "--initial", "xor"]
DEADLINE = 300.0  # s, for a run that is not killed


def command(words: list[str]) -> list[str]:
    return [sys.executable, "-m", "wann_jax", *words]


def finish(words: list[str]) -> tuple[bool, float]:
    """Whether a command ends with status 0, and its seconds."""
    began = time.perf_counter()
    done = subprocess.run(command(words), capture_output=True, timeout=DEADLINE, check=False)
    if done.returncode:
        print(done.stderr.decode(), file=sys.stderr)
    return done.returncode == 0, time.perf_counter() - began


def killed(words: list[str], path: Path, seconds: float, is_from_first_file: bool) -> str:
    """Kills a command so many seconds after its start, or after the run's first file; where it was."""
    process = subprocess.Popen(command(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while is_from_first_file and process.poll() is None and not (path / CONFIG_FILE).exists():
        time.sleep(0.001)
    try:
        process.wait(seconds)
        return "at its end"
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if not (path / CONFIG_FILE).exists():
        return "before its first file"
    if not (path / METRICS_FILE).exists():
        return "before its first row"
    names = [file.name for file in (path / "checkpoints").glob("*")]
    if any("tmp" in name for name in names):
        return "in a checkpoint"
    return "after its first checkpoint" if names else "before its first checkpoint"


def content(path: Path) -> dict[str, Any]:
    """All that must be equal."""
    run = RunDirectory.open(path)
    settings = run.read_settings()
    state = run.load(settings.make_task(), settings)
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in run.read_metrics()]
    arrays = [np.asarray(leaf) for leaf in jax.tree.leaves({**vars(state), "key": jax.random.key_data(state.key)})]
    return {"rows": rows, "champion": (path / "champion.json").read_bytes(), "arrays": arrays}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    arrays = zip(one["arrays"], other["arrays"], strict=True)
    plain = all(one[name] == other[name] for name in ("rows", "champion"))
    return plain and all(np.array_equal(first, second) for first, second in arrays)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--times", type=int, default=50, help="kills, in all")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        finish([*SEARCH, "--out", str(folder / "first")])  # native code is compiled
        is_done, whole_seconds = finish([*SEARCH, "--out", str(folder / "whole")])
        assert is_done
        whole, places, lost, others, kills, runs = content(folder / "whole"), Counter[str](), 0, 0, 0, 0
        while kills < options.times:
            path = folder / f"run{runs}"
            words = [*SEARCH, "--out", str(path)]
            for _ in range(min(1 + runs % 5, options.times - kills)):
                is_from_first_file = bool(random.random() < 0.75)
                seconds = random.uniform(0, whole_seconds * (0.6 if is_from_first_file else 1.0))
                place = killed(words, path, seconds, is_from_first_file)
                places[place] += 1
                kills += place != "at its end"
                words = ["resume", str(path)] if (path / CONFIG_FILE).exists() else words
            is_done, _ = finish(words)
            runs += 1
            lost += not is_done
            others += is_done and not same(content(path), whole)
            found = {"runs": runs, "kills": kills, "lost": lost, "not_bit_exact": others, "killed": dict(places)}
            print(strict_json(found), flush=True)
            found |= {"command": SEARCH, "seconds_of_a_whole_run": round(whole_seconds, 1), **machine()}
            write_atomically(RESULTS / "kills.json", strict_json(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
