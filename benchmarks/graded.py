"""Evolution among graded networks against the paper's search: several seeds of both, at as many passes and otherwise.

python -m benchmarks.graded digits --preset laptop --generations 500 --seeds 5

A graded search evaluates one shared weight: at as many passes it gets as many more generations as the other has
weights. So there are also both searches at as many generations: the short ones, and the long ones. Accuracies are of
the validation split, under shared weights drawn uniformly from [-2, 2]. What is in the result file already is not run
again, so that an interrupted comparison goes on.
"""

import argparse
import json
import statistics
import time
from typing import Any

import numpy as np

import wann_jax as wann
from benchmarks.common import RESULTS, write_result
from wann_jax.genomes.graph import num_live_connections
from wann_jax.tasks.registry import find_spec

RANDOM_WEIGHTS = 200
DEPTH = 4
# By name: depth of the grading, and whether there are as many more generations as the paper's search has weights.
ARMS = {
    "paper": (0, False),
    "graded, as many passes": (DEPTH, True),
    "graded, as many generations": (DEPTH, False),
    "paper, as many generations as the long graded search": (0, True),
}


def main() -> None:
    """Runs what is missing and writes the result file after each search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--preset", default="laptop")
    parser.add_argument("--generations", type=int, help="of the paper's search; default: the preset's")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    task = wann.make_task(args.task, **find_spec(args.task).preset(args.task, args.preset).options)
    short = args.generations or wann.SearchConfig.preset(args.task, args.preset).generations
    num_weights = len(wann.SearchConfig.preset(args.task, args.preset).shared_weights)
    configs = {
        arm: wann.SearchConfig.preset(
            args.task, args.preset, graded_depth=depth, generations=short * num_weights if is_long else short
        )
        for arm, (depth, is_long) in ARMS.items()
    }
    name = f"graded_evolution_{args.task}"
    key = f"{args.preset}, {short} generations"
    for seed in range(args.seeds):
        for arm, config in configs.items():
            path = RESULTS / f"{name}.json"
            found: dict[str, Any] = json.loads(path.read_text())["comparisons"] if path.exists() else {}
            comparison = found.setdefault(key, {"runs": {each: [] for each in ARMS}})
            runs = comparison["runs"][arm]
            if any(run["seed"] == seed for run in runs):
                continue
            runs.append(one_run(task, config, seed))
            comparison |= {"configs": {each: vars(other) for each, other in configs.items()}}
            comparison |= {"means": {each: mean_of(done) for each, done in comparison["runs"].items() if done}}
            write_result(name, {"task": args.task, "comparisons": found})
            print(key, arm, runs[-1], flush=True)


def one_run(task: wann.Task, config: wann.SearchConfig, seed: int) -> dict[str, Any]:
    """One search and its champion's figures."""
    began = time.perf_counter()
    result = wann.search(task, config, seed)
    seconds = time.perf_counter() - began
    uniform = np.random.default_rng(seed).uniform(-2.0, 2.0, RANDOM_WEIGHTS).tolist()
    scores = wann.evaluate(task, [result.network], uniform)[0]
    return {
        "seed": seed,
        "seconds": round(seconds, 1),
        "passes": float(np.asarray(result.history.work, np.float64).sum()),
        "random_shared_mean": float(scores.mean()),
        "random_shared_std": float(scores.std()),
        "best_of_them": float(scores.max()),
        "live_connections": int(num_live_connections(result.champion)),
        "hidden": int(result.champion.num_hidden),
    }


def mean_of(runs: list[dict[str, Any]]) -> dict[str, float]:
    """Means over seeds."""
    names = ("random_shared_mean", "best_of_them", "live_connections", "passes", "seconds")
    return {name: statistics.fmean(run[name] for run in runs) for name in names}


if __name__ == "__main__":
    main()
